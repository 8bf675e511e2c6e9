// A whole plugin: a policy that refuses local writes of the model named "Forbidden". Rename it, then
// replace the class; the guide is docs/plugins.md of Tidegate.
#include <optional>
#include <string>
#include <string_view>

#include "tidegate/cpp/plugin.h"
#include "tidegate/cpp/policy.h"

namespace {

namespace sdk = tidegate::sdk;

class RefusePolicy {
 public:
  // create: the configuration is valid JSON that matches the schema below. Nothing is started here.
  RefusePolicy(const sdk::Host& host, std::string_view /*config_json*/) {
    host.log().Info("policy-refuse: local writes of Forbidden are refused");
  }

  // Local writes only, before the version is made. An answer is the reason of a denial.
  std::optional<std::string> Accept(const tg_policy_item& item) const {
    if (sdk::View(item.change->model) == "Forbidden")
      return "items of the model Forbidden are refused by policy-refuse";
    return std::nullopt;
  }
};

}  // namespace

TIDEGATE_PLUGIN("policy-refuse", TG_POLICY_KIND, "0.1.0", R"({"type": "object", "additionalProperties": false})",
                tidegate::sdk::PolicyPlugin<RefusePolicy>);
