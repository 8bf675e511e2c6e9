// What OneTable schemas say about replication: for each model where it lives, which way it goes, and
// whether its items are written once or updated.
// Thread safety: plain values. Ownership: each owns its texts.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "tidegate/policy.h"

namespace policy_onetable {

struct Rule {
  uint32_t place = TG_PLACE_BOTH;
  uint32_t direction = TG_DIRECTION_NONE;
  uint32_t lane = TG_LANE_STATE;
  std::string answer = {};  // the model of the answers, of a command
};

using Rules = std::map<std::string, Rule, std::less<>>;
using Warn = std::function<void(const std::string& pointer, const std::string& text)>;

// One rule for each model that a schema defines. schemas_json: an array of schema objects. Throws
// tidegate::sdk::Error (TG_INVALID); it and what warn gets name the place by a JSON pointer into the array.
Rules ReadRules(std::string_view schemas_json, const Warn& warn);

// Lanes by model, from the plugin's configuration: {"lanes": {"Alarm": "urgent"}}.
std::map<std::string, uint32_t, std::less<>> ReadLanes(std::string_view config_json);

// What is kept how long, by model: {"retain": {"Reading": {"delivered": "server", "items_max": 100000}}}.
std::map<std::string, tg_retain, std::less<>> ReadRetains(std::string_view config_json);

}  // namespace policy_onetable
