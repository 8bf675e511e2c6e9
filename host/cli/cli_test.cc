// The built command, run as a user runs it, against the real API above a fake node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>

#include "host/api/fake_node.h"
#include "host/api/server.h"

namespace tidegate::cli {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class QuietLog : public core::Log {
 public:
  void Write(uint32_t, std::string_view) override {}
};

struct Ran {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class Cli : public testing::Test {
 protected:
  Cli() : base_(testing::TempDir() + "/tg-cli-" + std::to_string(getpid())), socket_(base_ + ".sock") {
    unsetenv("TIDEGATE_API");
    options_.socket = socket_;
  }
  ~Cli() override {
    for (const char* end : {".err", ".in", ".yaml"}) unlink((base_ + end).c_str());
  }

  void Start() {
    auto server = api::ApiServer::Start(options_, node_, log_);
    ASSERT_TRUE(server.ok()) << server.status().message();
    server_ = std::move(server).value();
  }

  // command: what a shell takes after `tidegate`.
  Ran RunAlone(const std::string& command) {
    Ran ran;
    std::string line = std::string(TIDEGATE_COMMAND) + " " + command + " 2>" + base_ + ".err";
    FILE* pipe = popen(line.c_str(), "r");
    char part[4096];
    while (size_t got = fread(part, 1, sizeof(part), pipe)) ran.out.append(part, got);
    int status = pclose(pipe);
    ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    std::ifstream error(base_ + ".err");
    ran.err.assign(std::istreambuf_iterator<char>(error), {});
    return ran;
  }
  Ran Run(const std::string& command) {
    if (!server_) Start();
    return RunAlone("--api " + socket_ + " " + command);
  }
  std::string File(const std::string& text) {
    std::ofstream(base_ + ".in") << text;
    return base_ + ".in";
  }

  std::string base_;
  std::string socket_;
  api::ApiOptions options_;
  QuietLog log_;
  api::FakeNode node_;
  std::unique_ptr<api::ApiServer> server_;
};

TEST_F(Cli, Put_PrintsTheStoredItem) {
  Ran ran = Run(R"(put Reading id=a "name=x \"y\"" value:=1.5 'tags:=["b"]')");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "{\"id\":\"a\",\"name\":\"x \\\"y\\\"\",\"value\":1.5,\"tags\":[\"b\"]}\n");
  EXPECT_EQ(Run("put Reading '{\"id\":\"b\"}'").exit_code, 0);
  EXPECT_EQ(Run("put Reading '{\"id\":\"b\"}' --mode create").exit_code, 1);
  EXPECT_EQ(Run("put Reading '{\"id\":\"zz\"}' --mode=update").exit_code, 4);
}

TEST_F(Cli, PutOfLines_CountsAndNamesTheFailedOnes) {
  std::string lines;
  for (int i = 1; i <= 2'500; i++) {
    lines += i == 7 || i == 1'234 ? "{\"bad\":1}\n" : "{\"id\":" + std::to_string(i) + "}\n";
  }
  lines += "{\"id\":\"last\"}";  // no newline
  Ran ran = Run("put Reading - <" + File(lines));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, MatchesRegex("written 2,499, failed 2, [0-9.]+ s, [0-9,]+ items/s\n"));
  EXPECT_THAT(ran.err, HasSubstr("line 7: "));
  EXPECT_THAT(ran.err, HasSubstr("line 1234: "));
  EXPECT_EQ(node_.items(), 2'499u);

  Ran json = Run("put Reading - --json <" + File("{\"id\":1}\n"));
  EXPECT_EQ(json.exit_code, 0);
  EXPECT_THAT(json.out, testing::StartsWith("{\"written\":1,\"failed\":0,"));
}

TEST_F(Cli, PutOfNoLines_WritesNothing) {
  Ran ran = Run("put Reading - </dev/null");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("written 0, failed 0"));
}

TEST_F(Cli, Get_ShowsFieldsOrJson) {
  Run("put Reading id=a value:=1.5");
  EXPECT_EQ(Run("get Reading id=a").out, "id     a\nvalue  1.5\n");
  EXPECT_EQ(Run("get Reading id=a --json").out, "{\"id\":\"a\",\"value\":1.5}\n");
  Ran none = Run("get Reading id=b");
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_EQ(none.out, "");
  EXPECT_THAT(none.err, HasSubstr("there is no Reading"));
}

TEST_F(Cli, Find_PrintsATable) {
  Run("put Reading id=a value:=1.5 _owner:=7 _type=Reading");
  Run("put Reading id=bcd value:=20");
  EXPECT_EQ(Run("find Reading").out, "id   value  _owner\na      1.5       7\nbcd     20\n");
  EXPECT_EQ(Run("find Reading id=a --json").out, "{\"id\":\"a\",\"value\":1.5,\"_owner\":7,\"_type\":\"Reading\"}\n");
  EXPECT_EQ(Run("find Reading --limit 1 --json").out,
            "{\"id\":\"a\",\"value\":1.5,\"_owner\":7,\"_type\":\"Reading\"}\n");
  Ran none = Run("find Other");
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_EQ(none.out, "");
}

TEST_F(Cli, FindOfMany_FollowsTheCursor) {
  std::string lines;
  for (int i = 0; i < 1'300; i++) lines += "{\"id\":" + std::to_string(100'000 + i) + "}\n";
  Run("put Reading - <" + File(lines));
  Ran ran = Run("find Reading --json | sort | uniq | wc -l");
  EXPECT_EQ(ran.out, "1300\n");
  EXPECT_EQ(Run("find Reading --json --limit 700 | wc -l").out, "700\n");
}

TEST_F(Cli, Table_ShowsNoControlCharacters) {
  Run(R"(put Reading 'id:="a\u001b[2Jb"')");
  EXPECT_EQ(Run("find Reading").out, "id\na?[2Jb\n");
}

TEST_F(Cli, Remove_TellsWhatItRemoved) {
  Run("put Reading id=a");
  Ran ran = Run("remove Reading id=a");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "removed Reading {\"id\":\"a\"}\n");
  EXPECT_EQ(Run("remove Reading id=a").exit_code, 4);
}

TEST_F(Cli, Transaction_TakesAListOrAnObject) {
  std::string list =
      R"([{"model":"Reading","properties":{"id":"a","v":1.50}},{"model":"Fault","properties":{"id":"f"}}])";
  EXPECT_EQ(Run("tx " + File(list)).out, "{\"id\":\"a\",\"v\":1.5}\n{\"id\":\"f\"}\n");
  EXPECT_EQ(Run("tx - <" + File("{\"writes\":" + list + "}")).exit_code, 0);
  EXPECT_EQ(node_.items(), 2u);
  Ran bad =
      Run("tx " +
          File("[{\"model\":\"Reading\",\"properties\":{\"id\":\"c\"}},{\"model\":\"Nothing\",\"properties\":{}}]"));
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.err, HasSubstr("writes[1]"));
}

TEST_F(Cli, Watch_PrintsWhatHappensAndWhereItCameFrom) {
  Start();
  std::string command = std::string(TIDEGATE_COMMAND) + " watch Reading --count 2 --ready --timeout 20s --api " +
                        socket_ + " 2>" + base_ + ".err";
  FILE* watch = popen(command.c_str(), "r");
  for (int i = 0; i < 200 && node_.watchers() == 0; i++) usleep(50'000);
  node_.Arrive("Reading", "b", 9, 9);
  Run("remove Other id=1");
  Run("put Reading id=a");
  std::string out;
  char part[4096];
  while (size_t got = fread(part, 1, sizeof(part), watch)) out.append(part, got);
  EXPECT_EQ(WEXITSTATUS(pclose(watch)), 0);
  EXPECT_THAT(out, HasSubstr("put     Reading       owner 9  seq 1  from agent 9    {\"id\":\"b\"}\n"));
  EXPECT_THAT(out, HasSubstr("put     Reading       owner 7  seq 2  from local      {\"id\":\"a\"}\n"));
}

TEST_F(Cli, WatchThatSeesTooLittle_IsTooLate) {
  EXPECT_EQ(Run("watch --count 1 --timeout 300ms").exit_code, 5);
  EXPECT_EQ(Run("watch --timeout 300ms").exit_code, 0);
}

TEST_F(Cli, Sync_SomethingWasRefused_SaysWhatAndHasAnExitCodeOfItsOwn) {
  node::SyncAnswer answer;
  answer.superseded = {{"Status", 42, "p", "s", {7, 42, 9}, {8, 42, 9}, "", 42}};
  answer.superseded_count = 1;
  node_.SetSyncAnswer(answer);
  Ran replaced = Run("sync --wait");
  EXPECT_EQ(replaced.exit_code, 0);
  EXPECT_THAT(replaced.out, HasSubstr("superseded"));
  EXPECT_THAT(replaced.out, HasSubstr("durable at the server\n"));
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
  EXPECT_EQ(Run("sync --to moon").exit_code, 2);
  EXPECT_EQ(Run("sync --timeout soon").exit_code, 2);
}

TEST_F(Cli, Status_ShowsEveryLink) {
  Ran ran = Run("status");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("agent 7  router, level 2, healthy\n"));
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
  EXPECT_THAT(Run("conflicts show x").err, HasSubstr("is no number of a conflict"));
  EXPECT_EQ(Run("command list Order").out, "{\"id\":\"7\",\"what\":\"blink\"}\n");
  EXPECT_THAT(Run("command list Later").err, HasSubstr("nothing is compared yet"));
  EXPECT_THAT(Run("command list Reading").err, HasSubstr("is no command"));
  EXPECT_EQ(Run("agent adopt 9").exit_code, 0);
  EXPECT_EQ(Run("agent adopt 8").exit_code, 4);
  EXPECT_EQ(Run("agent adopt x").exit_code, 2);
  EXPECT_EQ(Run("backup /tmp/x").out, "backed up to /tmp/x\n");
  EXPECT_EQ(Run("backup /full").exit_code, 1);
}

TEST_F(Cli, CommandRun_RunsTheProgramOnceAndWritesWhatItPrints) {
  const std::string run = "command run Order --once -- sh -c ";
  EXPECT_THAT(Run("command run Order --once -- /no/such/program").err, HasSubstr("cannot run"));
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

TEST_F(Cli, WrongCommandLines_NameTheNearest) {
  EXPECT_THAT(RunAlone("statsu").err, HasSubstr("did you mean \"status\"?"));
  EXPECT_THAT(RunAlone("plugin lsit").err, HasSubstr("did you mean \"plugin list\"?"));
  EXPECT_THAT(RunAlone("find Reading --limt 3").err, HasSubstr("did you mean --limit?"));
  EXPECT_THAT(RunAlone("find").err, HasSubstr("usage: tidegate find MODEL"));
  EXPECT_THAT(RunAlone("put Reading novalue").err, HasSubstr("must be FIELD=VALUE"));
  EXPECT_THAT(RunAlone("put Reading x:={").err, HasSubstr("is no JSON"));
  EXPECT_THAT(RunAlone("find Reading --limit many").err, HasSubstr("--limit must be a whole number"));
  for (const char* wrong : {"statsu", "", "find", "put Reading novalue", "status --json=1", "find Reading --limit",
                            "put Reading a=1 a=2", "watch a b", "status --json --json"}) {
    EXPECT_EQ(RunAlone(wrong).exit_code, 2) << wrong;
  }
}

TEST_F(Cli, Help_HasAnExampleForEveryCommand) {
  Ran all = RunAlone("--help");
  EXPECT_EQ(all.exit_code, 0);
  for (const char* command : {"put", "get", "find", "remove", "watch", "sync", "status", "verify", "tx", "plugin list",
                              "plugin info", "quarantine list", "agent adopt", "backup"}) {
    EXPECT_THAT(all.out, HasSubstr(std::string("\n  ") + command + " ")) << command;
    Ran one = RunAlone(std::string(command) + " --help");
    EXPECT_EQ(one.exit_code, 0) << command;
    EXPECT_THAT(one.out, HasSubstr("example")) << command;
    EXPECT_THAT(one.out, HasSubstr("--json")) << command;
  }
  for (const char* group : {"plugin", "quarantine", "agent"}) {
    Ran one = RunAlone(std::string(group) + " --help");
    EXPECT_EQ(one.exit_code, 0) << group;
    EXPECT_THAT(one.out, HasSubstr("usage: tidegate " + std::string(group) + " "));
  }
  EXPECT_THAT(RunAlone("version").out, testing::StartsWith("tidegate "));
}

TEST_F(Cli, NoDaemon_IsExitCode3) {
  Ran ran = RunAlone("status --api " + socket_);
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_THAT(ran.err, HasSubstr("is tidegated running?"));
}

TEST_F(Cli, SocketPathTooLong_IsRefusedClearly) {
  Ran ran = RunAlone("status --api /tmp/" + std::string(110, 'x'));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, HasSubstr("has 115 bytes; a Unix socket's path has 1 to 107"));
}

TEST_F(Cli, Socket_IsFoundInTheStatedOrder) {
  Start();
  std::ofstream(base_ + ".yaml") << "node: {agent: 2, role: router}\napi: {socket: " << socket_ << "}\n";
  EXPECT_EQ(RunAlone("verify --config " + base_ + ".yaml").exit_code, 0);
  setenv("TIDEGATE_API", socket_.c_str(), 1);
  EXPECT_EQ(RunAlone("verify").exit_code, 0);
  EXPECT_EQ(RunAlone("verify --config /nonexistent").exit_code, 0);
  EXPECT_EQ(RunAlone("verify --api /nonexistent").exit_code, 3);
  setenv("TIDEGATE_API", "/nonexistent", 1);
  EXPECT_EQ(RunAlone("verify --config " + base_ + ".yaml").exit_code, 3);
  unsetenv("TIDEGATE_API");
}

TEST_F(Cli, TooManyConnections_AreToldClearly) {
  options_.connections_max = 0;
  Ran ran = Run("verify");
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_THAT(ran.err, HasSubstr("too many connections"));
}

TEST_F(Cli, PluginInfoOfSomethingElse_SaysWhatIsWrong) {
  Ran ran = RunAlone("plugin info " + File("no plugin at all"));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, HasSubstr(base_ + ".in"));
  EXPECT_EQ(RunAlone("plugin info /nonexistent").exit_code, 4);
  EXPECT_EQ(RunAlone("plugin list /nonexistent").exit_code, 4);
}

TEST_F(Cli, PluginListAndInfo_ReadTheNotes) {
  Ran list = RunAlone(std::string("plugin list ") + TIDEGATE_TEST_PLUGIN_DIR);
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_THAT(list.out, testing::ContainsRegex("storage-memory +storage +[0-9.]+ +1[.]0 +/"));
  Ran info = RunAlone(std::string("plugin info ") + TIDEGATE_TEST_PLUGIN_DIR + "/storage-memory.so --json");
  EXPECT_EQ(info.exit_code, 0) << info.err;
  EXPECT_THAT(info.out, HasSubstr("\"id\":\"storage-memory\",\"kind\":\"storage\""));
}

TEST_F(Cli, ClosedPipe_EndsTheCommand) {
  std::string lines;
  for (int i = 0; i < 3'000; i++)
    lines += "{\"id\":" + std::to_string(i) + ",\"pad\":\"" + std::string(100, 'x') + "\"}\n";
  Run("put Reading - <" + File(lines));
  EXPECT_EQ(Run("find Reading --json | head -n 1 | wc -l").out, "1\n");
}

}  // namespace
}  // namespace tidegate::cli
