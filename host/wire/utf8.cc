#include "host/wire/utf8.h"

#include <cstdint>
#include <cstring>

namespace tidegate::wire {
namespace {

// Size of the multi-byte character at the start of text, 0 if there is none (RFC 3629, table 3-7 of Unicode).
size_t CharacterSize(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t lead = byte(0);
  size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return 0;
  uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return size;
}

}  // namespace

std::string Readable(std::string_view text) {
  std::string readable(text);
  for (size_t i = 0; i < text.size();) {
    size_t size = static_cast<uint8_t>(text[i]) < 0x80 ? 1 : CharacterSize(text.substr(i));
    if (size == 0) readable[i] = '?';
    i += size == 0 ? 1 : size;
  }
  return readable;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    uint64_t eight;
    if (text.size() >= sizeof(eight)) {
      std::memcpy(&eight, text.data(), sizeof(eight));
      if ((eight & 0x8080808080808080u) == 0) {
        text.remove_prefix(sizeof(eight));
        continue;
      }
    }
    size_t size = static_cast<uint8_t>(text[0]) < 0x80 ? 1 : CharacterSize(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace tidegate::wire
