// Catalog: the schemas and what the policies say of each model, resolved once at load.
// Thread safety: Catalog is immutable; CatalogHolder swaps whole catalogs under a lock.
// Ownership: readers keep a shared_ptr while they work.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/base/status.h"
#include "host/core/policy.h"
#include "host/schema/schema.h"

namespace tidegate::replica {

// What decides where items of a model live and how they move.
struct ModelRule {
  std::string name;
  const Model* model = nullptr;
  uint32_t direction = TG_DIRECTION_NONE;
  uint32_t lane = TG_LANE_STATE;
  uint32_t placement = TG_PLACE_BOTH;
  std::optional<core::MergeRule> merge;  // how states are joined; empty = the newest wins
  const ModelRule* answer = nullptr;     // items make a program run: the model of what it answers
  const ModelRule* command = nullptr;    // items are answers: the model of what they answer
  tg_retain retain{};                    // all zero: everything is kept
};

class Catalog {
 public:
  // Asks the policies about every model of the schemas; warnings get a line for each doubtful thing.
  static Result<std::shared_ptr<const Catalog>> Make(std::shared_ptr<const SchemaSet> schemas, core::Policy& policy,
                                                     std::vector<std::string>* warnings);

  const ModelRule* Find(std::string_view model) const;  // null if unknown
  // Whether two states of a model are joined, rather than the newer one taken.
  bool Joins(std::string_view model) const {
    const ModelRule* rule = Find(model);
    return rule != nullptr && rule->merge.has_value();
  }
  const std::vector<ModelRule>& rules() const { return rules_; }
  const SchemaSet& schemas() const { return *schemas_; }
  bool has_commands() const { return has_commands_; }

 private:
  std::shared_ptr<const SchemaSet> schemas_;
  void PairCommands(const core::Policy& policy, std::vector<std::string>* warnings);

  std::vector<ModelRule> rules_;
  bool has_commands_ = false;
  std::unordered_map<std::string_view, const ModelRule*> by_name_;
};

class CatalogHolder {
 public:
  explicit CatalogHolder(std::shared_ptr<const Catalog> catalog) : catalog_(std::move(catalog)) {}
  std::shared_ptr<const Catalog> Get() const {
    std::lock_guard lock(mutex_);
    return catalog_;
  }
  void Set(std::shared_ptr<const Catalog> catalog) {
    std::lock_guard lock(mutex_);
    catalog_ = std::move(catalog);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Catalog> catalog_;
};

}  // namespace tidegate::replica
