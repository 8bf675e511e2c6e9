#include "host/plugin/note.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "host/plugin/elf_notes.h"
#include "tidegate/events.h"
#include "tidegate/policy.h"
#include "tidegate/storage.h"
#include "tidegate/transport.h"

namespace tidegate::plugin {
namespace {

constexpr uint32_t kSchemaBytesMax = 256 << 10;

Status Malformed(const std::string& name, const std::string& field, const std::string& what) {
  return Status::Invalid(name + ": malformed note: " + field + " " + what + "; use TG_PLUGIN_NOTE of tidegate/note.h");
}

// A fixed-size text field, NUL-terminated within it.
template <size_t N>
Result<std::string> TextField(const char (&field)[N], const char* label, const std::string& name) {
  size_t size = strnlen(field, N);
  if (size == N) return Malformed(name, label, "has no end");
  if (size == 0) return Malformed(name, label, "is empty");
  return std::string(field, size);
}

bool IsIdCharacter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }
bool IsVersionCharacter(char c) { return c > ' ' && c < 0x7f; }

Status CheckAbi(const tg_note_desc& desc, const std::string& name, HostAbi host) {
  std::string ours = std::to_string(host.major) + "." + std::to_string(host.minor);
  if (desc.abi_major != host.major) {
    return Status::Invalid(name + ": built for plugin ABI " + std::to_string(desc.abi_major) + ", this host has ABI " +
                           ours + ": " +
                           (desc.abi_major > host.major ? "upgrade Tidegate, or install a build of the plugin for ABI "
                                                        : "install a build of the plugin for ABI ") +
                           std::to_string(host.major));
  }
  if (desc.host_minor_min > host.minor) {
    return Status::Invalid(name + ": needs a host with plugin ABI " + std::to_string(desc.abi_major) + "." +
                           std::to_string(desc.host_minor_min) + " or later, this host is too old with ABI " + ours +
                           ": upgrade Tidegate, or install an older version of the plugin");
  }
  return {};
}

}  // namespace

Result<PluginNote> ParsePluginNote(const ReadAt& read, const std::string& name, HostAbi host) {
  TG_ASSIGN_OR_RETURN(std::string bytes, FindNoteDescriptor(read, name));
  tg_note_desc desc;
  if (bytes.size() < sizeof desc) {
    return Malformed(
        name, "the descriptor",
        "has " + std::to_string(bytes.size()) + " bytes instead of at least " + std::to_string(sizeof desc));
  }
  std::memcpy(&desc, bytes.data(), sizeof desc);
  if (desc.magic != TG_NOTE_MAGIC) return Malformed(name, "the magic number", "is not that of tidegate/note.h");
  // The ABI first: what it says of everything else is then ours to judge.
  TG_RETURN_IF_ERROR(CheckAbi(desc, name, host));

  PluginNote note;
  note.abi_major = desc.abi_major;
  note.abi_minor = desc.abi_minor;
  note.host_minor_min = desc.host_minor_min;
  TG_ASSIGN_OR_RETURN(note.id, TextField(desc.id, "the id", name));
  if (!std::all_of(note.id.begin(), note.id.end(), IsIdCharacter)) {
    return Malformed(name, "the id", "has characters other than a-z, 0-9 and -");
  }
  TG_ASSIGN_OR_RETURN(note.kind, TextField(desc.kind, "the kind", name));
  if (note.kind != TG_STORAGE_KIND && note.kind != TG_TRANSPORT_KIND && note.kind != TG_POLICY_KIND &&
      note.kind != TG_EVENTS_KIND) {
    return Malformed(name, "the kind", "is none of storage, transport, policy, events");
  }
  TG_ASSIGN_OR_RETURN(note.version, TextField(desc.version, "the version", name));
  if (!std::all_of(note.version.begin(), note.version.end(), IsVersionCharacter)) {
    return Malformed(name, "the version", "has characters that are not printable ASCII");
  }
  if (desc.schema_size > kSchemaBytesMax) {
    return Malformed(
        name, "the configuration schema",
        "has " + std::to_string(desc.schema_size) + " bytes; at most " + std::to_string(kSchemaBytesMax) + " are read");
  }
  if (desc.schema_size > bytes.size() - sizeof desc) {
    return Malformed(name, "the configuration schema", "is cut off");
  }
  note.schema_json = bytes.substr(sizeof desc, desc.schema_size);
  if (note.schema_json.find('\0') != std::string::npos) {
    return Malformed(name, "the configuration schema", "holds a NUL byte");
  }
  return note;
}

Result<PluginNote> ParsePluginNote(std::string_view elf, const std::string& name, HostAbi host) {
  auto read = [elf](uint64_t offset, void* to, size_t size) {
    if (offset > elf.size() || size > elf.size() - offset) return false;
    if (size > 0) std::memcpy(to, elf.data() + offset, size);
    return true;
  };
  return ParsePluginNote(ReadAt(read), name, host);
}

Result<PluginNote> ReadPluginNote(int fd, const std::string& name, HostAbi host) {
  int failure = 0;
  auto read = [fd, &failure](uint64_t offset, void* to, size_t size) {
    size_t done = 0;
    while (done < size) {
      if (offset + done > INT64_MAX) return false;
      ssize_t n = pread(fd, static_cast<char*>(to) + done, size - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) failure = errno;
      if (n <= 0) return false;
      done += static_cast<size_t>(n);
    }
    return true;
  };
  Result<PluginNote> note = ParsePluginNote(ReadAt(read), name, host);
  if (failure != 0) return Status::Io(name + ": cannot be read: " + strerror(failure));
  return note;
}

Result<PluginNote> ReadPluginNote(const std::string& path, HostAbi host) {
  // O_NONBLOCK: a FIFO must not hold us up.
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    int failure = errno;
    std::string message = path + ": cannot be opened: " + strerror(failure);
    return failure == ENOENT ? Status::NotFound(std::move(message)) : Status::Io(std::move(message));
  }
  struct stat info {};
  Result<PluginNote> note = fstat(fd, &info) == 0 && S_ISREG(info.st_mode)
                                ? ReadPluginNote(fd, path, host)
                                : Status::Invalid(path + ": not a file; a plugin is a shared object (.so)");
  close(fd);
  return note;
}

}  // namespace tidegate::plugin
