// The section of a plugin against the schema that the plugin gives.
#include "host/config/test_folder.h"

namespace tidegate {
namespace {

using testing::StartsWith;

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

}  // namespace
}  // namespace tidegate
