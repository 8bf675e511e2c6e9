// Scenarios of disks that go back or are exchanged, by their letters.
#include <gmock/gmock.h>

#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

using ::testing::HasSubstr;

class ScenarioRewinds : public Scenario {
 protected:
  static std::string Gauge(int n) {
    return R"({"name":"g)" + std::to_string(n) + R"(","n":)" + std::to_string(n) + "}";
  }
  void Gauges(AgentId agent, int first, int last) {
    for (int n = first; n <= last; ++n) Put(agent, "Gauge", Gauge(n));
  }
  std::string ToldAtParentLink(AgentId agent) {
    for (const node::LinkStatus& link : at(agent).status().links)
      if (link.is_parent) return link.last_error;
    return "no link to a parent";
  }
  void RollBack(AgentId agent, bool same_epoch, bool note = false) {
    at(agent).RollBack(note, same_epoch);
    at(agent).Start();
  }
};

class ScenarioRollback : public ScenarioRewinds, public ::testing::WithParamInterface<std::tuple<bool, int>> {};

TEST_P(ScenarioRollback, M_DeviceRolledBack_OfflineWritesAreKeptAndDeletesStay) {
  auto [same_epoch, offline] = GetParam();
  Build();
  StartAll();
  Put(kD, "Setting", R"({"name":"gone","n":1})");
  Put(kD, "Setting", R"({"name":"kept","n":1})");
  Gauges(kD, 1, 5);
  ExpectRest();
  at(kD).SnapshotAtStart();
  at(kD).Crash("for the scenario");
  at(kD).Start();
  Gauges(kD, 6, 30);
  Remove(kD, "Setting", R"({"name":"gone"})");
  Put(kD, "Setting", R"({"name":"kept","n":2})");
  ExpectRest();
  world().network().Cut(kD, true);
  RollBack(kD, same_epoch);
  Gauges(kD, 101, 100 + offline);
  world().network().Cut(kD, false);
  ExpectRest(300 * kSecond);
  EXPECT_EQ(Count(kS, "Gauge"), 30u + static_cast<uint64_t>(offline));
  EXPECT_EQ(Get(kD, "Setting", R"({"name":"gone"})"), "");
  EXPECT_EQ(Get(kS, "Setting", R"({"name":"gone"})", kD), "");
  EXPECT_THAT(Get(kD, "Setting", R"({"name":"kept"})"), HasSubstr("\"n\":2"));
  Put(kD, "Setting", R"({"name":"kept","n":3})");
  ExpectRest();
  EXPECT_THAT(Get(kS, "Setting", R"({"name":"kept"})", kD), HasSubstr("\"n\":3"));
  EXPECT_EQ(at(kD).status().links[0].state, "up");
}
INSTANTIATE_TEST_SUITE_P(StartAndWrites, ScenarioRollback,
                         ::testing::Combine(::testing::Bool(), ::testing::Values(3, 60)));

TEST_F(ScenarioRewinds, M_RolledBackTwiceToOneSnapshot_IsComparedThoughItsWatermarkIsGood) {
  Build();
  StartAll();
  Put(kD, "Setting", R"({"name":"a","n":1})");
  ExpectRest();
  at(kD).Snapshot();
  Remove(kD, "Setting", R"({"name":"a"})");
  ExpectRest();
  for (int n = 0; n < 3; ++n) {
    RollBack(kD, false);
    ExpectRest();
    EXPECT_EQ(Get(kD, "Setting", R"({"name":"a"})"), "") << n;
  }
}

TEST_F(ScenarioRewinds, E_ServerRestored_GatewayToldAndKilledBeforeTheDeviceHears) {
  Build();
  StartAll();
  Gauges(kD, 1, 5);
  Put(kD, "Setting", R"({"name":"old","n":1})");
  ExpectRest();
  at(kS).Snapshot();
  Gauges(kD, 6, 20);
  Put(kD, "Setting", R"({"name":"new","n":2})");
  Remove(kD, "Setting", R"({"name":"old"})");
  Put(kS, "Config", R"({"name":"down","n":3})", kD);
  ExpectRest();
  world().network().Cut(kD, true);
  RunFor(2 * kSecond);
  RollBack(kS, false, true);
  EXPECT_EQ(Count(kS, "Gauge"), 5u);
  RunFor(3 * kSecond);
  at(kG).Crash("for the scenario");
  RunFor(3 * kSecond);
  at(kG).Start();
  world().network().Cut(kD, false);
  ExpectRest(300 * kSecond);
  EXPECT_EQ(Count(kS, "Gauge"), 20u);
  EXPECT_THAT(Get(kS, "Setting", R"({"name":"new"})", kD), HasSubstr("\"n\":2"));
  EXPECT_EQ(Get(kS, "Setting", R"({"name":"old"})", kD), "") << "deleted after the backup";
  EXPECT_THAT(Get(kD, "Config", R"({"name":"down"})"), HasSubstr("\"n\":3")) << "nothing is removed below";
  EXPECT_GT(at(kS).status().restored_unix_ms, 0);
  EXPECT_TRUE(at(kS).status().losses_unconfirmed) << "until an operator says that it is all";
}

// Of each Config of device D, what the node holds.
class ScenarioConfirm : public ScenarioRewinds, public ::testing::WithParamInterface<bool> {
 protected:
  void PutConfig(const std::string& name, int n) {
    Put(kS, "Config", R"({"name":")" + name + R"(","n":)" + std::to_string(n) + "}", kD);
  }
  std::string Config(AgentId agent, const std::string& name) {
    return Get(agent, "Config", R"({"name":")" + name + R"("})", kD);
  }
  void RemoveConfig(const std::string& name) { Remove(kS, "Config", R"({"name":")" + name + R"("})", kD); }
  void Confirm() {
    world().oracle().LossesConfirmed();
    at(kS).ConfirmLosses([](const Status& status) { EXPECT_TRUE(status.ok()) << status.message(); });
  }
};

// Also where the router went back with the server, so that only the device has the newer states.
TEST_P(ScenarioConfirm, E_ServerRestored_WhatItHasGoesDownAgainWhenConfirmed) {
  const bool router_too = GetParam();
  Build();
  StartAll();
  for (const char* name : {"edited", "deleted", "again", "same"}) PutConfig(name, 1);
  RemoveConfig("again");
  Put(kD, "Setting", R"({"name":"both","n":1})");
  ExpectRest();
  at(kS).Snapshot();
  at(kG).Snapshot();
  PutConfig("edited", 2);
  RemoveConfig("deleted");
  PutConfig("again", 2);
  PutConfig("created", 2);
  Put(kS, "Setting", R"({"name":"both","n":2})", kD);
  ExpectRest();
  world().network().Cut(kD, true);
  if (router_too) RollBack(kG, false, true);
  RollBack(kS, false, true);
  world().network().Cut(kD, false);
  ExpectRest(300 * kSecond);
  EXPECT_THAT(Config(kD, "edited"), HasSubstr("\"n\":2")) << "before it is confirmed nothing is taken back below";
  EXPECT_EQ(Config(kD, "deleted"), "");
  EXPECT_THAT(Config(kD, "created"), HasSubstr("\"n\":2"));
  EXPECT_TRUE(at(kS).status().losses_unconfirmed);
  Confirm();
  ExpectRest(300 * kSecond);
  for (AgentId agent : {kS, kG, kD}) {
    EXPECT_THAT(Config(agent, "edited"), HasSubstr("\"n\":1")) << agent;
    EXPECT_THAT(Config(agent, "deleted"), HasSubstr("\"n\":1")) << agent;
    EXPECT_THAT(Config(agent, "same"), HasSubstr("\"n\":1")) << agent;
    EXPECT_EQ(Config(agent, "again"), "") << agent;
    EXPECT_EQ(Config(agent, "created"), "") << agent;
    EXPECT_THAT(Get(agent, "Setting", R"({"name":"both"})", kD), HasSubstr("\"n\":2")) << agent;
  }
}
INSTANTIATE_TEST_SUITE_P(RouterToo, ScenarioConfirm, ::testing::Bool());

TEST_F(ScenarioRewinds, E_RouterRestored_GetsBackWhatItLostFromBothSides) {
  Build();
  StartAll();
  Put(kD, "Setting", R"({"name":"a","n":1})");
  ExpectRest();
  at(kG).Snapshot();
  Put(kD, "Setting", R"({"name":"a","n":2})");
  Put(kS, "Setting", R"({"name":"b","n":3})", kE);
  Gauges(kE, 1, 10);
  ExpectRest();
  RollBack(kG, false);
  ExpectRest(300 * kSecond);
  EXPECT_THAT(Get(kG, "Setting", R"({"name":"a"})", kD), HasSubstr("\"n\":2"));
  EXPECT_THAT(Get(kG, "Setting", R"({"name":"b"})", kE), HasSubstr("\"n\":3"));
  EXPECT_EQ(Count(kS, "Gauge"), 10u);
}

TEST_F(ScenarioRewinds, C_RouterGetsAnEmptyDisk_RefusedUntilAdoptedThenNothingIsRemovedAnywhere) {
  options_.retain = R"({"Gauge":{"delivered":"server"}})";
  Build();
  StartAll();
  Gauges(kD, 1, 10);
  Put(kD, "Setting", R"({"name":"both","n":1})");
  Put(kS, "Config", R"({"name":"down","n":2})", kD);
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 10 * kSecond));
  ExpectRest();
  ASSERT_EQ(Count(kD, "Gauge"), 0u) << "dropped, since they are delivered";

  at(kG).Crash("to get another disk");
  at(kG).ReplaceDisk();
  at(kG).Start();
  Gauges(kD, 11, 12);
  RunFor(30 * kSecond);
  EXPECT_EQ(Count(kG, "Config"), 0u) << "it was not taken for the one before";
  EXPECT_THAT(ToldAtParentLink(kG), HasSubstr("adopt"));
  EXPECT_EQ(Count(kS, "Gauge"), 10u);

  at(kS).Adopt(kG, [](const Status& status) { EXPECT_TRUE(status.ok()) << status.message(); });
  EXPECT_TRUE(Synced(kD, node::SyncTarget::kServer, 60 * kSecond));
  RunFor(60 * kSecond);
  EXPECT_FALSE(world().failed()) << world().failures().front();
  EXPECT_EQ(Count(kS, "Gauge"), 12u);
  for (AgentId agent : {kS, kG, kD}) {
    EXPECT_THAT(Get(agent, "Setting", R"({"name":"both"})", kD), HasSubstr("\"n\":1")) << agent;
    EXPECT_THAT(Get(agent, "Config", R"({"name":"down"})", kD), HasSubstr("\"n\":2")) << agent;
  }
}

}  // namespace
}  // namespace tidegate::sim
