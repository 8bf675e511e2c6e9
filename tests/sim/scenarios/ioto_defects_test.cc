// Seven defects proven in Ioto's database sync, each as the story that showed it.
#include <gmock/gmock.h>

#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {
namespace {

using ::testing::HasSubstr;

class IotoDefect : public Scenario {};

std::string Gauge(const std::string& name, int n) {
  return R"({"name":")" + name + R"(","n":)" + std::to_string(n) + "}";
}

TEST_F(IotoDefect, One_OfflineEdits_LastStateArrives) {
  Build();
  StartAll();
  RunFor(3 * kSecond);
  world().network().Cut(kD, true);
  for (int n = 1; n <= 3; ++n) Put(kD, "Gauge", Gauge("a", n));
  Put(kD, "Gauge", Gauge("gone", 1));
  Remove(kD, "Gauge", R"({"name":"gone"})");
  world().network().Cut(kD, false);
  ExpectRest();
  EXPECT_THAT(Get(kS, "Gauge", R"({"name":"a"})", kD), HasSubstr("\"n\":3"));
  EXPECT_EQ(Get(kS, "Gauge", R"({"name":"gone"})", kD), "");
}

TEST_F(IotoDefect, Two_OfflineChangesAndRestarts_StillReplicate) {
  Build();
  StartAll();
  RunFor(3 * kSecond);
  world().network().Cut(kD, true);
  Put(kD, "Gauge", Gauge("a", 1));
  at(kD).Crash("offline");
  at(kD).Start();
  Put(kD, "Gauge", Gauge("b", 2));
  at(kD).Crash("offline again");
  at(kD).Start();
  world().network().Cut(kD, false);
  ExpectRest();
  EXPECT_EQ(Count(kS, "Gauge"), 2u);
}

TEST_F(IotoDefect, Three_UnacknowledgedChange_ResentWithinSeconds) {
  Build();
  StartAll();
  RunFor(5 * kSecond);
  int sent = 0;
  world().network().SetFilter([&](AgentId from, AgentId, const wire::Body& body) {
    const auto* batch = std::get_if<wire::Batch>(&body);
    return from != kD || batch == nullptr || batch->changes.empty() || sent++ != 0;
  });
  Put(kD, "Gauge", Gauge("a", 1));
  RunFor(3 * kSecond);
  EXPECT_GE(sent, 2) << "nothing was sent again";
  EXPECT_EQ(Count(kG, "Gauge"), 1u);
  ExpectRest();
}

TEST_F(IotoDefect, Four_UpAcknowledged_SkipsNoDownChange) {
  Build();
  StartAll();
  RunFor(5 * kSecond);
  world().network().SetFilter([&](AgentId from, AgentId to, const wire::Body& body) {
    return from != kG || to != kD || !std::holds_alternative<wire::Batch>(body);
  });
  Put(kS, "Config", Gauge("down", 1), kD);
  for (int n = 1; n <= 20; ++n) {
    Put(kD, "Gauge", Gauge("up", n));
    RunFor(500 * kMs);
  }
  EXPECT_EQ(Count(kD, "Config"), 0u);
  EXPECT_EQ(Count(kS, "Gauge"), 1u);
  world().network().SetFilter({});
  ExpectRest();
  EXPECT_EQ(Count(kD, "Config"), 1u);
}

TEST_F(IotoDefect, Five_OlderUpdateAfterADelete_StaysDeleted) {
  Build();
  StartAll();
  Put(kD, "Setting", Gauge("x", 1));
  ExpectRest();
  world().network().Cut(kG, true);
  replica::Write older{replica::WriteMode::kUpdate, "Setting", Gauge("x", 2), kD, {}};
  ASSERT_TRUE(Ask(kS, {older}).status.ok());
  RunFor(10 * kSecond);
  Remove(kD, "Setting", R"({"name":"x"})");
  world().network().Cut(kG, false);
  ExpectRest();
  for (AgentId agent : {kS, kG, kD}) EXPECT_EQ(Count(agent, "Setting"), 0u) << agent;
}

TEST_F(IotoDefect, Six_ValuesLargerThanAFrame_ArriveOnce) {
  options_.node.frame_bytes_max = 4'000;
  Build();
  StartAll();
  RunFor(3 * kSecond);
  const std::string large(8'300, 'v');
  for (int i = 0; i < 10; ++i)
    Put(kS, "Config", R"({"name":"c)" + std::to_string(i) + R"(","n":1,"text":")" + large + "\"}", kD);
  ExpectRest();
  EXPECT_EQ(Count(kD, "Config"), 10u);
  EXPECT_THAT(Get(kD, "Config", R"({"name":"c9"})", kD), HasSubstr(large));
}

TEST_F(IotoDefect, Seven_PowerLossAtAnyCommit_AnsweredWritesStay) {
  Build();
  StartAll();
  RunFor(3 * kSecond);
  for (int i = 0; i < 40; ++i) {
    at(kD).ArmCrash(i % 3 == 0 ? CrashPoint::kBeforeCommit : CrashPoint::kInCommit);
    bool answered = false;
    replica::Write write{replica::WriteMode::kUpsert, "Gauge", Gauge("g" + std::to_string(i), i + 1), {}, {}};
    at(kD).Write({write}, [&](const replica::WriteAnswer&) { answered = true; });
    RunFor(100 * kMs);
    EXPECT_FALSE(answered) << "a dead node answered";
    at(kD).Start();
    Put(kD, "Gauge", Gauge("h" + std::to_string(i), i + 1));
  }
  ExpectRest();
  EXPECT_GE(Count(kS, "Gauge"), 40u);
}

}  // namespace
}  // namespace tidegate::sim
