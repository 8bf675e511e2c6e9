#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "plugins/transport-mqtt/transport_mqtt.h"
#include "tidegate/cpp/views.h"

namespace tidegate::mqtt {
namespace {

// What create says to a configuration; empty if it is taken.
std::string Refusal(const std::string& json) {
  const tg_transport_v1* table = TidegateTransportMqttTable();
  tg_host host{};
  host.struct_size = sizeof host;
  host.service = [](void*, const char*) -> const void* { return nullptr; };
  void* self = nullptr;
  tg_error error{};
  const tg_code code = table->base.create(&host, sdk::Str(json), &self, &error);
  if (code == TG_OK) {
    table->base.destroy(self);
    return "";
  }
  EXPECT_EQ(code, TG_INVALID);
  EXPECT_EQ(self, nullptr);
  return error.message;
}

TEST(Config, Defaults_NeedOnlyTheSide) {
  EXPECT_EQ(Refusal(R"({"side":"parent"})"), "");
  EXPECT_EQ(Refusal(R"({"side":"child","prefix":"a/b","host":"/run/mosquitto.sock"})"), "");
}

TEST(Config, WrongValues_AreRefusedWithAReason) {
  const struct {
    const char* json;
    const char* reason;
  } cases[] = {
      {"{", "not JSON"},
      {"[]", "must be a mapping"},
      {"{}", "side must be"},
      {R"({"side":"up"})", "side must be"},
      {R"({"side":"parent","prefixx":"a"})", "no key 'prefixx'"},
      {R"({"side":"parent","prefix":"a/+"})", "wildcard"},
      {R"({"side":"parent","prefix":"a#"})", "wildcard"},
      {R"({"side":"parent","prefix":"/a"})", "slash"},
      {R"({"side":"parent","prefix":"a/"})", "slash"},
      {R"({"side":"parent","prefix":"$SYS"})", "begins with $"},
      {R"({"side":"parent","prefix":""})", "prefix must have"},
      {R"({"side":"parent","prefix":"a\u0000b"})", "NUL"},
      {R"({"side":"parent","port":0})", "port must be"},
      {R"({"side":"parent","port":65536})", "port must be"},
      {R"({"side":"parent","port":"1883"})", "port must be"},
      {R"({"side":"parent","qos":2})", "qos must be"},
      {R"({"side":"parent","protocol":"3.1"})", "protocol must be"},
      {R"({"side":"parent","protocol":5})", "protocol must be"},
      {R"({"side":"parent","host":""})", "host is empty"},
      {R"({"side":"parent","host":"/run/m.sock","tls":{}})", "Unix socket"},
      {R"({"side":"parent","tls":{"cert":"a"}})", "belong together"},
      {R"({"side":"parent","tls":{"cafile":"a"}})", "no key 'cafile'"},
      {R"({"side":"parent","tls":true})", "tls must be"},
      {R"({"side":"parent","password_file":"a"})", "needs a username"},
      {R"({"side":"parent","frame_bytes_max":1048576,"queue_bytes_max":4096})", "below frame_bytes_max"},
  };
  for (const auto& c : cases) EXPECT_THAT(Refusal(c.json), testing::HasSubstr(c.reason)) << c.json;
  EXPECT_THAT(Refusal(R"({"side":"parent","host":"/)" + std::string(107, 'x') + "\"}"), testing::HasSubstr("107"));
}

TEST(Config, HostWithoutNode_StartIsRefused) {
  const tg_transport_v1* table = TidegateTransportMqttTable();
  tg_host host{};
  host.struct_size = sizeof host;
  host.service = [](void*, const char*) -> const void* { return nullptr; };
  void* self = nullptr;
  tg_error error{};
  ASSERT_EQ(table->base.create(&host, sdk::Str(R"({"side":"parent","frame_bytes_max":65536})"), &self, &error), TG_OK);
  tg_transport_info info{};
  info.struct_size = sizeof info;
  EXPECT_EQ(table->info(self, &info, &error), TG_OK);
  EXPECT_EQ(info.dials, 1u);
  EXPECT_EQ(info.listens, 0u);
  EXPECT_EQ(info.frame_bytes_max, 65536u);
  tg_transport_events events{};
  EXPECT_EQ(table->start(self, &events, &error), TG_INVALID);
  EXPECT_THAT(error.message, testing::HasSubstr("tg.node/1"));
  EXPECT_EQ(table->base.stop(self, 0, &error), TG_OK);
  table->base.destroy(self);
}

}  // namespace
}  // namespace tidegate::mqtt
