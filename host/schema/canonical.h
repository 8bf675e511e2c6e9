// The canonical text forms of docs/format/item.md: numbers, strings, dates, base64.
// Thread safety: functions without state. Ownership: results are appended to the caller's text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate {

inline constexpr double kNumberMax = 9007199254740991.0;  // 2^53 - 1: exact in JSON, JavaScript and SQLite

// As JavaScript's String(n): the shortest digits that read back as n. n is finite.
void AppendNumber(double n, std::string* out);
// A JSON string: only '"', '\' and characters below 0x20 are escaped. text is UTF-8.
void AppendJsonString(std::string_view text, std::string* out);
void AppendUtf8(uint32_t code_point, std::string* out);
// Where text stops being UTF-8; npos = nowhere.
size_t InvalidUtf8At(std::string_view text);

// "2026-01-02T03:04:05.678Z". ms is of the years 0000 to 9999 (IsDateMs).
void AppendIsoDate(int64_t ms, std::string* out);
bool IsDateMs(double ms);
// "2026-01-02", "2026-01-02T03:04", with seconds, fractions, and Z or an offset; UTC when neither is given.
std::optional<int64_t> ParseIsoDate(std::string_view text);

// Base64 with padding (RFC 4648 section 4), in its one canonical spelling.
bool IsBase64(std::string_view text);

}  // namespace tidegate
