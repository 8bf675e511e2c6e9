// Stories of commands: letter u, and what goes with it.
#include <gmock/gmock.h>

#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kOne[] = R"({"name":"one"})";

class ScenarioCommands : public Scenario {
 protected:
  void SendOne() { Put(kS, "Order", R"({"name":"one","n":1})", kD); }
  void Answer(AgentId agent) { Put(agent, "Done", R"({"name":"one","n":2})"); }
  size_t Due(AgentId agent) { return at(agent).commands("Order").commands.size(); }
  std::string WaitsFor(AgentId agent) { return at(agent).commands("Order").waits_for; }
  void Restart(AgentId agent) {
    at(agent).Crash("in the middle");
    RunFor(kSecond);
    at(agent).Start();
  }
};

TEST_F(ScenarioCommands, U_CommandSentAndTheDeviceKilledWhileRunningIt_SameCommandAgainThenNeverMore) {
  Build();
  StartAll();
  SendOne();
  RunFor(10 * kSecond);
  ASSERT_EQ(Due(kD), 1u);
  const std::string key = at(kD).commands("Order").commands[0].answer_key;
  EXPECT_EQ(key, kOne);
  EXPECT_EQ(at(kD).commands("Order").commands[0].answer_model, "Done");
  EXPECT_EQ(Due(kE), 0u);

  Restart(kD);  // it has run half of it
  RunFor(10 * kSecond);
  ASSERT_EQ(Due(kD), 1u);
  EXPECT_EQ(at(kD).commands("Order").commands[0].answer_key, key);
  Answer(kD);
  EXPECT_EQ(Due(kD), 0u);
  for (int i = 0; i < 4; ++i) {
    if (i % 2 == 0) Restart(kD);
    world().network().BreakSession(kD, Break::kBoth);
    RunFor(5 * kSecond);
    EXPECT_EQ(Due(kD), 0u) << i;
  }
  ExpectRest();
  EXPECT_THAT(Get(kS, "Done", kOne, kD), HasSubstr("\"n\":2"));
  for (AgentId agent : {kS, kG, kD}) EXPECT_EQ(Count(agent, "Order"), 0u) << "the server removes what is answered";
}

TEST_F(ScenarioCommands, U_DeviceLosesItsAnswer_ItsParentGivesItBackAndNothingRunsAgain) {
  Build();
  StartAll();
  SendOne();
  RunFor(10 * kSecond);
  world().network().Cut(kG, true);  // the server does not hear of the answer
  ASSERT_EQ(Due(kD), 1u);
  Answer(kD);
  RunFor(10 * kSecond);

  at(kD).Crash("to get another disk");
  at(kD).ReplaceDisk();
  RunFor(kSecond);  // its parent sees that it is gone
  at(kG).Adopt(kD, [](const Status& status) { EXPECT_TRUE(status.ok()) << status.message(); });
  RunFor(kSecond);
  at(kD).Start();
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(Due(kD), 0u) << i;
    RunFor(100 * kMs);
  }
  EXPECT_EQ(Count(kD, "Order"), 1u) << "the command is here again";
  EXPECT_THAT(Get(kD, "Done", kOne), HasSubstr("\"n\":2"));
  EXPECT_THAT(WaitsFor(kD), IsEmpty());

  world().network().Cut(kG, false);
  ExpectRest();
  EXPECT_EQ(Count(kD, "Order"), 0u);
  EXPECT_THAT(Get(kS, "Done", kOne, kD), HasSubstr("\"n\":2"));
}

class ScenarioCommandsRestored : public ScenarioCommands,
                                 public ::testing::WithParamInterface<std::tuple<bool, bool>> {};

// Restored to before the command, and to when it was there without its answer.
TEST_P(ScenarioCommandsRestored, U_DeviceRestoredAfterItAnswered_NothingRunsAgain) {
  auto [had_command, note] = GetParam();
  Build();
  StartAll();
  if (had_command) SendOne();
  RunFor(10 * kSecond);
  at(kD).SnapshotAtStart();
  Restart(kD);
  if (!had_command) SendOne();
  RunFor(10 * kSecond);
  ASSERT_EQ(Due(kD), 1u);
  Answer(kD);
  ExpectRest();
  ASSERT_EQ(Count(kS, "Order"), 0u) << "answered";

  world().network().Cut(kD, true);
  at(kD).RollBack(note, false);
  at(kD).Start();
  RunFor(10 * kSecond);
  EXPECT_EQ(Due(kD), 0u) << "offline nobody knows whether it was answered";
  world().network().Cut(kD, false);
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(Due(kD), 0u) << i;
    RunFor(100 * kMs);
  }
  ExpectRest(300 * kSecond);
  EXPECT_EQ(Count(kD, "Order"), 0u);
  EXPECT_THAT(Get(kS, "Done", kOne, kD), HasSubstr("\"n\":2"));
}
INSTANTIATE_TEST_SUITE_P(CommandAndNote, ScenarioCommandsRestored,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool()));

// Seed 40 of `restores`: nothing of the command was left that the device could have asked for after it was restored.
TEST_F(ScenarioCommands, U_RestoredDeviceGetsTheSameKeyLater_NothingRunsAgain) {
  Build();
  StartAll();
  at(kD).SnapshotAtStart();
  Restart(kD);
  SendOne();
  RunFor(10 * kSecond);
  Answer(kD);
  ExpectRest();
  at(kD).RollBack(false, false);
  at(kD).Start();
  ExpectRest(300 * kSecond);
  ASSERT_EQ(Count(kD, "Done"), 0u) << "what goes up does not come down by itself";
  Put(kS, "Order", R"({"name":"one","n":3})", kAgentAll);
  bool asked = false;
  for (int i = 0; i < 5'000; ++i) {
    EXPECT_EQ(Due(kD), 0u) << i;
    asked = asked || !WaitsFor(kD).empty();
    RunFor(kMs);
  }
  EXPECT_TRUE(asked);
  EXPECT_THAT(WaitsFor(kD), IsEmpty());
  EXPECT_EQ(Due(kE), 1u);
  EXPECT_EQ(Count(kD, "Done"), 1u);
  ExpectRest();
}

// Seed 163 of `restores`: an answer that its parent gave back never went up again.
TEST_F(ScenarioCommands, U_AnswerGivenBackAndThenLostAbove_IsAtTheServerAgain) {
  Build();
  StartAll();
  at(kD).SnapshotAtStart();
  at(kG).SnapshotAtStart();
  at(kS).SnapshotAtStart();
  for (AgentId agent : {kD, kG, kS}) Restart(agent);
  Put(kS, "Order", R"({"name":"one","n":1})", kAgentAll);
  RunFor(10 * kSecond);
  Answer(kD);
  ExpectRest();
  at(kD).RollBack(false, false);
  at(kD).Start();
  ExpectRest(300 * kSecond);
  ASSERT_EQ(Count(kD, "Done"), 1u) << "given back";
  for (AgentId agent : {kG, kS}) {
    at(agent).RollBack(true, false);
    at(agent).Start();
  }
  ExpectRest(300 * kSecond);
  EXPECT_THAT(Get(kS, "Done", kOne, kD), HasSubstr("\"n\":2"));
}

// ---- what the one who gave it and its parent have lost: it is asked up to the server ----

class ScenarioCommandsForgotten : public ScenarioCommands {
 protected:
  static constexpr AgentId kG2 = 11, kMiddle = 12;

  // Never due in this time; and whether something was waited for.
  bool NothingRuns(int64_t us, int64_t step_us = 20 * kMs) {
    bool waited = false;
    for (int64_t at_us = 0; at_us < us; at_us += step_us) {
      if (!at(kD).up()) return RunFor(us - at_us), waited;
      EXPECT_EQ(Due(kD), 0u) << at_us / kMs << " ms";
      waited = waited || !WaitsFor(kD).empty();
      if (HasFailure()) return waited;
      RunFor(step_us);
    }
    return waited;
  }
  // A command to all: the server never removes it, so that only its answer says that it has run.
  void SendToAll() { Put(kS, "Order", R"({"name":"one","n":1})", kAgentAll); }
  void ExpectAnswered() {
    EXPECT_EQ(Due(kD), 0u);
    EXPECT_THAT(WaitsFor(kD), IsEmpty());
    EXPECT_THAT(Get(kD, "Done", kOne), HasSubstr("\"n\":2"));
    EXPECT_EQ(at(kD).status().commands_asked, 0u);
  }
  void SnapshotAll(std::initializer_list<AgentId> agents) {
    for (AgentId agent : agents) at(agent).SnapshotAtStart();
    for (AgentId agent : agents) Restart(agent);
    RunFor(10 * kSecond);
  }
  void BuildWithAMiddleAndSend() {
    Build();
    world().Add(kMiddle, TG_ROLE_ROUTER, 3, kG);
    at(kD).SetParent(kMiddle);
    StartAll();
    SendToAll();
    RunFor(10 * kSecond);
  }
  void RollBackAll(std::initializer_list<AgentId> agents) {
    for (AgentId agent : agents) at(agent).RollBack(false, false);
    for (AgentId agent : agents) at(agent).Start();
  }
};

TEST_F(ScenarioCommandsForgotten, DeviceAndItsParentRestored_ServerGivesTheAnswerBack) {
  Build();
  StartAll();
  SendToAll();
  RunFor(10 * kSecond);
  SnapshotAll({kD, kG});
  Answer(kD);
  ExpectRest();
  RollBackAll({kD, kG});
  EXPECT_TRUE(NothingRuns(60 * kSecond));
  ExpectRest(300 * kSecond);
  ExpectAnswered();
}

TEST_F(ScenarioCommandsForgotten, CommandSentAgainAfterBothWereRestored_ServerGivesTheAnswerBack) {
  Build();
  StartAll();
  SnapshotAll({kD, kG});
  SendToAll();
  RunFor(10 * kSecond);
  Answer(kD);
  ExpectRest();
  RollBackAll({kD, kG});
  EXPECT_TRUE(NothingRuns(30 * kSecond, kMs));
  SendToAll();
  NothingRuns(10 * kSecond, kMs);
  ExpectRest(300 * kSecond);
  ExpectAnswered();
  EXPECT_EQ(Due(kE), 1u) << "what nobody has answered runs";
}

TEST_F(ScenarioCommandsForgotten, RestoredDeviceMovesToARouterThatNeverHadTheAnswer_ServerGivesItBack) {
  Build();
  world().Add(kG2, TG_ROLE_ROUTER, 2, kS);
  world().oracle().AllowLeftovers();
  StartAll();
  SendToAll();
  RunFor(10 * kSecond);
  SnapshotAll({kD});
  Answer(kD);
  ExpectRest();
  at(kD).RollBack(false, false);
  at(kD).SetParent(kG2);
  at(kD).Start();
  EXPECT_TRUE(NothingRuns(60 * kSecond));
  ExpectRest(300 * kSecond);
  ExpectAnswered();
}

// Nobody between the device and the server has it; a router further up goes back while it is asked.
TEST_F(ScenarioCommandsForgotten, ThreeTiersAndTheMiddleOneRestored_AskedUpToTheServer) {
  BuildWithAMiddleAndSend();
  SnapshotAll({kD, kMiddle, kG});
  Answer(kD);
  ExpectRest();
  world().network().Cut(kG, true);
  RollBackAll({kD, kMiddle});
  at(kG).RollBack(false, false);
  EXPECT_TRUE(NothingRuns(5 * kSecond)) << "the one in the middle is away";
  at(kG).Start();
  EXPECT_TRUE(NothingRuns(5 * kSecond)) << "and there again, but the server is not";
  world().network().Cut(kG, false);
  NothingRuns(60 * kSecond);
  ExpectRest(300 * kSecond);
  ExpectAnswered();
}

// The router above the device's parent has the answer and the server has not got it yet: it need not be reached.
TEST_F(ScenarioCommandsForgotten, SomebodyOnTheWayHasIt_ServerNeedNotBeReached) {
  BuildWithAMiddleAndSend();
  SnapshotAll({kD, kMiddle});
  world().network().Cut(kG, true);
  Answer(kD);
  RunFor(10 * kSecond);
  RollBackAll({kD, kMiddle});
  NothingRuns(30 * kSecond);
  ExpectAnswered();
  world().network().Cut(kG, false);
  ExpectRest(300 * kSecond);
  EXPECT_THAT(Get(kS, "Done", kOne, kD), HasSubstr("\"n\":2"));
}

TEST_F(ScenarioCommandsForgotten, ServerUnreachableForLong_CommandWaitsAndSaysSo) {
  Build();
  StartAll();
  SendToAll();
  RunFor(10 * kSecond);
  SnapshotAll({kD, kG});
  Answer(kD);
  ExpectRest();
  world().network().Cut(kG, true);
  RollBackAll({kD, kG});
  EXPECT_TRUE(NothingRuns(600 * kSecond));
  EXPECT_THAT(WaitsFor(kD), HasSubstr("up to the server"));
  EXPECT_EQ(at(kD).status().commands_asked, 1u);
  for (int i = 0; i < 4; ++i) {  // breaks and restarts while it waits
    if (i % 2 == 0) Restart(kD);
    world().network().BreakSession(kD, Break::kBoth);
    EXPECT_TRUE(NothingRuns(20 * kSecond)) << i;
  }
  world().network().Cut(kG, false);
  NothingRuns(20 * kSecond);
  ExpectAnswered();
  ExpectRest(300 * kSecond);
}

// What is asked is nobody's answer: it runs, once the server has said so.
TEST_F(ScenarioCommandsForgotten, NeverAnswered_RunsWhenTheServerHasSaidSo) {
  Build();
  StartAll();
  world().network().Cut(kD, true);
  SendToAll();
  RunFor(10 * kSecond);
  world().network().Cut(kG, true);
  world().network().Cut(kD, false);
  EXPECT_TRUE(NothingRuns(60 * kSecond));
  EXPECT_EQ(Count(kD, "Order"), 1u);
  EXPECT_EQ(at(kD).status().commands_asked, 1u);
  world().network().Cut(kG, false);
  RunFor(20 * kSecond);
  EXPECT_EQ(Due(kD), 1u);
  Answer(kD);
  ExpectRest();
}

// What was sent and answered in the lost life of the server is as if it had never been sent, but for the answer.
TEST_F(ScenarioCommands, U_ServerRestoredToBeforeTheAnswer_NothingRunsAgain) {
  Build();
  StartAll();
  SendOne();
  RunFor(10 * kSecond);
  at(kS).SnapshotAtStart();
  Restart(kS);
  RunFor(5 * kSecond);
  Answer(kD);
  ExpectRest();
  ASSERT_EQ(Count(kS, "Order"), 0u);
  at(kS).RollBack(true, false);
  at(kS).Start();
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(Due(kD), 0u) << i;
    RunFor(100 * kMs);
  }
  ExpectRest(300 * kSecond);
  EXPECT_THAT(Get(kS, "Done", kOne, kD), HasSubstr("\"n\":2"));
  for (AgentId agent : {kS, kG, kD}) EXPECT_EQ(Count(agent, "Order"), 0u) << "the answer is there again";
}

TEST_F(ScenarioCommands, StartedWithoutItsParent_WaitsUntilItHasCompared) {
  Build();
  StartAll();
  SendOne();
  RunFor(10 * kSecond);
  ASSERT_EQ(Due(kD), 1u);
  world().network().Cut(kD, true);
  RunFor(10 * kSecond);
  EXPECT_EQ(Due(kD), 1u) << "what came in this run may run offline";
  Restart(kD);
  RunFor(10 * kSecond);
  EXPECT_EQ(Due(kD), 0u);
  EXPECT_THAT(WaitsFor(kD), HasSubstr("not compared"));
  world().network().Cut(kD, false);
  RunFor(30 * kSecond);
  EXPECT_EQ(Due(kD), 1u);
  Answer(kD);
  ExpectRest();
}

TEST_F(ScenarioCommands, SentAgainWithTheSameKey_DoesNotRunAgain) {
  Build();
  StartAll();
  SendOne();
  RunFor(10 * kSecond);
  Answer(kD);
  RunFor(10 * kSecond);
  Put(kS, "Order", R"({"name":"one","n":3})", kD);  // another version of the same command
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(Due(kD), 0u);
    RunFor(100 * kMs);
  }
  ExpectRest();
  EXPECT_EQ(Count(kS, "Order"), 0u);
}

TEST_F(ScenarioCommands, AnswerArrivesWhileTheServerDies_RemovedAfterItsStart) {
  Build();
  StartAll();
  SendOne();
  RunFor(10 * kSecond);
  at(kS).ArmCrash(CrashPoint::kInCommit);
  Answer(kD);
  RunFor(2 * kSecond);
  at(kS).Start();
  ExpectRest();
  EXPECT_EQ(Count(kS, "Order"), 0u);
  EXPECT_EQ(Count(kD, "Order"), 0u);
}

TEST_F(ScenarioCommands, ToAll_EachAnswersForItself) {
  Build();
  StartAll();
  Put(kS, "Order", R"({"name":"one","n":1})", kAgentAll);
  RunFor(10 * kSecond);
  for (AgentId agent : {kD, kE, kF}) EXPECT_EQ(Due(agent), 1u);
  Answer(kD);
  ExpectRest();
  EXPECT_EQ(Due(kD), 0u);
  EXPECT_EQ(Due(kE), 1u);
  EXPECT_EQ(Count(kE, "Order"), 1u);
}

}  // namespace
}  // namespace tidegate::sim
