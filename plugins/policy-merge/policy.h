// The policy that merges items field by field: of two writes at once to one item, made at two nodes, both
// survive where they touch different fields, and the later one where they touch the same.
// Thread safety: const methods from any thread; Reload with no other call under way. Ownership: owns its rules.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "tidegate/cpp/policy.h"

namespace policy_merge {

class MergePolicy {
 public:
  MergePolicy(const tidegate::sdk::Host& host, std::string_view config_json);

  void Reload(std::string_view schemas_json, const tidegate::sdk::TextSink& warnings);
  // The revision of the join, for the models that are merged. It changes whenever the join or its meta does.
  std::optional<uint32_t> Merges(std::string_view model) const;
  bool Stamp(const tg_policy_item* held, const tg_policy_item& written, std::string& policy_meta) const;
  bool Merge(const tg_policy_item& held, const tg_policy_item& incoming, std::string& body,
             std::string& policy_meta) const;
  // Stamps are bounded by the number of fields.
  std::optional<std::string> Accept(const tg_policy_item& item) const;

 private:
  std::set<std::string, std::less<>> configured_;
  size_t fields_max_ = 256;
  std::set<std::string, std::less<>> models_;
};

}  // namespace policy_merge
