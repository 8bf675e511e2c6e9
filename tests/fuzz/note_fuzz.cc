// Whatever the bytes: the note reader answers with a note or with one sentence, and touches nothing
// beyond them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "host/plugin/note.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  tidegate::Result<tidegate::plugin::PluginNote> note = tidegate::plugin::ParsePluginNote(bytes, "fuzz.so");
  if (note.ok()) {
    if (note->id.empty() || note->kind.empty() || note->version.empty()) __builtin_trap();
  } else if (note.status().message().rfind("fuzz.so: ", 0) != 0) {
    __builtin_trap();
  }
  return 0;
}
