// Scenarios of the tree itself: levels, loops, and comparing that is broken again and again.
#include <gmock/gmock.h>

#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

using ::testing::HasSubstr;

constexpr AgentId kG2 = 11;

class ScenarioTree : public Scenario {
 protected:
  Status SetLevel(AgentId agent, uint32_t level) {
    Status answer = Status::Internal("not answered");
    at(agent).SetLevel(level, [&](const Status& status) { answer = status; });
    RunFor(100 * kMs);
    return answer;
  }
  const node::LinkStatus* LinkOf(AgentId agent, AgentId neighbour) {
    status_ = at(agent).status();
    for (const node::LinkStatus& link : status_.links) {
      if (link.agent == neighbour) return &link;
    }
    return nullptr;
  }

 private:
  node::NodeStatus status_;
};

TEST_F(ScenarioTree, Y_LevelChangedWhileItRuns_IsTakenAndNothingIsLost) {
  Build();
  StartAll();
  for (int i = 0; i < 50; ++i) Put(kD, "Gauge", "{\"name\":\"n" + std::to_string(i) + "\",\"n\":1}");
  ASSERT_TRUE(SetLevel(kG, 300).ok());
  Put(kD, "Gauge", R"({"name":"n0","n":2})");
  Put(kS, "Config", R"({"name":"c","n":1})", kD);
  at(kG).Crash("keeps its level");
  at(kG).Start();
  ExpectRest();
  EXPECT_EQ(at(kG).status().level, 300u);
  EXPECT_EQ(LinkOf(kD, kG)->level, 300u);
  EXPECT_EQ(LinkOf(kS, kG)->level, 300u);
  EXPECT_EQ(Count(kS, "Gauge"), 50u);
  EXPECT_EQ(Count(kD, "Config"), 1u);
}

TEST_F(ScenarioTree, Y_RouterBelowItsOwnChild_IsRefusedAndTheTreeGoesOn) {
  Build();
  world().Add(kG2, TG_ROLE_ROUTER, 3, kG);
  StartAll();
  ExpectRest();
  // By its level first, then, with a level that would fit, because it would close a circle.
  at(kG).Crash("to attach below its child");
  at(kG).SetParent(kG2);
  at(kG).Start();
  RunFor(5 * kSecond);
  EXPECT_THAT(SetLevel(kG, 4).message(), HasSubstr("level"));
  RunFor(30 * kSecond);
  EXPECT_FALSE(LinkOf(kG, kG2)->is_parent);
  const node::LinkStatus* parent = LinkOf(kG, kS);
  EXPECT_EQ(parent->state, "refused");
  EXPECT_THAT(parent->last_error, HasSubstr("agent 11"));
  EXPECT_FALSE(at(kG).status().healthy);
  Put(kD, "Gauge", R"({"name":"x","n":1})");
  at(kG).Crash("to attach where it was");
  at(kG).SetParent(kS);
  at(kG).Start();
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 1u);
  EXPECT_EQ(LinkOf(kG2, kG)->state, "up");
}

// A device comes to a new parent with much to compare; the link breaks before each pass can end, and both ends
// write and remove meanwhile. A session lives for a hello and a question or two, and often for less: a pass that began
// again with each of them would never end.
TEST_F(ScenarioTree, T_ComparingBrokenAgainAndAgain_EndsAndNoLiveItemIsRemoved) {
  constexpr int kItems = 3'000;
  auto name = [](int i, int n) { return "{\"name\":\"n" + std::to_string(i) + "\",\"n\":" + std::to_string(n) + "}"; };
  options_.weather.delay_us_min = 40'000;  // slow enough that no pass ends between two breaks
  options_.weather.delay_us_max = 60'000;
  Build();
  world().Add(kG2, TG_ROLE_ROUTER, 2, kS);
  world().oracle().AllowLeftovers();
  StartAll();
  for (int i = 0; i < kItems; i += 50) {
    replica::Transaction transaction;
    for (int k = i; k < i + 50; ++k) {
      transaction.push_back({replica::WriteMode::kUpsert, "Setting", name(k, 1), {}, {}});
    }
    ASSERT_TRUE(Ask(kD, transaction).status.ok());
  }
  ExpectRest();
  at(kD).Crash("to move");
  at(kD).SetParent(kG2);
  at(kD).Start();
  int breaks = 0, while_comparing = 0;
  for (; breaks < 200; ++breaks) {
    RunFor(300 * kMs);
    const node::LinkStatus* link = LinkOf(kD, kG2);
    while_comparing += link == nullptr || link->unsettled_scopes != 0 ? 1 : 0;
    if (breaks > 20 && link != nullptr && link->unsettled_scopes == 0) break;
    Put(kD, "Setting", name(breaks, 2));
    Put(kS, "Setting", name(kItems - 1 - breaks, 3), kD);
    Remove(kD, "Setting", name(1'000 + breaks, 0));
    world().network().BreakSession(kD, breaks % 2 == 0 ? Break::kBoth : Break::kChildFirst);
  }
  ExpectRest();
  EXPECT_GT(while_comparing, 5) << "too quick: the breaks hit nothing";
  EXPECT_LT(breaks, 200) << "it never ended; compared at " << while_comparing;
  for (AgentId agent : {kD, kG2, kS}) EXPECT_EQ(Count(agent, "Setting"), uint64_t(kItems - breaks)) << agent;
  EXPECT_EQ(LinkOf(kD, kG2)->unsettled_scopes, 0u);
}

}  // namespace
}  // namespace tidegate::sim
