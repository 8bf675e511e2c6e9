// The command as such: help, mistakes, finding the daemon, what needs none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/cli/test_cli.h"

namespace tidegate::cli {
namespace {

using testing::HasSubstr;

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
  for (const char* command :
       {"put", "get", "find", "remove", "watch", "sync", "status", "verify", "tx", "plugin list", "plugin info",
        "quarantine list", "agent adopt", "agent renew", "backup", "restore", "losses list", "losses confirm"}) {
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
