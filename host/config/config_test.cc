// What is read, with which defaults; the examples; the short way of the client.
#include "host/config/config.h"

#include <nlohmann/json.hpp>

#include "host/config/config_schema.h"
#include "host/config/test_folder.h"

namespace tidegate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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
  verify_period: 7d
  verify_on_doubt: false
  verify_rate: 500
  clear_on_ack: [{agent: 42, model: Reading, at: hop}, {agent: self}, {agent: all}]
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
  EXPECT_EQ(config.sync.verify_period_ms, 7 * 24 * 3'600'000);
  EXPECT_FALSE(config.sync.verify_on_doubt);
  EXPECT_EQ(config.sync.verify_rate, 500u);
  EXPECT_THAT(config.sync.clear_on_ack,
              ElementsAre(ClearOnAckConfig{false, 42, "Reading", true}, ClearOnAckConfig{true, 0, "", false},
                          ClearOnAckConfig{false, 0, "", false}));
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
