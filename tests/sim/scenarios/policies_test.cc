// Scenarios of models that go another way from now on, by their letters.
#include <gmock/gmock.h>

#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kHour = 3'600 * kSecond;
constexpr AgentId kAll[] = {kS, kG, kD, kE, kF};

class ScenarioPolicies : public Scenario {
 protected:
  void SetUp() override {
    options_.policies = true;
    // A day of keep-alives is not the subject.
    options_.node.keepalive_ms = 6 * kHour / kMs;
    options_.node.link_timeout_ms = 24 * kHour / kMs;
    Build();
    StartAll();
  }
  void Everywhere(uint32_t direction) {
    for (AgentId agent : kAll) world().SetDirection(agent, direction);
  }
  static std::string Item(const std::string& name, int n) {
    return "{\"name\":\"" + name + "\",\"n\":" + std::to_string(n) + "}";
  }
  std::string MemoAt(AgentId agent, const std::string& name, AgentId owner) {
    return Get(agent, "Memo", "{\"name\":\"" + name + "\"}", owner);
  }
};

TEST_F(ScenarioPolicies, H_NoneToUpServerADayLater_HeldThenComplete) {
  for (int i = 0; i < 20; ++i) Put(kD, "Memo", Item("old" + std::to_string(i), i + 1));
  for (AgentId agent : {kD, kE, kF, kG}) {
    world().SetDirection(agent, TG_DIRECTION_UP);
    RunFor(kSecond);
  }
  Put(kD, "Memo", Item("live", 100));
  RunFor(kDay);
  EXPECT_EQ(Count(kG, "Memo"), 21u);
  EXPECT_EQ(Count(kS, "Memo"), 0u);
  for (const node::LinkStatus& link : at(kG).status().links) {
    if (!link.is_parent) continue;
    ASSERT_EQ(link.holds.size(), 1u);
    EXPECT_EQ(link.holds[0].model, "Memo");
  }
  world().SetDirection(kS, TG_DIRECTION_UP);
  ExpectRest();
  EXPECT_EQ(Count(kS, "Memo"), 21u);
  EXPECT_EQ(Count(kD, "Memo"), 21u) << "nothing is evicted at its owner";
}

TEST_F(ScenarioPolicies, H_BothToUpServerADayLater_NothingIsResurrected) {
  Everywhere(TG_DIRECTION_BOTH);
  for (const char* name : {"deleted", "edited", "kept"}) Put(kD, "Memo", Item(name, 1));
  ExpectRest();
  at(kD).Crash("asleep");
  Remove(kS, "Memo", R"({"name":"deleted"})", kD);
  replica::Write edit{replica::WriteMode::kUpdate, "Memo", Item("edited", 2), kD, {}};
  ASSERT_TRUE(Ask(kS, {edit}).status.ok());
  RunFor(10 * kSecond);
  for (AgentId agent : {kD, kE, kF, kG}) world().SetDirection(agent, TG_DIRECTION_UP);
  at(kD).Start();
  RunFor(kDay);
  world().SetDirection(kS, TG_DIRECTION_UP);
  ExpectRest();
  for (AgentId agent : {kS, kG}) EXPECT_EQ(MemoAt(agent, "deleted", kD), "") << "at " << agent;
  EXPECT_THAT(MemoAt(kS, "edited", kD), HasSubstr("\"n\":2"));
  EXPECT_THAT(MemoAt(kD, "edited", kD), HasSubstr("\"n\":1")) << "nothing is evicted at its owner";
  EXPECT_THAT(MemoAt(kD, "kept", kD), HasSubstr("\"n\":1"));
  Put(kD, "Memo", Item("edited", 3));
  ExpectRest();
  EXPECT_THAT(MemoAt(kS, "edited", kD), HasSubstr("\"n\":3"));
}

TEST_F(ScenarioPolicies, P_NarrowedAndWidenedAgainInFlight_ItIsThere) {
  Everywhere(TG_DIRECTION_DOWN);
  Put(kS, "Memo", Item("x", 1));
  ExpectRest();
  ASSERT_THAT(MemoAt(kD, "x", kAgentAll), HasSubstr("\"n\":1"));
  for (int64_t pause_us : {int64_t{0}, 50 * kMs, 2 * kSecond}) {
    SCOPED_TRACE(pause_us);
    world().SetDirection(kD, TG_DIRECTION_NONE);
    world().SetDirection(kG, TG_DIRECTION_NONE);
    RunFor(pause_us);
    world().SetDirection(kD, TG_DIRECTION_DOWN);
    RunFor(pause_us);
    world().SetDirection(kG, TG_DIRECTION_DOWN);
    ExpectRest();
    EXPECT_THAT(MemoAt(kD, "x", kAgentAll), HasSubstr("\"n\":1"));
    EXPECT_THAT(MemoAt(kE, "x", kAgentAll), HasSubstr("\"n\":1")) << "who did not change loses nothing";
  }
  EXPECT_EQ(Tombstones(kS) + Tombstones(kG) + Tombstones(kD), 0u);
}

}  // namespace
}  // namespace tidegate::sim
