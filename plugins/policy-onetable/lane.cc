#include "plugins/policy-onetable/lane.h"

#include <set>
#include <string>

namespace policy_onetable {
namespace {

// Field names are attribute names unless a field is mapped: "map": "attribute".
const Json* FieldOfAttribute(const Json& model, std::string_view attribute) {
  if (!model.IsObject()) return nullptr;
  for (const auto& field : model.GetObject()) {
    const Json* map = Member(field.value, "map");
    if (map != nullptr && map->IsString() && Text(*map) == attribute) return &field.value;
  }
  return Member(model, std::string(attribute).c_str());
}

// A field by its dotted path: "address.zip" goes through the nested schema of address.
const Json* FieldOfPath(const Json& model, std::string_view path) {
  const Json* fields = &model;
  while (true) {
    size_t dot = path.find('.');
    const Json* field = Member(*fields, std::string(path.substr(0, dot)).c_str());
    if (field == nullptr || dot == std::string_view::npos) return field;
    fields = Member(*field, "schema");
    if (fields == nullptr) return nullptr;
    path.remove_prefix(dot + 1);
  }
}

// seen guards against templates that refer to each other.
bool IsGenerated(const Json& model, const Json* field, std::set<const Json*>* seen) {
  if (field == nullptr || !seen->insert(field).second) return false;
  const Json* generate = Member(*field, "generate");
  if (generate != nullptr && !generate->IsNull() && !generate->IsFalse()) return true;
  const Json* value = Member(*field, "value");
  if (value == nullptr || !value->IsString()) return false;
  // References are ${path}, ${path:length} or ${path:length:pad}.
  std::string_view text = Text(*value);
  for (size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at)) {
    at += 2;
    size_t end = text.find('}', at);
    if (end == std::string_view::npos) break;
    std::string_view path = text.substr(at, end - at);
    path = path.substr(0, path.find(':'));
    if (IsGenerated(model, FieldOfPath(model, path), seen)) return true;
  }
  return false;
}

}  // namespace

bool WrittenOnce(const Json& schema, const Json& model) {
  const Json* indexes = Member(schema, "indexes");
  const Json* primary = indexes == nullptr ? nullptr : Member(*indexes, "primary");
  if (primary == nullptr) return false;
  for (const char* part : {"hash", "sort"}) {
    const Json* attribute = Member(*primary, part);
    if (attribute == nullptr || !attribute->IsString()) continue;
    std::set<const Json*> seen;
    if (IsGenerated(model, FieldOfAttribute(model, Text(*attribute)), &seen)) return true;
  }
  return false;
}

}  // namespace policy_onetable
