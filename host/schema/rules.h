// The compiled rules of a model: what loading makes and item work reads. Internal to host/schema.
// Thread safety: immutable once loaded. Ownership: plain values.
#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/schema/pattern.h"
#include "host/schema/schema.h"
#include "host/schema/template.h"

namespace tidegate {

inline constexpr size_t kFieldsMax = 256;  // of one model
inline constexpr size_t kIndexesMax = 20;  // secondary, of one schema; as DynamoDB
inline constexpr uint16_t kNoField = 0xFFFF;

enum class FieldType : uint8_t { kString, kNumber, kBoolean, kDate, kObject, kArray, kSet, kBinary };
const char* FieldTypeName(FieldType type);

struct Generate {
  enum class Kind : uint8_t { kNone, kUlid, kUuid, kUid };
  Kind kind = Kind::kNone;
  uint8_t length = 10;  // kUid
};

struct EnumValue {
  std::string json;  // canonical, in the stored form
  std::string text;  // of a string
  bool is_text = false;
};

struct Field;

// Fields of a model or of a nested schema.
struct FieldList {
  std::vector<Field> fields;           // in the order of the schema
  std::vector<uint16_t> by_attribute;  // indexes into fields, by attribute name: the order of a body
  std::vector<uint16_t> slots;         // open hash of names, a power of two; kNoField = empty

  void Index();  // makes by_attribute and slots
  // Where the field of a property name is in fields; kNoField = there is none.
  uint16_t Find(std::string_view name) const;
};

struct Field {
  std::string name;       // property
  std::string attribute;  // as stored: `map`, else the name
  std::string json_key;   // "\"attribute\":"
  FieldType type = FieldType::kString;
  bool required = false;
  bool hidden = false;
  bool iso_dates = false;
  bool ttl = false;
  bool nulls = false;
  std::optional<ValueTemplate> value;
  std::shared_ptr<const rapidjson::Document> default_value;
  Generate generate;
  std::vector<EnumValue> enum_values;
  std::optional<Pattern> validate;
  std::unique_ptr<const FieldList> nested;  // members of an object, or of the objects of an array
};

// An attribute that an index is keyed by.
struct KeyPart {
  ValueTemplate::Source source = ValueTemplate::Source::kNothing;  // kNothing: the model has no such attribute
  uint16_t field = kNoField;
};

struct IndexRules {
  std::string name;
  bool local = false;
  bool has_sort = false;
  KeyPart hash;
  KeyPart sort;
};

struct ModelRules {
  std::string name;
  std::string type_field = "_type";
  uint64_t digest = 0;
  FieldList list;
  std::vector<uint16_t> template_order;  // fields with a value template, each after what it needs
  uint16_t pk = kNoField;
  uint16_t sk = kNoField;           // kNoField: the table has no sort key
  std::vector<IndexRules> indexes;  // secondary
  std::vector<uint16_t> ttl_fields;
  uint16_t created = kNoField;  // kNoField: not kept
  uint16_t updated = kNoField;
};

struct SchemaParts {
  std::string file;
  std::string name = "Current";
  std::string version;
  std::string json;
  std::map<std::string, TextPlace, std::less<>> places;  // by JSON pointer
  std::vector<std::unique_ptr<const Model>> models;
};

}  // namespace tidegate
