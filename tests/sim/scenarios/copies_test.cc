// Letter n: two nodes with one agent id, from one image.
#include <gmock/gmock.h>

#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

using ::testing::HasSubstr;

constexpr AgentId kOther = 11, kRenewed = 77;

class ScenarioCopies : public Scenario {
 protected:
  static std::string Gauge(int n) {
    return R"({"name":"g)" + std::to_string(n) + R"(","n":)" + std::to_string(n) + "}";
  }
  // Three tiers with a second router, and some items of D everywhere.
  void Play() {
    Build();
    world().Add(kOther, TG_ROLE_ROUTER, 2, kS);
    StartAll();
    for (int n = 1; n <= 3; ++n) Put(kD, "Gauge", Gauge(n));
    Put(kD, "Setting", R"({"name":"s","n":4})");
    ExpectRest();
  }
  // The image is made while the node is switched off; then that one starts first.
  SimNode& Copy(AgentId of, AgentId parent) {
    at(of).Crash("to be copied");
    SimNode& copy = world().AddCopy(at(of), parent);
    at(of).Start();
    RunFor(3 * kSecond);
    return copy;
  }
  void Write(SimNode& node, const std::string& model, const std::string& properties) {
    bool answered = false;
    node.Write({{replica::WriteMode::kUpsert, model, properties, {}, {}}}, [&](const replica::WriteAnswer& answer) {
      EXPECT_TRUE(answer.status.ok()) << answer.status.message();
      answered = true;
    });
    for (int i = 0; i < 1000 && !answered; ++i) RunFor(kMs);
    EXPECT_TRUE(answered);
  }
  void ExpectRefused(SimNode& copy, AgentId original) {
    world().oracle().CheckRefused(copy, at(original));
    EXPECT_FALSE(world().failed()) << world().failures().front();
  }
  // It is the other agent from now on, and its own items are there as that one's.
  void RenewAndExpectAll(SimNode& copy) {
    copy.Crash("to be renewed");
    world().oracle().CopyRenewed(copy, kRenewed);
    world().Renew(copy, kRenewed);
    copy.Start();
    ExpectRest(300 * kSecond);
    world().oracle().CheckRenewed();
    EXPECT_FALSE(world().failed()) << world().failures().front();
  }
};

// Below which parent the copy is started, and the seed.
class ScenarioTwins : public ScenarioCopies, public ::testing::WithParamInterface<std::tuple<AgentId, uint64_t>> {
 protected:
  ScenarioTwins() { options_.seed = std::get<1>(GetParam()); }
  SimNode& PlayToTheCopy() {
    Play();
    const AgentId parent = std::get<0>(GetParam());
    if (parent != kG) world().oracle().AllowLeftovers();
    return Copy(kD, parent);
  }
};

TEST_P(ScenarioTwins, N_TwoFromOneImage_TheNewerIsRefusedOverStartsAndRenewKeepsItsData) {
  SimNode& copy = PlayToTheCopy();
  copy.Start();
  RunFor(60 * kSecond);
  Put(kD, "Gauge", Gauge(11));
  Write(copy, "Gauge", Gauge(21));
  Write(copy, "Gauge", R"({"name":"g1","n":100})");
  Write(copy, "Setting", R"({"name":"s","n":101})");
  ExpectRest(300 * kSecond);
  ExpectRefused(copy, kD);
  EXPECT_THAT(Get(kS, "Gauge", R"({"name":"g11"})", kD), HasSubstr("\"n\":11"));
  EXPECT_EQ(Get(kS, "Gauge", R"({"name":"g21"})", kD), "") << "of a refused copy";
  EXPECT_THAT(Get(kS, "Gauge", R"({"name":"g1"})", kD), HasSubstr("\"n\":1"));
  EXPECT_THAT(Get(kS, "Setting", R"({"name":"s"})", kD), HasSubstr("\"n\":4"));

  const uint64_t rewinds = at(kD).rewinds();
  for (SimNode* node : {&copy, &at(kG), &at(kOther), &at(kD), &at(kS)}) {
    node->Crash("to start anew");
    RunFor(2 * kSecond);
    node->Start();
    RunFor(60 * kSecond);
    ExpectRest(300 * kSecond);
    ExpectRefused(copy, kD);
  }
  const uint64_t hellos = world().oracle().hellos_of_copies();
  RunFor(300 * kSecond);
  EXPECT_LE(world().oracle().hellos_of_copies() - hellos, 40u) << "it asks less and less often";
  EXPECT_EQ(at(kD).rewinds(), rewinds) << "ping-pong";

  RenewAndExpectAll(copy);
  EXPECT_THAT(Get(kS, "Gauge", R"({"name":"g21"})", kRenewed), HasSubstr("\"n\":21"));
  EXPECT_THAT(Get(kS, "Setting", R"({"name":"s"})", kRenewed), HasSubstr("\"n\":101"));
  EXPECT_THAT(Get(kS, "Setting", R"({"name":"s"})", kD), HasSubstr("\"n\":4"));
}
INSTANTIATE_TEST_SUITE_P(ParentsAndSeeds, ScenarioTwins,
                         ::testing::Combine(::testing::Values(kG, kOther, kS), ::testing::Range<uint64_t>(1, 9)));

// The copy comes while its original is switched off: nobody can know then, and what it writes is the agent's. When the
// original starts, both are known.
TEST_P(ScenarioTwins, N_CopyComesWhileItsOriginalIsOff_TheOriginalGoesOnWhenItIsBack) {
  SimNode& copy = PlayToTheCopy();
  Put(kD, "Gauge", Gauge(11));
  ExpectRest();
  at(kD).Crash("for a while");
  copy.Start();
  RunFor(10 * kSecond);
  Write(copy, "Gauge", Gauge(21));
  RunFor(60 * kSecond);
  EXPECT_THAT(Get(kS, "Gauge", R"({"name":"g21"})", kD), HasSubstr("\"n\":21"));
  at(kD).Start();
  RunFor(60 * kSecond);
  ExpectRest(300 * kSecond);
  ExpectRefused(copy, kD);
  Put(kD, "Gauge", Gauge(12));
  Write(copy, "Gauge", Gauge(22));
  ExpectRest(300 * kSecond);
  for (const char* name : {"g11", "g12", "g21"})
    EXPECT_NE(Get(kS, "Gauge", R"({"name":")" + std::string(name) + "\"}", kD), "") << name;
  EXPECT_EQ(Get(kS, "Gauge", R"({"name":"g22"})", kD), "");
  RenewAndExpectAll(copy);
}

// The image is made of a node that goes on running: the copy's first epoch comes from the one that runs.
TEST_P(ScenarioTwins, N_CopiedWhileItRuns_TheCopyIsRefusedOverStartsAndTheOriginalGoesOn) {
  Play();
  const AgentId parent = std::get<0>(GetParam());
  if (parent != kG) world().oracle().AllowLeftovers();
  SimNode& copy = world().AddCopy(at(kD), parent);
  copy.Start();
  RunFor(60 * kSecond);
  Put(kD, "Gauge", Gauge(11));
  Write(copy, "Gauge", Gauge(22));
  ExpectRest(300 * kSecond);
  ExpectRefused(copy, kD);
  for (SimNode* node : {&copy, &at(kG), &at(kD), &at(kS), &copy}) {
    node->Crash("to start anew");
    RunFor(2 * kSecond);
    node->Start();
    RunFor(60 * kSecond);
    ExpectRest(300 * kSecond);
    ExpectRefused(copy, kD);
  }
  EXPECT_LE(at(kD).rewinds(), 2u) << "ping-pong";
  EXPECT_NE(Get(kS, "Gauge", R"({"name":"g11"})", kD), "");
  EXPECT_EQ(Get(kS, "Gauge", R"({"name":"g22"})", kD), "") << "of a refused copy";
  RenewAndExpectAll(copy);
}

TEST_F(ScenarioCopies, N_CopyOfARouter_IsRefusedAndTheDevicesBelowGoOn) {
  Play();
  SimNode& copy = Copy(kG, kS);
  copy.Start();
  RunFor(60 * kSecond);
  Put(kD, "Gauge", Gauge(11));
  Put(kG, "Gauge", Gauge(12));
  Write(copy, "Gauge", Gauge(21));
  ExpectRest(300 * kSecond);
  ExpectRefused(copy, kG);
  EXPECT_NE(Get(kS, "Gauge", R"({"name":"g11"})", kD), "");
  EXPECT_NE(Get(kS, "Gauge", R"({"name":"g12"})", kG), "");
  EXPECT_EQ(Get(kS, "Gauge", R"({"name":"g21"})", kG), "");
}

}  // namespace
}  // namespace tidegate::sim
