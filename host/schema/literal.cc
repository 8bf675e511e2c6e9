#include "host/schema/literal.h"

#include <charconv>
#include <cmath>

#include "host/schema/canonical.h"

namespace tidegate {
namespace {

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c) || (c & 0x80) != 0; }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Status Document(Literal* out) {
    if (text_.size() > kLiteralBytesMax) return Fail("the file is larger than 1 MiB");
    if (size_t bad = InvalidUtf8At(text_); bad != std::string_view::npos) {
      at_ = bad;
      return Fail("not UTF-8");
    }
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = line_start_ = 3;
    TG_RETURN_IF_ERROR(Skip());
    std::string name;
    TG_RETURN_IF_ERROR(Prologue(&name));
    if (Peek() != '{') return Fail("a schema is one object: expected '{'");
    TG_RETURN_IF_ERROR(Value(out, 0));
    return Epilogue(name);
  }

  TextPlace Here() const {
    uint32_t column = 1;
    for (size_t i = line_start_; i < at_ && i < text_.size(); ++i) column += (text_[i] & 0xC0) != 0x80;
    return {line_, column};
  }

 private:
  Status Fail(const std::string& what) { return Status::Invalid(what); }
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool AtEnd() const { return at_ >= text_.size(); }
  void Newline() {
    ++line_;
    line_start_ = at_;
  }

  // White space and comments.
  Status Skip() {
    while (!AtEnd()) {
      char c = text_[at_];
      if (c == '\n') {
        ++at_;
        Newline();
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
        ++at_;
      } else if (text_.substr(at_, 2) == "\xC2\xA0") {
        at_ += 2;
      } else if (c == '/' && Peek(1) == '/') {
        while (!AtEnd() && text_[at_] != '\n') ++at_;
      } else if (c == '/' && Peek(1) == '*') {
        size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return Fail("this comment does not end");
        for (; at_ < end + 2; ++at_) {
          if (text_[at_] != '\n') continue;
          ++line_;
          line_start_ = at_ + 1;
        }
      } else {
        break;
      }
    }
    return Status::Ok();
  }

  std::string Word() {
    size_t from = at_;
    if (IsNameStart(Peek()) || (Peek() & 0x80) != 0) {
      while (IsNamePart(Peek())) ++at_;
    }
    return std::string(text_.substr(from, at_ - from));
  }

  Status Expect(char c) {
    if (Peek() != c || AtEnd()) return Fail(std::string("expected '") + c + "'");
    ++at_;
    return Skip();
  }

  // 'use strict'; and its like: a text alone, before everything.
  Status Directives() {
    while (Peek() == '\'' || Peek() == '"') {
      std::string directive;
      TG_RETURN_IF_ERROR(String(&directive));
      if (!directive.starts_with("use ")) return Fail("a schema is one object: expected '{'");
      TG_RETURN_IF_ERROR(Skip());
      while (Peek() == ';') TG_RETURN_IF_ERROR(Expect(';'));
    }
    return Status::Ok();
  }

  // `const X =`, `export default`, `module.exports =` and their mixtures, before the object.
  Status Prologue(std::string* name) {
    TG_RETURN_IF_ERROR(Directives());
    for (int words = 0; IsNameStart(Peek()); ++words) {
      std::string word = Word();
      TG_RETURN_IF_ERROR(Skip());
      if (word == "export") continue;
      if (word == "default" && words == 1) return Status::Ok();
      if (word == "const" || word == "let" || word == "var") {
        *name = Word();
        if (name->empty()) return Fail("expected a name after '" + word + "'");
        TG_RETURN_IF_ERROR(Skip());
        if (Peek() == ':') {  // a TypeScript annotation
          ++at_;
          TG_RETURN_IF_ERROR(Skip());
          if (Word().empty()) return Fail("expected a type name after ':'");
          TG_RETURN_IF_ERROR(Skip());
        }
        return Expect('=');
      }
      if ((word == "module" || word == "exports") && Peek() == '.') {
        ++at_;
        if (Word().empty()) return Fail("expected a name after '.'");
        TG_RETURN_IF_ERROR(Skip());
        return Expect('=');
      }
      return Fail("expected '{', or 'const NAME =', 'export default' or 'module.exports =' before it");
    }
    return Status::Ok();
  }

  // `;`, `as const`, and the lines that export what was named.
  Status Epilogue(const std::string& name) {
    TG_RETURN_IF_ERROR(Skip());
    if (text_.substr(at_, 3) == "as ") {
      at_ += 3;
      TG_RETURN_IF_ERROR(Skip());
      if (Word() != "const") return Fail("expected 'const' after 'as'");
      TG_RETURN_IF_ERROR(Skip());
    }
    while (Peek() == ';') TG_RETURN_IF_ERROR(Expect(';'));
    if (!name.empty() && IsNameStart(Peek())) {
      std::string inner;
      TG_RETURN_IF_ERROR(Prologue(&inner));
      if (!inner.empty() || Word() != name) return Fail("only an export of '" + name + "' may follow");
      TG_RETURN_IF_ERROR(Skip());
      while (Peek() == ';') TG_RETURN_IF_ERROR(Expect(';'));
    }
    if (!AtEnd()) return Fail("nothing may follow the schema object");
    return Status::Ok();
  }

  Status Value(Literal* out, int depth) {
    if (depth > kLiteralDepthMax) return Fail("nested deeper than " + std::to_string(kLiteralDepthMax));
    out->place = Here();
    char c = Peek();
    if (AtEnd()) return Fail("the text ends where a value is expected");
    if (c == '{') return Object(out, depth);
    if (c == '[') return Array(out, depth);
    if (c == '"' || c == '\'' || c == '`') {
      out->kind = Literal::Kind::kString;
      return String(&out->text);
    }
    if (c == '/') return Regex(out);
    if (IsDigit(c) || c == '-' || c == '+' || c == '.') return Number(out);
    size_t from = at_;
    std::string word = Word();
    if (word.empty())
      return Fail(c == '(' ? "expected a value; functions are not read, only literals" : "expected a value");
    if (word == "true" || word == "false") {
      out->kind = Literal::Kind::kBool;
      out->boolean = word == "true";
    } else if (word == "null" || word == "undefined") {
      out->kind = Literal::Kind::kNull;
    } else if (word == "function" || word == "async" || word == "new" || word == "NaN" || word == "Infinity") {
      at_ = from;
      return Fail("'" + word + "' is not a literal that a schema can hold");
    } else {
      out->kind = Literal::Kind::kWord;
      out->text = word;
    }
    return Status::Ok();
  }

  Status Object(Literal* out, int depth) {
    out->kind = Literal::Kind::kObject;
    ++at_;
    TG_RETURN_IF_ERROR(Skip());
    while (Peek() != '}') {
      Literal::Member member;
      member.place = Here();
      if (char c = Peek(); c == '"' || c == '\'') {
        TG_RETURN_IF_ERROR(String(&member.name));
      } else if (IsDigit(c)) {
        while (IsNamePart(Peek())) member.name += text_[at_++];
      } else {
        member.name = Word();
        if (member.name.empty()) return Fail(AtEnd() ? "this object does not end" : "expected a property name or '}'");
      }
      for (const Literal::Member& other : out->members) {
        if (other.name != member.name) continue;
        failed_at_ = member.place;
        return Fail("property '" + member.name + "' is here twice; the first is at " +
                    std::to_string(other.place.line) + ":" + std::to_string(other.place.column));
      }
      if (out->members.size() >= 4096) return Fail("more than 4096 properties in one object");
      TG_RETURN_IF_ERROR(Skip());
      TG_RETURN_IF_ERROR(Expect(':'));
      TG_RETURN_IF_ERROR(Value(&member.value, depth + 1));
      out->members.push_back(std::move(member));
      TG_RETURN_IF_ERROR(Skip());
      if (Peek() == ',') {
        TG_RETURN_IF_ERROR(Expect(','));
      } else if (Peek() != '}') {
        return Fail(AtEnd() ? "this object does not end" : "expected ',' or '}'");
      }
    }
    ++at_;
    return Status::Ok();
  }

  Status Array(Literal* out, int depth) {
    out->kind = Literal::Kind::kArray;
    ++at_;
    TG_RETURN_IF_ERROR(Skip());
    while (Peek() != ']') {
      out->items.emplace_back();
      TG_RETURN_IF_ERROR(Value(&out->items.back(), depth + 1));
      TG_RETURN_IF_ERROR(Skip());
      if (Peek() == ',') {
        TG_RETURN_IF_ERROR(Expect(','));
      } else if (Peek() != ']') {
        return Fail(AtEnd() ? "this array does not end" : "expected ',' or ']'");
      }
    }
    ++at_;
    return Status::Ok();
  }

  Status Number(Literal* out) {
    out->kind = Literal::Kind::kNumber;
    bool negative = Peek() == '-';
    if (negative || Peek() == '+') ++at_;
    const char* first = text_.data() + at_;
    const char* last = text_.data() + text_.size();
    std::from_chars_result got{};
    if (Peek() == '0' && (Peek(1) == 'x' || Peek(1) == 'X')) {
      uint64_t whole = 0;
      got = std::from_chars(first + 2, last, whole, 16);
      out->number = static_cast<double>(whole);
      if (got.ptr == first + 2) return Fail("not a number");
    } else {
      if (!IsDigit(Peek()) && !(Peek() == '.' && IsDigit(Peek(1)))) return Fail("not a number");
      if (Peek() == '0' && IsDigit(Peek(1))) return Fail("a number may not begin with 0");
      got = std::from_chars(first, last, out->number);
    }
    if (got.ec != std::errc() || !std::isfinite(out->number)) return Fail("a number out of range");
    if (negative) out->number = -out->number;
    at_ = static_cast<size_t>(got.ptr - text_.data());
    if (IsNamePart(Peek()) || Peek() == '.') return Fail("not a number");
    return Status::Ok();
  }

  Status Regex(Literal* out) {
    out->kind = Literal::Kind::kRegex;
    size_t from = at_++;
    for (bool in_class = false; Peek() != '/' || in_class; ++at_) {
      if (Peek() == '\\') {
        ++at_;  // whatever is escaped is neither the end nor a bracket
      } else if (Peek() == '[') {
        in_class = true;
      } else if (Peek() == ']') {
        in_class = false;
      }
      if (AtEnd() || Peek() == '\n') return Fail("this regular expression does not end");
    }
    ++at_;
    while (IsNameStart(Peek())) ++at_;
    out->text = std::string(text_.substr(from, at_ - from));
    return Status::Ok();
  }

  Status String(std::string* out) {
    char quote = text_[at_++];
    while (true) {
      if (AtEnd()) return Fail("this string does not end");
      char c = text_[at_];
      if (c == quote) break;
      if (c == '\n' && quote != '`') return Fail("this string does not end on its line");
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

  Status Escape(std::string* out) {
    if (AtEnd()) return Fail("this string does not end");
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
        if (IsDigit(Peek())) return Fail("an octal escape is not allowed");
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

  Status UnicodeEscape(std::string* out) {
    uint32_t code = 0;
    if (Peek() == '{') {
      ++at_;
      size_t digits = 0;
      for (; HexDigit(Peek()) >= 0 && digits < 6; ++digits)
        code = code * 16 + static_cast<uint32_t>(HexDigit(text_[at_++]));
      if (digits == 0 || Peek() != '}') return Fail("expected \\u{...} with one to six hex digits");
      ++at_;
    } else {
      TG_RETURN_IF_ERROR(Hex(4, &code));
      if (code >= 0xD800 && code < 0xDC00 && Peek() == '\\' && Peek(1) == 'u') {
        at_ += 2;
        uint32_t low = 0;
        TG_RETURN_IF_ERROR(Hex(4, &low));
        if (low < 0xDC00 || low > 0xDFFF) return Fail("half of a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      }
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return Fail("not a Unicode character");
    AppendUtf8(code, out);
    return Status::Ok();
  }

  Status Hex(int digits, uint32_t* code) {
    for (int i = 0; i < digits; ++i) {
      if (HexDigit(Peek()) < 0) return Fail("expected " + std::to_string(digits) + " hex digits");
      *code = *code * 16 + static_cast<uint32_t>(HexDigit(text_[at_++]));
    }
    return Status::Ok();
  }

 public:
  TextPlace failed_at_;  // where it failed, when that is not where reading stopped

 private:
  std::string_view text_;
  size_t at_ = 0;
  size_t line_start_ = 0;
  uint32_t line_ = 1;
};

}  // namespace

Result<Literal> ReadLiteral(std::string_view text, TextPlace* place) {
  Reader reader(text);
  Literal literal;
  if (Status status = reader.Document(&literal); !status.ok()) {
    *place = reader.failed_at_.line != 0 ? reader.failed_at_ : reader.Here();
    return status;
  }
  return literal;
}

}  // namespace tidegate
