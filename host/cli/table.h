// Text tables and readable quantities for the terminal; the same bytes in a pipe, without colour.
// Thread safety: one thread. Ownership: owns its cells.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::cli {

class Table {
 public:
  // A heading that begins with '>' is of a column set flush right.
  explicit Table(std::vector<std::string> headings);
  void Add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  void Print(bool with_headings = true) const;

 private:
  std::vector<std::string> headings_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

// Characters on a terminal; bytes of UTF-8 that go on a character count nothing.
size_t Width(std::string_view text);
// Control characters as '?', so that data cannot move the cursor.
std::string Printable(std::string_view text);

std::string Count(uint64_t number);    // "1,234,567"
std::string Bytes(uint64_t bytes);     // "12.3 kB"
std::string Duration(int64_t ms);      // "350 ms", "12 s", "3 min 5 s", "2 h 10 min"
std::string IsoTime(int64_t unix_ms);  // "2024-05-01T12:00:00.123Z"

}  // namespace tidegate::cli
