// The scenarios of room: quotas that hold, what retention dropped, a full disk.
#include <gmock/gmock.h>

#include <optional>

#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

class ScenarioRoom : public Scenario {
 protected:
  static replica::Write Reading(int n) {
    return {replica::WriteMode::kCreate, "Reading", "{\"n\":" + std::to_string(n) + "}", {}, {}};
  }
  void CountBatches() {
    world().network().SetFilter([&](AgentId from, AgentId, const wire::Body& body) {
      const auto* batch = std::get_if<wire::Batch>(&body);
      if (from == kD && batch != nullptr) sent_ += batch->changes.size();
      return true;
    });
  }
  uint64_t sent_ = 0;
};

TEST_F(ScenarioRoom, I_QuotaHoldsOneModelBacklogTenTimesTheQuota_OthersPassAndAllDrains) {
  options_.retain = R"({"Reading":{"delivered":"server","items_max":20}})";
  options_.node.batch_items_max = 10;
  Build();
  for (AgentId agent : {kG, kD, kE, kF}) at(agent).Start();
  RunFor(2 * kSecond);
  // D itself may hold no more than its quota: three devices fill the router's, while the server is away.
  int n = 0;
  for (AgentId agent : {kD, kE, kF}) {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(Ask(agent, {Reading(++n)}).status.ok());
  }
  RunFor(10 * kSecond);
  EXPECT_GE(Count(kG, "Reading"), 20u);
  EXPECT_LE(Count(kG, "Reading"), 40u) << "a batch of each lane at most is taken above the quota";
  EXPECT_EQ(Ask(kD, {Reading(++n)}).status.code(), Code::kFull) << "back-pressure down to the device";
  Put(kD, "Gauge", R"({"name":"x","n":1})");
  EXPECT_TRUE(Synced(kD, node::SyncTarget::kHop, 10 * kSecond)) << "others wait for it";
  EXPECT_EQ(Count(kG, "Gauge"), 1u);
  CountBatches();
  at(kS).Start();
  for (int round = 0; round < 10; ++round) {
    RunFor(5 * kSecond);
    for (int i = 0; i < 20; ++i) {
      if (Ask(kD, {Reading(++n)}).status.ok()) continue;
      --n;
      break;
    }
  }
  ExpectRest();
  EXPECT_EQ(Count(kD, "Reading"), 0u);
  EXPECT_LE(sent_, 3u * static_cast<uint64_t>(n)) << "items are sent again and again";
}

TEST_F(ScenarioRoom, O_DroppedAtTheRouterStillAtTheDevice_NothingRemovedNothingSentForEver) {
  options_.retain = R"({"Gauge":{"delivered":"server"}})";
  Build();
  StartAll();
  for (int i = 0; i < 10; ++i)
    Put(kD, "Gauge", R"({"name":"g)" + std::to_string(i) + R"(","n":)" + std::to_string(i + 1) + "}");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 10 * kSecond));
  ExpectRest();
  EXPECT_EQ(Count(kG, "Gauge"), 0u);
  EXPECT_EQ(Count(kS, "Gauge"), 10u);
  CountBatches();
  for (int i = 0; i < 5; ++i) {
    world().network().BreakSession(kG, Break::kBoth);
    world().network().BreakSession(kD, Break::kBoth);
    at(kG).Crash("for the scenario");
    at(kG).Start();
    RunFor(20 * kSecond);
  }
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 10u);
  EXPECT_LE(sent_, 20u);
}

TEST_F(ScenarioRoom, O_DroppedAtTheDeviceStillAtTheRouter_ComparedAgainAndAgain_NothingRemovedNothingSentForEver) {
  options_.retain = R"({"Gauge":{"delivered":"hop"}})";
  Build();
  for (AgentId agent : {kG, kD, kE, kF}) at(agent).Start();
  RunFor(2 * kSecond);
  for (int i = 0; i < 10; ++i)
    Put(kD, "Gauge", R"({"name":"g)" + std::to_string(i) + R"(","n":)" + std::to_string(i + 1) + "}");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kHop, 10 * kSecond));
  RunFor(10 * kSecond);
  EXPECT_EQ(Count(kD, "Gauge"), 0u);
  EXPECT_EQ(Count(kG, "Gauge"), 10u);
  CountBatches();
  for (int i = 0; i < 3; ++i) {
    node::LinkSyncRequest request;
    request.agent = kG;
    request.compare = true;
    std::optional<node::LinkSyncAnswer> answer;
    at(kD).SyncLinks(request, [&](const node::LinkSyncAnswer& given) { answer = given; });
    RunFor(20 * kSecond);
    ASSERT_TRUE(answer && answer->status.ok()) << (answer ? answer->status.message() : "no answer");
    EXPECT_EQ(Count(kG, "Gauge"), 10u) << "that the device has them no more removes nothing";
  }
  at(kS).Start();
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 10u);
  EXPECT_EQ(sent_, 0u);
}

TEST_F(ScenarioRoom, O_DroppedAtTheDeviceRefusedFurtherUp_AWaitForTheServerNamesIt) {
  options_.strict_server = true;
  options_.retain = R"({"Reading":{"delivered":"hop"}})";
  Build();
  for (AgentId agent : {kG, kD, kE, kF}) at(agent).Start();
  RunFor(2 * kSecond);
  const std::string text(300, 'y');
  ASSERT_TRUE(
      Ask(kD, {{replica::WriteMode::kCreate, "Reading", "{\"n\":1,\"text\":\"" + text + "\"}", {}, {}}}).status.ok());
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kHop, 10 * kSecond));
  RunFor(10 * kSecond);
  ASSERT_EQ(Count(kD, "Reading"), 0u);
  ASSERT_EQ(Count(kG, "Reading"), 1u);
  node::SyncRequest request;
  request.wait = node::SyncTarget::kServer;
  request.timeout_ms = 60'000;
  std::optional<node::SyncAnswer> answer;
  at(kD).Sync(request, [&](const node::SyncAnswer& given) { answer = given; });
  at(kS).Start();
  RunFor(30 * kSecond);
  ASSERT_TRUE(answer && answer->status.ok());
  EXPECT_EQ(answer->quarantined.size(), 1u) << "it is at the router only, and nobody said so";
  EXPECT_FALSE(answer->complete());
  world().SetServerStrict(false);
  RunFor(30 * kSecond);
  at(kD).Sync(request, [&](const node::SyncAnswer& given) { answer = given; });
  RunFor(10 * kSecond);
  EXPECT_TRUE(answer->complete());
  EXPECT_EQ(Count(kS, "Reading"), 1u);
  ExpectRest();
}

TEST_F(ScenarioRoom, X_SchemaThatFitsComesToAFullDisk_WhatWasRefusedGoesOnWhenThereIsRoom) {
  options_.strict_server = true;
  Build();
  StartAll();
  RunFor(2 * kSecond);
  const std::string text(300, 'y');
  ASSERT_TRUE(
      Ask(kD, {{replica::WriteMode::kCreate, "Reading", "{\"n\":1,\"text\":\"" + text + "\"}", {}, {}}}).status.ok());
  RunFor(10 * kSecond);
  ASSERT_EQ(at(kS).quarantine().size(), 1u);
  at(kS).FailCommits(1'000'000, Code::kFull);
  world().SetServerStrict(false);
  RunFor(20 * kSecond);
  EXPECT_EQ(at(kS).quarantine().size(), 1u);
  at(kS).FailCommits(0, Code::kIo);
  RunFor(30 * kSecond);
  EXPECT_EQ(Count(kS, "Reading"), 1u);
  for (AgentId agent : {kS, kG, kD}) EXPECT_THAT(at(agent).quarantine(), ::testing::IsEmpty()) << "at node " << agent;
  ExpectRest();
}

TEST_F(ScenarioRoom, X_DiskFullDuringABacklog_DeviceWaitsRouterDrainsByItself) {
  options_.retain = R"({"Reading":{"delivered":"server"}})";
  Build();
  for (AgentId agent : {kG, kD}) at(agent).Start();
  RunFor(2 * kSecond);
  at(kG).FillDisk(true);
  for (int i = 1; i <= 200; ++i) ASSERT_TRUE(Ask(kD, {Reading(i)}).status.ok());
  RunFor(60 * kSecond);
  EXPECT_LT(Count(kG, "Reading"), 200u);
  EXPECT_TRUE(at(kG).status().disk_full);
  EXPECT_GE(Count(kD, "Reading"), 1u);
  for (AgentId agent : {kS, kE, kF}) at(agent).Start();
  // Nobody frees anything but the router itself, by what the server has.
  ExpectRest(600 * kSecond);
  EXPECT_EQ(Count(kS, "Reading"), 200u);
  RunFor(60 * kSecond);  // nobody sends anything that would show it earlier
  EXPECT_FALSE(at(kG).status().disk_full);
}

}  // namespace
}  // namespace tidegate::sim
