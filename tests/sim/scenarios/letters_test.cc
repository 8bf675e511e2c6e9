// The scenarios that broke earlier drafts of the protocol, by their letters.
#include <gmock/gmock.h>

#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

using ::testing::HasSubstr;

class ScenarioLetters : public Scenario {
 protected:
  // A create of one reading.
  static replica::Write Reading(int n) {
    return {replica::WriteMode::kCreate, "Reading", "{\"n\":" + std::to_string(n) + "}", {}, {}};
  }
};

TEST_F(ScenarioLetters, A_FirstContactServerAway_HopAtOnceDeliveredLater) {
  Build();
  at(kG).Start();
  at(kD).Start();
  for (int i = 1; i <= 1000; ++i) ASSERT_TRUE(Ask(kD, {Reading(i)}).status.ok());
  EXPECT_TRUE(Synced(kD, node::SyncTarget::kHop, 10 * kSecond));
  EXPECT_FALSE(Synced(kD, node::SyncTarget::kServer, 3 * kSecond)) << "delivered without a server";
  at(kD).Crash("for the scenario");
  at(kD).Start();
  RunFor(5 * kSecond);
  EXPECT_EQ(Count(kG, "Reading"), 1000u);
  for (AgentId agent : {kS, kE, kF}) at(agent).Start();
  EXPECT_TRUE(Synced(kD, node::SyncTarget::kServer, 30 * kSecond));
  EXPECT_EQ(Count(kS, "Reading"), 1000u);
  ExpectRest();
}

TEST_F(ScenarioLetters, B_DeleteWhileRouterIsCutOff_TombstoneKeptUntilDelivered) {
  Build();
  StartAll();
  Put(kD, "Gauge", R"({"name":"x","n":1})");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 10 * kSecond));
  world().network().Cut(kG, true);
  Remove(kD, "Gauge", R"({"name":"x"})");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kHop, 10 * kSecond));
  RunFor(120 * kSecond);
  EXPECT_EQ(Count(kG, "Gauge"), 0u);
  EXPECT_EQ(Count(kS, "Gauge"), 1u);
  EXPECT_EQ(Tombstones(kG), 1u);
  world().network().Cut(kG, false);
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 0u);
}

TEST_F(ScenarioLetters, F_ConcurrentEditsServerInTheFuture_OneStateThenLaterEditsWin) {
  Build();
  constexpr int64_t kTo2035Ms = 2'051'222'400'000 - kStartUnixMs;
  const std::string key = R"({"name":"x"})";
  StartAll();
  Put(kD, "Setting", R"({"name":"x","n":1})");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 10 * kSecond));
  at(kS).clock().SetSkew(kTo2035Ms);
  world().network().Cut(kG, true);
  replica::Write above{replica::WriteMode::kUpdate, "Setting", R"({"name":"x","n":2})", kD, {}};
  ASSERT_TRUE(Ask(kS, {above}).status.ok());
  Put(kD, "Setting", R"({"name":"x","n":3})");
  world().network().Cut(kG, false);
  ExpectRest();
  EXPECT_THAT(Get(kD, "Setting", key, kD), HasSubstr("\"n\":2")) << "the higher version";
  EXPECT_EQ(Get(kS, "Setting", key, kD), Get(kD, "Setting", key, kD));

  Put(kD, "Setting", R"({"name":"x","n":4})");
  ExpectRest();
  EXPECT_THAT(Get(kS, "Setting", key, kD), HasSubstr("\"n\":4"));
  above.properties = R"({"name":"x","n":5})";
  ASSERT_TRUE(Ask(kS, {above}).status.ok());
  ExpectRest();
  EXPECT_THAT(Get(kD, "Setting", key, kD), HasSubstr("\"n\":5"));
  // Clocks are compared at each hello.
  world().network().BreakSession(kG, Break::kBoth);
  RunFor(10 * kSecond);
  EXPECT_THAT(at(kS).status().problems, ::testing::Contains(HasSubstr("clock of agent 10")));
  EXPECT_THAT(at(kG).status().problems, ::testing::Contains(HasSubstr("clock of agent 1 ")));
}

TEST_F(ScenarioLetters, J_TransactionOfTwoLanesOfWhichOneIsRefused_BothWaitAndTheSchemaThatFitsReleasesBoth) {
  options_.strict_server = true;
  Build();
  StartAll();
  RunFor(2 * kSecond);
  replica::Write high{replica::WriteMode::kUpsert, "Setting", R"({"name":"a","n":1})", {}, {}};
  replica::Write low{
      replica::WriteMode::kCreate, "Reading", "{\"n\":2,\"text\":\"" + std::string(300, 'y') + "\"}", {}, {}};
  ASSERT_TRUE(Ask(kD, {high, low}).status.ok());
  Put(kD, "Setting", R"({"name":"b","n":3})");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 60 * kSecond));
  EXPECT_NE(Get(kS, "Setting", R"({"name":"b"})", kD), "") << "nothing else waits for it";
  EXPECT_EQ(Get(kS, "Setting", R"({"name":"a"})", kD), "");
  EXPECT_EQ(Count(kS, "Reading"), 0u);
  for (AgentId agent : {kS, kG, kD}) {
    ASSERT_EQ(at(agent).quarantine().size(), 2u) << "at node " << agent;
    for (const node::QuarantineEntry& entry : at(agent).quarantine()) {
      EXPECT_EQ(entry.by, kS);
      EXPECT_THAT(entry.reason, HasSubstr("its transaction was refused"));
    }
  }
  at(kG).Crash("in the middle");
  RunFor(kSecond);
  at(kG).Start();
  world().SetServerStrict(false);
  RunFor(30 * kSecond);
  EXPECT_NE(Get(kS, "Setting", R"({"name":"a"})", kD), "");
  EXPECT_EQ(Count(kS, "Reading"), 1u);
  for (AgentId agent : {kS, kG, kD}) EXPECT_THAT(at(agent).quarantine(), ::testing::IsEmpty()) << "at node " << agent;
  ExpectRest();
}

TEST_F(ScenarioLetters, K_FrameOfTheWindowLostOthersDoubled_AppliedInOrderWithOneQuickResend) {
  options_.node.batch_items_max = 10;
  options_.node.sync_delay_ms = 0;
  options_.weather.twice = 500;
  options_.weather.late = 200;
  options_.weather.late_us_max = 30'000;
  Build();
  StartAll();
  RunFor(5 * kSecond);
  world().network().Cut(kD, true);
  for (int i = 1; i <= 80; ++i) ASSERT_TRUE(Ask(kD, {Reading(i)}).status.ok());
  int batches = 0;
  world().network().SetFilter([&](AgentId from, AgentId, const wire::Body& body) {
    const auto* batch = std::get_if<wire::Batch>(&body);
    if (from != kD || batch == nullptr || batch->changes.empty() || world().network().IsCut(kD)) return true;
    return ++batches != 3;
  });
  world().network().Cut(kD, false);
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kHop, 60 * kSecond));
  EXPECT_EQ(Count(kG, "Reading"), 80u);
  EXPECT_GE(batches, 9) << "the lost frame was not sent again";
  EXPECT_LE(batches, 40) << "more than the window was sent again and again";
  ExpectRest();
}

TEST_F(ScenarioLetters, L_RouterKilledBetweenCommitAndAck_NothingLostNothingTwice) {
  Build();
  StartAll();
  RunFor(5 * kSecond);
  for (int i = 0; i < 20; ++i) {
    Put(kD, "Gauge", R"({"name":"g)" + std::to_string(i) + R"(","n":)" + std::to_string(i + 1) + "}");
    at(kG).ArmCrash(i % 2 == 0 ? CrashPoint::kInCommit : CrashPoint::kAmongOutputs);
    RunFor(2 * kSecond);
    at(kG).Start();
    RunFor(500 * kMs);
  }
  EXPECT_GT(at(kG).starts(), 10u);
  at(kG).ArmCrash(CrashPoint::kNone);  // the last may still be to come
  at(kG).Start();
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 20u);
}

TEST_F(ScenarioLetters, L_EverySessionDiesSilently_LinksComeBackByThemselves) {
  Build();
  StartAll();
  RunFor(5 * kSecond);
  for (AgentId child : {kG, kD, kE, kF}) world().network().BreakSession(child, Break::kSilent);
  Put(kD, "Gauge", R"({"name":"x","n":1})");
  Put(kS, "Config", R"({"name":"x","n":2})", kE);
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 1u);
  EXPECT_EQ(Count(kE, "Config"), 1u);
}

TEST_F(ScenarioLetters, L_DeviceKilledRightAfterAnAnswer_WriteSurvives) {
  Build();
  StartAll();
  for (int i = 0; i < 10; ++i) {
    Put(kD, "Gauge", R"({"name":"g)" + std::to_string(i) + R"(","n":1})");
    at(kD).Crash("right after its answer");
    at(kD).Start();
  }
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 10u);
}

TEST_F(ScenarioLetters, V_OneKeyAtThreeDevices_ThreeItemsAbove) {
  Build();
  StartAll();
  for (AgentId device : {kD, kE, kF}) Put(device, "Status", "{\"n\":" + std::to_string(device) + "}");
  ExpectRest();
  EXPECT_EQ(Count(kG, "Status"), 3u);
  EXPECT_EQ(Count(kS, "Status"), 3u);
  for (AgentId device : {kD, kE, kF}) {
    EXPECT_EQ(Count(device, "Status"), 1u);
    const std::string item = Get(kS, "Status", "{}", device);
    EXPECT_THAT(item, HasSubstr("\"n\":" + std::to_string(device)));
    EXPECT_THAT(item, HasSubstr("\"_owner\":" + std::to_string(device)));
    EXPECT_THAT(item, HasSubstr("\"_src\":" + std::to_string(device)));
  }
}

TEST_F(ScenarioLetters, V_AddresseeOfADownItemChanged_OldLosesItNewHasIt) {
  Build();
  StartAll();
  Put(kS, "Config", R"({"name":"x","n":1})", kD);
  ExpectRest();
  ASSERT_EQ(Count(kD, "Config"), 1u);
  ASSERT_EQ(Count(kE, "Config"), 0u);
  replica::Write remove{replica::WriteMode::kRemove, "Config", R"({"name":"x"})", kD, {}};
  replica::Write put{replica::WriteMode::kUpsert, "Config", R"({"name":"x","n":2})", {}, kE};
  ASSERT_TRUE(Ask(kS, {remove, put}).status.ok());
  ExpectRest();
  EXPECT_EQ(Count(kD, "Config"), 0u);
  EXPECT_THAT(Get(kE, "Config", R"({"name":"x"})", kE), HasSubstr("\"n\":2"));
}

}  // namespace
}  // namespace tidegate::sim
