// The words of a schema file: white space and comments, names, numbers, strings, regular expressions, and where
// the reading stands. What they may form together is for literal.cc. Internal to host/schema.
// Thread safety: one reader at a time. Ownership: the text is borrowed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "host/base/status.h"
#include "host/schema/schema.h"

namespace tidegate {

bool IsLiteralNameStart(char c);
bool IsLiteralDigit(char c);

class LiteralScanner {
 public:
  explicit LiteralScanner(std::string_view text) : text_(text) {}

  // Refuses what is too large or not UTF-8, passes a byte order mark and goes to the first word.
  Status Begin();

  TextPlace Here() const;
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool AtEnd() const { return at_ >= text_.size(); }
  bool StartsWith(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  void Advance(size_t bytes = 1) { at_ += bytes; }  // never over a line end

  Status Skip();          // white space and comments
  Status Expect(char c);  // this character, and what Skip passes

  // Each reads one word that begins here. A name that is not there is empty.
  std::string Name();
  std::string NameOrDigits();  // as property names may be
  Status Number(double* out);
  Status String(std::string* out);
  Status Regex(std::string* out);  // the whole /pattern/flags

 private:
  Status SkipComment();
  Status Escape(std::string* out);
  Status UnicodeEscape(std::string* out);
  Status Hex(int digits, uint32_t* code);
  void Newline() {
    ++line_;
    line_start_ = at_;
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t line_start_ = 0;
  uint32_t line_ = 1;
};

}  // namespace tidegate
