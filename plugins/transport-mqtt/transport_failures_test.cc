// What a pair of nodes sees when a broker or the other node stops, stands still or says no.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "both_protocols.h"
#include "test_broker.h"
#include "test_node.h"

namespace tidegate::mqtt {
namespace {

using testing::HasSubstr;

class TransportFailures : public BothProtocols {};
INSTANTIATE_TEST_SUITE_P(Mqtt, TransportFailures, testing::Values("5", "3.1.1"), ProtocolName);

TEST_P(TransportFailures, BrokerTakesSmallerMessages_IsSaidAndTheLinkGoesOn) {
  TestBroker broker({"max_packet_size 100000", ""});
  TestNode server(1, "child", broker.port(), Protocol());
  TestNode device(42, "parent", broker.port(), Protocol());
  server.Start();
  device.Start();
  ASSERT_NE(server.WaitOpen(), 0u);
  ASSERT_EQ(device.Send(device.WaitOpen(), std::string(200000, 'x')), TG_OK);
  if (std::string(GetParam()) == "5") {
    ASSERT_TRUE(device.WaitError("max_packet_size")) << device.LastError();
    EXPECT_EQ(device.counter("frames_oversize"), 1u);
    EXPECT_FALSE(device.sessions()[0].closed);
  } else {
    ASSERT_NE(device.WaitOpen(2), 0u);  // the older protocol can only break the connection
  }
  ASSERT_EQ(device.Send(device.sessions().back().id, "small"), TG_OK);
  ASSERT_TRUE(server.Wait([](const auto& all) { return !all.back().frames.empty(); }));
  EXPECT_EQ(server.sessions().back().frames[0], "small");
}

TEST_P(TransportFailures, ChildStops_SessionClosesAtOnceAndReopens) {
  TestBroker broker;
  TestNode server(1, "child", broker.port(), Protocol());
  server.Start();
  {
    TestNode device(42, "parent", broker.port(), Protocol());
    device.Start();
    ASSERT_NE(server.WaitOpen(), 0u);
    ASSERT_NE(device.WaitOpen(), 0u);
    device.Stop();
    ASSERT_EQ(device.sessions().size(), 1u);
    EXPECT_TRUE(device.sessions()[0].closed);
  }
  const tg_session first = server.sessions()[0].id;
  ASSERT_TRUE(server.WaitClosed(first));
  EXPECT_THAT(server.session(first).reason, HasSubstr("offline"));
  EXPECT_EQ(server.Send(first, "x"), TG_UNAVAILABLE);

  TestNode again(42, "parent", broker.port(), Protocol(), 0x9999);
  again.Start();
  const tg_session second = server.WaitOpen(2);
  EXPECT_GT(second, first);
  ASSERT_NE(again.WaitOpen(), 0u);
}

TEST_P(TransportFailures, ParentRestarts_ChildClosesAndOpensAgain) {
  TestBroker broker;
  TestNode device(42, "parent", broker.port(), Protocol());
  device.Start();
  {
    TestNode server(1, "child", broker.port(), Protocol(), 0x1);
    server.Start();
    ASSERT_NE(device.WaitOpen(), 0u);
  }
  ASSERT_TRUE(device.WaitClosed(device.sessions()[0].id));
  TestNode server(1, "child", broker.port(), Protocol(), 0x2);
  server.Start();
  const tg_session up = device.WaitOpen(2);
  const tg_session down = server.WaitOpen();
  ASSERT_NE(up, 0u);
  ASSERT_NE(down, 0u);
  ASSERT_EQ(device.Send(up, "again"), TG_OK);
  ASSERT_TRUE(server.WaitFrames(down, 1));
}

TEST_P(TransportFailures, BrokerKilledAndRestarted_SessionsCloseAndOpenAgain) {
  TestBroker broker;
  TestNode server(1, "child", broker.port(), Protocol());
  TestNode device(42, "parent", broker.port(), Protocol());
  server.Start();
  device.Start();
  ASSERT_NE(device.WaitOpen(), 0u);
  ASSERT_NE(server.WaitOpen(), 0u);
  broker.Kill();
  ASSERT_TRUE(device.WaitClosed(device.sessions()[0].id));
  ASSERT_TRUE(server.WaitClosed(server.sessions()[0].id));
  EXPECT_TRUE(device.WaitError("check that the broker runs"));
  broker.Start();
  // Whatever opens in between, in the end one session is open at each side and works.
  const auto last_open = [](const auto& all) { return all.size() >= 2 && !all.back().closed; };
  ASSERT_TRUE(device.Wait(last_open)) << device.LastError();
  ASSERT_TRUE(server.Wait(last_open)) << server.LastError();
  ASSERT_EQ(device.Send(device.sessions().back().id, "back"), TG_OK);
  ASSERT_TRUE(server.WaitFrames(server.sessions().back().id, 1));
  EXPECT_EQ(device.Connects(), 2u);
  EXPECT_EQ(device.LastError(), "");
}

TEST_P(TransportFailures, BrokerStandsStill_QueueIsBoundedAndWritableFollows) {
  TestBroker broker;
  const std::string config = Protocol() + ",\"frame_bytes_max\":131072,\"queue_bytes_max\":1048576";
  TestNode server(1, "child", broker.port(), config);
  TestNode device(42, "parent", broker.port(), config);
  server.Start();
  device.Start();
  const tg_session up = device.WaitOpen();
  const tg_session down = server.WaitOpen();
  broker.Signal(SIGSTOP);
  size_t accepted = 0;
  tg_code code = TG_OK;
  // The socket's buffers take some megabytes before the queue fills.
  const auto frame = [](size_t i) { return std::to_string(i) + std::string(100000, '.'); };
  for (int quiet = 0; quiet < 20 && accepted < 2000;) {
    code = device.Send(up, frame(accepted));
    if (code == TG_OK) {
      ++accepted;
      quiet = 0;
    } else {
      ASSERT_EQ(code, TG_FULL);
      device.Wait([](const auto&) { return false; }, std::chrono::seconds(0));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      ++quiet;
    }
  }
  ASSERT_EQ(code, TG_FULL);
  ASSERT_LT(accepted, 500u);
  const uint64_t before = device.session(up).writable;
  broker.Signal(SIGCONT);
  ASSERT_TRUE(device.Wait([&](const auto& all) { return all[0].writable > before; }));
  ASSERT_TRUE(server.WaitFrames(down, accepted));
  for (size_t i = 0; i < accepted; ++i) ASSERT_EQ(server.session(down).frames[i], frame(i));
  EXPECT_EQ(device.Send(up, "more"), TG_OK);
}

TEST_P(TransportFailures, HostOfChildCloses_QueuedFramesGoOutAndNewSessionFollows) {
  TestBroker broker;
  TestNode server(1, "child", broker.port(), Protocol());
  TestNode device(42, "parent", broker.port(), Protocol());
  server.Start();
  device.Start();
  const tg_session up = device.WaitOpen();
  const tg_session down = server.WaitOpen();
  ASSERT_EQ(device.Send(up, "last words"), TG_OK);
  ASSERT_EQ(device.Close(up, "test"), TG_OK);
  EXPECT_EQ(device.Send(up, "too late"), TG_UNAVAILABLE);
  ASSERT_TRUE(device.WaitClosed(up));
  EXPECT_EQ(device.session(up).reason, "test");
  ASSERT_TRUE(server.WaitClosed(down));
  EXPECT_THAT(server.session(down).frames, testing::ElementsAre("last words"));
  ASSERT_NE(device.WaitOpen(2), 0u);
  ASSERT_NE(server.WaitOpen(2), 0u);
}

TEST_P(TransportFailures, HostOfParentCloses_ChildIsToldAndComesAgain) {
  TestBroker broker;
  TestNode server(1, "child", broker.port(), Protocol());
  TestNode device(42, "parent", broker.port(), Protocol());
  server.Start();
  device.Start();
  const tg_session up = device.WaitOpen();
  const tg_session down = server.WaitOpen();
  ASSERT_EQ(server.Send(down, "refused"), TG_OK);
  ASSERT_EQ(server.Close(down, "test"), TG_OK);
  ASSERT_TRUE(device.WaitClosed(up));
  EXPECT_THAT(device.session(up).reason, HasSubstr("the parent closed"));
  EXPECT_THAT(device.session(up).frames, testing::ElementsAre("refused"));
  ASSERT_NE(device.WaitOpen(2), 0u);
  ASSERT_NE(server.WaitOpen(2), 0u);
}

}  // namespace
}  // namespace tidegate::mqtt
