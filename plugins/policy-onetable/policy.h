// The policy that OneTable schemas carry in `process` (older: `control`): enable says where a model
// lives, sync which way it goes. Everything else passes.
// Thread safety: const methods from any thread; Reload with no other call under way.
// Ownership: owns its rules; they are replaced as a whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "plugins/policy-onetable/rules.h"
#include "tidegate/cpp/policy.h"

namespace policy_onetable {

class OnetablePolicy {
 public:
  OnetablePolicy(const tidegate::sdk::Host& host, std::string_view config_json);

  void Reload(std::string_view schemas_json, const tidegate::sdk::TextSink& warnings);
  // Of models that no schema defines there is no opinion, except for a lane that the configuration names.
  std::optional<uint32_t> Placement(std::string_view model) const;
  std::optional<uint32_t> Direction(std::string_view model) const;
  std::optional<uint32_t> Lane(std::string_view model) const;
  std::optional<std::string> Answer(std::string_view model) const;
  // What the configuration says; the schemas say nothing of it.
  bool Retain(std::string_view model, tg_retain& retain) const;
  // A model kept in the cloud is written at the server, one kept at the devices not there.
  std::optional<std::string> Accept(const tg_policy_item& item) const;

 private:
  const Rule* Find(std::string_view model) const;

  std::map<std::string, uint32_t, std::less<>> lanes_;     // from the configuration
  std::map<std::string, tg_retain, std::less<>> retains_;  // from the configuration
  Rules rules_;
};

}  // namespace policy_onetable
