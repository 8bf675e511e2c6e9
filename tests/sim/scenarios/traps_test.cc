// Where other systems that replicate are known to lose data, stand still or grow without end: one story for each
// trap. docs/reliability.md lists all of them, also those that are tested elsewhere.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "host/base/views.h"
#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr AgentId kG2 = 11;

std::string Named(const std::string& name, int n, const std::string& text = "") {
  return R"({"name":")" + name + R"(","n":)" + std::to_string(n) + (text.empty() ? "" : R"(,"text":")" + text + '"') +
         "}";
}

class Trap : public Scenario {
 protected:
  static replica::Write Reading(int n) {
    return {replica::WriteMode::kCreate, "Reading", "{\"n\":" + std::to_string(n) + "}", {}, {}};
  }
  // Days in which nobody hears anybody, then a minute in which those that are up do.
  void Days(int days) {
    for (; days > 0; days -= 10) {
      world().Leap(std::min(days, 10) * kDay);
      RunFor(60 * kSecond);
    }
  }
  void Move(AgentId agent, AgentId to) {
    at(agent).Crash("to move");
    at(agent).SetParent(to);
    at(agent).Start();
  }
};

// A sequence that is given out before the commit leaves gaps when a transaction fails, and readers wait or pass by.
TEST_F(Trap, SequenceGaps_TransactionsThatFailBetweenOthers_NoneIsWaitedForNorStranded) {
  Build();
  StartAll();
  RunFor(2 * kSecond);
  Put(kD, "Gauge", Named("there", 1));
  const replica::Write again{replica::WriteMode::kCreate, "Gauge", Named("there", 2), {}, {}};
  uint64_t written = 0;
  for (int i = 0; i < 60; ++i) {
    if (i % 10 == 5) at(kD).FailCommits(1, Code::kIo);
    replica::Transaction transaction{Reading(i), Reading(1000 + i)};
    if (i % 3 == 1) transaction.push_back(again);
    if (Ask(kD, transaction).status.ok()) written += 2;
  }
  EXPECT_GE(written, 60u);
  EXPECT_LE(written, 80u);
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 60 * kSecond));
  EXPECT_EQ(Count(kS, "Reading"), written);
  ExpectRest();
}

// Deletes that are known in memory only are forgotten when everybody starts anew.
TEST_F(Trap, Resurrection_EveryoneRestartsAfterTheDelete_SleeperBringsNothingBack) {
  Build();
  StartAll();
  Put(kS, "Setting", Named("x", 1), kAgentAll);
  Put(kD, "Gauge", Named("x", 1));
  ExpectRest();
  at(kD).Crash("to sleep");
  Remove(kS, "Setting", R"({"name":"x"})", kAgentAll);
  RunFor(20 * kSecond);
  for (AgentId agent : {kS, kG, kE, kF}) {
    at(agent).Crash("with everybody");
    at(agent).Start();
  }
  RunFor(10 * kSecond);
  at(kD).Start();
  ExpectRest();
  for (AgentId agent : {kS, kG, kD, kE}) EXPECT_EQ(Count(agent, "Setting"), 0u) << "at node " << agent;
  EXPECT_EQ(Count(kS, "Gauge"), 1u);
}

TEST_F(Trap, TombstonesNeverPurged_MonthsOfCreatesAndDeletes_BoundedByTheLease) {
  Build();
  StartAll();
  constexpr int kEach = 20;
  uint64_t most = 0;
  for (int month = 0; month < 6; ++month) {
    for (int i = 0; i < kEach; ++i) {
      const std::string name = std::to_string(month) + "-" + std::to_string(i);
      Put(kD, "Gauge", Named(name, 1));
      Remove(kD, "Gauge", R"({"name":")" + name + R"("})");
    }
    Days(30);
    for (AgentId agent : {kS, kG, kD}) most = std::max(most, Tombstones(agent));
  }
  EXPECT_LE(most, 2u * kEach) << "two leases of deletes are more than is kept";
  Days(60);
  for (AgentId agent : {kS, kG, kD}) EXPECT_EQ(Tombstones(agent), 0u) << "at node " << agent;
  ExpectRest();
}

TEST_F(Trap, LoopsAndEchoes_EditPassesEachLinkOnce) {
  options_.weather.delay_us_max = options_.weather.delay_us_min;  // nothing is sent again
  Build();
  StartAll();
  Put(kS, "Setting", Named("x", 1), kAgentAll);
  ExpectRest();
  std::map<std::pair<AgentId, AgentId>, int> passed;
  world().network().SetFilter([&](AgentId from, AgentId to, const wire::Body& body) {
    if (const auto* batch = std::get_if<wire::Batch>(&body)) {
      for (const tg_change& change : batch->changes) passed[{from, to}] += View(change.model) == "Setting" ? 1 : 0;
    }
    return true;
  });
  replica::Write edit{replica::WriteMode::kUpdate, "Setting", Named("x", 2), kAgentAll, {}};
  ASSERT_TRUE(Ask(kD, {edit}).status.ok());
  ExpectRest();
  const std::pair<AgentId, AgentId> ways[] = {{kD, kG}, {kG, kS}, {kG, kE}, {kG, kF}};
  for (const auto& way : ways) EXPECT_EQ(passed[way], 1) << way.first << " to " << way.second;
  const std::pair<AgentId, AgentId> back[] = {{kG, kD}, {kS, kG}, {kE, kG}, {kF, kG}};
  for (const auto& way : back) EXPECT_EQ(passed[way], 0) << way.first << " to " << way.second;
}

TEST_F(Trap, ReParenting_OldParentWasNotTold_LetsGoAndWhatGoesDownTakesTheNewWay) {
  Build();
  world().Add(kG2, TG_ROLE_ROUTER, 2, kS);
  world().oracle().AllowLeftovers();
  StartAll();
  Put(kD, "Gauge", Named("x", 1));
  ExpectRest();
  world().network().Cut(kG, true);
  Put(kD, "Gauge", Named("at the old parent", 1));
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kHop, 10 * kSecond));
  Move(kD, kG2);
  RunFor(5 * kSecond);
  Put(kS, "Config", Named("new", 1), kD);
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 60 * kSecond));
  world().network().Cut(kG, false);
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 2u) << "each once";
  EXPECT_EQ(Count(kD, "Config"), 1u);
  EXPECT_EQ(Count(kG, "Config"), 0u);
  for (const node::LinkStatus& link : at(kG).status().links) EXPECT_NE(link.agent, kD);
}

TEST_F(Trap, PoisonItem_AmongHundreds_WaitsAloneAndIsNamedUntilItIsWrittenAnew) {
  options_.strict_server = true;
  Build();
  StartAll();
  RunFor(2 * kSecond);
  Put(kD, "Gauge", Named("poison", 1, std::string(300, 'y')));
  for (int i = 0; i < 100; ++i) Put(kD, "Gauge", Named(std::to_string(i), i + 1));
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 60 * kSecond));
  EXPECT_EQ(Count(kS, "Gauge"), 100u);
  for (AgentId agent : {kS, kG, kD}) {
    ASSERT_EQ(at(agent).quarantine().size(), 1u) << "at node " << agent;
    EXPECT_EQ(at(agent).quarantine()[0].by, kS);
    EXPECT_THAT(at(agent).quarantine()[0].reason, HasSubstr("text"));
  }
  Put(kD, "Gauge", Named("poison", 2, "xxx"));
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 101u);
  for (AgentId agent : {kS, kG, kD}) EXPECT_THAT(at(agent).quarantine(), IsEmpty()) << "at node " << agent;
}

TEST_F(Trap, AckBeforeDurable_RouterDiesBeforeEachCommit_NothingWasAcknowledged) {
  Build();
  StartAll();
  RunFor(2 * kSecond);
  for (int i = 0; i < 10; ++i) {
    Put(kD, "Gauge", Named(std::to_string(i), 1));
    at(kG).ArmCrash(CrashPoint::kBeforeCommit);
    RunFor(2 * kSecond);
    EXPECT_FALSE(Synced(kD, node::SyncTarget::kHop, kSecond)) << "acknowledged by a node that is down";
    at(kG).Start();
    ASSERT_TRUE(Synced(kD, node::SyncTarget::kHop, 60 * kSecond));
  }
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 10u);
}

TEST_F(Trap, StarvationByStrictPriority_StatesThatNeverStop_HistoryDrainsAllTheSame) {
  options_.node.batch_items_max = 10;
  options_.node.sync_delay_ms = 0;
  Build();
  StartAll();
  RunFor(2 * kSecond);
  world().network().Cut(kG, true);
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(Ask(kD, {Reading(i)}).status.ok());
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kHop, 60 * kSecond));
  world().network().Cut(kG, false);
  int states = 0;
  for (; states < 4'000 && Count(kS, "Reading") < 400; ++states) {
    Put(kG, "Gauge", Named(std::to_string(states % 7), states + 1));
  }
  EXPECT_EQ(Count(kS, "Reading"), 400u) << "history waited for states that are always there";
  ExpectRest();
}

// What a node holds from former days and its parent no longer has: orphans after an import or a reload above.
TEST_F(Trap, ReloadLeavesOrphans_ParentForgotTheDelete_SleeperLosesWhatIsGone) {
  Build();
  StartAll();
  for (const char* name : {"stays", "goes"}) Put(kS, "Config", Named(name, 1), kD);
  ExpectRest();
  at(kD).Crash("to sleep");
  Remove(kS, "Config", R"({"name":"goes"})", kD);
  Days(70);
  ASSERT_EQ(Tombstones(kS), 0u) << "nobody knows of the delete any more";
  at(kD).Start();
  ExpectRest();
  EXPECT_EQ(Count(kD, "Config"), 1u);
  EXPECT_NE(Get(kD, "Config", R"({"name":"stays"})", kD), "");
}

TEST_F(Trap, SilentConfigurationMismatch_PoliciesDiffer_SaidAtHelloAtBothEnds) {
  Build();
  world().SetNewestOnly(kG, true);
  StartAll();
  RunFor(10 * kSecond);
  for (AgentId agent : {kG, kD}) {
    bool said = false;
    for (const node::LinkStatus& link : at(agent).status().links) {
      for (const node::HoldStatus& hold : link.holds) said |= hold.model == "Profile" && hold.reason == "policy";
    }
    EXPECT_TRUE(said) << "at node " << agent;
  }
  Put(kD, "Gauge", Named("other models go on", 1));
  EXPECT_TRUE(Synced(kD, node::SyncTarget::kServer, 30 * kSecond));
}

// One item, or one frame, for each round trip: a backlog of an hour then takes a day.
TEST_F(Trap, SlowDrain_BacklogOverAFarLink_TakesFewRoundTrips) {
  constexpr int64_t kFar = 200 * kMs;
  Build();
  StartAll();
  RunFor(2 * kSecond);
  world().network().Cut(kD, true);
  for (int i = 0; i < 3'000; ++i) ASSERT_TRUE(Ask(kD, {Reading(i)}).status.ok());
  world().network().weather().delay_us_min = world().network().weather().delay_us_max = kFar;
  world().network().Cut(kD, false);
  const int64_t begun = world().now_us();
  while (Count(kG, "Reading") == 0 && world().now_us() < begun + 120 * kSecond) RunFor(kFar);
  const int64_t connected = world().now_us();
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kHop, 60 * kSecond));
  EXPECT_LE((world().now_us() - connected) / (2 * kFar), 20) << "round trips of virtual time";
  EXPECT_EQ(Count(kG, "Reading"), 3'000u);
}

// A node whose disk fails may not take what it cannot keep.
TEST_F(Trap, FallbackToMemory_DiskFailsForMinutes_WritesAreRefusedAndNothingIsAcknowledgedBelow) {
  Build();
  StartAll();
  RunFor(2 * kSecond);
  at(kG).FailCommits(1'000'000, Code::kIo);
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(Ask(kG, {Reading(i)}).status.ok());
    Put(kD, "Gauge", Named(std::to_string(i), 1));
    RunFor(5 * kSecond);
  }
  EXPECT_FALSE(Synced(kD, node::SyncTarget::kHop, kSecond));
  EXPECT_EQ(Count(kG, "Reading"), 0u);
  at(kG).Crash("and is started anew");
  at(kG).Start();
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 20u);
  EXPECT_EQ(Count(kS, "Reading"), 0u);
}

// A broker that is full, restarted without its store, or away drops what it holds: nothing may live only there.
TEST_F(Trap, BrokerAsTheBuffer_EverythingInFlightIsDroppedAgainAndAgain_NothingIsLost) {
  Build();
  StartAll();
  RunFor(2 * kSecond);
  for (int i = 0; i < 30; ++i) {
    for (int j = 0; j < 5; ++j) ASSERT_TRUE(Ask(kD, {Reading(i * 5 + j)}).status.ok());
    world().network().SetFilter([](AgentId, AgentId, const wire::Body&) { return false; });
    RunFor(300 * kMs);
    world().network().SetFilter(nullptr);
    for (AgentId child : {kD, kE, kF, kG}) world().network().BreakSession(child, Break::kBoth);
    RunFor(200 * kMs);
  }
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 120 * kSecond));
  EXPECT_EQ(Count(kS, "Reading"), 150u);
  ExpectRest();
}

// A stream that was made anew begins at 1, and its reader asks from 995: what lies between is never seen.
TEST_F(Trap, RestoredReplica_BeginsBelowWhatItsParentHolds_NothingWrittenSinceIsPassedOver) {
  Build();
  StartAll();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Ask(kD, {Reading(i)}).status.ok());
  ExpectRest();
  at(kD).Snapshot();
  for (int i = 5; i < 100; ++i) ASSERT_TRUE(Ask(kD, {Reading(i)}).status.ok());
  ExpectRest();
  for (bool same_epoch : {false, true}) {
    at(kD).RollBack(false, same_epoch);
    at(kD).Start();
    const int first = same_epoch ? 300 : 200;
    for (int i = first; i < first + 10; ++i) ASSERT_TRUE(Ask(kD, {Reading(i)}).status.ok());
    ExpectRest(300 * kSecond);
    EXPECT_EQ(Count(kS, "Reading"), same_epoch ? 120u : 110u);
  }
}

// Images are cloned with their identity, and both copies are served in turns.
TEST_F(Trap, DuplicateIds_CopyUnderTheSameParent_IsRefusedAgainAndAgainAndTheOriginalGoesOn) {
  Build();
  StartAll();
  Put(kD, "Gauge", Named("a", 1));
  ExpectRest();
  at(kD).Crash("to be copied");
  SimNode& copy = world().AddCopy(at(kD), kG);
  at(kD).Start();
  RunFor(3 * kSecond);
  copy.Start();
  RunFor(60 * kSecond);
  const uint64_t before = at(kD).status().links[0].connects;
  for (int i = 2; i < 12; ++i) {
    Put(kD, "Gauge", Named("a", i));
    EXPECT_TRUE(Synced(kD, node::SyncTarget::kServer, 10 * kSecond)) << i;
    RunFor(60 * kSecond);
  }
  world().oracle().CheckRefused(copy, at(kD));
  EXPECT_FALSE(world().failed()) << world().failures().front();
  EXPECT_EQ(at(kD).status().links[0].connects, before) << "the two do not take turns";
}

// A model begins to travel, and what is there already stays where it is; or it stops, and is deleted.
TEST_F(Trap, PolicyChangeIgnoresHistory_NoneToUpAndBack_WhatWasThereArrivesAndStays) {
  options_.policies = true;
  Build();
  StartAll();
  for (int i = 1; i <= 30; ++i) Put(kD, "Memo", Named("m" + std::to_string(i), i));
  ExpectRest();
  ASSERT_EQ(Count(kS, "Memo"), 0u);
  for (AgentId agent : {kS, kG, kD, kE, kF}) world().SetDirection(agent, TG_DIRECTION_UP);
  ExpectRest();
  EXPECT_EQ(Count(kS, "Memo"), 30u);
  for (AgentId agent : {kD, kE, kF, kG, kS}) world().SetDirection(agent, 0);
  ExpectRest();
  for (AgentId agent : {kS, kG, kD}) EXPECT_EQ(Count(agent, "Memo"), 30u) << agent;
}

// A counter of what is used begins at 0 after a restart, and the limit is passed by as much as was there.
TEST_F(Trap, LimitsThatDoNotHold_RouterRestartsAtItsQuota_TakesNoMore) {
  options_.retain = R"({"Reading":{"items_max":20}})";
  options_.node.batch_items_max = 5;
  Build();
  for (AgentId agent : {kG, kD, kE, kF}) at(agent).Start();
  RunFor(2 * kSecond);
  int n = 0;
  for (AgentId agent : {kD, kE, kF}) {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(Ask(agent, {Reading(++n)}).status.ok());
  }
  RunFor(10 * kSecond);
  const uint64_t held = Count(kG, "Reading");
  EXPECT_GE(held, 20u);
  EXPECT_LE(held, 35u) << "a batch of each child at most is taken above the quota";
  for (int i = 0; i < 5; ++i) {
    at(kG).Crash("for the scenario");
    at(kG).Start();
    RunFor(20 * kSecond);
    EXPECT_EQ(Count(kG, "Reading"), held) << "after restart " << i + 1;
  }
  EXPECT_FALSE(world().failed()) << world().failures().front();
}

}  // namespace
}  // namespace tidegate::sim
