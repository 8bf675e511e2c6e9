// JSON as text: cutting the outer level of an object or an array into the texts of its members without
// changing a byte of them, and writing texts. What is inside a member is for host/schema to read.
// Thread safety: functions without shared state. Ownership: views point into the text given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/status.h"

namespace tidegate::api {

struct JsonMember {
  std::string name;
  std::string_view value;  // as it was written
};

// Checks the whole text (UTF-8, nesting of at most 64). what: what messages call it, such as "the body".
Result<std::vector<JsonMember>> SplitObject(std::string_view json, std::string_view what);
Result<std::vector<std::string_view>> SplitArray(std::string_view json, std::string_view what);

// The value of a scalar; the message says that `name` must be one.
Result<std::string> JsonToString(std::string_view json, std::string_view name);
Result<uint64_t> JsonToUnsigned(std::string_view json, std::string_view name);
Result<bool> JsonToBool(std::string_view json, std::string_view name);

// text with quotes and escapes. Bytes that are no UTF-8 become U+FFFD, so that the answer stays JSON.
void AppendQuoted(std::string* out, std::string_view text);
std::string Quoted(std::string_view text);

// Writes one object: ObjectWriter w; w.Text("code", "x"); w.Number("n", 1); w.Take().
class ObjectWriter {
 public:
  ObjectWriter& Text(std::string_view name, std::string_view value);
  ObjectWriter& Unsigned(std::string_view name, uint64_t value);
  ObjectWriter& Signed(std::string_view name, int64_t value);
  ObjectWriter& Bool(std::string_view name, bool value);
  ObjectWriter& Raw(std::string_view name, std::string_view json);
  std::string Take() { return std::move(text_) + "}"; }

 private:
  void Name(std::string_view name);
  std::string text_ = "{";
};

// Writes one array of JSON texts.
class ArrayWriter {
 public:
  ArrayWriter& Raw(std::string_view json);
  std::string Take() { return std::move(text_) + "]"; }

 private:
  std::string text_ = "[";
};

}  // namespace tidegate::api
