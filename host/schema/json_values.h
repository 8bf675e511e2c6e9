// JSON values: parsing text into them, and their canonical text. Internal to host/schema.
// Thread safety: functions without shared state; a ParsedObject is used by one thread. Ownership: values
// live in the pool of their ParsedObject.
#pragma once

#include <rapidjson/document.h>

#include <string>
#include <string_view>

#include "host/base/status.h"

namespace tidegate {

using JsonPool = rapidjson::MemoryPoolAllocator<>;
using JsonValue = rapidjson::Value;
using JsonDocument = rapidjson::GenericDocument<rapidjson::UTF8<>, JsonPool, JsonPool>;

// The text and length of a string value.
inline std::string_view TextOf(const JsonValue& value) { return {value.GetString(), value.GetStringLength()}; }
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

// Canonical JSON of docs/format/item.md. Fails for what it cannot hold: depth, number range, a name twice.
Status AppendCanonical(const JsonValue& value, size_t depth, std::string* out);

// The text of a value in a key or template: a string as it is, a number as JavaScript writes it.
// False for objects and null.
bool AppendText(const JsonValue& value, std::string* out);

JsonValue* NewText(std::string_view text, JsonPool* pool);

void SetText(std::string_view text, JsonPool* pool, JsonValue* value);
bool IsNumberInRange(const JsonValue& value);

}  // namespace tidegate
