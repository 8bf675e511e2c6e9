// A policy plugin as core::Policy. An answer outside its range is a defect of the plugin: it counts as
// no opinion and is logged once.
// Thread safety: as core::Policy. Ownership: owns the instance; destruction destroys it.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "host/core/policy.h"
#include "host/plugin/instance.h"

namespace tidegate::plugin {

class PluginPolicy : public core::Policy {
 public:
  // plugin: what its entry returned. Without a file this serves a plugin that is linked in. id: of its note, the
  // same at every node; name is what this node's configuration calls it.
  static Result<std::unique_ptr<PluginPolicy>> Create(const tg_plugin* plugin, const std::string& name,
                                                      const std::string& config_json, const Environment& environment,
                                                      const std::string& id = {});

  Status Reload(std::string_view schemas_json, std::vector<std::string>* warnings) override;
  std::optional<uint32_t> Placement(std::string_view model) const override;
  std::optional<uint32_t> Direction(std::string_view model) const override;
  std::optional<uint32_t> Lane(std::string_view model) const override;
  std::optional<uint32_t> Route(const core::PolicyContext& at, const tg_change& change,
                                AgentId neighbour) const override;
  std::optional<tg_retain> Retain(std::string_view model) const override;
  Status Accept(const core::PolicyContext& at, const tg_change& change) const override;
  std::optional<std::string> Answer(std::string_view model) const override;
  std::optional<core::MergeRule> Merges(std::string_view model) const override;
  std::optional<std::string> Stamp(const core::PolicyContext& at, const tg_change* held,
                                   const tg_change& written) const override;
  std::optional<core::Joined> Merge(const core::PolicyContext& at, const tg_change& held,
                                    const tg_change& incoming) const override;

 private:
  PluginPolicy(std::unique_ptr<Instance> instance, std::string id)
      : id_(std::move(id)), instance_(std::move(instance)), table_(instance_->table<tg_policy_v1>()) {}
  std::optional<uint32_t> Judge(uint32_t verdict, uint32_t value, uint32_t least, uint32_t greatest,
                                const char* function) const;

  std::string id_;
  std::unique_ptr<Instance> instance_;
  const tg_policy_v1* table_;
  mutable std::atomic<bool> complained_{false};
};

}  // namespace tidegate::plugin
