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
