// Values of items: conversion to the stored form of their fields, and checks. Internal to host/schema.
// Thread safety: functions without shared state; Ownership: values
// live in the pool of their ParsedObject.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/status.h"
#include "host/schema/item.h"
#include "host/schema/json_values.h"
#include "host/schema/rules.h"

namespace tidegate {

bool IsEnvelopeName(std::string_view name);  // _src, _dst, _owner, _version

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

// A date in stored form as milliseconds; false if it is none.
bool DateMs(const Field& field, const JsonValue& value, int64_t* ms);

}  // namespace tidegate
