// Stories of deletes over weeks: what is deleted stays deleted, and what was written is not lost (law 5).
#include <gmock/gmock.h>

#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr AgentId kG2 = 11;

class ScenarioDeletes : public Scenario {
 protected:
  // Days in which nobody hears anybody, then a minute in which those that are up do.
  void Days(int days, int at_once = 10) {
    for (; days > 0; days -= at_once) {
      world().Leap(std::min(days, at_once) * kDay);
      RunFor(60 * kSecond);
    }
    for (const std::string& failure : world().failures()) ADD_FAILURE() << failure;
  }
  // A lease and a half: whatever nobody needs any more is purged.
  void PurgeAll() {
    Days(60);
    for (AgentId agent : {kS, kG}) ASSERT_EQ(Tombstones(agent), 0u) << "at node " << agent;
  }
  std::vector<std::string> Reasons(AgentId agent) {
    std::vector<std::string> reasons;
    for (const node::QuarantineEntry& entry : at(agent).quarantine()) reasons.push_back(entry.reason);
    return reasons;
  }
  void Move(AgentId agent, AgentId to) {
    at(agent).Crash("to move");
    at(agent).SetParent(to);
    at(agent).Start();
  }
  void ExpectNoFailure() {
    for (const std::string& failure : world().failures()) ADD_FAILURE() << failure;
  }
};

TEST_F(ScenarioDeletes, B_RouterCutOffForTwoLeases_KeepsTheTombstoneAndDeliversIt) {
  Build();
  StartAll();
  Put(kD, "Gauge", R"({"name":"x","n":1})");
  Put(kD, "Setting", R"({"name":"x","n":1})");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 10 * kSecond));
  world().network().Cut(kG, true);
  Remove(kD, "Gauge", R"({"name":"x"})");
  Remove(kD, "Setting", R"({"name":"x"})");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kHop, 10 * kSecond));
  Days(60);
  EXPECT_EQ(Tombstones(kG), 2u);
  EXPECT_EQ(Tombstones(kD), 2u);
  EXPECT_EQ(Count(kS, "Gauge"), 1u);
  world().network().Cut(kG, false);
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 0u);
  EXPECT_EQ(Count(kS, "Setting"), 0u);
  PurgeAll();
  EXPECT_EQ(Tombstones(kD), 0u);
  ExpectRest();
}

class ScenarioDeletesSleep : public ScenarioDeletes, public ::testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Days, ScenarioDeletesSleep, ::testing::Values(10, 40));

TEST_P(ScenarioDeletesSleep, G_BroadcastDeletedWhileADeviceSleeps_GoneThereWorkKept) {
  Build();
  StartAll();
  Put(kS, "Config", R"({"name":"x","n":1})", kAgentAll);
  Put(kS, "Setting", R"({"name":"x","n":1})", kAgentAll);
  Put(kD, "Setting", R"({"name":"own","n":1})");
  ExpectRest();
  ASSERT_EQ(Count(kD, "Config"), 1u);
  world().network().Cut(kD, true);
  RunFor(kSecond);
  Put(kD, "Gauge", R"({"name":"work","n":1})");
  at(kD).Crash("to sleep");
  Remove(kS, "Config", R"({"name":"x"})", kAgentAll);
  Remove(kS, "Setting", R"({"name":"x"})", kAgentAll);
  RunFor(5 * kSecond);  // the router has them today
  Days(GetParam());
  EXPECT_EQ(Tombstones(kG), GetParam() < 30 ? 2u : 0u);
  EXPECT_EQ(Tombstones(kS), GetParam() < 30 ? 2u : 0u);
  world().network().Cut(kD, false);
  at(kD).Start();
  ExpectRest();
  EXPECT_EQ(Count(kD, "Config"), 0u);
  EXPECT_EQ(Count(kD, "Setting"), 1u) << "its own, delivered";
  EXPECT_EQ(Count(kS, "Setting"), 1u);
  EXPECT_EQ(Count(kS, "Gauge"), 1u);
}

class ScenarioDeletesReturn : public ScenarioDeletes, public ::testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Days, ScenarioDeletesReturn, ::testing::Values(29, 60));

TEST_P(ScenarioDeletesReturn, D_OldParentReturnsWithItemsOfAMovedDevice_DeletedStayDeleted) {
  Build();
  world().Add(kG2, TG_ROLE_ROUTER, 2, kS);
  world().oracle().AllowLeftovers();
  StartAll();
  RunFor(5 * kSecond);
  world().network().Cut(kG, true);
  for (const char* name : {"a", "b"}) {
    Put(kD, "Gauge", std::string(R"({"name":")") + name + R"(","n":1})");
    Put(kD, "Setting", std::string(R"({"name":")") + name + R"(","n":1})");
  }
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kHop, 10 * kSecond));
  Move(kD, kG2);
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 60 * kSecond));
  Remove(kD, "Gauge", R"({"name":"a"})");
  Remove(kD, "Setting", R"({"name":"a"})");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 60 * kSecond));
  Days(GetParam());
  EXPECT_EQ(Tombstones(kS), GetParam() < 30 ? 2u : 0u);
  ASSERT_EQ(Count(kG, "Gauge"), 2u);
  world().network().Cut(kG, false);
  RunFor(120 * kSecond);
  ExpectNoFailure();
  for (AgentId agent : {kS, kD}) {
    EXPECT_EQ(Get(agent, "Gauge", R"({"name":"a"})", kD), "") << "at node " << agent;
    EXPECT_EQ(Get(agent, "Setting", R"({"name":"a"})", kD), "") << "at node " << agent;
    EXPECT_NE(Get(agent, "Gauge", R"({"name":"b"})", kD), "");
    EXPECT_NE(Get(agent, "Setting", R"({"name":"b"})", kD), "");
  }
  EXPECT_EQ(Count(kS, "Gauge"), 1u);
  if (GetParam() > 30) {
    EXPECT_THAT(Reasons(kS), Contains(HasSubstr("maybe_deleted")));
    EXPECT_THAT(Reasons(kG), Contains(HasSubstr("maybe_deleted")));
  } else {
    EXPECT_THAT(Reasons(kS), IsEmpty());
  }
}

TEST_F(ScenarioDeletes, M_DeviceRolledBackBehindItsDelete_DeleteStays) {
  Build();
  StartAll();
  RunFor(5 * kSecond);
  world().network().Cut(kD, true);
  RunFor(kSecond);
  Put(kD, "Gauge", R"({"name":"x","n":1})");
  at(kD).Crash("for a snapshot");
  auto snapshot = at(kD).disk().Copy();
  at(kD).Start();
  world().network().Cut(kD, false);
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 60 * kSecond));
  Remove(kD, "Gauge", R"({"name":"x"})");
  ASSERT_TRUE(Synced(kD, node::SyncTarget::kServer, 60 * kSecond));
  PurgeAll();
  at(kD).Crash("to be rolled back");
  at(kD).disk().Take(*snapshot);
  at(kD).Start();
  RunFor(60 * kSecond);
  ExpectNoFailure();
  EXPECT_EQ(Count(kS, "Gauge"), 0u);
  EXPECT_EQ(Count(kG, "Gauge"), 0u);
  EXPECT_THAT(Reasons(kG), Contains(HasSubstr("maybe_deleted")));
  EXPECT_THAT(Reasons(kD), Contains(HasSubstr("maybe_deleted")));
}

TEST_F(ScenarioDeletes, Q_DeviceAttachesToARouterThatWasLongAway_NothingRemovedBeforeTheServerAnswers) {
  Build();
  world().Add(kG2, TG_ROLE_ROUTER, 2, kS);
  world().oracle().AllowLeftovers();
  StartAll();
  Put(kS, "Config", R"({"name":"gone","n":1})", kD);
  Put(kS, "Config", R"({"name":"stays","n":1})", kD);
  Put(kS, "Setting", R"({"name":"gone","n":1})", kD);
  RunFor(30 * kSecond);
  ASSERT_EQ(Count(kD, "Config"), 2u);
  world().network().Cut(kG2, true);
  world().network().Cut(kD, true);
  RunFor(kSecond);
  Remove(kS, "Config", R"({"name":"gone"})", kD);
  Remove(kS, "Setting", R"({"name":"gone"})", kD);
  Days(50);
  world().network().Cut(kD, false);
  Move(kD, kG2);
  RunFor(120 * kSecond);
  EXPECT_EQ(Count(kD, "Config"), 2u) << "nobody has answered yet";
  world().network().Cut(kG2, false);
  RunFor(120 * kSecond);
  ExpectNoFailure();
  EXPECT_EQ(Count(kD, "Config"), 1u);
  EXPECT_NE(Get(kD, "Config", R"({"name":"stays"})", kD), "");
  EXPECT_EQ(Count(kD, "Setting"), 0u);
  EXPECT_EQ(Count(kS, "Setting"), 0u);
}

TEST_F(ScenarioDeletes, S_TombstoneHereAndPurgedThere_AgainAndAgain_PurgedAtBothEnds) {
  Build();
  StartAll();
  for (int round = 0; round < 3; ++round) {
    Put(kD, "Setting", R"({"name":"x","n":)" + std::to_string(round + 1) + "}");
    ExpectRest();
    ASSERT_EQ(Count(kS, "Setting"), 1u);
    // Deleted at both ends; above it is forgotten while the device is away.
    world().network().Cut(kD, true);
    RunFor(kSecond);
    Remove(kD, "Setting", R"({"name":"x"})");
    Remove(kS, "Setting", R"({"name":"x"})", kD);
    Days(50);
    ASSERT_EQ(Tombstones(kD), 1u) << "not delivered";
    ASSERT_EQ(Tombstones(kG), 0u);
    world().network().Cut(kD, false);
    ExpectRest();
    EXPECT_EQ(Count(kS, "Setting"), 0u);
    EXPECT_EQ(Count(kD, "Setting"), 0u);
    PurgeAll();
    EXPECT_EQ(Tombstones(kD), 0u);
    // The reverse: known above, for another child is waited for, and forgotten below.
    Put(kS, "Setting", R"({"name":"y","n":1})", kAgentAll);
    ExpectRest();
    at(kE).Crash("to sleep");
    Days(20);
    Remove(kS, "Setting", R"({"name":"y"})", kAgentAll);
    Days(20);
    EXPECT_EQ(Tombstones(kG), 1u);
    at(kE).Start();
    ExpectRest();
    PurgeAll();
    for (AgentId agent : {kS, kG, kD, kE, kF}) EXPECT_EQ(Count(agent, "Setting"), 0u);
  }
  EXPECT_THAT(Reasons(kG), IsEmpty());
  EXPECT_THAT(Reasons(kS), IsEmpty());
}

TEST_F(ScenarioDeletes, Z_NeighbourReturnsAfterEightYears_ListsBoundedAndReconciled) {
  Build();
  StartAll();
  Put(kS, "Config", R"({"name":"old","n":1})", kAgentAll);
  Put(kS, "Config", R"({"name":"kept","n":1})", kAgentAll);
  ExpectRest();
  at(kE).Crash("for eight years");
  Remove(kS, "Config", R"({"name":"old"})", kAgentAll);
  for (int i = 0; i < 60; ++i) {
    at(kG).Crash("for a restart");
    at(kG).Start();
    Days(50, 50);
    Put(kS, "Config", R"({"name":"new","n":)" + std::to_string(i + 1) + "}", kAgentAll);
    RunFor(10 * kSecond);
  }
  auto epochs = at(kG).truth().Epochs(0);
  ASSERT_TRUE(epochs.ok());
  EXPECT_LT(epochs->size(), 40u) << "every start of eight years is remembered";
  at(kE).Start();
  ExpectRest();
  EXPECT_EQ(Count(kE, "Config"), 2u);
  EXPECT_EQ(Get(kE, "Config", R"({"name":"old"})", kAgentAll), "");
}

// facts.md section 3: clock skew.
TEST_F(ScenarioDeletes, ServerWhoseClockSays2099_ForgetsNothing) {
  Build();
  StartAll();
  Put(kD, "Setting", R"({"name":"x","n":1})");
  ExpectRest();
  Remove(kD, "Setting", R"({"name":"x"})");
  ExpectRest();
  constexpr int64_t kTo2099Ms = 4'070'908'800'000 - kStartUnixMs;
  at(kS).clock().SetSkew(kTo2099Ms);
  Days(10);
  EXPECT_TRUE(at(kS).status().purge_suspended);
  for (AgentId agent : {kS, kG, kD}) EXPECT_EQ(Tombstones(agent), 1u) << "at node " << agent;
  at(kS).clock().SetSkew(0);
  Days(10);
  EXPECT_FALSE(at(kS).status().purge_suspended);
  for (AgentId agent : {kS, kG, kD}) EXPECT_EQ(Tombstones(agent), 1u) << "at node " << agent;
  PurgeAll();
  ExpectRest();
}

// A limit of joins: a delete takes the place of an item that was not made over it, and who slept has one that all
// others have forgotten. What it ends is not lost silently.
TEST_F(ScenarioDeletes, JoinedItemMadeAnew_ASleepersForgottenDeleteEndsItAndAJournalHasIt) {
  Build();
  StartAll();
  Put(kS, "Profile", R"({"name":"x","n":1})", kAgentAll);
  ExpectRest();
  Remove(kD, "Profile", R"({"name":"x"})", kAgentAll);
  ExpectRest();
  at(kD).Crash("for two months");
  PurgeAll();
  Put(kS, "Profile", R"({"name":"x","n":2})", kAgentAll);
  RunFor(5 * kSecond);
  at(kD).Start();
  ExpectRest(300 * kSecond);
  const bool alive = !Get(kS, "Profile", R"({"name":"x"})", kAgentAll).empty();
  bool kept = false;
  for (const auto& node : world().nodes()) {
    EXPECT_EQ(!Get(node->agent(), "Profile", R"({"name":"x"})", kAgentAll).empty(), alive) << node->agent();
    for (const node::ConflictEntry& entry : node->conflicts()) kept = kept || entry.writer == kS;
  }
  EXPECT_TRUE(alive || kept) << "lost without a trace";
}

}  // namespace
}  // namespace tidegate::sim
