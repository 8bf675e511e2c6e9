#include "host/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "host/config/config_schema.h"

namespace tidegate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kLeast = "node: {role: device}\nstorage: {plugin: storage-memory}\n";

// A folder of its own for each test, with main.yaml and what else a test writes.
class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::string pattern = testing::TempDir() + "config_test_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(folder_ + "/" + name).parent_path());
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
  }

  Result<Config> Load(const std::string& text) {
    Write("main.yaml", text);
    return LoadConfig(folder_ + "/main.yaml", "/plugins");
  }

  Config Good(const std::string& text) {
    auto config = Load(text);
    EXPECT_TRUE(config.ok()) << config.status().message();
    return config.ok() ? *config : Config{};
  }

  // The message, with the folder taken off.
  std::string Error(const std::string& text) { return WithoutFolder(Load(text).status()); }

  std::string WithoutFolder(const Status& status) {
    std::string message = status.message();
    for (size_t at; (at = message.find(folder_ + "/")) != std::string::npos;) message.erase(at, folder_.size() + 1);
    return message;
  }

  std::string folder_;
};

TEST_F(ConfigTest, LeastConfig_HasTheDefaults) {
  Config config = Good(kLeast);
  EXPECT_EQ(config.node.role, Role::kDevice);
  EXPECT_EQ(config.node.agent, 0u) << "machine";
  EXPECT_EQ(config.node.level, 65535u);
  EXPECT_EQ(config.api.socket, "/run/tidegate/api.sock");
  EXPECT_EQ(config.api.mode, 0660u);
  EXPECT_EQ(config.storage.path, "/plugins/storage-memory.so");
  EXPECT_EQ(config.storage.config_json, "{}");
  ASSERT_EQ(config.policies.size(), 1u);
  EXPECT_EQ(config.policies[0].path, "/plugins/policy-onetable.so");
  EXPECT_EQ(config.sync.sync_delay_ms, 5000);
  EXPECT_EQ(config.sync.sync_limit_bytes, 10'000u);
  EXPECT_EQ(config.limits.clock_drift_max_ms, 300'000);
  EXPECT_EQ(config.limits.lease_ms, 2'592'000'000);
  EXPECT_EQ(config.log_level, LogLevel::kInfo);
}

// What the schema says to be the default, written out for every key of the given properties.
nlohmann::json DefaultsOf(const nlohmann::json& properties) {
  nlohmann::json values;
  for (auto& [key, schema] : properties.items()) {
    if (schema.contains("properties")) {
      values[key] = DefaultsOf(schema["properties"]);
    } else {
      EXPECT_TRUE(schema.contains("default")) << key;
      values[key] = schema["default"];
    }
  }
  return values;
}

TEST_F(ConfigTest, DefaultsOfTheSchema_AreThoseOfTheProgram) {
  auto properties = nlohmann::json::parse(kConfigSchema)["properties"];
  nlohmann::json explicitly = {{"node", {{"role", "device"}}}, {"storage", {{"plugin", "storage-memory"}}}};
  for (const char* section : {"api", "sync", "limits", "log"}) {
    explicitly[section] = DefaultsOf(properties[section]["properties"]);
  }
  Config written = Good(explicitly.dump());
  Config defaults = Good(kLeast);
  EXPECT_EQ(written.api, defaults.api);
  EXPECT_EQ(written.sync, defaults.sync);
  EXPECT_EQ(written.limits, defaults.limits);
  EXPECT_EQ(written.log_level, defaults.log_level);
}

TEST_F(ConfigTest, EveryKey_IsRead) {
  Config config = Good(R"(
node: {agent: 17, role: router, level: 3}
api: {socket: /tmp/t.sock, mode: "0600", request_bytes_max: 1MiB}
plugin_dir: /opt/plugins/
storage: {plugin: storage-sqlite, config: {path: /data/r.db, cache: 3}}
transports:
  - {name: uplink, plugin: transport-mqtt, sides: [parent], config: {host: cloud}}
  - {name: downlink, plugin: /opt/x/transport-y.so, sides: [child]}
  - {plugin: /opt/x/transport-z.so, sides: [child, parent]}
policies: [{plugin: policy-a, config: {x: 1}}, {plugin: policy-b}]
events: [{plugin: events-a, config: {y: 2}}, {plugin: /opt/x/events-b.so}]
schemas: [fleet.json5, /etc/other.json]
sync:
  sync_delay: 250ms
  sync_limit: 2KB
  window_frames: 3
  window_bytes: 1MB
  frame_bytes: 64KiB
  batch_items: 50
  resend_ms: 2s
  resend_max_ms: 1.5min
  hello_retry_ms: 300
  hello_retry_max_ms: 30s
  keepalive: 10s
  link_timeout: 20s
  progress_timeout: 3min
  period: 1h
  lane_weights: {urgent: 16, state: 5, history: 3, bulk: 2}
limits:
  transaction_bytes_max: 2MB
  item_bytes_max: 1MB
  queue_items_max: 500
  quarantine_items_max: 77
  conflict_items_max: 79
  conflict_bytes_max: 1MiB
  sync_exceptions_max: 78
  errands_max: 79
  clock_drift_max: 1min
  lease: 2d
  route_age: 90d
  commit_items_max: 10
  linger_max_ms: 0
log: {level: debug}
context: {deviceId: d1, site: {n: 4}}
)");
  EXPECT_EQ(config.node.agent, 17u);
  EXPECT_EQ(config.node.role, Role::kRouter);
  EXPECT_EQ(config.node.level, 3u);
  EXPECT_EQ(config.api.socket, "/tmp/t.sock");
  EXPECT_EQ(config.api.mode, 0600u);
  EXPECT_EQ(config.api.request_bytes_max, 1048576u);
  EXPECT_EQ(config.storage.path, "/opt/plugins/storage-sqlite.so");
  EXPECT_EQ(config.storage.config_json, R"({"path":"/data/r.db","cache":3})");
  ASSERT_EQ(config.transports.size(), 3u);
  EXPECT_EQ(config.transports[0].name, "uplink");
  EXPECT_TRUE(config.transports[0].to_parent && !config.transports[0].to_children);
  EXPECT_EQ(config.transports[1].path, "/opt/x/transport-y.so");
  EXPECT_TRUE(!config.transports[1].to_parent && config.transports[1].to_children);
  EXPECT_EQ(config.transports[2].name, "transport-z");
  EXPECT_TRUE(config.transports[2].to_parent && config.transports[2].to_children);
  ASSERT_EQ(config.policies.size(), 2u);
  EXPECT_EQ(config.policies[0].config_json, R"({"x":1})");
  ASSERT_EQ(config.events.size(), 2u);
  EXPECT_EQ(config.events[0].config_json, R"({"y":2})");
  EXPECT_EQ(config.events[1].path, "/opt/x/events-b.so");
  EXPECT_THAT(config.schemas, ElementsAre(folder_ + "/fleet.json5", "/etc/other.json"));
  EXPECT_EQ(config.sync.sync_delay_ms, 250);
  EXPECT_EQ(config.sync.sync_limit_bytes, 2000u);
  EXPECT_EQ(config.sync.window_frames, 3u);
  EXPECT_EQ(config.sync.window_bytes, 1'000'000u);
  EXPECT_EQ(config.sync.frame_bytes, 65'536u);
  EXPECT_EQ(config.sync.batch_items, 50u);
  EXPECT_EQ(config.sync.resend_ms, 2000);
  EXPECT_EQ(config.sync.resend_max_ms, 90'000);
  EXPECT_EQ(config.sync.hello_retry_ms, 300);
  EXPECT_EQ(config.sync.hello_retry_max_ms, 30'000);
  EXPECT_EQ(config.sync.keepalive_ms, 10'000);
  EXPECT_EQ(config.sync.link_timeout_ms, 20'000);
  EXPECT_EQ(config.sync.progress_timeout_ms, 180'000);
  EXPECT_EQ(config.sync.period_ms, 3'600'000);
  EXPECT_THAT(config.sync.lane_weights, ElementsAre(16, 5, 3, 2));
  EXPECT_EQ(config.limits.transaction_bytes_max, 2'000'000u);
  EXPECT_EQ(config.limits.item_bytes_max, 1'000'000u);
  EXPECT_EQ(config.limits.queue_items_max, 500u);
  EXPECT_EQ(config.limits.quarantine_items_max, 77u);
  EXPECT_EQ(config.limits.conflict_items_max, 79u);
  EXPECT_EQ(config.limits.conflict_bytes_max, 1u << 20);
  EXPECT_EQ(config.limits.sync_exceptions_max, 78u);
  EXPECT_EQ(config.limits.errands_max, 79u);
  EXPECT_EQ(config.limits.clock_drift_max_ms, 60'000);
  EXPECT_EQ(config.limits.lease_ms, 172'800'000);
  EXPECT_EQ(config.limits.route_age_ms, 90ll * 86'400'000);
  EXPECT_EQ(config.limits.commit_items_max, 10u);
  EXPECT_EQ(config.limits.linger_max_ms, 0u);
  EXPECT_EQ(config.log_level, LogLevel::kDebug);
  EXPECT_THAT(config.context, ElementsAre(std::pair(std::string("deviceId"), std::string("\"d1\"")),
                                          std::pair(std::string("site"), std::string("{\"n\":4}"))));
}

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
            "main.yaml:3:21: sync.frame_bytes: is 100 bytes, must be 1024 to 67108864");
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

// ---- ${env:} and ${file:} ----

TEST_F(ConfigTest, References_AreExpanded) {
  setenv("TIDEGATE_TEST_NAME", "edge: [1, 2] # \"x\"", 1);
  setenv("TIDEGATE_TEST_AGENT", "42", 1);
  Write("secret", "top secret\n\n");
  Config config = Good(
      "node: {role: device, agent: '${env:TIDEGATE_TEST_AGENT}'}\n"
      "storage: {plugin: storage-memory}\n"
      "context: {a: 'x-${env:TIDEGATE_TEST_NAME}', b: '${file:secret}', c: '$${env:X} $5'}\n");
  EXPECT_EQ(config.node.agent, 42u);
  EXPECT_THAT(config.context, ElementsAre(std::pair(std::string("a"), std::string(R"("x-edge: [1, 2] # \"x\"")")),
                                          std::pair(std::string("b"), std::string("\"top secret\\n\"")),
                                          std::pair(std::string("c"), std::string("\"${env:X} $5\""))));
}

TEST_F(ConfigTest, ExpandedNumber_IsOneWhereTheSchemaWantsOne) {
  setenv("TIDEGATE_TEST_FRAMES", "5", 1);
  Config config = Good(std::string(kLeast) + "sync: {window_frames: '${env:TIDEGATE_TEST_FRAMES}'}\n");
  EXPECT_EQ(config.sync.window_frames, 5u);
}

TEST_F(ConfigTest, ExpandedTextWhereANumberBelongs_IsRefusedWithoutShowingIt) {
  setenv("TIDEGATE_TEST_FRAMES", "hunter2", 1);
  std::string error = Error(std::string(kLeast) + "sync: {window_frames: '${env:TIDEGATE_TEST_FRAMES}'}\n");
  EXPECT_EQ(error, "main.yaml:3:23: sync.window_frames: must be a whole number, the expanded text is not");
}

TEST_F(ConfigTest, ExpandedTextWithReference_IsNotExpandedAgain) {
  setenv("TIDEGATE_TEST_NAME", "${env:HOME}", 1);
  Config config = Good(std::string(kLeast) + "context: {a: '${env:TIDEGATE_TEST_NAME}'}\n");
  EXPECT_EQ(config.context.at(0).second, "\"${env:HOME}\"");
}

TEST_F(ConfigTest, ReferenceToNothing_IsRefusedWithItsPlace) {
  unsetenv("TIDEGATE_TEST_NONE");
  EXPECT_EQ(Error(std::string(kLeast) + "context:\n  a: ${env:TIDEGATE_TEST_NONE}\n"),
            "main.yaml:4:6: environment variable TIDEGATE_TEST_NONE is not set; set it for the daemon, or write the "
            "value");
  EXPECT_THAT(Error(std::string(kLeast) + "context:\n  a: ${file:none}\n"),
              StartsWith("main.yaml:4:6: none: cannot be opened"));
}

TEST_F(ConfigTest, ReferenceOfWrongForm_IsRefused) {
  EXPECT_THAT(Error(std::string(kLeast) + "context: {a: '${evn:X}'}\n"),
              StartsWith("main.yaml:3:14: ${evn:...} is unknown, did you mean ${env:...}?"));
  EXPECT_THAT(Error(std::string(kLeast) + "context: {a: '${HOME}'}\n"), HasSubstr("write ${env:HOME}"));
  EXPECT_THAT(Error(std::string(kLeast) + "context: {a: '${env:X'}\n"), HasSubstr("'${' without '}'"));
  EXPECT_THAT(Error(std::string(kLeast) + "context: {a: '${env:A B}'}\n"), HasSubstr("cannot be the name"));
}

TEST_F(ConfigTest, ReferencedFileOfOtherBytes_IsRefused) {
  Write("bytes", "a\xff");
  EXPECT_THAT(Error(std::string(kLeast) + "context: {a: '${file:bytes}'}\n"), HasSubstr("is not UTF-8"));
  Write("long", std::string(70'000, 'x'));
  EXPECT_THAT(Error(std::string(kLeast) + "context: {a: '${file:long}'}\n"), HasSubstr("larger than the limit"));
}

// ---- conf.d ----

TEST_F(ConfigTest, ConfD_MergesInNameOrder) {
  Write("conf.d/20-b.yaml", "sync: {sync_delay: 2s}\nlog: {level: error}\n");
  Write("conf.d/10-a.yaml", "sync: {sync_delay: 1s, batch_items: 7}\npolicies: [{plugin: policy-x}]\n");
  Write("conf.d/30-empty.yaml", "# nothing yet\n");
  Write("conf.d/notes.txt", "not: [yaml");
  Write("conf.d/.hidden.yaml", "not: [yaml");
  Config config =
      Good(std::string(kLeast) + "sync: {sync_limit: 1KB}\npolicies: [{plugin: policy-a}, {plugin: policy-b}]\n");
  EXPECT_EQ(config.sync.sync_delay_ms, 2000);
  EXPECT_EQ(config.sync.batch_items, 7u);
  EXPECT_EQ(config.sync.sync_limit_bytes, 1000u);
  ASSERT_EQ(config.policies.size(), 1u) << "a list replaces";
  EXPECT_EQ(config.policies[0].plugin, "policy-x");
  EXPECT_EQ(config.log_level, LogLevel::kError);
}

TEST_F(ConfigTest, ErrorInConfD_NamesThatFile) {
  Write("conf.d/10-a.yaml", "sync:\n  sync_dealy: 1s\n");
  EXPECT_EQ(Error(std::string(kLeast) + "sync: {sync_limit: x}\n"),
            "main.yaml:3:20: sync.sync_limit: must be written like 10KB or 4MiB; is the text 'x'\n"
            "conf.d/10-a.yaml:2:3: unknown key 'sync_dealy' in sync; did you mean 'sync_delay'?");
  Write("conf.d/10-a.yaml", "[1]\n");
  EXPECT_THAT(Error(kLeast), StartsWith("conf.d/10-a.yaml:1:1: the file must hold a map"));
  Write("conf.d/10-a.yaml", "a: [\n");
  EXPECT_THAT(Error(kLeast), StartsWith("conf.d/10-a.yaml:2:1: not YAML"));
}

TEST_F(ConfigTest, PathsInConfD_StartAtItsFolder) {
  Write("conf.d/a.yaml", "schemas: [x.json]\ncontext: {s: '${file:secret}'}\n");
  Write("conf.d/secret", "s1");
  Config config = Good(kLeast);
  EXPECT_THAT(config.schemas, ElementsAre(folder_ + "/conf.d/x.json"));
  EXPECT_EQ(config.context.at(0).second, "\"s1\"");
}

TEST_F(ConfigTest, ReplacedReference_NeedNotResolve) {
  Write("conf.d/a.yaml", "context: {s: plain}\n");
  EXPECT_EQ(Good(std::string(kLeast) + "context: {s: '${file:none}'}\n").context.at(0).second, "\"plain\"");
}

// ---- the sections of plugins ----

constexpr const char* kPluginSchema = R"({
  "type": "object", "additionalProperties": false, "required": ["host"],
  "properties": {
    "host": {"type": "string"},
    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "tls": {"type": "object", "additionalProperties": false, "properties": {"insecure": {"type": "boolean"}}},
    "qos": {"enum": [0, 1]},
    "protocol": {"enum": ["3.1.1", "5"]},
    "cert": {"type": "string"},
    "key": {"type": "string"}
  },
  "dependencies": {"cert": ["key"]}})";

class PluginConfigTest : public ConfigTest {
 protected:
  Result<std::string> Check(const std::string& section, const std::string& schema = kPluginSchema) {
    Config config = Good(std::string(kLeast) +
                         "transports:\n  - name: up\n    plugin: transport-mqtt\n    config: " + section + "\n");
    return CheckPluginConfig(config, config.transports.at(0), schema);
  }
  std::string CheckError(const std::string& section) { return WithoutFolder(Check(section).status()); }
};

TEST_F(PluginConfigTest, GoodSection_IsHandedOn) {
  auto json = Check("{host: h, port: 1883, tls: {insecure: false}, qos: 1}");
  ASSERT_TRUE(json.ok()) << json.status().message();
  EXPECT_EQ(*json, R"({"host":"h","port":1883,"tls":{"insecure":false},"qos":1})");
}

TEST_F(PluginConfigTest, ExpandedNumber_ReachesThePluginAsOne) {
  setenv("TIDEGATE_TEST_PORT", "8883", 1);
  auto json = Check("{host: h, port: '${env:TIDEGATE_TEST_PORT}'}");
  ASSERT_TRUE(json.ok()) << json.status().message();
  EXPECT_EQ(*json, R"({"host":"h","port":8883})");
}

TEST_F(PluginConfigTest, BadSection_PointsIntoTheYaml) {
  EXPECT_EQ(CheckError("{host: h, prot: 1}"),
            "main.yaml:6:23: unknown key 'prot' in transports[0].config; did you mean 'port'?");
  EXPECT_EQ(CheckError("{host: h, port: 0}"), "main.yaml:6:29: transports[0].config.port: must be 1 to 65535, is 0");
  EXPECT_EQ(CheckError("{port: 1}"), "main.yaml:6:5: key 'host' is missing in transports[0].config; add it");
  EXPECT_EQ(CheckError("{host: h, tls: {insecure: no}}"),
            "main.yaml:6:39: transports[0].config.tls.insecure: must be true or false, is the text 'no'");
  EXPECT_EQ(CheckError("{host: h, qos: 2}"), "main.yaml:6:28: transports[0].config.qos: must be one of 0, 1; is 2");
  EXPECT_EQ(CheckError("{host: h, protocol: 5}"),
            "main.yaml:6:33: transports[0].config.protocol: must be one of 3.1.1, 5; is 5; put it in quotes");
  EXPECT_EQ(CheckError("{host: h, cert: c}"),
            "main.yaml:6:5: key 'key' is missing in transports[0].config; one of the keys beside it needs it, add it");
}

TEST_F(PluginConfigTest, AbsentSection_IsAnEmptyMap) {
  Config config = Good(std::string(kLeast) + "transports:\n  - plugin: transport-mqtt\n");
  EXPECT_EQ(WithoutFolder(CheckPluginConfig(config, config.transports.at(0), kPluginSchema).status()),
            "main.yaml:4:5: key 'host' is missing in transports[0].config; add it");
}

TEST_F(PluginConfigTest, BrokenSchema_NamesThePlugin) {
  EXPECT_THAT(Check("{}", "{").status().message(), StartsWith("/plugins/transport-mqtt.so: its JSON Schema"));
  EXPECT_THAT(Check("{}", R"({"type": "nonsense"})").status().message(),
              StartsWith("/plugins/transport-mqtt.so: the JSON Schema cannot be used"));
}

TEST_F(ConfigTest, LongTextBeforeAPattern_IsRefused) {
  setenv("TIDEGATE_TEST_LONG", std::string(5000, 'x').c_str(), 1);
  EXPECT_EQ(Error(std::string(kLeast) + "context: {a: '${env:TIDEGATE_TEST_LONG}'}\n"),
            "main.yaml:3:14: context.a: the text is longer than 4096 bytes; put it in a file and name that");
}

// ---- config/: the example deployments ----

TEST(ExampleConfig, EachOne_Loads) {
  for (const char* name : {"sensor", "gateway", "cloud"}) {
    auto config = LoadConfig(std::string(TIDEGATE_EXAMPLES) + "/" + name + ".yaml");
    ASSERT_TRUE(config.ok()) << config.status().message();
    EXPECT_EQ(config->storage.plugin, "storage-sqlite");
    ASSERT_EQ(config->schemas.size(), 1u);
    EXPECT_TRUE(std::filesystem::exists(config->schemas[0])) << config->schemas[0];
  }
}

// ---- the client's short way ----

TEST_F(ConfigTest, ApiSocket_IsFoundWithoutTheRest) {
  Write("main.yaml", "api: {socket: /tmp/x.sock}\nstorage: {plugin: s, config: {key: '${file:/root/none}'}}\n");
  auto socket = LoadApiSocket(folder_ + "/main.yaml");
  ASSERT_TRUE(socket.ok()) << socket.status().message();
  EXPECT_EQ(*socket, "/tmp/x.sock");
  Write("main.yaml", kLeast);
  EXPECT_EQ(*LoadApiSocket(folder_ + "/main.yaml"), "/run/tidegate/api.sock");
  Write("main.yaml", "api: {socket: 5}\n");
  EXPECT_THAT(LoadApiSocket(folder_ + "/main.yaml").status().message(), HasSubstr("main.yaml:1:15: api.socket"));
}

}  // namespace
}  // namespace tidegate
