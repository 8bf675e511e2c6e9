// Finds the Tidegate note in an ELF file: magic, class, byte order, type and machine are those of this
// host, and exactly one PT_NOTE entry carries our name. Program headers are read, not sections: they
// are what the loader itself goes by, and strip cannot remove them.
// Thread safety: a function without shared state. Ownership: the result owns its bytes.
#pragma once

#include <string>

#include "host/base/status.h"
#include "host/plugin/note.h"

namespace tidegate::plugin {

// The descriptor of the note. name: what messages call the file.
Result<std::string> FindNoteDescriptor(const ReadAt& read, const std::string& name);

}  // namespace tidegate::plugin
