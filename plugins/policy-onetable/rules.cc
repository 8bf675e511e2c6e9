#include "plugins/policy-onetable/rules.h"

#include <algorithm>
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

using tidegate::sdk::Status;

// A place as people read it, and as a JSON pointer for the host to find in the file.
struct Spot {
  std::string text;     // "process.Fault"
  std::string pointer;  // "/1/process/Fault"; empty = none

  Spot In(std::string_view name) const {
    Spot inner{(text.empty() ? "" : text + ".") + std::string(name), pointer + "/"};
    for (char c : name) inner.pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return inner;
  }
};

[[noreturn]] void Refuse(const std::string& message, const std::string& pointer = "") {
  throw Error(Status(TG_INVALID, message).At(pointer));
}

template <size_t N>
uint32_t WordOf(const Json& value, const Word (&words)[N], const Spot& spot) {
  std::string known;
  for (const Word& word : words) {
    if (value.IsString() && Text(value) == word.text) return word.value;
    known += known.empty() ? word.text : std::string(", ") + word.text;
  }
  Refuse(spot.text + " is " + (value.IsString() ? "'" + std::string(Text(value)) + "'" : std::string(TypeName(value))) +
             "; it must be one of " + known,
         spot.pointer);
}

struct Section {
  const Json* rules = nullptr;  // null = the schema has none
  Spot spot;                    // of process
};

// `process`, or `control`, its older name.
Section SectionOf(const Json& schema, const Spot& at) {
  const Json* process = Member(schema, "process");
  const Json* control = Member(schema, "control");
  if (process != nullptr && control != nullptr && *process != *control) {
    Refuse("both process and control (its older name) are here with different content; keep process only",
           at.In("control").pointer);
  }
  const Json* rules = process != nullptr ? process : control;
  Spot spot = at.In(process != nullptr ? "process" : "control");
  if (rules != nullptr && !rules->IsObject()) {
    Refuse(spot.text + " is " + TypeName(*rules) + "; it must be an object with a member for each model", spot.pointer);
  }
  return {rules, std::move(spot)};
}

// Other members may belong to another policy; a misspelt one must not go unseen.
Rule ReadRule(const Json& entry, const Spot& spot, const Warn& warn) {
  if (!entry.IsObject()) {
    Refuse(spot.text + " is " + TypeName(entry) + "; it must be an object such as {\"sync\": \"up\"}", spot.pointer);
  }
  for (const auto& member : entry.GetObject()) {
    std::string_view name = Text(member.name);
    if (name == "enable" || name == "sync" || name == "answer") continue;
    if (name == "merge") continue;  // of policy-merge, which knows its words
    Spot unknown = spot.In(name);
    warn(unknown.pointer,
         unknown.text + " is not known to this policy, which reads enable, sync and answer; passed over");
  }
  Rule rule;
  if (const Json* enable = Member(entry, "enable")) rule.place = WordOf(*enable, kEnable, spot.In("enable"));
  if (const Json* sync = Member(entry, "sync")) rule.direction = WordOf(*sync, kSync, spot.In("sync"));
  if (const Json* answer = Member(entry, "answer")) {
    Spot at = spot.In("answer");
    if (!answer->IsString() || Text(*answer).empty())
      Refuse(at.text + " is " + TypeName(*answer) + "; it must be the name of the model of the answers", at.pointer);
    rule.answer = Text(*answer);
  }
  if (rule.place != TG_PLACE_BOTH && rule.direction != TG_DIRECTION_NONE) {
    warn(spot.In("sync").pointer,
         spot.text + ": enable keeps the model in one place: the sync has no effect; remove one of the two");
    rule.direction = TG_DIRECTION_NONE;
  }
  return rule;
}

constexpr Word kDelivered[] = {{"keep", 0}, {"hop", 1}, {"server", 2}};
constexpr Word kWhenFull[] = {{"refuse", TG_WHEN_FULL_REFUSE},
                              {"drop_oldest", TG_WHEN_FULL_DROP_OLDEST},
                              {"keep_latest", TG_WHEN_FULL_KEEP_LATEST}};

uint64_t NumberOf(const Json& value, const std::string& place) {
  if (!value.IsUint64()) Refuse(place + " is " + TypeName(value) + "; it must be a whole number from 0");
  return value.GetUint64();
}

tg_retain ReadRetain(const Json& entry, const std::string& place) {
  if (!entry.IsObject()) Refuse(place + " is " + TypeName(entry) + "; it must be an object");
  tg_retain retain{};
  retain.struct_size = sizeof retain;
  for (const auto& member : entry.GetObject()) {
    std::string name(Text(member.name));
    std::string here = place + "." + name;
    if (name == "delivered") {
      retain.drop_when_delivered = WordOf(member.value, kDelivered, Spot{here, ""});
    } else if (name == "when_full") {
      retain.when_full = WordOf(member.value, kWhenFull, Spot{here, ""});
    } else if (name == "age_max_ms") {
      retain.age_ms_max = static_cast<int64_t>(std::min<uint64_t>(NumberOf(member.value, here), INT64_MAX));
    } else if (name == "items_max") {
      retain.items_max = NumberOf(member.value, here);
    } else if (name == "bytes_max") {
      retain.bytes_max = NumberOf(member.value, here);
    } else {
      Refuse(here + ": no such rule; known are delivered, age_max_ms, items_max, bytes_max and when_full");
    }
  }
  return retain;
}

}  // namespace

std::map<std::string, tg_retain, std::less<>> ReadRetains(std::string_view config_json) {
  JsonDocument config = ParseJson(config_json, "the configuration");
  std::map<std::string, tg_retain, std::less<>> retains;
  const Json* section = config.IsObject() ? Member(config, "retain") : nullptr;
  if (section == nullptr) return retains;
  if (!section->IsObject()) Refuse("retain is " + std::string(TypeName(*section)) + "; it must be an object");
  for (const auto& entry : section->GetObject()) {
    std::string model(Text(entry.name));
    retains[model] = ReadRetain(entry.value, "retain." + model);
  }
  return retains;
}

Rules ReadRules(std::string_view schemas_json, const Warn& warn) {
  JsonDocument schemas = ParseJson(schemas_json, "the list of schemas");
  if (!schemas.IsArray()) Refuse("the list of schemas is " + std::string(TypeName(schemas)) + "; it must be an array");

  Rules rules;
  std::vector<Section> sections;
  for (size_t i = 0; i < schemas.Size(); ++i) {
    const Json& schema = schemas[static_cast<rapidjson::SizeType>(i)];
    Spot at{"", "/" + std::to_string(i)};
    if (!schema.IsObject())
      Refuse("the schema is " + std::string(TypeName(schema)) + "; it must be an object", at.pointer);
    sections.push_back(SectionOf(schema, at));
    const Json* models = Member(schema, "models");
    if (models == nullptr || !models->IsObject()) continue;  // the host has judged the schema itself
    for (const auto& model : models->GetObject()) {
      rules[std::string(Text(model.name))].lane = WrittenOnce(schema, model.value) ? TG_LANE_HISTORY : TG_LANE_STATE;
    }
  }

  // All models first: a section may speak of a model that another schema defines.
  std::map<std::string, size_t> said_by;
  for (size_t i = 0; i < sections.size(); ++i) {
    if (sections[i].rules == nullptr) continue;
    for (const auto& entry : sections[i].rules->GetObject()) {
      std::string model(Text(entry.name));
      Spot spot = sections[i].spot.In(model);
      Rule read = ReadRule(entry.value, spot, warn);
      auto rule = rules.find(model);
      if (rule == rules.end()) {
        warn(spot.pointer, spot.text + ": no schema defines a model of this name; the entry has no effect");
        continue;
      }
      auto [first, is_first] = said_by.emplace(model, i);
      if (!is_first && (rule->second.place != read.place || rule->second.direction != read.direction ||
                        rule->second.answer != read.answer)) {
        Refuse(spot.text + " differs from what an earlier schema (number " + std::to_string(first->second + 1) +
                   " in the list of schemas) says of this model; keep one of them",
               spot.pointer);
      }
      rule->second.place = read.place;
      rule->second.direction = read.direction;
      rule->second.answer = read.answer;
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
    lanes[model] = WordOf(entry.value, kLanes, Spot{"lanes." + model, ""});
  }
  return lanes;
}

}  // namespace policy_onetable
