// What is wrong is said with its place and what would be right.
#include "host/config/test_folder.h"

namespace tidegate {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST_F(ConfigTest, UnknownKey_NamesTheNearest) {
  EXPECT_EQ(Error("node: {role: device, agnet: 5}\nstorage: {plugin: storage-memory}\n"),
            "main.yaml:1:22: unknown key 'agnet' in node; did you mean 'agent'?");
  EXPECT_EQ(Error(std::string(kLeast) + "transport: []\n"),
            "main.yaml:3:1: unknown key 'transport'; did you mean 'transports'?");
  EXPECT_EQ(Error(std::string(kLeast) + "log: {xyzzy: 1}\n"),
            "main.yaml:3:7: unknown key 'xyzzy' in log; known here: level");
}

TEST_F(ConfigTest, MissingKey_SaysWhatItIs) {
  EXPECT_EQ(Error("node: {role: device}\n"),
            "main.yaml:1:1: key 'storage' is missing; add it (Where the replica is kept)");
  EXPECT_EQ(Error("node: {}\nstorage: {plugin: storage-memory}\n"),
            "main.yaml:1:1: key 'role' is missing in node; add it (server, router or device; fixed when the replica is "
            "created)");
}

TEST_F(ConfigTest, WrongType_SaysWhichIsRight) {
  EXPECT_EQ(Error("node: {role: router, level: '3'}\nstorage: {plugin: storage-memory}\n"),
            "main.yaml:1:29: node.level: must be a whole number, is the text '3'; remove the quotes");
  EXPECT_EQ(Error("node: [device]\nstorage: {plugin: storage-memory}\n"),
            "main.yaml:1:7: node: must be a map, is a list");
  EXPECT_EQ(Error(std::string(kLeast) + "api: {mode: 660}\n"),
            "main.yaml:3:13: api.mode: must be a text, is 660; put it in quotes");
  EXPECT_EQ(Error(std::string(kLeast) + "sync:\n"),
            "main.yaml:3:1: sync: must be a map, is empty; give it a value, or remove the key");
  EXPECT_EQ(Error(std::string(kLeast) + "sync: {window_frames: 1.5}\n"),
            "main.yaml:3:23: sync.window_frames: must be a whole number, is 1.5");
}

TEST_F(ConfigTest, WrongValue_NamesTheRightOnes) {
  EXPECT_EQ(Error("node: {role: sensor}\nstorage: {plugin: storage-memory}\n"),
            "main.yaml:1:14: node.role: must be one of server, router, device; is the text 'sensor'");
  EXPECT_EQ(Error(std::string(kLeast) + "log: {level: warn}\n"),
            "main.yaml:3:14: log.level: must be one of error, warning, info, debug; is the text 'warn', did you mean "
            "'warning'?");
}

TEST_F(ConfigTest, WrongForm_ShowsTheRightOne) {
  EXPECT_EQ(Error(std::string(kLeast) + "sync: {sync_delay: 5 seconds}\n"),
            "main.yaml:3:20: sync.sync_delay: must be written like 5s or 250ms; is the text '5 seconds'");
  EXPECT_EQ(Error(std::string(kLeast) + "sync: {sync_delay: true}\n"),
            "main.yaml:3:20: sync.sync_delay: must be a whole number or a text, is true");
  EXPECT_EQ(Error("node: {role: device, agent: 1.5}\nstorage: {plugin: storage-memory}\n"),
            "main.yaml:1:29: node.agent: must be a whole number or a text, is 1.5");
}

TEST_F(ConfigTest, NumberOutOfRange_SaysTheRange) {
  EXPECT_EQ(Error(std::string(kLeast) + "sync: {window_frames: 0}\n"),
            "main.yaml:3:23: sync.window_frames: must be 1 to 1024, is 0");
  EXPECT_EQ(Error(std::string(kLeast) + "sync: {frame_bytes: 100}\n"),
            "main.yaml:3:21: sync.frame_bytes: is 100 bytes, must be 1024 to 16777216");
}

TEST_F(ConfigTest, SeveralErrors_AreAllReportedInFileOrder) {
  EXPECT_EQ(Error("log: {level: loud}\nnode: {role: device, levle: 1, x: 2}\nstorage: {}\n"),
            "main.yaml:1:14: log.level: must be one of error, warning, info, debug; is the text 'loud'\n"
            "main.yaml:2:22: unknown key 'levle' in node; did you mean 'level'?\n"
            "main.yaml:2:32: unknown key 'x' in node; known here: agent, level, role\n"
            "main.yaml:3:1: key 'plugin' is missing in storage; add it (A plugin: the absolute path of its file, or a "
            "bare name, looked up as <plugin_dir>/<name>.so.)");
}

TEST_F(ConfigTest, LevelAgainstRole_IsRefused) {
  EXPECT_EQ(Error("node: {role: server, level: 2}\nstorage: {plugin: storage-memory}\n"),
            "main.yaml:1:29: node.level: level 2 does not go with role server; a server has 1, a router 2 to 65534, a "
            "device 65535");
}

TEST_F(ConfigTest, AgentAgainstRole_IsRefused) {
  EXPECT_THAT(Error("node: {role: device, agent: 1}\nstorage: {plugin: storage-memory}\n"),
              StartsWith("main.yaml:1:29: node.agent: agent 1 is the server's; give this device a number from 2"));
  EXPECT_THAT(Error("node: {role: server, agent: 9}\nstorage: {plugin: storage-memory}\n"),
              StartsWith("main.yaml:1:29: node.agent: the server's agent is 1"));
  EXPECT_THAT(Error("node: {role: device, agent: 9007199254740976}\nstorage: {plugin: storage-memory}\n"),
              HasSubstr("node.agent: must be 1 to 9007199254740975, is 9007199254740976"));
  EXPECT_EQ(Good("node: {role: server}\nstorage: {plugin: storage-memory}\n").node.agent, 1u);
}

TEST_F(ConfigTest, SidesAgainstRole_AreRefused) {
  EXPECT_EQ(Error(std::string(kLeast) + "transports: [{plugin: transport-mqtt, sides: [child]}]\n"),
            "main.yaml:3:47: transports[0].sides[0]: a device has no children; write [parent], or make it a router");
  EXPECT_EQ(Error("node: {role: router}\nstorage: {plugin: storage-memory}\ntransports:\n  - plugin: transport-mqtt\n"),
            "main.yaml:4:5: transports[0]: a router's transport says which links it serves; add sides: [parent], "
            "[child] or both");
  Config device = Good(std::string(kLeast) + "transports: [{plugin: transport-mqtt}]\n");
  EXPECT_TRUE(device.transports.at(0).to_parent && !device.transports.at(0).to_children);
}

TEST_F(ConfigTest, TransportNameTwice_IsRefused) {
  EXPECT_EQ(Error(std::string(kLeast) + "transports:\n  - plugin: transport-mqtt\n  - plugin: transport-mqtt\n"),
            "main.yaml:5:13: transports[1].plugin: transport name 'transport-mqtt' is taken by the one at "
            "main.yaml:4:13; give each a name of its own");
}

TEST_F(ConfigTest, ClearOnAckAtTheServer_IsRefused) {
  EXPECT_THAT(Error("node: {role: server}\nstorage: {plugin: storage-memory}\nsync: {clear_on_ack: [{agent: all}]}\n"),
              HasSubstr("sync.clear_on_ack: what goes up has arrived at the server"));
}

TEST_F(ConfigTest, LimitsThatContradict_AreRefused) {
  EXPECT_EQ(Error(std::string(kLeast) + "sync: {resend_ms: 2min}\n"),
            "main.yaml:3:19: sync.resend_ms: sync.resend_ms must be below sync.resend_max_ms; change one of them (the "
            "other has its default)");
  EXPECT_THAT(Error(std::string(kLeast) + "sync: {progress_timeout: 5s}\n"),
              HasSubstr("sync.resend_max_ms must be below"));
  EXPECT_THAT(Error(std::string(kLeast) + "limits: {item_bytes_max: 2MiB}\n"),
              HasSubstr("limits.item_bytes_max must be below"));
}

TEST_F(ConfigTest, LeaseTooShortToBeWaitedFor_IsRefused) {
  EXPECT_THAT(Error(std::string(kLeast) + "limits: {lease: 59s, clock_drift_max: 1s}\n"),
              StartsWith("main.yaml:3:17: limits.lease: must be 60000ms or more"));
  EXPECT_THAT(Error(std::string(kLeast) + "limits: {lease: 5min}\n"),
              HasSubstr("limits.clock_drift_max must be below limits.lease"));
  EXPECT_THAT(Error(std::string(kLeast) + "limits: {lease: 6min}\nsync: {link_timeout: 6min}\n"),
              HasSubstr("sync.link_timeout must be below limits.lease"));
  EXPECT_EQ(Good(std::string(kLeast) + "limits: {lease: 6min}\n").limits.lease_ms, 360'000);
}

TEST_F(ConfigTest, SocketPathTooLong_IsRefused) {
  EXPECT_THAT(Error(std::string(kLeast) + "api: {socket: /" + std::string(107, 'x') + "}\n"),
              StartsWith("main.yaml:3:15: api.socket: the path has 108 bytes, a Unix socket takes 107"));
  EXPECT_EQ(Good(std::string(kLeast) + "api: {socket: /" + std::string(106, 'x') + "}\n").api.socket.size(), 107u);
}

TEST_F(ConfigTest, EmptyFile_IsRefused) {
  EXPECT_THAT(Error("# nothing\n"), StartsWith("main.yaml:1:1: the file must hold a map"));
}

TEST_F(ConfigTest, MissingFile_IsNotFound) {
  EXPECT_EQ(LoadConfig(folder_ + "/none.yaml").status().code(), Code::kNotFound);
}

TEST_F(ConfigTest, BrokenYaml_IsInvalidWithItsPlace) {
  auto config = Load("node: {role: device\n");
  EXPECT_EQ(config.status().code(), Code::kInvalid);
  EXPECT_THAT(WithoutFolder(config.status()), StartsWith("main.yaml:2:1: not YAML: "));
}

TEST_F(ConfigTest, PluginDirUnsaid_IsThatOfTheInstallation) {
  Write("main.yaml", kLeast);
  auto config = LoadConfig(folder_ + "/main.yaml");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_THAT(config->storage.path, testing::MatchesRegex("/.*/lib.*/tidegate/plugins/storage-memory.so"));
}

}  // namespace
}  // namespace tidegate
