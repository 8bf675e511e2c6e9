// What a stranger or a former connection publishes: dropped, counted, never taken for this session.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frame_header.h"
#include "test_broker.h"
#include "test_client.h"
#include "test_node.h"
#include "topics.h"

namespace tidegate::mqtt {
namespace {

std::string Frame(const std::string& from, const std::string& to, const std::string& body,
                  FrameKind kind = FrameKind::kData) {
  std::string payload(kFrameHeaderSize, '\0');
  EncodeFrameHeader({kind, SessionTag(from), SessionTag(to)}, payload.data());
  return payload + body;
}

// A server and a stranger who plays child 42.
class Serving : public testing::Test {
 protected:
  Serving() : server_(1, "child", broker_.port()), stranger_(broker_.port()) {
    server_.Start();
    stranger_.Subscribe("tidegate/parent/state");
    const auto states = stranger_.Wait("tidegate/parent/state");
    if (!states.empty()) name_ = ParseState(states.back(), true)->name;
  }
  size_t Opened() { return server_.sessions().size(); }

  TestBroker broker_;
  TestNode server_;
  TestClient stranger_;
  std::string name_;
};

TEST_F(Serving, FrameOfFormerName_IsDropped) {
  stranger_.Publish("tidegate/42/state", "online a-1", true);
  const tg_session first = server_.WaitOpen(1);
  stranger_.Publish("tidegate/42/up", Frame("a-1", name_, "one"));
  ASSERT_TRUE(server_.WaitFrames(first, 1));

  stranger_.Publish("tidegate/42/state", "online a-2", true);
  const tg_session second = server_.WaitOpen(2);
  ASSERT_TRUE(server_.WaitClosed(first));
  EXPECT_THAT(server_.session(first).reason, testing::HasSubstr("anew"));

  stranger_.Publish("tidegate/42/up", Frame("a-1", name_, "late"));
  stranger_.Publish("tidegate/42/up", Frame("a-2", "former parent", "late"));
  stranger_.Publish("tidegate/42/state", "offline a-1", true);
  stranger_.Publish("tidegate/42/state", "online a-1", true);
  stranger_.Publish("tidegate/42/up", Frame("a-2", name_, "two"));
  ASSERT_TRUE(server_.WaitFrames(second, 1));
  EXPECT_EQ(server_.session(second).frames[0], "two");
  EXPECT_FALSE(server_.session(second).closed);
  EXPECT_EQ(Opened(), 2u);
  EXPECT_EQ(server_.counter("frames_stale"), 2u);

  stranger_.Publish("tidegate/42/state", "offline a-2", true);
  ASSERT_TRUE(server_.WaitClosed(second));
}

// Two processes call themselves 42: which of them is refused is not for the transport to say.
TEST_F(Serving, NamesOfTwoProcesses_HaveASessionEach) {
  stranger_.Publish("tidegate/42/state", "online a-1", true);
  const tg_session first = server_.WaitOpen(1);
  stranger_.Publish("tidegate/42/state", "online b-1", true);
  const tg_session second = server_.WaitOpen(2);
  stranger_.Publish("tidegate/42/up", Frame("a-1", name_, "of a"));
  stranger_.Publish("tidegate/42/up", Frame("b-1", name_, "of b"));
  ASSERT_TRUE(server_.WaitFrames(first, 1));
  ASSERT_TRUE(server_.WaitFrames(second, 1));
  EXPECT_EQ(server_.session(first).frames[0], "of a");
  EXPECT_EQ(server_.session(second).frames[0], "of b");
  stranger_.Publish("tidegate/42/state", "offline b-1", true);
  ASSERT_TRUE(server_.WaitClosed(second));
  EXPECT_FALSE(server_.session(first).closed);
  // Not without a bound: the oldest makes room.
  for (const char* name : {"c-1", "d-1", "e-1", "f-1"})
    stranger_.Publish("tidegate/42/state", std::string("online ") + name, true);
  ASSERT_NE(server_.WaitOpen(6), 0u);
  ASSERT_TRUE(server_.WaitClosed(first));
}

TEST_F(Serving, FirstFrameThatKnowsBothNames_OpensASession) {
  stranger_.Publish("tidegate/42/up", Frame("a-1", name_, "hello"));
  const tg_session session = server_.WaitOpen(1);
  ASSERT_TRUE(server_.WaitFrames(session, 1));
  stranger_.Publish("tidegate/42/state", "online a-1", true);
  stranger_.Publish("tidegate/42/up", Frame("a-1", name_, "again"));
  ASSERT_TRUE(server_.WaitFrames(session, 2));
  EXPECT_EQ(Opened(), 1u);
  stranger_.Publish("tidegate/42/up", Frame("a-1", name_, "", FrameKind::kBye));
  ASSERT_TRUE(server_.WaitClosed(session));
}

TEST_F(Serving, MalformedTopicsAndPayloads_AreCountedAndHarmless) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"tidegate/abc/up", Frame("a", name_, "x")},
      {"tidegate/0/state", "online a-1"},
      {"tidegate/1/state", "online a-1"},  // the server is nobody's child
      {"tidegate/042/state", "online a-1"},
      {"tidegate/-5/state", "online a-1"},
      {"tidegate/9007199254740976/state", "online a-1"},  // TG_AGENT_MAX + 1
      {"tidegate/99999999999999999999999/state", "online a-1"},
      {"tidegate//state", "online a-1"},
      {"tidegate/42/state", ""},
      {"tidegate/42/state", "online "},
      {"tidegate/42/state", "online a b"},
      {"tidegate/42/state", std::string("online a\0b", 10)},
      {"tidegate/42/state", "online " + std::string(200, 'a')},
      {"tidegate/42/state", "ONLINE a"},
      {"tidegate/42/up", ""},
      {"tidegate/42/up", "T"},
      {"tidegate/42/up", std::string(20, '\xff')},
      {"tidegate/42/up", Frame("a", name_, "x").replace(1, 1, "\x02")},
      {"tidegate/42/up", Frame("a", name_, "x").replace(2, 1, "\x07")},
      {"tidegate/parent/state", "online"},
      {"tidegate/parent/state", "online x name"},
      {"tidegate/parent/state", "online 5"},
  };
  for (const auto& [topic, payload] : bad) stranger_.Publish(topic, payload);
  ASSERT_TRUE(server_.WaitCounter("messages_malformed", bad.size()));
  EXPECT_EQ(server_.counter("messages_malformed"), bad.size());
  EXPECT_EQ(Opened(), 0u);
  stranger_.Publish("tidegate/9007199254740975/state", "online a-1");
  EXPECT_NE(server_.WaitOpen(), 0u);
}

TEST_F(Serving, OversizeFrame_IsDropped) {
  stranger_.Publish("tidegate/42/state", "online a-1");
  const tg_session session = server_.WaitOpen();
  stranger_.Publish("tidegate/42/up", Frame("a-1", name_, std::string((2u << 20) + 1, 'x')));
  stranger_.Publish("tidegate/42/up", Frame("a-1", name_, std::string(2u << 20, 'y')));
  ASSERT_TRUE(server_.WaitFrames(session, 1));
  EXPECT_EQ(server_.session(session).frames[0][0], 'y');
  EXPECT_EQ(server_.counter("messages_oversize"), 1u);
}

TEST_F(Serving, ChildOfHostClosedSession_SpeaksOn_NothingArrivesUntilItHasANewName) {
  stranger_.Publish("tidegate/42/state", "online a-1");
  stranger_.Subscribe("tidegate/42/down");
  const tg_session first = server_.WaitOpen();
  ASSERT_EQ(server_.Close(first, "refused"), TG_OK);
  ASSERT_TRUE(server_.WaitClosed(first));
  const auto down = stranger_.Wait("tidegate/42/down");
  ASSERT_EQ(down.size(), 1u);
  EXPECT_EQ(DecodeFrameHeader(down[0])->kind, FrameKind::kBye);
  stranger_.Publish("tidegate/42/up", Frame("a-1", name_, "late"));
  ASSERT_TRUE(server_.WaitCounter("frames_stale", 1));
  EXPECT_EQ(Opened(), 1u);
  stranger_.Publish("tidegate/42/state", "online a-2");
  EXPECT_NE(server_.WaitOpen(2), 0u);
}

TEST(Dialling, FramesOfAnotherParentSession_AreDropped) {
  TestBroker broker;
  TestClient stranger(broker.port());
  TestNode device(42, "parent", broker.port());
  device.Start();
  stranger.Subscribe("tidegate/42/state");
  const std::string name = ParseState(stranger.Wait("tidegate/42/state")[0], false)->name;
  EXPECT_TRUE(device.sessions().empty());

  stranger.Publish("tidegate/42/down", Frame("p-1", name, "before the parent is known"));
  stranger.Publish("tidegate/parent/state", "online 7 p-1", true);
  const tg_session first = device.WaitOpen();
  EXPECT_EQ(device.session(first).agent, 7u);
  stranger.Publish("tidegate/42/down", Frame("p-0", name, "of a former parent"));
  stranger.Publish("tidegate/42/down", Frame("p-1", "former", "to a former child"));
  stranger.Publish("tidegate/42/down", "rubbish");
  stranger.Publish("tidegate/parent/state", "offline 7 p-0", true);  // a late will
  stranger.Publish("tidegate/42/down", Frame("p-1", name, "good"));
  ASSERT_TRUE(device.WaitFrames(first, 1));
  EXPECT_THAT(device.session(first).frames, testing::ElementsAre("good"));
  EXPECT_FALSE(device.session(first).closed);
  EXPECT_EQ(device.counter("frames_stale"), 3u);
  EXPECT_EQ(device.counter("messages_malformed"), 1u);

  stranger.Publish("tidegate/parent/state", "online 7 p-2", true);
  const tg_session second = device.WaitOpen(2);
  EXPECT_TRUE(device.session(first).closed);
  stranger.Publish("tidegate/parent/state", "offline 7 p-2", true);
  EXPECT_TRUE(device.WaitClosed(second));
}

TEST(Dialling, LateWillOfFormerParent_IsCorrectedByTheParent) {
  TestBroker broker;
  TestNode server(1, "child", broker.port());
  server.Start();
  TestClient stranger(broker.port());
  stranger.Subscribe("tidegate/parent/state");
  const std::string online = stranger.Wait("tidegate/parent/state")[0];
  stranger.Publish("tidegate/parent/state", "offline 1 former-1", true);
  // Its own message, then the server's correction.
  const auto states = stranger.Wait("tidegate/parent/state", 3);
  ASSERT_EQ(states.size(), 3u);
  EXPECT_EQ(states[2], online);
}

TEST(Dialling, NoParent_SaysSoAfterAWhile) {
  TestBroker broker;
  TestNode device(42, "parent", broker.port());
  device.Start();
  ASSERT_TRUE(device.WaitError("no parent has announced itself at 'tidegate/parent/state'"));
  EXPECT_TRUE(device.Connected());
  TestNode server(1, "child", broker.port());
  server.Start();
  ASSERT_NE(device.WaitOpen(), 0u);
  EXPECT_EQ(device.LastError(), "");
}

}  // namespace
}  // namespace tidegate::mqtt
