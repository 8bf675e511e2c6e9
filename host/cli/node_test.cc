// Commands about the node and its links.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/cli/test_cli.h"

namespace tidegate::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(Cli, Sync_SomethingWasRefused_SaysWhatAndHasAnExitCodeOfItsOwn) {
  node::SyncAnswer answer;
  answer.superseded = {{"Status", 42, "p", "s", {7, 42, 9}, {8, 42, 9}, "", 42}};
  answer.superseded_count = 1;
  node_.SetSyncAnswer(answer);
  Ran replaced = Run("sync --wait");
  EXPECT_EQ(replaced.exit_code, 0);
  EXPECT_THAT(replaced.out, HasSubstr("superseded"));
  EXPECT_THAT(replaced.out, HasSubstr("durable at the server\n"));
  answer.dropped = {{"Fault", 42, "p", "d", {7, 42, 9}, {}, "dropped there by hand", 1}};
  answer.dropped_count = 1;
  node_.SetSyncAnswer(answer);
  Ran dropped = Run("sync --wait");
  EXPECT_EQ(dropped.exit_code, 6);
  EXPECT_THAT(dropped.out, HasSubstr("dropped there by hand"));
  EXPECT_THAT(dropped.err, HasSubstr("1 item was dropped before delivery"));
  answer.dropped.clear();
  answer.dropped_count = 0;
  answer.apart = {{"Status", 42, "p", "t", {7, 42, 9}, {}, "", 10}};
  answer.apart_count = 1;
  node_.SetSyncAnswer(answer);
  EXPECT_THAT(Run("sync --wait").out, HasSubstr("the rest of its transaction may show first"));
  answer.quarantined = {{"Fault", 42, "p", "f1", {7, 42, 9}, {}, "severity: not allowed", 1}};
  answer.quarantined_count = 1;
  node_.SetSyncAnswer(answer);
  Ran ran = Run("sync --wait");
  EXPECT_EQ(ran.exit_code, 6);
  EXPECT_THAT(ran.out, HasSubstr("p f1"));
  EXPECT_THAT(ran.out, HasSubstr("severity: not allowed"));
  EXPECT_THAT(ran.out, Not(HasSubstr("durable")));
  EXPECT_THAT(ran.err, HasSubstr("1 item was refused"));
  ran = Run("sync --wait --json");
  EXPECT_EQ(ran.exit_code, 6);
  EXPECT_THAT(ran.out, HasSubstr("\"quarantined_count\":1"));
}

TEST_F(Cli, Sync_ModelIsHeld_SaysWhereAndWhy) {
  node::SyncAnswer answer;
  answer.held = {{"Alarm", false, 10, "schema", "no such model: add it", false, 17}};
  node_.SetSyncAnswer(answer);
  Ran ran = Run("sync --wait");
  EXPECT_EQ(ran.exit_code, 6);
  EXPECT_THAT(ran.err, HasSubstr("model Alarm waits at agent 10 (schema): no such model: add it"));
  EXPECT_THAT(ran.err, Not(HasSubstr("refused")));
  EXPECT_THAT(ran.out, Not(HasSubstr("durable")));
}

TEST_F(Cli, Sync_SaysWhetherItArrived) {
  EXPECT_EQ(Run("sync --wait --to hop").out, "all that was written before is durable at the neighbour\n");
  EXPECT_EQ(Run("sync --json").out, "{\"pending_changes\":0}\n");
  node_.SetSyncReaches(false);
  Ran late = Run("sync --wait --timeout 1s");
  EXPECT_EQ(late.exit_code, 5);
  EXPECT_THAT(late.err, HasSubstr("still on their way"));
  EXPECT_EQ(Run("sync").exit_code, 0);
  Ran json = Run("sync --wait --json");
  EXPECT_EQ(json.exit_code, 5);
  EXPECT_THAT(json.out, HasSubstr(R"({"error":{"code":"timeout","message":")"));
  EXPECT_THAT(json.out, HasSubstr(R"("complete":false)"));
  EXPECT_EQ(Run("sync --to moon").exit_code, 2);
  EXPECT_EQ(Run("sync --timeout soon").exit_code, 2);
}

TEST_F(Cli, Sync_ForAnAgentWhomNobodyKnows_IsNotAllThere) {
  node::SyncAnswer answer;
  answer.unknown = {{555, 2}};
  node_.SetSyncAnswer(answer);
  Ran ran = Run("sync --to hop");
  EXPECT_EQ(ran.exit_code, 6);
  EXPECT_THAT(ran.err, HasSubstr("2 items are for agent 555, and nobody knows agent 555"));
  EXPECT_THAT(ran.out, Not(HasSubstr("durable")));
}

TEST_F(Cli, Durations_NeedAUnit) {
  for (const char* command : {"sync --wait --timeout 5", "link sync --wait --timeout 5", "verify 9 --timeout 1.5",
                              "link on 9 --wait --timeout 5", "watch --timeout 5"}) {
    Ran ran = Run(command);
    EXPECT_EQ(ran.exit_code, 2) << command;
    EXPECT_THAT(ran.err, HasSubstr("has no unit; write ")) << command;
  }
  EXPECT_EQ(Run("sync --wait --timeout 5s").exit_code, 0);
}

TEST_F(Cli, AgentsThatAreNone_AreToldWhatIsPossible) {
  EXPECT_THAT(Run("verify children").err, HasSubstr("\"children\" is no agent: write its number or parent\n"));
  EXPECT_THAT(Run("link off parents").err, HasSubstr("write its number, parent, children or all\n"));
  EXPECT_THAT(Run("clear them").err, HasSubstr("write its number, self or all\n"));
  Ran conflict = Run("conflicts show x");
  EXPECT_EQ(conflict.exit_code, 2);
  EXPECT_THAT(conflict.err, HasSubstr("tidegate conflicts list"));
  EXPECT_EQ(Run("conflicts restore -- -3").exit_code, 2);
}

TEST_F(Cli, Json_ErrorsAreObjectsToo) {
  Ran missing = Run("agent adopt 8 --json");
  EXPECT_EQ(missing.exit_code, 4);
  EXPECT_THAT(missing.out, HasSubstr(R"({"error":{"code":"not_found","message":"no child of agent 8)"));
  EXPECT_THAT(Run("link off parents --json").out, HasSubstr(R"({"error":{"code":"invalid")"));
  EXPECT_THAT(RunAlone("status --json --api /no/such").out, HasSubstr(R"("code":"unavailable")"));
  EXPECT_EQ(Run("agent adopt 8").out, "");
}

TEST_F(Cli, Renew_ToNoNewId_IsRefusedAtOnce) {
  for (const char* id : {"0", "1"}) {
    Ran ran = RunAlone(std::string("agent renew ") + id);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_THAT(ran.err, HasSubstr("is no new agent id"));
  }
}

TEST_F(Cli, Status_ShowsEveryLink) {
  Ran ran = Run("status");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("agent 7  router, level 2, healthy\n"));
  EXPECT_THAT(ran.out, HasSubstr("restored       1 min 30 s ago"));
  EXPECT_THAT(ran.out, HasSubstr("parent 1 (server, level 1)  up\n"));
  EXPECT_THAT(ran.out, HasSubstr("pending        1,234 changes, 250 kB, oldest 1 min 5 s\n"));
  EXPECT_THAT(ran.out, HasSubstr("watermark      history  acked 41, delivered 40, held 12\n"));
  EXPECT_THAT(ran.out, HasSubstr("last error     1 min 30 s ago, over: broker \"gone\" at 10:00\n"));
  EXPECT_THAT(ran.out, HasSubstr("child 9 (device, level 65535)  down\n"));
  EXPECT_THAT(ran.out, HasSubstr("last progress  never\n"));
  EXPECT_THAT(ran.out, HasSubstr("lease          waited for another 3 d 0 h\n"));
  EXPECT_THAT(ran.out, HasSubstr("forgotten      tombstones of deletes before 2023-11-14T22:13:20.000Z\n"));
  EXPECT_THAT(ran.out, Not(HasSubstr("\033")));
  node_.SetHealthy(false);
  EXPECT_THAT(Run("status").out, HasSubstr("problem        the disk is full\n"));
  EXPECT_THAT(Run("status --json").out, testing::StartsWith("{\"agent\":7,"));
}

TEST_F(Cli, StatusAndLinkList_ShowTheLastVerify) {
  std::string out = Run("status").out;
  EXPECT_THAT(out, HasSubstr("verify         by itself in 1 h 0 min\n"));
  EXPECT_THAT(out,
              HasSubstr("verified       1 min 30 s ago (doubt, it was not stopped in order): 3 differed, 2 mended; "
                        "1,234,567 rows, 1.0 kB\n"));
  EXPECT_THAT(Run("link list").out, HasSubstr(" 3 differed"));
  EXPECT_THAT(Run("link list --json").out,
              HasSubstr(R"("cause":"doubt","reason":"it was not stopped in order","equal":false,"missing_here":1,)"));
}

TEST_F(Cli, LinkList_ShowsTrafficAndTheLastDisconnect) {
  Ran ran = Run("link list");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("parent      1  up"));
  EXPECT_THAT(ran.out, HasSubstr("2023-11-14T22:13:20.000Z nothing heard for 30 s"));
  EXPECT_THAT(ran.out, testing::ContainsRegex("1.0 kB +22 % +2.0 kB +27 %"));
  EXPECT_THAT(Run("link list --json").out, HasSubstr("\"last_disconnect\":\"nothing heard for 30 s\""));
  EXPECT_THAT(Run("status").out, HasSubstr("compression    12.0 kB to 3.0 kB\n"));
  node_.SetHealthy(false);
  EXPECT_THAT(Run("link list").out, HasSubstr("down, stalled"));
  EXPECT_THAT(Run("status").out, HasSubstr("moving         no: opened anew 0 times"));
}

TEST_F(Cli, LinkOnAndOff_SwitchByAgentOrParent) {
  EXPECT_EQ(Run("link off 9").out, "the link to agent 9 is switched off, also after a restart\n");
  EXPECT_THAT(Run("link list").out, HasSubstr("child       9  off"));
  EXPECT_EQ(Run("link on 9 --json").out, "{\"agents\":[9],\"on\":true}\n");
  EXPECT_EQ(Run("link off parent").exit_code, 4);
  EXPECT_EQ(Run("link off everybody").exit_code, 2);
  EXPECT_EQ(Run("link off children").out, "the link to agent 9 is switched off, also after a restart\n");
  EXPECT_EQ(Run("link off all").out, "all links are switched off, also after a restart\n");
  EXPECT_THAT(Run("status").out, HasSubstr("links          all switched off"));
  EXPECT_EQ(Run("link on all").exit_code, 0);
  EXPECT_THAT(Run("status").out, Not(HasSubstr("switched off")));
  Ran late = Run("link on 9 --wait --timeout 200ms");
  EXPECT_EQ(late.exit_code, 5);
  EXPECT_THAT(late.err, HasSubstr("agent 9 is down"));
  EXPECT_EQ(Run("link off").exit_code, 2);
  EXPECT_THAT(Run("link fo 9").err, HasSubstr("did you mean \"link o"));
}

TEST_F(Cli, LinkSync_SaysWhatIsToMove) {
  EXPECT_EQ(Run("link sync").out, "under way\n");
  EXPECT_EQ(node_.last_link_sync().agent, kAgentAll);
  EXPECT_TRUE(node_.last_link_sync().push && node_.last_link_sync().pull);
  EXPECT_EQ(Run("link sync 42 --pull --subtree --compare --wait --timeout 2s").out,
            "done: what waited is durable where it was to go\n");
  node::LinkSyncRequest asked = node_.last_link_sync();
  EXPECT_EQ(asked.agent, 42u);
  EXPECT_TRUE(!asked.push && asked.pull && asked.subtree && asked.compare && asked.wait);
  EXPECT_EQ(asked.timeout_ms, 2'000);
  EXPECT_EQ(Run("link sync parent --push").exit_code, 0);
  EXPECT_EQ(node_.last_link_sync().agent, 1u);
  EXPECT_EQ(Run("link sync children").exit_code, 0);
  EXPECT_TRUE(node_.last_link_sync().children);
  EXPECT_EQ(Run("link sync self --subtree").exit_code, 0);
  EXPECT_EQ(node_.last_link_sync().agent, 7u);
  node_.SetSyncReaches(false);
  Ran late = Run("link sync --wait");
  EXPECT_EQ(late.exit_code, 5);
  EXPECT_THAT(late.err, HasSubstr("it waits for agent 9"));
}

TEST_F(Cli, Clear_SaysHowManyWent) {
  EXPECT_EQ(Run("clear 42 Reading").out, "3 items cleared here; they are at the server\n");
  EXPECT_EQ(Run("clear 42 --at hop --json").out, "{\"cleared\":5}\n");
  EXPECT_EQ(Run("clear 42 Nothing").exit_code, 4);
  EXPECT_EQ(Run("clear").exit_code, 2);
  EXPECT_EQ(Run("clear 42 --at moon").exit_code, 2);
}

TEST_F(Cli, VerifyOfALink_TellsWhatDiffersAndSaysSoInItsExitCode) {
  Ran equal = Run("verify 9");
  EXPECT_EQ(equal.exit_code, 0) << equal.err;
  EXPECT_THAT(equal.out, HasSubstr("equal; 5 questions"));
  Ran differs = Run("verify 8");
  EXPECT_EQ(differs.exit_code, 7) << differs.err;
  EXPECT_THAT(differs.out, HasSubstr("Reading"));
  EXPECT_THAT(differs.out, HasSubstr("different; 5 questions"));
  EXPECT_THAT(Run("verify --repair 8 --json").out, HasSubstr("\"mended\":6"));
  EXPECT_EQ(Run("verify all").exit_code, 2);
  EXPECT_EQ(Run("verify --repair").exit_code, 2);
  EXPECT_EQ(Run("verify 8 --timeout soon").exit_code, 2);
}

TEST_F(Cli, VerifyQuarantineAdoptAndBackup_Answer) {
  EXPECT_EQ(Run("verify").out,
            "owner  model    items  tombstones  digest\n    9  Reading      3           1  0000000000abcdef\n");
  EXPECT_EQ(
      Run("verify --json").out,
      "{\"owner\":9,\"model\":\"Reading\",\"items\":3,\"tombstones\":1,\"count\":4,\"digest\":\"0000000000abcdef\"}\n");
  EXPECT_THAT(Run("quarantine list").out, HasSubstr("severity: must be one of low, high"));
  EXPECT_THAT(Run("conflicts list").out, HasSubstr("a newer state that did not know of it"));
  EXPECT_THAT(Run("conflicts show 3").out, HasSubstr("\"value\":\"7\""));
  EXPECT_THAT(Run("conflicts restore 3").out, HasSubstr("restored"));
  EXPECT_THAT(Run("conflicts restore 4").err, HasSubstr("no conflict 4"));
  EXPECT_THAT(Run("conflicts show x").err, HasSubstr("NUMBER must be one that"));
  EXPECT_EQ(Run("command list Order").out, "{\"id\":\"7\",\"what\":\"blink\"}\n");
  EXPECT_THAT(Run("command list Later").err, HasSubstr("nothing is compared yet"));
  EXPECT_THAT(Run("command list Reading").err, HasSubstr("is no command"));
  EXPECT_EQ(Run("agent adopt 9").exit_code, 0);
  EXPECT_EQ(Run("agent adopt 8").exit_code, 4);
  EXPECT_EQ(Run("agent adopt x").exit_code, 2);
  EXPECT_THAT(Run("losses list").out, HasSubstr("Config  config# config#a"));
  EXPECT_THAT(Run("losses list").out, HasSubstr("2023-11-14T22:14:20.000Z"));
  EXPECT_THAT(Run("losses list --json").out, HasSubstr("\"kind\":\"feed\""));
  EXPECT_THAT(Run("losses confirm").out, HasSubstr("confirmed: "));
  EXPECT_EQ(Run("losses confirm").exit_code, 4);
  EXPECT_EQ(Run("backup /tmp/x").out, "backed up to /tmp/x\n");
  EXPECT_EQ(Run("backup /full").exit_code, 1);
}

TEST_F(Cli, CommandRun_RunsTheProgramOnceAndWritesWhatItPrints) {
  const std::string run = "command run Order --once -- sh -c ";
  EXPECT_THAT(Run("command run Order --once -- /no/such/program").err, HasSubstr("cannot run"));
  Ran bare = Run("command run Bare --once -- sh -c true");
  EXPECT_EQ(bare.exit_code, 1);
  EXPECT_THAT(bare.err, HasSubstr("model Nod, which answers Bare, has no field code"));
  EXPECT_EQ(Run("command list Order").out, "{\"id\":\"7\",\"what\":\"blink\"}\n") << "it has not run";
  EXPECT_THAT(Run(run + "'cat; exit 3'").out, HasSubstr("code 3"));
  EXPECT_EQ(Run(run + "'echo again'").out, "");
  EXPECT_EQ(Run("command list Order").out, "");
  const std::string done = Run("get Done id=7 --json").out;
  EXPECT_THAT(done, HasSubstr("\"code\":3"));
  EXPECT_THAT(done, HasSubstr("\"what\":\"blink\"")) << "printed as an object, so it is fields";
}

TEST_F(Cli, Level_SetAndReset_StatusShowsBoth) {
  EXPECT_EQ(Run("level set 30").out, "the level is 30; the neighbours are told\n");
  EXPECT_THAT(Run("status").out, HasSubstr("router, level 30 (set while running; configured 2), healthy"));
  EXPECT_EQ(Run("level reset --json").out, "{\"level\":2}\n");
  EXPECT_THAT(Run("status").out, HasSubstr("router, level 2, healthy"));
  EXPECT_EQ(Run("level set 65535").exit_code, 2);
  EXPECT_EQ(Run("level set 3x").exit_code, 2);
  EXPECT_THAT(RunAlone("level").err, HasSubstr("level set"));
}

}  // namespace
}  // namespace tidegate::cli
