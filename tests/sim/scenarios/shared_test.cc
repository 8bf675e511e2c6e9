// Stories of items that several nodes write: letter w, and what goes with it.
#include <gmock/gmock.h>

#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr AgentId kR = 11, kX = 103;  // a router that joins nothing, and a device below it
constexpr char kName[] = R"({"name":"x"})";

class ScenarioShared : public Scenario {
 protected:
  // S - G - {D, E, F}, S - R - X.
  void BuildBoth() {
    Build();
    world().Add(kR, TG_ROLE_ROUTER, 2, kS);
    world().Add(kX, TG_ROLE_DEVICE, 65535, kR);
  }
  void Edit(AgentId agent, const std::string& fields, AgentId owner) {
    replica::Write edit{replica::WriteMode::kUpdate, "Profile", R"({"name":"x",)" + fields + "}", owner, {}};
    replica::WriteAnswer answer = Ask(agent, {edit});
    EXPECT_TRUE(answer.status.ok()) << answer.status.message();
  }
  std::string Holds(AgentId agent) {
    std::string text;
    for (const node::LinkStatus& link : at(agent).status().links)
      for (const node::HoldStatus& hold : link.holds)
        text += "[" + hold.model + " " + hold.reason + (hold.ours ? " here" : " there") + "]";
    return text;
  }
};

TEST_F(ScenarioShared, W_FieldMergePastARouterWithoutThePolicy_HeldThereBothEditsSurviveElsewhere) {
  BuildBoth();
  world().SetNewestOnly(kR, true);
  StartAll();
  Put(kS, "Profile", R"({"name":"x","n":1,"a":1,"b":1})");
  RunFor(20 * kSecond);
  for (AgentId device : {kD, kE}) world().network().Cut(device, true);
  Edit(kD, "\"a\":2", kAgentAll);
  RunFor(kSecond);
  Edit(kE, "\"b\":3", kAgentAll);
  for (AgentId device : {kD, kE}) world().network().Cut(device, false);
  RunFor(60 * kSecond);
  for (AgentId agent : {kS, kG, kD, kE, kF})
    EXPECT_THAT(Get(agent, "Profile", kName, kAgentAll), AllOf(HasSubstr("\"a\":2"), HasSubstr("\"b\":3"))) << agent;
  EXPECT_EQ(Count(kR, "Profile"), 0u);
  EXPECT_EQ(Count(kX, "Profile"), 0u);
  EXPECT_THAT(Holds(kR), HasSubstr("[Profile policy here]"));
  EXPECT_THAT(Holds(kS), HasSubstr("[Profile policy there]"));

  // Nothing else waits for it, and what waits is lost nowhere.
  Put(kX, "Profile", R"({"name":"own","n":2})");
  Put(kX, "Gauge", R"({"name":"g","n":3})");
  RunFor(20 * kSecond);
  EXPECT_EQ(Count(kS, "Gauge"), 1u);
  EXPECT_EQ(Get(kS, "Profile", R"({"name":"own"})", kX), "");
  EXPECT_THAT(Holds(kX), HasSubstr("[Profile policy"));

  // The router gets the policy: everything comes through.
  at(kR).Crash("to get the policy");
  world().SetNewestOnly(kR, false);
  at(kR).Start();
  ExpectRest();
  EXPECT_THAT(Get(kX, "Profile", kName, kAgentAll), AllOf(HasSubstr("\"a\":2"), HasSubstr("\"b\":3")));
  EXPECT_THAT(Get(kS, "Profile", R"({"name":"own"})", kX), HasSubstr("\"n\":2"));
  EXPECT_EQ(Holds(kR) + Holds(kS) + Holds(kX), "");
}

TEST_F(ScenarioShared, FieldsEditedAtThreeNodesWhileAllAreApart_EveryEditSurvives) {
  Build();
  StartAll();
  Put(kS, "Profile", R"({"name":"x","n":1,"a":1,"b":1})");
  ExpectRest();
  for (AgentId child : {kG, kD, kE}) world().network().Cut(child, true);
  Edit(kS, "\"n\":5", kAgentAll);
  Edit(kD, "\"a\":6", kAgentAll);
  Edit(kE, "\"b\":7", kAgentAll);
  for (AgentId child : {kE, kD, kG}) {
    world().network().Cut(child, false);
    RunFor(3 * kSecond);
  }
  ExpectRest();
  for (AgentId agent : {kS, kG, kD, kE, kF})
    EXPECT_THAT(Get(agent, "Profile", kName, kAgentAll),
                AllOf(HasSubstr("\"n\":5"), HasSubstr("\"a\":6"), HasSubstr("\"b\":7")));
}

// facts: "clock skew in last-write-wins".
TEST_F(ScenarioShared, ClockSkewInLastWriteWins_LoserIsKeptAndCanBeRestored) {
  Build();
  StartAll();
  Put(kD, "Setting", R"({"name":"x","n":1})");
  ExpectRest();
  at(kE).clock().SetSkew(-7 * 86'400'000);
  at(kD).clock().SetSkew(86'400'000);
  world().network().Cut(kG, true);
  Put(kD, "Setting", R"({"name":"x","n":2})");
  RunFor(kSecond);
  replica::Write edit{replica::WriteMode::kUpdate, "Setting", R"({"name":"x","n":3})", kD, {}};
  ASSERT_TRUE(Ask(kS, {edit}).status.ok());
  world().network().Cut(kG, false);
  ExpectRest();
  EXPECT_THAT(Get(kS, "Setting", kName, kD), HasSubstr("\"n\":2")) << "the clock that is ahead wins";
  SimNode* keeper = nullptr;
  for (AgentId agent : {kS, kG, kD})
    if (!at(agent).conflicts().empty()) keeper = &at(agent);
  ASSERT_NE(keeper, nullptr);
  EXPECT_EQ(keeper->conflicts()[0].writer, kS);
  RunFor(15 * kSecond);  // a keep-alive tells the time
  EXPECT_THAT(at(kG).status().problems, ::testing::Contains(HasSubstr("clock of agent 100 is 2")));
}

}  // namespace
}  // namespace tidegate::sim
