// What a JSON Schema says about one place of a document: the names it knows there, the types it takes.
// For messages and for numbers out of ${env:...}; whether a document is valid is validate.h's to say.
// Thread safety: const methods from any thread. Ownership: points into the schema given.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

// The steps of a JSON pointer: "/a~1b/0" -> "a/b", "0".
std::vector<std::string> PointerSteps(std::string_view pointer);

class SchemaView {
 public:
  using Schemas = std::vector<const nlohmann::json*>;

  explicit SchemaView(const nlohmann::json& schema) : root_(schema) {}

  // Every subschema that may speak of the value at pointer, whichever branch of anyOf, if, ... it is in.
  Schemas At(std::string_view pointer) const;

  // Of the value at pointer: allowed types ("integer", ...), known keys, allowed values.
  std::set<std::string> Types(std::string_view pointer) const;
  std::vector<std::string> Keys(std::string_view pointer) const;
  std::vector<nlohmann::json> Values(std::string_view pointer) const;
  // The first of a keyword there, or null.
  const nlohmann::json* Keyword(std::string_view pointer, const char* keyword) const;

 private:
  void Spread(const nlohmann::json& schema, Schemas& out) const;

  const nlohmann::json& root_;
};

}  // namespace tidegate
