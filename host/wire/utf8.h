// Text on the wire is UTF-8: the check, and what to do with words that are not.
// Thread safety: pure functions. Ownership: none.
#pragma once

#include <string>
#include <string_view>

namespace tidegate::wire {

bool IsUtf8(std::string_view text);

// The text with '?' for each byte that is not UTF-8: words for people must not make a frame malformed.
std::string Readable(std::string_view text);

}  // namespace tidegate::wire
