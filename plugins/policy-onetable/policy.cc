#include "plugins/policy-onetable/policy.h"

namespace policy_onetable {

OnetablePolicy::OnetablePolicy(const tidegate::sdk::Host&, std::string_view config_json)
    : lanes_(ReadLanes(config_json)), retains_(ReadRetains(config_json)) {}

void OnetablePolicy::Reload(std::string_view schemas_json, const tidegate::sdk::TextSink& warnings) {
  Rules rules = ReadRules(
      schemas_json, [&warnings](const std::string& pointer, const std::string& text) { warnings.At(pointer, text); });
  for (const auto& [model, lane] : lanes_) {
    auto rule = rules.find(model);
    if (rule == rules.end()) {
      warnings("lanes." + model + ": no schema defines a model of this name");
    } else {
      rule->second.lane = lane;
    }
  }
  for (const auto& [model, retain] : retains_) {
    auto rule = rules.find(model);
    if (rule == rules.end()) {
      warnings("retain." + model + ": no schema defines a model of this name");
    } else if (rule->second.direction != TG_DIRECTION_UP &&
               (retain.drop_when_delivered != 0 || retain.age_ms_max != 0 || retain.when_full != TG_WHEN_FULL_REFUSE)) {
      warnings("retain." + model + ": only what goes up is ever dropped; of this model nothing is");
    }
  }
  rules_.swap(rules);
}

const Rule* OnetablePolicy::Find(std::string_view model) const {
  auto rule = rules_.find(model);
  return rule == rules_.end() ? nullptr : &rule->second;
}

std::optional<uint32_t> OnetablePolicy::Placement(std::string_view model) const {
  const Rule* rule = Find(model);
  return rule == nullptr ? std::nullopt : std::optional(rule->place);
}

std::optional<uint32_t> OnetablePolicy::Direction(std::string_view model) const {
  const Rule* rule = Find(model);
  return rule == nullptr ? std::nullopt : std::optional(rule->direction);
}

std::optional<uint32_t> OnetablePolicy::Lane(std::string_view model) const {
  if (const Rule* rule = Find(model)) return rule->lane;
  auto lane = lanes_.find(model);
  return lane == lanes_.end() ? std::nullopt : std::optional(lane->second);
}

std::optional<std::string> OnetablePolicy::Answer(std::string_view model) const {
  const Rule* rule = Find(model);
  return rule == nullptr || rule->answer.empty() ? std::nullopt : std::optional(rule->answer);
}

bool OnetablePolicy::Retain(std::string_view model, tg_retain& retain) const {
  auto found = retains_.find(model);
  if (found == retains_.end()) return false;
  retain = found->second;
  return true;
}

std::optional<std::string> OnetablePolicy::Accept(const tg_policy_item& item) const {
  std::string_view model = tidegate::sdk::View(item.change->model);
  const Rule* rule = Find(model);
  if (rule == nullptr) return std::nullopt;
  if (rule->place == TG_PLACE_CLOUD && item.role != TG_ROLE_SERVER) {
    return std::string(model) +
           " lives in the cloud only (its schema says enable: cloud): write it at the server, not at a " +
           (item.role == TG_ROLE_ROUTER ? "router" : "device");
  }
  if (rule->place == TG_PLACE_DEVICE && item.role == TG_ROLE_SERVER) {
    return std::string(model) +
           " lives on devices only (its schema says enable: device): write it there, not at the server";
  }
  return std::nullopt;
}

}  // namespace policy_onetable
