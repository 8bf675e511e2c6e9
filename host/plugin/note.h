// Reads what a plugin says of itself (tidegate/note.h, docs/format/note.md) from its ELF file without
// running any of its code, so that a wrong plugin is refused before dlopen.
// Thread safety: functions without shared state. Ownership: the note owns its texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "host/base/status.h"
#include "tidegate/note.h"

namespace tidegate::plugin {

struct PluginNote {
  std::string id;
  std::string kind;  // TG_STORAGE_KIND, TG_TRANSPORT_KIND or TG_POLICY_KIND
  std::string version;
  uint16_t abi_major = 0;
  uint16_t abi_minor = 0;       // the minor it was built with
  uint16_t host_minor_min = 0;  // the least host minor it can run with
  std::string schema_json;      // JSON Schema of its configuration; empty = none
};

// The ABI that a note is judged by.
struct HostAbi {
  uint16_t major = TG_ABI_MAJOR;
  uint16_t minor = TG_ABI_MINOR;
};

// Reads exactly size bytes at offset; false if there are not so many.
using ReadAt = std::function<bool(uint64_t offset, void* to, size_t size)>;

// Every failure is one sentence: the file (name), what is wrong, what would be right.
// kInvalid: no plugin for this host. kIo, kNotFound: the file cannot be read.
Result<PluginNote> ReadPluginNote(const std::string& path, HostAbi host = {});
Result<PluginNote> ReadPluginNote(int fd, const std::string& name, HostAbi host = {});
Result<PluginNote> ParsePluginNote(const ReadAt& read, const std::string& name, HostAbi host = {});
Result<PluginNote> ParsePluginNote(std::string_view elf, const std::string& name, HostAbi host = {});

}  // namespace tidegate::plugin
