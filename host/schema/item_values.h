// Values of items: parsing, conversion to the stored form, checks, canonical text. Internal to host/schema.
// Thread safety: functions without shared state; a ParsedObject is used by one thread. Ownership: values
// live in the pool of their ParsedObject.
#pragma once

#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/status.h"
#include "host/schema/item.h"
#include "host/schema/rules.h"

namespace tidegate {

using JsonPool = rapidjson::MemoryPoolAllocator<>;
using JsonValue = rapidjson::Value;
using JsonDocument = rapidjson::GenericDocument<rapidjson::UTF8<>, JsonPool, JsonPool>;

// The text and length of a string value.
inline std::string_view TextOf(const JsonValue& value) { return {value.GetString(), value.GetStringLength()}; }
bool IsEnvelopeName(std::string_view name);  // _src, _dst, _owner, _version

// A parsed JSON object. An item of usual size stays on the stack of its caller.
class ParsedObject {
 public:
  ParsedObject() : pool_(pool_buffer_, sizeof pool_buffer_), stack_(stack_buffer_, sizeof stack_buffer_) {}
  ParsedObject(const ParsedObject&) = delete;
  ParsedObject& operator=(const ParsedObject&) = delete;

  // what: "body", "patch", ... for the message.
  Status Parse(std::string_view text, std::string_view what);
  JsonDocument& root() { return document_; }
  JsonPool& pool() { return pool_; }

 private:
  alignas(16) char pool_buffer_[6 * 1024];
  alignas(16) char stack_buffer_[3 * 1024];
  char text_buffer_[1024];
  std::string long_text_;
  JsonPool pool_;
  JsonPool stack_;
  JsonDocument document_{&pool_, 1024, &stack_};
};

// The values of a model's fields, by field number; null = absent.
class Slots {
 public:
  explicit Slots(size_t fields) { std::fill_n(values_.begin(), fields, nullptr); }
  JsonValue*& operator[](size_t i) { return values_[i]; }
  const JsonValue* operator[](size_t i) const { return values_[i]; }

 private:
  std::array<JsonValue*, kFieldsMax> values_;
};

// Where an error is: "address.zip".
struct FieldPath {
  const FieldPath* up = nullptr;
  std::string_view name;
  std::string ToText() const;
};
Status FieldError(const FieldPath& path, const std::string& what);

// What conversion needs beside the value.
struct Conversion {
  JsonPool* pool;
  const ItemContext* context;  // null: nothing is generated
  std::string_view type_name;
};

// Converts a value that a user gave to the stored form of the field: nested defaults, generated values,
// dates, sets. The value is not null.
Status Convert(const Field& field, const FieldPath& path, const Conversion& conversion, JsonValue* value);
// The same for a value of the schema itself.
Status ConvertAlone(const Field& field, JsonValue* value, JsonPool* pool);
// A default or generated value for an absent field, not yet converted; null = none.
Status MakeAbsent(const Field& field, const FieldPath& path, const Conversion& conversion, JsonValue** value);

// Checks type (of the stored form, which Convert leaves), enum, validate.
Status CheckStored(const Field& field, const FieldPath& path, const JsonValue& value);
Status CheckRules(const Field& field, const FieldPath& path, const JsonValue& value);

// Canonical JSON of docs/format/item.md. Fails for what it cannot hold: depth, number range, a name twice.
Status AppendCanonical(const JsonValue& value, size_t depth, std::string* out);

// A date in stored form as milliseconds; false if it is none.
bool DateMs(const Field& field, const JsonValue& value, int64_t* ms);

// The text of a value in a key or template: a string as it is, a number as JavaScript writes it.
// False for objects and null.
bool AppendText(const JsonValue& value, std::string* out);

JsonValue* NewText(std::string_view text, JsonPool* pool);

}  // namespace tidegate
