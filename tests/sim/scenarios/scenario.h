// Scenario: three tiers on virtual time, for tests that play one story to its end.
// Thread safety: none. Ownership: owns its world.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "tests/sim/world.h"

namespace tidegate::sim {

inline constexpr AgentId kS = kAgentServer, kG = 10, kD = 100, kE = 101, kF = 102;

class Scenario : public ::testing::Test {
 protected:
  Scenario();

  // Options may be changed before this.
  void Build();
  void StartAll();
  World& world() { return *world_; }
  SimNode& at(AgentId agent) { return world_->node(agent); }
  void RunFor(int64_t us) { world_->RunFor(us); }

  // Each runs the world until the answer is there; the write must succeed.
  std::string Put(AgentId agent, const std::string& model, const std::string& properties,
                  std::optional<AgentId> to = {});
  void Remove(AgentId agent, const std::string& model, const std::string& properties,
              std::optional<AgentId> owner = {});
  replica::WriteAnswer Ask(AgentId agent, const replica::Transaction& transaction);
  // The item at that node; empty = none.
  std::string Get(AgentId agent, const std::string& model, const std::string& properties,
                  std::optional<AgentId> owner = {});
  uint64_t Count(AgentId agent, const std::string& model);
  uint64_t Tombstones(AgentId agent);
  // Whether everything up to now is at the target within the time.
  bool Synced(AgentId agent, node::SyncTarget target, int64_t within_us);

  // Everything comes to rest and every invariant holds.
  void ExpectRest(int64_t within_us = 120 * kSecond);

  WorldOptions options_;

 private:
  std::unique_ptr<World> world_;
  uint64_t requests_ = 1'000'000;
};

}  // namespace tidegate::sim
