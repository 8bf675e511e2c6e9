#include "host/schema/item_values.h"

#include <algorithm>
#include <cmath>

#include "host/schema/canonical.h"
#include "host/schema/json_text.h"

namespace tidegate {
namespace {

Status TypeError(const Field& field, const FieldPath& path) {
  return FieldError(path, std::string("must be of type ") + FieldTypeName(field.type));
}

}  // namespace

bool IsEnvelopeName(std::string_view name) {
  return name == "_src" || name == "_dst" || name == "_owner" || name == "_version";
}

std::string FieldPath::ToText() const {
  return up == nullptr || up->name.empty() ? std::string(name) : up->ToText() + "." + std::string(name);
}

Status FieldError(const FieldPath& path, const std::string& what) {
  return Status::Invalid("field '" + path.ToText() + "' " + what);
}

bool DateMs(const Field& field, const JsonValue& value, int64_t* ms) {
  if (field.ttl || !field.iso_dates) {
    if (!value.IsNumber()) return false;
    double number = value.GetDouble();
    if (field.ttl) number = std::trunc(number) == number ? number * 1000 : NAN;
    if (!IsDateMs(number)) return false;
    *ms = static_cast<int64_t>(number);
    return true;
  }
  // Only the one spelling that AppendIsoDate writes.
  if (!value.IsString() || value.GetStringLength() != 24 || value.GetString()[23] != 'Z') return false;
  auto parsed = ParseIsoDate(TextOf(value));
  if (parsed.has_value()) *ms = *parsed;
  return parsed.has_value();
}

namespace {

Status ConvertString(const Field& field, const FieldPath& path, JsonPool* pool, JsonValue* value) {
  if (value->IsString()) return Status::Ok();
  if (!value->IsNumber() && !value->IsBool()) return TypeError(field, path);
  std::string text;
  AppendText(*value, &text);
  SetText(text, pool, value);
  return Status::Ok();
}

Status ConvertNumber(const Field& field, const FieldPath& path, JsonValue* value) {
  if (value->IsString()) {
    rapidjson::Document number;
    if (!ParseSmallJson(TextOf(*value), &number) || !number.IsNumber()) return TypeError(field, path);
    value->SetDouble(number.GetDouble());
  }
  if (!value->IsNumber()) return TypeError(field, path);
  if (!IsNumberInRange(*value)) return FieldError(path, "is outside of -(2^53-1) .. 2^53-1");
  return Status::Ok();
}

Status ConvertBoolean(const Field& field, const FieldPath& path, JsonValue* value) {
  if (value->IsBool()) return Status::Ok();
  if (value->IsString() && (TextOf(*value) == "true" || TextOf(*value) == "false")) {
    value->SetBool(TextOf(*value) == "true");
    return Status::Ok();
  }
  if (value->IsNumber() && (value->GetDouble() == 0 || value->GetDouble() == 1)) {
    value->SetBool(value->GetDouble() == 1);
    return Status::Ok();
  }
  return TypeError(field, path);
}

Status ConvertDate(const Field& field, const FieldPath& path, JsonPool* pool, JsonValue* value) {
  int64_t ms = 0;
  if (value->IsNumber()) {
    double number = std::trunc(value->GetDouble());
    if (!IsDateMs(number)) return FieldError(path, "is no date: milliseconds of the years 0000 to 9999");
    ms = static_cast<int64_t>(number);
  } else if (value->IsString()) {
    auto parsed = ParseIsoDate(TextOf(*value));
    if (!parsed.has_value()) return FieldError(path, "is no date such as 2026-01-02T03:04:05.678Z");
    ms = *parsed;
  } else {
    return TypeError(field, path);
  }
  if (field.ttl) {
    int64_t seconds = ms / 1000 + (ms % 1000 > 0 ? 1 : 0);
    value->SetInt64(seconds);
  } else if (field.iso_dates) {
    std::string text;
    AppendIsoDate(ms, &text);
    SetText(text, pool, value);
  } else {
    value->SetInt64(ms);
  }
  return Status::Ok();
}

bool SetLess(const JsonValue& a, const JsonValue& b) {
  return a.IsString() ? TextOf(a) < TextOf(b) : a.GetDouble() < b.GetDouble();
}
bool SetEqual(const JsonValue& a, const JsonValue& b) { return !SetLess(a, b) && !SetLess(b, a); }

bool IsSet(const JsonValue& value) {
  if (!value.IsArray() || value.Empty()) return false;
  bool text = value[0].IsString();
  return std::all_of(value.Begin(), value.End(),
                     [text](const JsonValue& v) { return text ? v.IsString() : IsNumberInRange(v); });
}

// In order and each once, so that two spellings of one set are one body.
Status ConvertSet(const FieldPath& path, JsonValue* value) {
  if (!IsSet(*value)) return FieldError(path, "must be a set: an array, not empty, of strings or of numbers");
  std::vector<JsonValue> items;
  for (JsonValue& item : value->GetArray()) items.push_back(std::move(item));
  std::sort(items.begin(), items.end(), SetLess);
  auto end = std::unique(items.begin(), items.end(), SetEqual);
  rapidjson::SizeType count = 0;
  for (auto it = items.begin(); it != end; ++it) (*value)[count++] = std::move(*it);
  value->Erase(value->Begin() + count, value->End());
  return Status::Ok();
}

// The members of one nested object, made anew: known members only, by attribute name, nulls left out.
Status ConvertNested(const FieldList& list, const FieldPath& path, const Conversion& conversion, JsonValue* value) {
  if (!value->IsObject()) return FieldError(path, "must be an object");
  std::vector<JsonValue*> slots(list.fields.size(), nullptr);
  for (JsonValue::Member& member : value->GetObject()) {
    uint16_t i = list.Find(TextOf(member.name));
    if (i == kNoField)
      return FieldError(path, "has no member '" + std::string(TextOf(member.name)) + "' in its schema");
    if (slots[i] != nullptr) return FieldError(path, "has '" + std::string(TextOf(member.name)) + "' twice");
    slots[i] = &member.value;
  }
  JsonValue made(rapidjson::kObjectType);
  for (uint16_t i : list.by_attribute) {
    const Field& field = list.fields[i];
    FieldPath at{&path, field.name};
    JsonValue* member = slots[i];
    if (member == nullptr) TG_RETURN_IF_ERROR(MakeAbsent(field, at, conversion, &member));
    if (member != nullptr && member->IsNull() && !field.nulls) member = nullptr;
    if (member == nullptr || member->IsNull()) {
      if (field.required) return FieldError(at, "is required");
      if (member == nullptr) continue;
    } else {
      TG_RETURN_IF_ERROR(Convert(field, at, conversion, member));
      TG_RETURN_IF_ERROR(CheckRules(field, at, *member));
    }
    JsonValue name;
    name.SetString(rapidjson::StringRef(field.attribute.data(), field.attribute.size()));
    made.AddMember(name, *member, *conversion.pool);
  }
  *value = made;
  return Status::Ok();
}

Status CheckNested(const FieldList& list, const FieldPath& path, const JsonValue& value) {
  if (!value.IsObject()) return FieldError(path, "must be an object");
  for (const Field& field : list.fields) {
    FieldPath at{&path, field.name};
    JsonValue name(rapidjson::StringRef(field.attribute.data(), field.attribute.size()));
    auto member = value.FindMember(name);
    bool null = member == value.MemberEnd() || member->value.IsNull();
    if (null && field.required) return FieldError(at, "is required");
    if (null) continue;
    TG_RETURN_IF_ERROR(CheckStored(field, at, member->value));
    TG_RETURN_IF_ERROR(CheckRules(field, at, member->value));
  }
  return Status::Ok();
}

std::string Uuid(uint64_t high, uint64_t low) {
  static constexpr char kHex[] = "0123456789abcdef";
  high = (high & ~0xF000ull) | 0x4000ull;      // version 4
  low = (low & ~(3ull << 62)) | (2ull << 62);  // variant 1
  std::string text;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text += '-';
    text += kHex[(i < 16 ? high >> (60 - 4 * i) : low >> (60 - 4 * (i - 16))) & 15];
  }
  return text;
}

std::string Uid(size_t length, const std::function<uint64_t()>& random) {
  static constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::string text(length, '0');
  uint64_t bits = 0;
  for (size_t i = 0; i < length; ++i, bits >>= 5) {
    if (i % 12 == 0) bits = random();
    text[i] = kAlphabet[bits & 31];
  }
  return text;
}

}  // namespace

Status Convert(const Field& field, const FieldPath& path, const Conversion& conversion, JsonValue* value) {
  bool composed = field.type == FieldType::kObject || field.type == FieldType::kArray || field.type == FieldType::kSet;
  if (composed && value->IsString()) {  // a command line has only texts
    rapidjson::Document parsed;
    if (!ParseSmallJson(TextOf(*value), &parsed)) return TypeError(field, path);
    value->CopyFrom(parsed, *conversion.pool);
  }
  switch (field.type) {
    case FieldType::kString:
      return ConvertString(field, path, conversion.pool, value);
    case FieldType::kNumber:
      return ConvertNumber(field, path, value);
    case FieldType::kBoolean:
      return ConvertBoolean(field, path, value);
    case FieldType::kDate:
      return ConvertDate(field, path, conversion.pool, value);
    case FieldType::kSet:
      return ConvertSet(path, value);
    case FieldType::kBinary:
      if (!value->IsString() || !IsBase64(TextOf(*value))) return FieldError(path, "must be bytes in base64");
      return Status::Ok();
    case FieldType::kObject:
      if (field.nested != nullptr) return ConvertNested(*field.nested, path, conversion, value);
      return value->IsObject() ? Status::Ok() : TypeError(field, path);
    case FieldType::kArray:
      if (!value->IsArray()) return TypeError(field, path);
      if (field.nested == nullptr) return Status::Ok();
      for (JsonValue& item : value->GetArray()) {
        TG_RETURN_IF_ERROR(ConvertNested(*field.nested, path, conversion, &item));
      }
      return Status::Ok();
  }
  return TypeError(field, path);
}

Status ConvertAlone(const Field& field, JsonValue* value, JsonPool* pool) {
  // Nested values are converted where they are used, since only then ids can be generated.
  if (field.type == FieldType::kObject) return value->IsObject() ? Status::Ok() : Status::Invalid("must be an object");
  if (field.type == FieldType::kArray) return value->IsArray() ? Status::Ok() : Status::Invalid("must be an array");
  FieldPath path{nullptr, field.name};
  return Convert(field, path, {pool, nullptr, {}}, value);
}

Status MakeAbsent(const Field& field, const FieldPath& path, const Conversion& conversion, JsonValue** value) {
  if (field.default_value != nullptr) {
    *value = new (conversion.pool->Malloc(sizeof(JsonValue))) JsonValue(*field.default_value, *conversion.pool);
    return Status::Ok();
  }
  const ItemContext* context = conversion.context;
  if (field.generate.kind == Generate::Kind::kNone || context == nullptr) {
    if (field.nested != nullptr && field.required) {  // so that what is inside gets its defaults
      auto type = field.type == FieldType::kArray ? rapidjson::kArrayType : rapidjson::kObjectType;
      *value = new (conversion.pool->Malloc(sizeof(JsonValue))) JsonValue(type);
    }
    return Status::Ok();
  }
  std::string text;
  if (field.generate.kind == Generate::Kind::kUlid) {
    if (context->ulid == nullptr) return FieldError(path, "is generated, and no ULID generator was given");
    text = context->ulid->Next(context->now_ms);
  } else {
    if (context->random == nullptr) return FieldError(path, "is generated, and no randomness was given");
    if (field.generate.kind == Generate::Kind::kUid) {
      text = Uid(field.generate.length, *context->random);
    } else {
      uint64_t high = (*context->random)();
      text = Uuid(high, (*context->random)());
    }
  }
  *value = NewText(text, conversion.pool);
  return Status::Ok();
}

Status CheckStored(const Field& field, const FieldPath& path, const JsonValue& value) {
  int64_t ms = 0;
  switch (field.type) {
    case FieldType::kString:
      return value.IsString() ? Status::Ok() : TypeError(field, path);
    case FieldType::kNumber:
      return IsNumberInRange(value) ? Status::Ok() : TypeError(field, path);
    case FieldType::kBoolean:
      return value.IsBool() ? Status::Ok() : TypeError(field, path);
    case FieldType::kDate:
      return DateMs(field, value, &ms) ? Status::Ok() : TypeError(field, path);
    case FieldType::kSet:
      return IsSet(value) ? Status::Ok() : TypeError(field, path);
    case FieldType::kBinary:
      return value.IsString() && IsBase64(TextOf(value)) ? Status::Ok() : TypeError(field, path);
    case FieldType::kObject:
      if (field.nested != nullptr) return CheckNested(*field.nested, path, value);
      return value.IsObject() ? Status::Ok() : TypeError(field, path);
    case FieldType::kArray:
      if (!value.IsArray()) return TypeError(field, path);
      if (field.nested == nullptr) return Status::Ok();
      for (const JsonValue& item : value.GetArray()) TG_RETURN_IF_ERROR(CheckNested(*field.nested, path, item));
      return Status::Ok();
  }
  return TypeError(field, path);
}

Status CheckRules(const Field& field, const FieldPath& path, const JsonValue& value) {
  if (!field.enum_values.empty()) {
    bool found = false;
    if (value.IsString()) {
      std::string_view text = TextOf(value);
      for (const EnumValue& allowed : field.enum_values) found |= allowed.is_text && allowed.text == text;
    } else {
      std::string json;
      TG_RETURN_IF_ERROR(AppendCanonical(value, 0, &json));
      for (const EnumValue& allowed : field.enum_values) found |= allowed.json == json;
    }
    if (!found) {
      std::string list;
      for (const EnumValue& allowed : field.enum_values) list += (list.empty() ? "" : ", ") + allowed.json;
      return FieldError(path, "must be one of " + list);
    }
  }
  if (field.validate.has_value()) {
    std::string number;
    std::string_view text;
    if (value.IsString()) {
      text = TextOf(value);
    } else if (AppendText(value, &number)) {
      text = number;
    } else {
      return FieldError(path, "has a type that validate cannot check");
    }
    if (!field.validate->Find(text)) return FieldError(path, "does not match " + field.validate->spec());
  }
  return Status::Ok();
}

}  // namespace tidegate
