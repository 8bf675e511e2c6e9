// Scenarios of nodes that move, by their letters.
#include <gmock/gmock.h>

#include "host/base/views.h"
#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

constexpr AgentId kG2 = 11, kR = 12;
constexpr int64_t kHour = 3'600 * kSecond, kDay = 24 * kHour;

class ScenarioMoves : public Scenario {
 protected:
  void BuildTwo() {
    Build();
    world().Add(kG2, TG_ROLE_ROUTER, 2, kS);
    world().oracle().AllowLeftovers();
  }
  // A new parent is configured.
  void Move(AgentId agent, AgentId parent) {
    at(agent).Crash("to move");
    at(agent).SetParent(parent);
    at(agent).Start();
  }
};

class ScenarioMovesDays : public ScenarioMoves, public ::testing::WithParamInterface<int> {};

TEST_P(ScenarioMovesDays, D_MovesWhileItsRouterIsAway_EverythingOnceDeletedStaysDeleted) {
  // So many days of keep-alives are not the subject.
  options_.node.keepalive_ms = 6 * kHour / kMs;
  options_.node.link_timeout_ms = 24 * kHour / kMs;
  BuildTwo();
  StartAll();
  Put(kD, "Gauge", R"({"name":"delivered","n":1})");
  Put(kD, "Setting", R"({"name":"both","n":1})");
  Put(kS, "Config", R"({"name":"down","n":1})", kD);
  ExpectRest();
  world().network().Cut(kG, true);
  Put(kD, "Gauge", R"({"name":"late","n":2})");
  Put(kD, "Gauge", R"({"name":"dropped","n":3})");
  Put(kD, "Setting", R"({"name":"both","n":4})");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kHop, 10 * kSecond));
  EXPECT_EQ(Count(kS, "Gauge"), 1u);
  at(kG).Crash("for the scenario");
  for (AgentId device : {kD, kE, kF}) Move(device, kG2);
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 60 * kSecond));
  EXPECT_EQ(Count(kS, "Gauge"), 3u);
  Remove(kD, "Gauge", R"({"name":"dropped"})");
  Put(kD, "Setting", R"({"name":"both","n":5})");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 60 * kSecond));
  RunFor(GetParam() * kDay);
  world().network().Cut(kG, false);
  at(kG).Start();
  ExpectRest(2 * kHour);
  EXPECT_EQ(Count(kS, "Gauge"), 2u);
  EXPECT_EQ(Get(kS, "Gauge", R"({"name":"dropped"})", kD), "");
  EXPECT_THAT(Get(kS, "Setting", R"({"name":"both"})", kD), ::testing::HasSubstr("\"n\":5"));
  EXPECT_EQ(Count(kD, "Config"), 1u);
  EXPECT_EQ(Count(kG, "Config"), 0u) << "the old parent keeps what goes down to a former child";
  EXPECT_EQ(Count(kG, "Setting"), 0u);
}

TEST_F(ScenarioMoves, MovesWithWhatTheServerRefused_NothingIsRemovedAndTheNewWayKnowsToo) {
  options_.strict_server = true;
  BuildTwo();
  StartAll();
  RunFor(5 * kSecond);
  const std::string bad = R"({"name":"bad","n":2,"text":")" + std::string(300, 'y') + "\"}";
  replica::Write setting{replica::WriteMode::kUpsert, "Setting", R"({"name":"with","n":1})", {}, {}};
  replica::Write gauge{replica::WriteMode::kUpsert, "Gauge", bad, {}, {}};
  ASSERT_TRUE(Ask(kD, {setting, gauge}).status.ok());
  Put(kD, "Gauge", R"({"name":"alone","n":3,"text":")" + std::string(300, 'y') + "\"}");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 30 * kSecond));
  ASSERT_EQ(at(kD).quarantine().size(), 3u);
  Move(kD, kG2);
  ExpectRest();
  EXPECT_NE(Get(kD, "Setting", R"({"name":"with"})"), "") << "refused is not deleted";
  for (AgentId agent : {kS, kG2, kD}) EXPECT_GE(at(agent).quarantine().size(), 3u) << "at node " << agent;
  Put(kD, "Gauge", R"({"name":"bad","n":4})");
  Put(kD, "Gauge", R"({"name":"alone","n":5})");
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 2u);
  EXPECT_NE(Get(kS, "Setting", R"({"name":"with"})", kD), "");
  for (AgentId agent : {kS, kG2, kD}) EXPECT_TRUE(at(agent).quarantine().empty()) << "at node " << agent;
}

// Seed 395 of `everything`: what it wrote anew came up another way, and the old routers kept the refused state for
// ever.
TEST_F(ScenarioMoves, MovesOnFromWhatTheServerRefused_TheRoutersItLeftLetItGo) {
  options_.strict_server = true;
  BuildTwo();
  world().Add(kR, TG_ROLE_ROUTER, 3, kG2);
  StartAll();
  Move(kD, kR);
  RunFor(5 * kSecond);
  replica::Write setting{replica::WriteMode::kUpsert, "Setting", R"({"name":"with","n":1})", {}, {}};
  replica::Write gauge{
      replica::WriteMode::kUpsert, "Gauge", R"({"name":"bad","n":2,"text":")" + std::string(300, 'y') + "\"}", {}, {}};
  ASSERT_TRUE(Ask(kD, {setting, gauge}).status.ok());
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 30 * kSecond));
  ASSERT_EQ(at(kR).quarantine().size(), 2u);
  Move(kD, kG);
  ExpectRest();
  EXPECT_EQ(Count(kR, "Setting"), 1u) << "it has not got there";
  Put(kD, "Setting", R"({"name":"with","n":3})");
  Put(kD, "Gauge", R"({"name":"bad","n":4})");
  ExpectRest();
  for (AgentId agent : {kG2, kR}) {
    EXPECT_EQ(Count(agent, "Setting"), 0u) << "at node " << agent;
    EXPECT_TRUE(at(agent).quarantine().empty()) << "at node " << agent;
  }
}

INSTANTIATE_TEST_SUITE_P(Days, ScenarioMovesDays, ::testing::Values(29, 60));

TEST_F(ScenarioMoves, R_RouterMovesWithItsDevicesAndBack_NothingRemovedNoHistorySentAgain) {
  constexpr int kItems = 40;
  options_.weather.delay_us_max = options_.weather.delay_us_min;  // frames that overtake are sent again: not counted
  BuildTwo();
  world().Add(kR, TG_ROLE_ROUTER, 3, kG);
  for (AgentId device : {kD, kE, kF}) at(device).SetParent(kR);
  StartAll();
  for (AgentId device : {kD, kE, kF}) {
    for (int i = 0; i < kItems; ++i) {
      const std::string name = "{\"name\":\"n" + std::to_string(i) + "\",\"n\":1}";
      Put(device, "Setting", name);
      Put(device, "Gauge", name);
      Put(kS, "Config", name, device);
    }
  }
  ExpectRest();
  // What the router that moves sends of what was delivered long ago, and all that its link carries.
  uint64_t history = 0, changes = 0;
  world().network().SetFilter([&](AgentId from, AgentId to, const wire::Body& body) {
    if (from != kR && to != kR) return true;
    if (const auto* batch = std::get_if<wire::Batch>(&body)) {
      for (const tg_change& change : batch->changes) history += View(change.model) == "Gauge" ? 1 : 0;
      changes += batch->changes.size();
    }
    if (const auto* answer = std::get_if<wire::CompareAnswer>(&body)) {
      for (const wire::RangeAnswer& range : answer->ranges) changes += range.changes.size();
    }
    return true;
  });
  const std::pair<AgentId, AgentId> moves[] = {{kG, kG2}, {kG2, kG}};
  for (const auto& [old_parent, parent] : moves) {
    history = changes = 0;
    at(kR).Crash("to move");
    Put(kS, "Config", R"({"name":"n0","n":2})", kD);
    at(kR).SetParent(parent);
    at(kR).Start();
    ExpectRest();
    EXPECT_EQ(history, 0u) << "what is delivered was sent again";
    // The new parent has nothing of what goes down to them, or both ways: that travels.
    EXPECT_LE(changes, 6u * kItems + 10);
    for (const node::LinkStatus& link : at(old_parent).status().links) EXPECT_NE(link.agent, kR);
    EXPECT_EQ(Count(old_parent, "Setting"), 0u);
    EXPECT_EQ(Count(old_parent, "Config"), 0u);
    for (AgentId agent : {kS, parent, kR}) EXPECT_EQ(Count(agent, "Setting"), 3u * kItems) << agent;
    for (AgentId device : {kD, kE, kF}) EXPECT_EQ(Count(device, "Setting"), uint64_t{kItems});
  }
}

}  // namespace
}  // namespace tidegate::sim
