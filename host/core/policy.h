// Policy: decides by model and item where data lives and how it moves. Pure functions.
// Thread safety: const functions from any thread; Reload with no other call under way.
// Ownership: see tg.policy.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/ids.h"
#include "host/base/status.h"
#include "tidegate/change.h"
#include "tidegate/policy.h"

namespace tidegate::core {

struct PolicyContext {
  uint32_t role = TG_ROLE_DEVICE;
  AgentId agent = 0;
};

// How states of a model's items are joined: by which policy, and which revision of its join.
struct MergeRule {
  std::string policy;
  uint32_t revision = 0;
  bool operator==(const MergeRule&) const = default;
};

// What a join made. An empty body is a tombstone.
struct Joined {
  std::string body;
  std::string policy_meta;
};

class Policy {
 public:
  virtual ~Policy() = default;
  // Every schema as one JSON array. On error the policy keeps what it had. The error and each warning begin
  // with a JSON pointer into the array and a line feed if they speak of a place there (tidegate/policy.h).
  virtual Status Reload(std::string_view schemas_json, std::vector<std::string>* warnings) = 0;
  // Empty: no opinion.
  virtual std::optional<uint32_t> Placement(std::string_view model) const = 0;
  virtual std::optional<uint32_t> Direction(std::string_view model) const = 0;
  virtual std::optional<uint32_t> Lane(std::string_view model) const = 0;
  virtual std::optional<uint32_t> Route(const PolicyContext& at, const tg_change& change, AgentId neighbour) const = 0;
  virtual std::optional<tg_retain> Retain(std::string_view) const { return std::nullopt; }
  // kRefused with the reason, or ok.
  virtual Status Accept(const PolicyContext& at, const tg_change& change) const = 0;

  // The model of the answers, of a model whose items make a program run.
  virtual std::optional<std::string> Answer(std::string_view) const { return std::nullopt; }

  // Empty: the newest state wins.
  virtual std::optional<MergeRule> Merges(std::string_view) const { return std::nullopt; }
  // The policy_meta of a local write over held (null = nothing).
  virtual std::optional<std::string> Stamp(const PolicyContext&, const tg_change*, const tg_change&) const {
    return std::nullopt;
  }
  virtual std::optional<Joined> Merge(const PolicyContext&, const tg_change&, const tg_change&) const {
    return std::nullopt;
  }
};

// The policies of the configuration in order; the first that does not pass decides, Accept composes.
class PolicyChain : public Policy {
 public:
  explicit PolicyChain(std::vector<std::unique_ptr<Policy>> links) : links_(std::move(links)) {}
  // Takes the policies of the other, and gives it these. Nobody asks either meanwhile.
  void Swap(PolicyChain& other) { links_.swap(other.links_); }
  Status Reload(std::string_view schemas_json, std::vector<std::string>* warnings) override;
  std::optional<uint32_t> Placement(std::string_view model) const override;
  std::optional<uint32_t> Direction(std::string_view model) const override;
  std::optional<uint32_t> Lane(std::string_view model) const override;
  std::optional<uint32_t> Route(const PolicyContext& at, const tg_change& change, AgentId neighbour) const override;
  std::optional<tg_retain> Retain(std::string_view model) const override;
  Status Accept(const PolicyContext& at, const tg_change& change) const override;
  std::optional<std::string> Answer(std::string_view model) const override;
  std::optional<MergeRule> Merges(std::string_view model) const override;
  std::optional<std::string> Stamp(const PolicyContext& at, const tg_change* held,
                                   const tg_change& written) const override;
  std::optional<Joined> Merge(const PolicyContext& at, const tg_change& held, const tg_change& incoming) const override;

 private:
  const Policy* MergerOf(tg_str model) const;

  std::vector<std::unique_ptr<Policy>> links_;
};

}  // namespace tidegate::core
