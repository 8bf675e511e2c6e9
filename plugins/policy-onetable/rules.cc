#include "plugins/policy-onetable/rules.h"

#include <vector>

#include "plugins/policy-onetable/json.h"
#include "plugins/policy-onetable/lane.h"
#include "tidegate/cpp/error.h"

namespace policy_onetable {
namespace {

using tidegate::sdk::Error;

struct Word {
  const char* text;
  uint32_t value;
};

constexpr Word kEnable[] = {{"cloud", TG_PLACE_CLOUD}, {"device", TG_PLACE_DEVICE}, {"both", TG_PLACE_BOTH}};
constexpr Word kSync[] = {
    {"up", TG_DIRECTION_UP}, {"down", TG_DIRECTION_DOWN}, {"both", TG_DIRECTION_BOTH}, {"none", TG_DIRECTION_NONE}};
constexpr Word kLanes[] = {
    {"urgent", TG_LANE_URGENT}, {"state", TG_LANE_STATE}, {"history", TG_LANE_HISTORY}, {"bulk", TG_LANE_BULK}};

[[noreturn]] void Refuse(const std::string& message) { throw Error(TG_INVALID, message); }

template <size_t N>
uint32_t WordOf(const Json& value, const Word (&words)[N], const std::string& place) {
  std::string known;
  for (const Word& word : words) {
    if (value.IsString() && Text(value) == word.text) return word.value;
    known += known.empty() ? word.text : std::string(", ") + word.text;
  }
  Refuse(place + " is " + (value.IsString() ? "'" + std::string(Text(value)) + "'" : std::string(TypeName(value))) +
         "; it must be one of " + known);
}

// How messages call a schema: by its name if it has one, else by its place in the list.
std::string SchemaLabel(const Json& schema, size_t index) {
  const Json* name = Member(schema, "name");
  if (name != nullptr && name->IsString()) return "schema '" + std::string(Text(*name)) + "'";
  return "schema " + std::to_string(index + 1);
}

struct Section {
  const Json* rules = nullptr;  // null = the schema has none
  std::string place;            // "schema 1: process"
};

// `process`, or `control`, its older name.
Section SectionOf(const Json& schema, const std::string& label) {
  const Json* process = Member(schema, "process");
  const Json* control = Member(schema, "control");
  if (process != nullptr && control != nullptr && *process != *control) {
    Refuse(label + ": has both process and control (its older name) with different content; keep process only");
  }
  const Json* rules = process != nullptr ? process : control;
  std::string place = label + ": " + (process != nullptr ? "process" : "control");
  if (rules != nullptr && !rules->IsObject()) {
    Refuse(place + " is " + TypeName(*rules) + "; it must be an object with a member for each model");
  }
  return {rules, std::move(place)};
}

// Members other than enable and sync may belong to another policy; a misspelt one must not go unseen.
Rule ReadRule(const Json& entry, const std::string& place, const Warn& warn) {
  if (!entry.IsObject()) Refuse(place + " is " + TypeName(entry) + "; it must be an object such as {\"sync\": \"up\"}");
  for (const auto& member : entry.GetObject()) {
    std::string_view name = Text(member.name);
    if (name == "enable" || name == "sync") continue;
    warn(place + "." + std::string(name) + " is not known to this policy, which reads enable and sync; passed over");
  }
  Rule rule;
  if (const Json* enable = Member(entry, "enable")) rule.place = WordOf(*enable, kEnable, place + ".enable");
  if (const Json* sync = Member(entry, "sync")) rule.direction = WordOf(*sync, kSync, place + ".sync");
  if (rule.place != TG_PLACE_BOTH && rule.direction != TG_DIRECTION_NONE) {
    warn(place + ": enable keeps the model in one place: the sync has no effect; remove one of the two");
    rule.direction = TG_DIRECTION_NONE;
  }
  return rule;
}

}  // namespace

Rules ReadRules(std::string_view schemas_json, const Warn& warn) {
  JsonDocument schemas = ParseJson(schemas_json, "the list of schemas");
  if (!schemas.IsArray()) Refuse("the list of schemas is " + std::string(TypeName(schemas)) + "; it must be an array");

  Rules rules;
  std::vector<Section> sections;
  for (size_t i = 0; i < schemas.Size(); ++i) {
    const Json& schema = schemas[static_cast<rapidjson::SizeType>(i)];
    std::string label = SchemaLabel(schema, i);
    if (!schema.IsObject()) Refuse(label + " is " + TypeName(schema) + "; it must be an object");
    sections.push_back(SectionOf(schema, label));
    const Json* models = Member(schema, "models");
    if (models == nullptr || !models->IsObject()) continue;  // the host has judged the schema itself
    for (const auto& model : models->GetObject()) {
      rules[std::string(Text(model.name))].lane = WrittenOnce(schema, model.value) ? TG_LANE_HISTORY : TG_LANE_STATE;
    }
  }

  // All models first: a section may speak of a model that another schema defines.
  std::map<std::string, std::string> said_at;
  for (const Section& section : sections) {
    if (section.rules == nullptr) continue;
    for (const auto& entry : section.rules->GetObject()) {
      std::string model(Text(entry.name));
      std::string place = section.place + "." + model;
      Rule read = ReadRule(entry.value, place, warn);
      auto rule = rules.find(model);
      if (rule == rules.end()) {
        warn(place + ": no schema defines a model of this name; the entry has no effect");
        continue;
      }
      auto [first, is_first] = said_at.emplace(model, place);
      if (!is_first && (rule->second.place != read.place || rule->second.direction != read.direction)) {
        Refuse(place + " and " + first->second + " say different things about one model; keep one of them");
      }
      rule->second.place = read.place;
      rule->second.direction = read.direction;
    }
  }
  return rules;
}

std::map<std::string, uint32_t, std::less<>> ReadLanes(std::string_view config_json) {
  JsonDocument config = ParseJson(config_json, "the configuration");
  if (!config.IsObject()) Refuse("the configuration is " + std::string(TypeName(config)) + "; it must be an object");
  std::map<std::string, uint32_t, std::less<>> lanes;
  const Json* section = Member(config, "lanes");
  if (section == nullptr) return lanes;
  if (!section->IsObject()) Refuse("lanes is " + std::string(TypeName(*section)) + "; it must be an object");
  for (const auto& entry : section->GetObject()) {
    std::string model(Text(entry.name));
    lanes[model] = WordOf(entry.value, kLanes, "lanes." + model);
  }
  return lanes;
}

}  // namespace policy_onetable
