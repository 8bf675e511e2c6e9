// Links that are connected and lead nowhere, and links that somebody switches or moves by hand.
#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

class Links : public Scenario {
 protected:
  void SetUp() override {
    Build();
    StartAll();
    RunFor(5 * kSecond);
  }
  node::LinkStatus Link(AgentId at_agent, AgentId to) {
    for (const node::LinkStatus& link : at(at_agent).status().links) {
      if (link.agent == to) return link;
    }
    return {};
  }
  static std::string Gauge(int n) {
    return R"({"name":"g)" + std::to_string(n) + R"(","n":)" + std::to_string(n) + "}";
  }
  void Switch(AgentId agent, AgentId neighbour, bool on) {
    bool done = false;
    at(agent).SwitchLink(neighbour, on, [&](const Status& status) { done = status.ok(); });
    RunFor(kSecond);
    EXPECT_TRUE(done);
  }
};

// facts: "connected but not moving" (three brokers are known for it). Only a new session helps.
TEST_F(Links, ConnectedButNotMoving_IsOpenedAnewAndEverythingArrives) {
  world().network().BreakSession(kG, Break::kNoBatches);
  Put(kD, "Gauge", Gauge(1));
  RunFor(40 * kSecond);
  EXPECT_EQ(Link(kG, kS).state, "up") << "keep-alives go on";
  EXPECT_EQ(Get(kS, "Gauge", R"({"name":"g1"})", kD), "");
  RunFor(40 * kSecond);
  EXPECT_EQ(Link(kG, kS).stalls, 1u);
  EXPECT_NE(Get(kS, "Gauge", R"({"name":"g1"})", kD), "");
  EXPECT_TRUE(at(kG).status().healthy);
  ExpectRest();
}

TEST_F(Links, HalfOpenToTheChild_IsOpenedAnew) {
  world().network().BreakSession(kD, Break::kDeafChild);
  Put(kD, "Gauge", Gauge(1));
  RunFor(60 * kSecond);
  EXPECT_NE(Get(kS, "Gauge", R"({"name":"g1"})", kD), "");
  EXPECT_NE(Link(kD, kG).last_disconnect, "");
  ExpectRest();
}

TEST_F(Links, HalfOpenToTheParent_IsOpenedAnew) {
  world().network().BreakSession(kD, Break::kDeafParent);
  Put(kD, "Gauge", Gauge(1));
  RunFor(120 * kSecond);
  EXPECT_NE(Get(kS, "Gauge", R"({"name":"g1"})", kD), "");
  ExpectRest();
}

TEST_F(Links, SwitchedOffOverARestart_LosesNothing) {
  Switch(kG, kS, false);
  for (int i = 0; i < 50; ++i) Put(kD, "Gauge", Gauge(i));
  at(kG).Crash("now");
  at(kG).Start();
  RunFor(120 * kSecond);
  EXPECT_EQ(Link(kG, kS).state, "off");
  EXPECT_EQ(Count(kS, "Gauge"), 0u);
  Switch(kG, kS, true);
  RunFor(20 * kSecond);
  EXPECT_EQ(Count(kS, "Gauge"), 50u);
  ExpectRest();
}

TEST_F(Links, Subtree_IsMovedOnDemandThroughBreaks) {
  for (AgentId device : {kD, kE, kF}) Put(device, "Gauge", Gauge(static_cast<int>(device)));
  world().network().BreakSession(kG, Break::kSilent);
  std::optional<node::LinkSyncAnswer> answer;
  node::LinkSyncRequest request;
  request.agent = kG;
  request.subtree = request.pull = request.compare = request.wait = true;
  request.timeout_ms = 120'000;
  at(kS).SyncLinks(request, [&](const node::LinkSyncAnswer& given) { answer = given; });
  for (int i = 0; i < 120 && !answer; ++i) RunFor(kSecond);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->status.ok()) << answer->status.message();
  EXPECT_EQ(Count(kS, "Gauge"), 3u);
  ExpectRest();
}

}  // namespace
}  // namespace tidegate::sim
