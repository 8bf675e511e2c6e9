#include "host/api/cursor_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace tidegate::api {

std::string CursorToText(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (char byte : bytes) {
    text.push_back(kDigits[static_cast<unsigned char>(byte) >> 4]);
    text.push_back(kDigits[static_cast<unsigned char>(byte) & 15]);
  }
  return text;
}

Result<std::string> CursorFromText(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    uint8_t byte = 0;
    const char* end = text.data() + std::min(i + 2, text.size());
    auto read = std::from_chars(text.data() + i, end, byte, 16);
    if (text.size() % 2 != 0 || read.ec != std::errc() || read.ptr != end) {
      return Status::Invalid("the cursor is damaged; hand back the one of the last answer as it is, or begin anew");
    }
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

}  // namespace tidegate::api
