#include "host/config/schema_view.h"

#include <algorithm>

namespace tidegate {

namespace {

using Json = nlohmann::json;

const Json* Member(const Json& json, const std::string& name) {
  if (!json.is_object()) return nullptr;
  auto it = json.find(name);
  return it == json.end() ? nullptr : &*it;
}

}  // namespace

std::vector<std::string> PointerSteps(std::string_view pointer) {
  std::vector<std::string> steps;
  for (size_t i = 0; i < pointer.size(); i++) {
    if (pointer[i] == '/') {
      steps.emplace_back();
    } else if (steps.empty()) {
      continue;
    } else if (pointer[i] == '~' && i + 1 < pointer.size()) {
      steps.back() += pointer[++i] == '1' ? '/' : '~';
    } else {
      steps.back() += pointer[i];
    }
  }
  return steps;
}

void SchemaView::Spread(const Json& schema, Schemas& out) const {
  if (!schema.is_object() || std::find(out.begin(), out.end(), &schema) != out.end()) return;
  out.push_back(&schema);
  if (const Json* ref = Member(schema, "$ref"); ref != nullptr && ref->is_string()) {
    const auto& text = ref->get_ref<const std::string&>();
    const Json* target = text.starts_with('#') ? &root_ : nullptr;
    for (const std::string& step : PointerSteps(text)) {
      if (target != nullptr) target = Member(*target, step);
    }
    if (target != nullptr) Spread(*target, out);
  }
  for (const char* list : {"allOf", "anyOf", "oneOf"}) {
    if (const Json* branches = Member(schema, list); branches != nullptr && branches->is_array()) {
      for (const Json& branch : *branches) Spread(branch, out);
    }
  }
  for (const char* branch : {"then", "else"}) {
    if (const Json* subschema = Member(schema, branch); subschema != nullptr) Spread(*subschema, out);
  }
}

SchemaView::Schemas SchemaView::At(std::string_view pointer) const {
  Schemas here;
  Spread(root_, here);
  for (const std::string& step : PointerSteps(pointer)) {
    Schemas next;
    for (const Json* schema : here) {
      const Json* properties = Member(*schema, "properties");
      const Json* property = properties == nullptr ? nullptr : Member(*properties, step);
      if (property == nullptr) property = Member(*schema, "additionalProperties");
      if (property != nullptr) Spread(*property, next);
      const Json* items = Member(*schema, "items");
      if (items == nullptr) continue;
      if (!items->is_array()) {
        Spread(*items, next);
      } else if (size_t index = std::strtoull(step.c_str(), nullptr, 10); index < items->size()) {
        Spread((*items)[index], next);
      }
    }
    here = std::move(next);
  }
  return here;
}

std::set<std::string> SchemaView::Types(std::string_view pointer) const {
  std::set<std::string> types;
  for (const Json* schema : At(pointer)) {
    const Json* type = Member(*schema, "type");
    if (type == nullptr) continue;
    for (const Json& one : type->is_array() ? *type : Json::array({*type})) {
      if (one.is_string()) types.insert(one.get<std::string>());
    }
  }
  return types;
}

std::vector<std::string> SchemaView::Keys(std::string_view pointer) const {
  std::vector<std::string> keys;
  for (const Json* schema : At(pointer)) {
    const Json* properties = Member(*schema, "properties");
    if (properties == nullptr || !properties->is_object()) continue;
    for (auto& [key, value] : properties->items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    }
  }
  return keys;
}

std::vector<Json> SchemaView::Values(std::string_view pointer) const {
  std::vector<Json> values;
  for (const Json* schema : At(pointer)) {
    if (const Json* list = Member(*schema, "enum"); list != nullptr && list->is_array()) {
      for (const Json& value : *list) {
        if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
      }
    }
    if (const Json* value = Member(*schema, "const"); value != nullptr) values.push_back(*value);
  }
  return values;
}

const Json* SchemaView::Keyword(std::string_view pointer, const char* keyword) const {
  for (const Json* schema : At(pointer)) {
    if (const Json* value = Member(*schema, keyword); value != nullptr) return value;
  }
  return nullptr;
}

}  // namespace tidegate
