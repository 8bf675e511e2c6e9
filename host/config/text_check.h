// The bytes a configuration text may hold: UTF-8, without control characters.
// Thread safety: functions without shared state. Ownership: none.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate {

struct TextFault {
  size_t offset;     // in bytes
  std::string what;  // what is wrong there and what to do
};

std::optional<TextFault> FindTextFault(std::string_view text);

// Characters of UTF-8 text, every byte that does not continue one counted.
size_t CountCharacters(std::string_view text);

}  // namespace tidegate
