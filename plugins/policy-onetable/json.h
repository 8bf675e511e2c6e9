// The little of RapidJSON that this plugin needs, with errors in our words.
// Thread safety: functions without shared state. Ownership: results point into their document.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <string>
#include <string_view>

#include "tidegate/cpp/error.h"

namespace policy_onetable {

using Json = rapidjson::Value;
using JsonDocument = rapidjson::Document;

// Throws tidegate::sdk::Error. what: how the message calls the text.
inline JsonDocument ParseJson(std::string_view text, const std::string& what) {
  JsonDocument document;
  // Iterative: the depth of the text must not become depth of our stack.
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  if (document.HasParseError()) {
    throw tidegate::sdk::Error(TG_INVALID, what +
                                               " is no JSON: " + rapidjson::GetParseError_En(document.GetParseError()) +
                                               " At byte " + std::to_string(document.GetErrorOffset()) + ".");
  }
  return document;
}

// The member of an object, or null; null also if it is no object.
inline const Json* Member(const Json& object, const char* name) {
  if (!object.IsObject()) return nullptr;
  auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

inline std::string_view Text(const Json& string) { return {string.GetString(), string.GetStringLength()}; }

inline const char* TypeName(const Json& value) {
  switch (value.GetType()) {
    case rapidjson::kNullType:
      return "null";
    case rapidjson::kFalseType:
    case rapidjson::kTrueType:
      return "a boolean";
    case rapidjson::kObjectType:
      return "an object";
    case rapidjson::kArrayType:
      return "an array";
    case rapidjson::kStringType:
      return "a string";
    case rapidjson::kNumberType:
      return "a number";
  }
  return "unknown";
}

}  // namespace policy_onetable
