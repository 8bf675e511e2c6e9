// What an item says of the key of another model's item.
#include <set>

#include "host/schema/item_values.h"

namespace tidegate {
namespace {

// The fields that the value of a field is made of: itself, or those that its template names.
void AddSources(const ModelRules& rules, uint16_t field, std::set<std::string>* names) {
  if (field == kNoField) return;
  const Field& made = rules.list.fields[field];
  if (!made.value) {
    names->insert(made.name);
    return;
  }
  for (const ValueTemplate::Part& part : made.value->parts) {
    if (part.source == ValueTemplate::Source::kField && part.field != field) AddSources(rules, part.field, names);
  }
}

}  // namespace

Result<std::string> KeyPropertiesFor(const Model& to, std::string_view shown) {
  std::set<std::string> names;
  AddSources(to.rules(), to.rules().pk, &names);
  AddSources(to.rules(), to.rules().sk, &names);
  ParsedObject parsed;
  TG_RETURN_IF_ERROR(parsed.Parse(shown, "item"));
  std::string json = "{";
  for (const std::string& name : names) {
    auto member =
        parsed.root().FindMember(rapidjson::Value(name.data(), static_cast<rapidjson::SizeType>(name.size())));
    if (member == parsed.root().MemberEnd() || member->value.IsNull()) continue;
    if (json.size() > 1) json += ',';
    rapidjson::Value text(name.data(), static_cast<rapidjson::SizeType>(name.size()));
    TG_RETURN_IF_ERROR(AppendCanonical(text, 1, &json));
    json += ':';
    TG_RETURN_IF_ERROR(AppendCanonical(member->value, 1, &json));
  }
  return json + "}";
}

}  // namespace tidegate
