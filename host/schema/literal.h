// Reads JSON, JSON5 and the object literal of JavaScript schema files into a tree that knows where each
// value stands. It reads literals only: no expressions, no functions, nothing is ever run.
// Thread safety: plain values. Ownership: the tree owns its text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/base/status.h"
#include "host/schema/schema.h"

namespace tidegate {

inline constexpr size_t kLiteralBytesMax = 1 << 20;
inline constexpr int kLiteralDepthMax = 64;

struct Literal {
  // kWord: a bare name such as String; kRegex: text is the whole /pattern/flags.
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kWord, kRegex, kArray, kObject };
  struct Member;

  Kind kind = Kind::kNull;
  bool boolean = false;
  TextPlace place;
  double number = 0;
  std::string text;
  std::vector<Literal> items;
  std::vector<Member> members;

  const Literal* Find(std::string_view name) const;  // a member; nullptr = there is none
  bool IsString() const { return kind == Kind::kString; }
  bool IsObject() const { return kind == Kind::kObject; }
  // JSON without white space, members in byte order of their names; words and regexes become strings.
  void AppendJson(std::string* out) const;
};

struct Literal::Member {
  std::string name;
  TextPlace place;  // of the name
  Literal value;
};

// The one object of a text. On failure *place tells where, and the Status says what.
Result<Literal> ReadLiteral(std::string_view text, TextPlace* place);

}  // namespace tidegate
