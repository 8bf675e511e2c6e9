// OneTable schemas (format onetable:1.1.0) as Tidegate takes them: models, indexes, params, field rules,
// read once and then only looked at. docs/schema.md is the user's guide.
//
// `process` and its older name `control` are kept and handed on as JSON; what they mean is for policy
// plugins to say.
// Thread safety: everything here is immutable once loaded. Ownership: shared_ptr; a Model lives as long
// as its Schema.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/status.h"

namespace tidegate {

// A place in a text: 1-based line and column (in characters); 0 = unknown.
struct TextPlace {
  uint32_t line = 0;
  uint32_t column = 0;
};

// What loading has to say of one place. Errors keep the schema from loading, warnings do not.
struct SchemaProblem {
  bool error = false;
  std::string file;
  TextPlace place;
  std::string message;
  std::string ToText() const;     // "device.json5:12:7: error: ..."
  std::string PlaceText() const;  // "device.json5:12:7"
};

struct ModelRules;   // compiled fields: host/schema/rules.h
struct SchemaParts;  // what loading fills in

// One model of a schema.
class Model {
 public:
  explicit Model(std::unique_ptr<const ModelRules> rules);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const std::string& name() const;
  // Of the definition (fields, indexes, params) with its keys in order: equal at two nodes = equal rules.
  uint64_t digest() const;
  bool HasField(std::string_view field) const;
  // The names of the secondary indexes of its table.
  std::vector<std::string> index_names() const;
  const ModelRules& rules() const { return *rules_; }

 private:
  std::unique_ptr<const ModelRules> rules_;
};

// One schema file.
class Schema {
 public:
  explicit Schema(SchemaParts parts);
  ~Schema();

  const std::string& file() const;
  const std::string& name() const;     // `name`, "Current" when not given
  const std::string& version() const;  // `version`
  const std::vector<std::unique_ptr<const Model>>& models() const;
  const Model* Find(std::string_view model) const;  // nullptr = no such model
  // The schema as JSON with its keys in order; `process`, `control` and unknown properties kept.
  const std::string& ToJson() const;
  // "device.json5:12:7" of the value at a JSON pointer into ToJson, or of the nearest one around it: of its
  // name if it is an object, so that the place is that of the line a reader looks for.
  std::string PlaceText(std::string_view json_pointer) const;

 private:
  std::unique_ptr<const SchemaParts> parts_;
};

struct ValuePlaces {
  TextPlace name;  // of the property that holds the value; in a list, of the value
  TextPlace value;
};

// Where the value at a JSON pointer ("/models/Fault/pk") stands in the file the user wrote.
using PlaceLookup = std::function<std::optional<ValuePlaces>(std::string_view json_pointer)>;

struct SchemaLoad {
  std::shared_ptr<const Schema> schema;  // null if there is an error
  std::vector<SchemaProblem> problems;   // every one, in the order of the file
  // All errors as one Status; Ok if there are none.
  Status status() const;
};

// Reads a schema from JSON, JSON5 or the JavaScript literal of the OneTable documentation. A YAML file
// comes here as JSON text made from it, with `places` telling where its values stand. `file` is named in
// problems only. Never throws, whatever the text.
SchemaLoad LoadSchema(std::string_view file, std::string_view text, const PlaceLookup& places = {});

// All schemas of a node; a model name is of one schema only.
class SchemaSet {
 public:
  static Result<std::shared_ptr<const SchemaSet>> Make(std::vector<std::shared_ptr<const Schema>> schemas);

  const Model* Find(std::string_view model) const;                     // nullptr = no such model
  const std::vector<const Model*>& models() const { return models_; }  // by name
  const std::vector<std::shared_ptr<const Schema>>& schemas() const { return schemas_; }
  // A JSON array of every schema's ToJson: what a policy plugin gets.
  std::string ToJson() const;
  // What a policy says of it, "/1/process/Fault\nmessage", as "file:line:column: message". A text without
  // a JSON pointer into ToJson stays as it is.
  std::string WithPlace(std::string_view text) const;

 private:
  SchemaSet() = default;
  std::vector<std::shared_ptr<const Schema>> schemas_;
  std::vector<const Model*> models_;
};

}  // namespace tidegate
