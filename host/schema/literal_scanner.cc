#include "host/schema/literal_scanner.h"

#include <charconv>
#include <cmath>

#include "host/schema/canonical.h"
#include "host/schema/literal.h"

namespace tidegate {
namespace {

bool IsNamePart(char c) { return IsLiteralNameStart(c) || IsLiteralDigit(c) || (c & 0x80) != 0; }

int HexDigit(char c) {
  if (IsLiteralDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool IsLiteralNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; }

bool IsLiteralDigit(char c) { return c >= '0' && c <= '9'; }

Status LiteralScanner::Begin() {
  if (text_.size() > kLiteralBytesMax) return Status::Invalid("the file is larger than 1 MiB");
  if (size_t bad = InvalidUtf8At(text_); bad != std::string_view::npos) {
    at_ = bad;
    return Status::Invalid("not UTF-8");
  }
  if (text_.starts_with("\xEF\xBB\xBF")) at_ = line_start_ = 3;
  return Skip();
}

TextPlace LiteralScanner::Here() const {
  uint32_t column = 1;
  for (size_t i = line_start_; i < at_ && i < text_.size(); ++i) column += (text_[i] & 0xC0) != 0x80;
  return {line_, column};
}

Status LiteralScanner::Skip() {
  while (!AtEnd()) {
    char c = text_[at_];
    if (c == '\n') {
      ++at_;
      Newline();
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
      ++at_;
    } else if (StartsWith("\xC2\xA0")) {  // a space that does not break the line
      at_ += 2;
    } else if (c == '/' && (Peek(1) == '/' || Peek(1) == '*')) {
      TG_RETURN_IF_ERROR(SkipComment());
    } else {
      break;
    }
  }
  return Status::Ok();
}

Status LiteralScanner::SkipComment() {
  if (Peek(1) == '/') {
    while (!AtEnd() && text_[at_] != '\n') ++at_;
    return Status::Ok();
  }
  size_t end = text_.find("*/", at_ + 2);
  if (end == std::string_view::npos) return Status::Invalid("this comment does not end");
  for (; at_ < end + 2; ++at_) {
    if (text_[at_] != '\n') continue;
    ++line_;
    line_start_ = at_ + 1;
  }
  return Status::Ok();
}

Status LiteralScanner::Expect(char c) {
  if (Peek() != c || AtEnd()) return Status::Invalid(std::string("expected '") + c + "'");
  ++at_;
  return Skip();
}

std::string LiteralScanner::Name() { return IsLiteralNameStart(Peek()) || (Peek() & 0x80) != 0 ? NameOrDigits() : ""; }

std::string LiteralScanner::NameOrDigits() {
  size_t from = at_;
  while (IsNamePart(Peek())) ++at_;
  return std::string(text_.substr(from, at_ - from));
}

Status LiteralScanner::Number(double* out) {
  bool negative = Peek() == '-';
  if (negative || Peek() == '+') ++at_;
  const char* first = text_.data() + at_;
  const char* last = text_.data() + text_.size();
  std::from_chars_result got{};
  if (Peek() == '0' && (Peek(1) == 'x' || Peek(1) == 'X')) {
    uint64_t whole = 0;
    got = std::from_chars(first + 2, last, whole, 16);
    *out = static_cast<double>(whole);
    if (got.ptr == first + 2) return Status::Invalid("not a number");
  } else {
    if (!IsLiteralDigit(Peek()) && !(Peek() == '.' && IsLiteralDigit(Peek(1)))) return Status::Invalid("not a number");
    if (Peek() == '0' && IsLiteralDigit(Peek(1))) return Status::Invalid("a number may not begin with 0");
    got = std::from_chars(first, last, *out);
  }
  if (got.ec != std::errc() || !std::isfinite(*out)) return Status::Invalid("a number out of range");
  if (negative) *out = -*out;
  at_ = static_cast<size_t>(got.ptr - text_.data());
  if (IsNamePart(Peek()) || Peek() == '.') return Status::Invalid("not a number");
  return Status::Ok();
}

Status LiteralScanner::String(std::string* out) {
  char quote = text_[at_++];
  while (true) {
    if (AtEnd()) return Status::Invalid("this string does not end");
    char c = text_[at_];
    if (c == quote) break;
    if (c == '\n' && quote != '`') return Status::Invalid("this string does not end on its line");
    ++at_;
    if (c == '\n') Newline();
    if (c != '\\') {
      *out += c;
      continue;
    }
    TG_RETURN_IF_ERROR(Escape(out));
  }
  ++at_;
  return Status::Ok();
}

Status LiteralScanner::Regex(std::string* out) {
  size_t from = at_++;
  for (bool in_class = false; Peek() != '/' || in_class; ++at_) {
    if (Peek() == '\\') {
      ++at_;  // whatever is escaped is neither the end nor a bracket
    } else if (Peek() == '[') {
      in_class = true;
    } else if (Peek() == ']') {
      in_class = false;
    }
    if (AtEnd() || Peek() == '\n') return Status::Invalid("this regular expression does not end");
  }
  ++at_;
  while (IsLiteralNameStart(Peek())) ++at_;
  *out = std::string(text_.substr(from, at_ - from));
  return Status::Ok();
}

Status LiteralScanner::Escape(std::string* out) {
  if (AtEnd()) return Status::Invalid("this string does not end");
  char c = text_[at_++];
  switch (c) {
    case 'b':
      *out += '\b';
      break;
    case 'f':
      *out += '\f';
      break;
    case 'n':
      *out += '\n';
      break;
    case 'r':
      *out += '\r';
      break;
    case 't':
      *out += '\t';
      break;
    case 'v':
      *out += '\v';
      break;
    case '0':
      if (IsLiteralDigit(Peek())) return Status::Invalid("an octal escape is not allowed");
      *out += '\0';
      break;
    case '\r':
      if (Peek() == '\n') ++at_;
      Newline();
      break;
    case '\n':
      Newline();
      break;
    case 'x': {
      uint32_t code = 0;
      TG_RETURN_IF_ERROR(Hex(2, &code));
      AppendUtf8(code, out);
      break;
    }
    case 'u':
      return UnicodeEscape(out);
    default:
      *out += c;
  }
  return Status::Ok();
}

Status LiteralScanner::UnicodeEscape(std::string* out) {
  uint32_t code = 0;
  if (Peek() == '{') {
    ++at_;
    size_t digits = 0;
    for (; HexDigit(Peek()) >= 0 && digits < 6; ++digits)
      code = code * 16 + static_cast<uint32_t>(HexDigit(text_[at_++]));
    if (digits == 0 || Peek() != '}') return Status::Invalid("expected \\u{...} with one to six hex digits");
    ++at_;
  } else {
    TG_RETURN_IF_ERROR(Hex(4, &code));
    if (code >= 0xD800 && code < 0xDC00 && Peek() == '\\' && Peek(1) == 'u') {
      at_ += 2;
      uint32_t low = 0;
      TG_RETURN_IF_ERROR(Hex(4, &low));
      if (low < 0xDC00 || low > 0xDFFF) return Status::Invalid("half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
  }
  if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return Status::Invalid("not a Unicode character");
  AppendUtf8(code, out);
  return Status::Ok();
}

Status LiteralScanner::Hex(int digits, uint32_t* code) {
  for (int i = 0; i < digits; ++i) {
    if (HexDigit(Peek()) < 0) return Status::Invalid("expected " + std::to_string(digits) + " hex digits");
    *code = *code * 16 + static_cast<uint32_t>(HexDigit(text_[at_++]));
  }
  return Status::Ok();
}

}  // namespace tidegate
