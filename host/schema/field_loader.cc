#include <algorithm>
#include <array>

#include "host/schema/canonical.h"
#include "host/schema/item_values.h"
#include "host/schema/json_text.h"
#include "host/schema/loader.h"

namespace tidegate {
namespace {

constexpr std::array<std::string_view, 8> kNoEffect = {"filter", "partial", "reference",   "timestamp",
                                                       "fixed",  "drop",    "description", "title"};

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return out;
}

std::optional<FieldType> TypeFromName(const std::string& name) {
  if (name == "string") return FieldType::kString;
  if (name == "number") return FieldType::kNumber;
  if (name == "boolean") return FieldType::kBoolean;
  if (name == "date") return FieldType::kDate;
  if (name == "object") return FieldType::kObject;
  if (name == "array") return FieldType::kArray;
  if (name == "set") return FieldType::kSet;
  if (name == "binary" || name == "buffer" || name == "arraybuffer") return FieldType::kBinary;
  return std::nullopt;
}

// Reads the properties of one field.
class FieldLoader {
 public:
  FieldLoader(const std::string& path, const SchemaParams& params, bool nested, Problems* problems)
      : path_(path), params_(params), nested_(nested), problems_(problems) {}

  Field Load(const Literal::Member& source) {
    field_.name = field_.attribute = source.name;
    field_.iso_dates = params_.iso_dates;
    field_.nulls = params_.nulls;
    if (!source.value.IsObject()) {
      Error(source.value.place, "must be an object of properties such as {type: 'string'}");
      return std::move(field_);
    }
    LoadType(source.value, source.place);
    for (const Literal::Member& member : source.value.members) LoadProperty(member);
    CheckTogether(source);
    LoadValues(source.value);
    field_.json_key.clear();
    AppendJsonString(field_.attribute, &field_.json_key);
    field_.json_key += ':';
    return std::move(field_);
  }

 private:
  std::string Where() const { return path_ + ": field '" + field_.name + "'"; }
  void Error(TextPlace place, const std::string& what) { problems_->Error(place, Where() + ": " + what); }
  void Warn(TextPlace place, const std::string& what) { problems_->Warn(place, Where() + ": " + what); }
  void NotYet(TextPlace place, const std::string& what) { Error(place, "not supported yet: " + what); }
  static bool IsOff(const Literal& value) {
    return value.kind == Literal::Kind::kNull || (value.kind == Literal::Kind::kBool && !value.boolean);
  }

  void LoadType(const Literal& object, TextPlace place) {
    const Literal* type = object.Find("type");
    if (type == nullptr) {
      Warn(place, "has no type; taken as string");
    } else if (type->kind != Literal::Kind::kString && type->kind != Literal::Kind::kWord) {
      Error(type->place, "type must be a name such as 'string'");
    } else if (auto known = TypeFromName(Lower(type->text)); known.has_value()) {
      field_.type = *known;
    } else {
      Error(type->place, "type '" + type->text +
                             "' is not known; use array, arraybuffer, binary, boolean, buffer, date, number, object, "
                             "set or string");
    }
  }

  void LoadProperty(const Literal::Member& member) {
    const std::string& name = member.name;
    const Literal& value = member.value;
    if (name == "type" || name == "default" || name == "enum") return;  // before and after this
    if (value.kind == Literal::Kind::kWord) return Error(value.place, "'" + value.text + "' is not a value of " + name);
    if (value.kind == Literal::Kind::kRegex && name != "validate" && name != "encode") {
      return Error(value.place, name + " cannot be a regular expression");
    }
    if (name == "required") {
      field_.required = problems_->Bool(member, false);
    } else if (name == "hidden") {
      field_.hidden = problems_->Bool(member, false);
    } else if (name == "isoDates") {
      // As the library writes: a field cannot switch off what the params switch on.
      if (problems_->Bool(member, false)) {
        field_.iso_dates = true;
      } else if (params_.iso_dates) {
        Warn(value.place, "isoDates: false has no effect while params.isoDates is true");
      }
    } else if (name == "ttl") {
      field_.ttl = problems_->Bool(member, false);
    } else if (name == "nulls") {
      field_.nulls = problems_->Bool(member, field_.nulls);
    } else if (name == "value") {
      LoadTemplate(value);
    } else if (name == "generate") {
      LoadGenerate(value);
    } else if (name == "validate") {
      LoadValidate(value);
    } else if (name == "map") {
      LoadMap(value);
    } else if (name == "schema") {
      LoadNested(value, "schema");
    } else if (name == "items") {
      LoadItems(value);
    } else if (name == "unique" || name == "scope" || name == "crypt" || name == "encode") {
      if (!IsOff(value)) NotYet(member.place, "the property '" + name + "'");
    } else if (name == "uuid") {
      Error(member.place, "'uuid' is no longer part of OneTable; use generate: 'uuid'");
    } else if (std::find(kNoEffect.begin(), kNoEffect.end(), name) != kNoEffect.end()) {
      if (name != "description" && name != "title") Warn(member.place, "'" + name + "' has no effect here");
    } else {
      problems_->Unknown(member, Where(),
                         {"type", "value", "required", "default", "generate", "enum", "validate", "schema", "items",
                          "hidden", "map", "isoDates", "ttl", "nulls", "unique", "scope", "crypt", "encode"});
    }
  }

  void LoadTemplate(const Literal& value) {
    if (value.kind == Literal::Kind::kBool && value.boolean) return NotYet(value.place, "value: true (a function)");
    if (IsOff(value)) return;
    if (!value.IsString()) return Error(value.place, "value must be a template such as 'fault#${id}'");
    if (nested_) return NotYet(value.place, "value in a nested schema");
    auto parsed = ValueTemplate::Parse(value.text);
    if (!parsed.ok()) return Error(value.place, "value: " + parsed.status().message());
    field_.value = std::move(*parsed);
  }

  void LoadGenerate(const Literal& value) {
    if (IsOff(value)) return;
    if (value.kind == Literal::Kind::kBool) return NotYet(value.place, "generate: true (a function)");
    std::string text = value.IsString() ? value.text : "";
    int length = 0;
    if (text == "ulid") {
      field_.generate.kind = Generate::Kind::kUlid;
    } else if (text == "uuid") {
      field_.generate.kind = Generate::Kind::kUuid;
    } else if (text == "uid") {
      field_.generate.kind = Generate::Kind::kUid;
    } else if (text.starts_with("uid(") && text.ends_with(")") && text.size() <= 8) {
      for (char c : text.substr(4, text.size() - 5)) length = c >= '0' && c <= '9' ? length * 10 + (c - '0') : 1000;
      if (length < 1 || length > 128) return Error(value.place, "generate: uid(n) needs n from 1 to 128");
      field_.generate = {Generate::Kind::kUid, static_cast<uint8_t>(length)};
    } else {
      return Error(value.place, "generate must be 'ulid', 'uuid', 'uid' or 'uid(n)'");
    }
    if (field_.type != FieldType::kString) Error(value.place, "generate makes text; the type must be string");
  }

  void LoadValidate(const Literal& value) {
    if (IsOff(value)) return;
    if (!value.IsString() && value.kind != Literal::Kind::kRegex) {
      return Error(value.place, "validate must be a regular expression or a string");
    }
    auto pattern = Pattern::Compile(value.text);
    if (!pattern.ok()) return Error(value.place, "validate: " + pattern.status().message());
    field_.validate = std::move(*pattern);
  }

  void LoadMap(const Literal& value) {
    if (IsOff(value)) return;
    if (!value.IsString() || value.text.empty()) return Error(value.place, "map must be an attribute name");
    if (value.text.find('.') != std::string::npos)
      return NotYet(value.place, "map to a packed attribute '" + value.text + "'");
    field_.attribute = value.text;
  }

  void LoadNested(const Literal& value, const std::string& name) {
    if (field_.type != FieldType::kObject && field_.type != FieldType::kArray) {
      return Error(value.place, name + " is only for the types object and array");
    }
    if (field_.nested != nullptr) return Error(value.place, "schema and items.schema exclude each other");
    SchemaParams params = params_;
    params.iso_dates = field_.iso_dates;
    field_.nested = std::make_unique<const FieldList>(LoadFields(value, Where(), params, true, problems_));
  }

  void LoadItems(const Literal& value) {
    if (field_.type != FieldType::kArray) return Error(value.place, "items is only for the type array");
    if (!value.IsObject()) return Error(value.place, "items must be an object such as {type: 'object', schema: {}}");
    for (const Literal::Member& member : value.members) {
      if (member.name == "schema") {
        LoadNested(member.value, "items.schema");
      } else if (member.name != "type" && member.name != "enum" && member.name != "description") {
        problems_->Unknown(member, Where() + ": items", {"type", "schema", "enum"});
      }
    }
  }

  void CheckTogether(const Literal::Member& source) {
    if (field_.ttl && field_.type != FieldType::kDate) Error(source.place, "ttl needs the type date");
    if (!field_.value.has_value()) return;
    field_.hidden = source.value.Find("hidden") == nullptr || field_.hidden;
    if (field_.generate.kind != Generate::Kind::kNone) Error(source.place, "value and generate exclude each other");
    if (field_.type != FieldType::kString) Error(source.place, "a value template makes text; the type must be string");
    if (source.value.Find("default") != nullptr) Warn(source.place, "default has no effect beside value");
  }

  // default and enum, whose values must fit the rest of the field.
  void LoadValues(const Literal& object) {
    if (const Literal* value = object.Find("default"); value != nullptr && !field_.value.has_value()) {
      if (value->kind == Literal::Kind::kWord)
        return Error(value->place, "'" + value->text + "' is not a value of default");
      auto document = std::make_shared<rapidjson::Document>();
      if (Status status = ConvertLiteral(*value, document.get(), nullptr); !status.ok()) {
        Error(value->place, "default: " + status.message());
      } else if (value->kind != Literal::Kind::kNull) {
        field_.default_value = std::move(document);
      }
    }
    const Literal* values = object.Find("enum");
    if (values == nullptr || IsOff(*values)) return;
    if (values->kind != Literal::Kind::kArray || values->items.empty()) {
      return Error(values->place, "enum must be an array of the values allowed");
    }
    for (const Literal& value : values->items) {
      rapidjson::Document document;
      EnumValue entry;
      entry.is_text = value.IsString();
      if (Status status = ConvertLiteral(value, &document, &entry.json); !status.ok()) {
        Error(value.place, "enum: " + status.message());
        continue;
      }
      if (document.IsString()) entry.text.assign(document.GetString(), document.GetStringLength());
      entry.is_text = document.IsString();
      field_.enum_values.push_back(std::move(entry));
    }
  }

  // A literal as the field would store it. json = nullptr: only checked, and kept as given, since defaults
  // are converted when they are used.
  Status ConvertLiteral(const Literal& value, rapidjson::Document* document, std::string* json) {
    std::string text;
    value.AppendJson(&text);
    if (!ParseSmallJson(text, document)) return Status::Invalid("cannot be read");
    if (document->IsNull()) return Status::Ok();
    rapidjson::Document copy;
    copy.CopyFrom(*document, copy.GetAllocator());
    TG_RETURN_IF_ERROR(ConvertAlone(field_, &copy, &copy.GetAllocator()));
    if (json == nullptr) return Status::Ok();
    document->CopyFrom(copy, document->GetAllocator());
    return AppendCanonical(copy, 0, json);
  }

  const std::string& path_;
  const SchemaParams& params_;
  bool nested_;
  Problems* problems_;
  Field field_;
};

}  // namespace

FieldList LoadFields(const Literal& literal, const std::string& path, const SchemaParams& params, bool nested,
                     Problems* problems) {
  FieldList list;
  if (!literal.IsObject()) {
    problems->Error(literal.place, path + ": must be an object of fields");
    list.Index();
    return list;
  }
  if (literal.members.size() > kFieldsMax - 2) {
    problems->Error(literal.place, path + ": more than " + std::to_string(kFieldsMax - 2) + " fields");
    list.Index();
    return list;
  }
  for (const Literal::Member& member : literal.members) {
    if (!nested && member.name == params.type_field) {
      problems->Warn(member.place, path + ": '" + member.name + "' is the type field, which every item has anyway");
      continue;
    }
    if (member.name.empty() || (!nested && IsEnvelopeName(member.name))) {
      problems->Error(member.place, path + ": a field may not be called '" + member.name + "'");
      continue;
    }
    Field field = FieldLoader(path, params, nested, problems).Load(member);
    for (const Field& other : list.fields) {
      if (other.attribute == field.attribute) {
        problems->Error(member.place, path + ": fields '" + other.name + "' and '" + field.name +
                                          "' are both stored as '" + field.attribute + "'");
      }
    }
    list.fields.push_back(std::move(field));
  }
  list.Index();
  return list;
}

Literal Definition(const Literal& fields) {
  Literal out = fields;
  for (Literal::Member& member : out.members) {
    std::erase_if(member.value.members, [](const Literal::Member& property) {
      return std::find(kNoEffect.begin(), kNoEffect.end(), property.name) != kNoEffect.end();
    });
    for (Literal::Member& property : member.value.members) {
      if (property.name == "type") property.value.text = Lower(property.value.text);
      if (property.name == "schema") property.value = Definition(property.value);
      if (property.name != "items") continue;
      for (Literal::Member& item : property.value.members) {
        if (item.name == "schema") item.value = Definition(item.value);
        if (item.name == "type") item.value.text = Lower(item.value.text);
      }
    }
  }
  return out;
}

}  // namespace tidegate
