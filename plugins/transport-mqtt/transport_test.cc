// Sessions and frames between two nodes through a real broker.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iostream>

#include "both_protocols.h"
#include "config.h"
#include "test_broker.h"
#include "test_node.h"

namespace tidegate::mqtt {
namespace {

class Transport : public BothProtocols {};
INSTANTIATE_TEST_SUITE_P(Mqtt, Transport, testing::Values("5", "3.1.1"), ProtocolName);

TEST_P(Transport, ParentAndChild_OpenAndMoveFramesBothWays) {
  TestBroker broker;
  TestNode server(1, "child", broker.port(), Protocol());
  TestNode device(42, "parent", broker.port(), Protocol());
  device.Start();
  server.Start();

  const tg_session up = device.WaitOpen();
  const tg_session down = server.WaitOpen();
  ASSERT_NE(up, 0u) << device.LastError();
  ASSERT_NE(down, 0u) << server.LastError();
  EXPECT_EQ(device.session(up).side, TG_SIDE_PARENT);
  EXPECT_EQ(device.session(up).agent, 1u);
  EXPECT_EQ(server.session(down).side, TG_SIDE_CHILD);
  EXPECT_EQ(server.session(down).agent, 42u);
  EXPECT_FALSE(server.session(down).authenticated);

  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(device.Send(up, "up " + std::to_string(i)), TG_OK);
    ASSERT_EQ(server.Send(down, "down " + std::to_string(i)), TG_OK);
  }
  ASSERT_TRUE(server.WaitFrames(down, 500));
  ASSERT_TRUE(device.WaitFrames(up, 500));
  for (size_t i = 0; i < 500; ++i) {
    ASSERT_EQ(server.session(down).frames[i], "up " + std::to_string(i));
    ASSERT_EQ(device.session(up).frames[i], "down " + std::to_string(i));
  }
  EXPECT_EQ(device.LastError(), "");
}

TEST_P(Transport, Qos1_MovesFramesInOrder) {
  TestBroker broker;
  TestNode server(1, "child", broker.port(), Protocol() + ",\"qos\":1");
  TestNode device(42, "parent", broker.port(), Protocol() + ",\"qos\":1");
  server.Start();
  device.Start();
  const tg_session up = device.WaitOpen();
  const tg_session down = server.WaitOpen();
  for (int i = 0; i < 300; ++i) ASSERT_EQ(device.Send(up, std::to_string(i)), TG_OK);
  ASSERT_TRUE(server.WaitFrames(down, 300));
  for (size_t i = 0; i < 300; ++i) ASSERT_EQ(server.session(down).frames[i], std::to_string(i));
}

TEST_P(Transport, BigFrames_ArriveWhole) {
  TestBroker broker;
  TestNode server(1, "child", broker.port(), Protocol());
  TestNode device(42, "parent", broker.port(), Protocol());
  server.Start();
  device.Start();
  const tg_session up = device.WaitOpen();
  const tg_session down = server.WaitOpen();
  std::vector<std::string> sent;
  for (int i = 0; i < 20; ++i) {
    std::string frame(2u << 20, static_cast<char>('a' + i));
    frame[12345] = '!';
    sent.push_back(frame);
    uint64_t before = device.session(up).writable;
    tg_code code = device.Send(up, frame);
    while (code == TG_FULL) {
      ASSERT_TRUE(device.Wait([&](const auto& all) { return all[0].writable > before; }));
      before = device.session(up).writable;
      code = device.Send(up, frame);
    }
    ASSERT_EQ(code, TG_OK);
  }
  ASSERT_TRUE(server.WaitFrames(down, sent.size()));
  EXPECT_EQ(server.session(down).frames, sent);
  EXPECT_EQ(device.Send(up, std::string((2u << 20) + 1, 'x')), TG_INVALID);
  EXPECT_EQ(device.Send(up + 100, "x"), TG_UNAVAILABLE);
}

// The example that is installed, with the longest topics there can be and the largest frame of the default.
TEST_P(Transport, ExampleBroker_TakesTheLargestFrame) {
  std::ifstream example(TIDEGATE_BROKER_CONFIG "/mosquitto.conf");
  std::string limit, line;
  while (std::getline(example, line)) {
    if (line.starts_with("max_packet_size ")) limit = line;
  }
  ASSERT_NE(limit, "");
  EXPECT_EQ(std::stoull(limit.substr(limit.find(' '))), Config().frame_bytes_max + (64u << 10))
      << "docs/transport-mqtt.md";

  TestBroker broker({limit, ""});
  std::string config = Protocol() + R"(,"qos":1,"prefix":")" + std::string(200, 'p') + '"';
  TestNode server(1, "child", broker.port(), config);
  TestNode device(TG_AGENT_MAX, "parent", broker.port(), config);
  server.Start();
  device.Start();
  const tg_session up = device.WaitOpen();
  const tg_session down = server.WaitOpen();
  const std::string frame(Config().frame_bytes_max, 'x');
  ASSERT_EQ(device.Send(up, frame), TG_OK);
  ASSERT_EQ(server.Send(down, frame), TG_OK);
  ASSERT_TRUE(server.WaitFrames(down, 1)) << device.LastError();
  ASSERT_TRUE(device.WaitFrames(up, 1)) << server.LastError();
  EXPECT_EQ(server.session(down).frames[0], frame);
  EXPECT_EQ(device.session(up).frames[0], frame);
}

TEST(TransportMany, ManyChildren_EachHasItsOwnSession) {
  TestBroker broker;
  TestNode server(1, "child", broker.port());
  server.Start();
  std::vector<std::unique_ptr<TestNode>> devices;
  for (uint64_t i = 0; i < 30; ++i) {
    devices.push_back(std::make_unique<TestNode>(100 + i, "parent", broker.port()));
    devices.back()->Start();
  }
  for (auto& device : devices) {
    const tg_session up = device->WaitOpen();
    ASSERT_NE(up, 0u);
    ASSERT_EQ(device->Send(up, "hello"), TG_OK);
  }
  ASSERT_TRUE(server.Wait([](const auto& all) {
    return all.size() == 30 && std::all_of(all.begin(), all.end(), [](const auto& s) { return s.frames.size() == 1; });
  }));
  for (const auto& session : server.sessions())
    ASSERT_EQ(server.Send(session.id, std::to_string(session.agent)), TG_OK);
  for (uint64_t i = 0; i < 30; ++i) {
    const tg_session up = devices[i]->sessions()[0].id;
    ASSERT_TRUE(devices[i]->WaitFrames(up, 1));
    EXPECT_EQ(devices[i]->session(up).frames[0], std::to_string(100 + i));
  }
}

TEST(TransportRouter, SameDaemonDialsAndServesByOneBroker) {
  TestBroker broker;
  TestNode server(1, "child", broker.port(), ",\"prefix\":\"site/top\"");
  TestNode router_up(7, "parent", broker.port(), ",\"prefix\":\"site/top\"");
  TestNode router_down(7, "child", broker.port(), ",\"prefix\":\"site/low\"");
  TestNode device(42, "parent", broker.port(), ",\"prefix\":\"site/low\"");
  server.Start();
  router_up.Start();
  router_down.Start();
  device.Start();
  ASSERT_NE(router_up.WaitOpen(), 0u);
  ASSERT_NE(device.WaitOpen(), 0u);
  EXPECT_EQ(device.sessions()[0].agent, 7u);
  EXPECT_EQ(router_up.Connects(), 1u);
  EXPECT_EQ(router_down.Connects(), 1u);
}

TEST(TransportParents, SecondParent_NewestServesAndTheOlderReturns) {
  TestBroker broker;
  TestNode device(42, "parent", broker.port());
  TestNode old_parent(2, "child", broker.port(), "", 0x1);
  old_parent.Start();
  device.Start();
  ASSERT_NE(device.WaitOpen(), 0u);
  ASSERT_NE(old_parent.WaitOpen(), 0u);
  {
    TestNode new_parent(3, "child", broker.port(), "", 0x2);
    new_parent.Start();
    ASSERT_NE(new_parent.WaitOpen(), 0u);
    EXPECT_TRUE(old_parent.WaitClosed(old_parent.sessions()[0].id));
    EXPECT_TRUE(old_parent.WaitError("a prefix has one parent"));
    ASSERT_NE(device.WaitOpen(2), 0u);
    EXPECT_EQ(device.sessions()[1].agent, 3u);
  }
  ASSERT_NE(old_parent.WaitOpen(2), 0u);
  ASSERT_NE(device.WaitOpen(3), 0u);
  EXPECT_EQ(device.sessions()[2].agent, 2u);
}

TEST(TransportUnixSocket, BrokerOnAPath_OpensSessions) {
  const std::string directory = MakeTestDirectory();
  TestBroker broker({"listener 0 " + directory + "/socket", ""}, directory);
  const std::string config = ",\"host\":\"" + directory + "/socket\"";
  TestNode server(1, "child", 1, config);
  TestNode device(42, "parent", 1, config);
  server.Start();
  device.Start();
  ASSERT_NE(device.WaitOpen(), 0u) << device.LastError();
  ASSERT_EQ(device.Send(device.sessions()[0].id, "x"), TG_OK);
  ASSERT_TRUE(server.WaitFrames(server.WaitOpen(), 1));
}

// Echoes of small frames, one at a time: nothing on the way may wait for more to come.
TEST(TransportSpeed, PingPong_MedianIsFarBelowAMillisecond) {
  TestBroker broker;
  TestNode server(1, "child", broker.port());
  TestNode device(42, "parent", broker.port());
  server.on_frame = [&](tg_session session, std::string_view frame) { server.Send(session, frame); };
  std::atomic<int> echoes = 0;
  device.on_frame = [&](tg_session, std::string_view) {
    ++echoes;
    echoes.notify_one();
  };
  server.Start();
  device.Start();
  const tg_session up = device.WaitOpen();
  ASSERT_NE(server.WaitOpen(), 0u);
  std::vector<int64_t> round_us;
  for (int i = 0; i < 1000; ++i) {
    const auto before = std::chrono::steady_clock::now();
    ASSERT_EQ(device.Send(up, "ping"), TG_OK);
    echoes.wait(i);
    round_us.push_back(
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - before).count());
  }
  std::nth_element(round_us.begin(), round_us.begin() + 500, round_us.end());
  RecordProperty("median_us", static_cast<int>(round_us[500]));
  // Nagle's algorithm anywhere would make it 40 ms; the bound leaves room for slow, sanitized machines.
  EXPECT_LT(round_us[500], 5000);
  std::cout << "there and back, median: " << round_us[500] << " us\n";
}

TEST(TransportSpeed, Frames100Kilobytes_FlowSteadily) {
  TestBroker broker;
  TestNode server(1, "child", broker.port());
  TestNode device(42, "parent", broker.port());
  std::atomic<int> arrived = 0;
  server.on_frame = [&](tg_session, std::string_view) {
    ++arrived;
    arrived.notify_one();
  };
  server.Start();
  device.Start();
  const tg_session up = device.WaitOpen();
  ASSERT_NE(server.WaitOpen(), 0u);
  const std::string frame(100000, 'x');
  constexpr int kFrames = 1000;
  constexpr int kWindow = 32;
  const auto before = std::chrono::steady_clock::now();
  for (int i = 0; i < kFrames; ++i) {
    for (int n = arrived; i - n >= kWindow; n = arrived) arrived.wait(n);
    ASSERT_EQ(device.Send(up, frame), TG_OK);
  }
  for (int n = arrived; n < kFrames; n = arrived) arrived.wait(n);
  const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
  std::cout << "100 KB frames: " << 0.1 * kFrames / s << " MB/s\n";
  EXPECT_GT(0.1 * kFrames / s, 4);  // hundreds on a quiet machine; this bound is for sanitized, busy ones
}

TEST(TransportStop, BrokerNeverThere_StopsWithinItsDeadline) {
  TestNode device(42, "parent", FreePort());
  device.Start();
  EXPECT_TRUE(device.WaitError("connection refused"));
  const auto before = std::chrono::steady_clock::now();
  device.Stop(1000);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
  EXPECT_EQ(device.Send(1, "x"), TG_UNAVAILABLE);
}

}  // namespace
}  // namespace tidegate::mqtt
