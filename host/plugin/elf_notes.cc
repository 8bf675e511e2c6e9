#include "host/plugin/elf_notes.h"

#include <elf.h>

#include <bit>
#include <cstring>
#include <optional>

namespace tidegate::plugin {
namespace {

// Segments of notes are small; a larger one is no honest plugin.
constexpr uint64_t kNoteSegmentBytesMax = 1 << 20;
constexpr size_t kProgramHeadersMax = 1024;

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
#elif defined(__riscv) && __riscv_xlen == 64
constexpr uint16_t kMachine = EM_RISCV;
#elif defined(__powerpc64__)
constexpr uint16_t kMachine = EM_PPC64;
#elif defined(__s390x__)
constexpr uint16_t kMachine = EM_S390;
#else
#error "host/plugin reads ELF64 only: name the e_machine of this architecture here"
#endif
constexpr uint8_t kByteOrder = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

std::string MachineName(uint16_t machine) {
  switch (machine) {
    case EM_386:
      return "i386";
    case EM_ARM:
      return "arm";
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "aarch64";
    case EM_RISCV:
      return "riscv";
    case EM_PPC64:
      return "ppc64";
    case EM_S390:
      return "s390x";
    default:
      return "machine number " + std::to_string(machine);
  }
}

std::string TypeName(uint16_t type) {
  switch (type) {
    case ET_REL:
      return "an object file (.o)";
    case ET_EXEC:
      return "an executable";
    case ET_CORE:
      return "a core dump";
    default:
      return "ELF type " + std::to_string(type);
  }
}

Status CheckHeader(const Elf64_Ehdr& header, const std::string& name) {
  if (header.e_ident[EI_DATA] != kByteOrder) {
    return Status::Invalid(name + ": ELF of the other byte order; a plugin for this host is " +
                           (kByteOrder == ELFDATA2LSB ? "little-endian " : "big-endian ") + MachineName(kMachine));
  }
  if (header.e_machine != kMachine) {
    return Status::Invalid(name + ": ELF for " + MachineName(header.e_machine) + "; this host runs on " +
                           MachineName(kMachine) + ": install the plugin built for it");
  }
  if (header.e_type != ET_DYN) {
    return Status::Invalid(name + ": " + TypeName(header.e_type) + "; a plugin is a shared object (.so)");
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr)) {
    return Status::Invalid(name + ": damaged ELF: program headers of " + std::to_string(header.e_phentsize) +
                           " bytes instead of " + std::to_string(sizeof(Elf64_Phdr)) + "; copy the file again");
  }
  if (header.e_phnum > kProgramHeadersMax) {
    return Status::Invalid(name + ": " + std::to_string(header.e_phnum) + " program headers; at most " +
                           std::to_string(kProgramHeadersMax) + " are read");
  }
  return {};
}

uint64_t Padded(uint64_t size, uint64_t align) { return (size + align - 1) / align * align; }

// Appends our descriptor to found if the segment has one; every step is checked against its end.
Status WalkNotes(std::string_view segment, uint64_t align, const std::string& name, std::optional<std::string>* found) {
  if (align != 8) align = 4;  // what binutils and the kernel do
  while (segment.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr note;
    std::memcpy(&note, segment.data(), sizeof note);
    uint64_t desc_at = Padded(sizeof note + uint64_t{note.n_namesz}, align);
    uint64_t end = desc_at + note.n_descsz;
    if (end > segment.size()) {
      return Status::Invalid(name + ": malformed note: it says " + std::to_string(end) + " bytes where " +
                             std::to_string(segment.size()) + " are left; build the plugin again");
    }
    std::string_view owner = segment.substr(sizeof note, note.n_namesz);
    if (owner == std::string_view(TG_NOTE_NAME, sizeof TG_NOTE_NAME)) {
      if (note.n_type != TG_NOTE_TYPE) {
        return Status::Invalid(name + ": malformed note: type " + std::to_string(note.n_type) + " instead of " +
                               std::to_string(TG_NOTE_TYPE) + "; use TG_PLUGIN_NOTE of tidegate/note.h");
      }
      if (found->has_value()) {
        return Status::Invalid(name + ": two Tidegate notes; a plugin has TG_PLUGIN_NOTE in one source file only");
      }
      *found = std::string(segment.substr(desc_at, note.n_descsz));
    }
    segment.remove_prefix(std::min<uint64_t>(Padded(end, align), segment.size()));
  }
  return {};
}

}  // namespace

Result<std::string> FindNoteDescriptor(const ReadAt& read, const std::string& name) {
  unsigned char ident[EI_NIDENT];
  if (!read(0, ident, sizeof ident) || std::memcmp(ident, ELFMAG, SELFMAG) != 0) {
    return Status::Invalid(name + ": not an ELF file; a plugin is a shared object (.so) built with tidegate_plugin()");
  }
  if (ident[EI_CLASS] != ELFCLASS64) {
    return Status::Invalid(name + ": " + (ident[EI_CLASS] == ELFCLASS32 ? "32-bit" : "damaged") +
                           " ELF; this host loads 64-bit plugins for " + MachineName(kMachine));
  }
  Elf64_Ehdr header;
  if (!read(0, &header, sizeof header)) {
    return Status::Invalid(name + ": truncated ELF: shorter than its own header; copy the file again");
  }
  TG_RETURN_IF_ERROR(CheckHeader(header, name));

  std::optional<std::string> found;
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    uint64_t at = 0;
    if (__builtin_add_overflow(header.e_phoff, i * sizeof segment, &at) || !read(at, &segment, sizeof segment)) {
      return Status::Invalid(name + ": truncated ELF: program header " + std::to_string(i) +
                             " lies past the end; copy the file again");
    }
    // The dynamic linker maps what the header says: past the end of a truncated file that is SIGBUS.
    uint64_t end = 0;
    char last = 0;
    if (segment.p_type == PT_LOAD && segment.p_filesz > 0 &&
        (__builtin_add_overflow(segment.p_offset, segment.p_filesz - 1, &end) || !read(end, &last, 1))) {
      return Status::Invalid(name + ": truncated ELF: segment " + std::to_string(i) +
                             " lies past the end; copy the file again");
    }
    if (segment.p_type != PT_NOTE) continue;
    if (segment.p_filesz > kNoteSegmentBytesMax) {
      return Status::Invalid(name + ": malformed note: a segment of " + std::to_string(segment.p_filesz) +
                             " bytes; at most " + std::to_string(kNoteSegmentBytesMax) + " are read");
    }
    std::string bytes(segment.p_filesz, '\0');
    if (!read(segment.p_offset, bytes.data(), bytes.size())) {
      return Status::Invalid(name + ": truncated ELF: the note segment lies past the end; copy the file again");
    }
    TG_RETURN_IF_ERROR(WalkNotes(bytes, segment.p_align, name, &found));
  }
  if (!found) {
    return Status::Invalid(name +
                           ": no Tidegate note: this shared object is no Tidegate plugin; "
                           "a plugin has TG_PLUGIN_NOTE of tidegate/note.h in one source file");
  }
  return *std::move(found);
}

}  // namespace tidegate::plugin
