#include "plugins/policy-merge/body.h"

#include <cstdio>

namespace policy_merge {
namespace {

// Walks over JSON text without making anything of it. Whoever made the body, or admitted it, has checked it;
// here only the ends of things matter, and that nothing is read past the text.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool done() const { return at_ == text_.size(); }

  // A string with its quotes.
  bool String(std::string_view* token) {
    size_t from = at_;
    if (!Take('"')) return false;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '"') {
        *token = text_.substr(from, ++at_ - from);
        return true;
      }
    }
    return false;
  }

  bool Value(std::string_view* token) {
    size_t from = at_;
    size_t depth = 0;
    std::string_view ignored;
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '"') {
        if (!String(&ignored)) return false;
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']' || c == ',') {
        if (depth == 0) break;
        if (c != ',') --depth;
      }
      ++at_;
    }
    *token = text_.substr(from, at_ - from);
    return depth == 0 && !token->empty();
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// The name that a token stands for; canonical escapes only.
bool Unquoted(std::string_view token, std::string* name) {
  token = token.substr(1, token.size() - 2);
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '\\') {
      *name += token[i];
      continue;
    }
    if (++i == token.size()) return false;
    constexpr std::string_view kLetters = "bfnrt", kMeant = "\b\f\n\r\t";
    size_t letter = kLetters.find(token[i]);
    if (letter != std::string_view::npos) {
      *name += kMeant[letter];
    } else if (token[i] == 'u') {
      if (i + 4 >= token.size() || token[i + 1] != '0' || token[i + 2] != '0') return false;
      int high = HexDigit(token[i + 3]), low = HexDigit(token[i + 4]);
      if (high < 0 || low < 0) return false;
      *name += static_cast<char>(high * 16 + low);
      i += 4;
    } else {
      *name += token[i];
    }
  }
  return true;
}

}  // namespace

std::optional<std::map<std::string, std::string>> ReadBody(std::string_view body) {
  std::map<std::string, std::string> fields;
  Walker walker(body);
  if (!walker.Take('{')) return std::nullopt;
  if (walker.Take('}')) return walker.done() ? std::optional(fields) : std::nullopt;
  do {
    std::string_view name_token, value;
    std::string name;
    if (!walker.String(&name_token) || !walker.Take(':') || !walker.Value(&value)) return std::nullopt;
    if (!Unquoted(name_token, &name)) return std::nullopt;
    if (!fields.emplace(std::move(name), value).second) return std::nullopt;
  } while (walker.Take(','));
  if (!walker.Take('}') || !walker.done()) return std::nullopt;
  return fields;
}

std::string Quoted(std::string_view name) {
  std::string token = "\"";
  for (char c : name) {
    constexpr std::string_view kLetters = "bfnrt", kMeant = "\b\f\n\r\t";
    size_t letter = kMeant.find(c);
    if (letter != std::string_view::npos) {
      token += '\\';
      token += kLetters[letter];
    } else if (c == '"' || c == '\\') {
      token += '\\';
      token += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      token += escape;
    } else {
      token += c;
    }
  }
  return token + '"';
}

}  // namespace policy_merge
