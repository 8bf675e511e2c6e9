// What a node drops before it has gone on is not delivered: not at the node, and not at anybody below.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

tg_retain Rule(uint32_t delivered, uint64_t items_max, uint32_t when_full = TG_WHEN_FULL_DROP_OLDEST) {
  tg_retain rule{};
  rule.struct_size = sizeof rule;
  rule.drop_when_delivered = delivered;
  rule.items_max = items_max;
  rule.when_full = when_full;
  return rule;
}

constexpr int kItems = 100;

class LostAbove : public NodeTest {
 protected:
  static std::string Reading(int n) { return "{\"id\":\"" + std::to_string(10'000 + n) + "\",\"value\":1}"; }
  void UseRule(TestNode& node, const tg_retain& rule) {
    node.policy.retains["Reading"] = rule;
    node.UseSchema("");
    tree_.Run(2'000);
  }
  void Put(int from, int to) {
    for (int i = from; i < to; ++i) {
      replica::WriteAnswer answer = tree_.device->Put("Reading", Reading(i));
      ASSERT_TRUE(answer.status.ok()) << answer.status.message();
    }
  }
  static int At(TestNode& node) {
    int count = 0;
    for (int i = 0; i < kItems; ++i) count += node.Get("Reading", Reading(i), 42) != "not_found" ? 1 : 0;
    return count;
  }
  static uint64_t Lost(TestNode& node, const std::string& what) {
    uint64_t items = 0;
    for (const LossStatus& loss : node->GetStatus().losses)
      items += loss.reason.find(what) != std::string::npos ? loss.items : 0;
    return items;
  }
  void ServerIsAway() { tree_.Disconnect(*tree_.router, *tree_.server); }
  void ServerIsBack() { tree_.Connect(*tree_.router, *tree_.server); }
  // From now on the device hears and says nothing.
  void Mute(bool mute) {
    tree_.network = [this, mute](TestNode& from, TestNode& to, const wire::DecodedFrame& frame) {
      return !mute || &from != tree_.router || &to != tree_.device || !std::holds_alternative<wire::Ack>(frame.body);
    };
  }
  // Until the device has sent again what was lost above.
  void Rest() { tree_.Run(300'000); }
  SyncAnswer Wait(SyncTarget target = SyncTarget::kServer) { return Sync(*tree_.device, target, 100, 200); }
  ClearAnswer Clear() {
    ClearAnswer answer{Status::Internal("not answered"), 0};
    (*tree_.device)->Clear({kAgentAll, "Reading", SyncTarget::kServer}, [&](ClearAnswer given) { answer = given; });
    (void)(*tree_.device)->Commit();
    tree_.Run(200);
    return answer;
  }
};

TEST_F(LostAbove, DroppedByTheRouter_IsNotDeliveredAtItsWriterAndGoesAgain) {
  UseRule(*tree_.router, Rule(0, 10));
  ServerIsAway();
  Put(0, kItems);
  tree_.Run(2'000);
  EXPECT_EQ(Lost(*tree_.router, "drop_oldest"), 90u);
  EXPECT_EQ(Lost(*tree_.device, "at agent 10, still here and going again"), 90u);
  ServerIsBack();
  SyncAnswer answer = Wait();
  EXPECT_FALSE(answer.complete());
  EXPECT_GT(answer.dropped_count, 0u);
  ASSERT_THAT(answer.dropped, SizeIs(answer.dropped_count));
  EXPECT_EQ(answer.dropped[0].by, 10u);
  EXPECT_THAT(answer.dropped[0].reason, HasSubstr("drop_oldest"));
  EXPECT_LT(Clear().cleared, static_cast<uint64_t>(kItems));
  Rest();
  EXPECT_EQ(At(*tree_.server), kItems) << "the device kept what was not above, and sent it again";
  EXPECT_TRUE(Wait().complete());
  EXPECT_EQ(Lost(*tree_.device, ""), 0u);
}

TEST_F(LostAbove, DroppedWhenAtTheServer_KeepsWhatIsNotThere) {
  UseRule(*tree_.router, Rule(0, 10));
  UseRule(*tree_.device, Rule(2, 0));
  ServerIsAway();
  Put(0, kItems);
  tree_.Run(2'000);
  ServerIsBack();
  tree_.Run(500);
  for (int i = 0; i < kItems; ++i) {
    EXPECT_TRUE(tree_.device->Get("Reading", Reading(i)) != "not_found" ||
                tree_.server->Get("Reading", Reading(i), 42) != "not_found")
        << "lost: " << i;
  }
  Rest();
  EXPECT_EQ(At(*tree_.server), kItems);
  EXPECT_EQ(At(*tree_.device), 0);
}

TEST_F(LostAbove, DroppedByAge_IsNotDeliveredEither) {
  tg_retain rule = Rule(0, 0);
  rule.age_ms_max = 60'000;
  UseRule(*tree_.router, rule);
  ServerIsAway();
  Put(0, 5);
  tree_.Run(180'000);
  EXPECT_EQ(Lost(*tree_.router, "age"), 5u);
  EXPECT_EQ(Lost(*tree_.device, "going again"), 5u);
  ServerIsBack();
  Rest();
  EXPECT_EQ(At(*tree_.server), 5);
}

// More than may be listed.
TEST_F(LostAbove, TooManyToName_TheWholeModelIsExcepted) {
  for (TestNode* node : {tree_.router, tree_.device}) {
    node->Stop();
    node->options().quarantine_items_max = 7;
    node->Start();
  }
  tree_.Disconnect(*tree_.device, *tree_.router);
  ServerIsAway();
  ServerIsBack();
  tree_.Connect(*tree_.device, *tree_.router);
  UseRule(*tree_.router, Rule(0, 10));
  UseRule(*tree_.device, Rule(2, 0));
  ServerIsAway();
  Put(0, kItems);
  tree_.Run(2'000);
  EXPECT_GE(Lost(*tree_.device, "going again"), 90u);
  tree_.device->Stop();
  tree_.device->Start();
  tree_.Connect(*tree_.device, *tree_.router);
  EXPECT_GE(Lost(*tree_.device, "going again"), 90u) << "after a start";
  ServerIsBack();
  tree_.Run(500);
  EXPECT_FALSE(Wait().complete());
  Rest();
  EXPECT_EQ(At(*tree_.server), kItems);
  EXPECT_TRUE(Wait().complete());
}

TEST_F(LostAbove, TheRouterStartsAnewBeforeItCouldTell_TellsIt) {
  ServerIsAway();
  Put(0, kItems);
  tree_.Run(2'000);
  Mute(true);
  UseRule(*tree_.router, Rule(0, 10));
  tree_.Run(2'000);
  ASSERT_EQ(Lost(*tree_.router, "drop_oldest"), 90u);
  ASSERT_EQ(Lost(*tree_.device, ""), 0u) << "it has not heard of it";
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.router->Stop();
  tree_.router->Start();
  Mute(false);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(2'000);
  EXPECT_EQ(Lost(*tree_.device, "going again"), 90u);
  ServerIsBack();
  EXPECT_FALSE(Wait().complete());
}

// The router had the only copy.
TEST_F(LostAbove, GoneAtItsWriter_IsCountedThere) {
  UseRule(*tree_.router, Rule(0, 10));
  UseRule(*tree_.device, Rule(1, 0));
  ServerIsAway();
  Put(0, 50);
  tree_.Run(2'000);
  ASSERT_EQ(Lost(*tree_.router, "drop_oldest"), 40u);
  const int kept = At(*tree_.device);
  EXPECT_EQ(Lost(*tree_.device, "going again"), static_cast<uint64_t>(kept));
  EXPECT_EQ(Lost(*tree_.device, "drop_oldest at agent 10"), static_cast<uint64_t>(40 - kept));
  ServerIsBack();
  Rest();
  SyncAnswer answer = Wait();
  EXPECT_EQ(answer.dropped_count, static_cast<uint64_t>(40 - kept));
  EXPECT_EQ(At(*tree_.server), 10 + kept);
}

TEST_F(LostAbove, DroppedHere_IsSaidByTheFirstWaitThatEnds) {
  UseRule(*tree_.device, Rule(0, 10));
  tree_.Disconnect(*tree_.device, *tree_.router);
  Put(0, 50);
  tree_.Run(2'000);
  EXPECT_EQ(Wait().dropped_count, 40u) << "one that does not end well says it";
  tree_.device->Stop();
  tree_.device->Start();
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(2'000);
  SyncAnswer answer = Wait();
  ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  EXPECT_FALSE(answer.complete());
  EXPECT_EQ(answer.dropped_count, 40u);
  ASSERT_THAT(answer.dropped, SizeIs(1));
  EXPECT_EQ(answer.dropped[0].reason, "40 dropped before they were delivered: drop_oldest");
  EXPECT_TRUE(Wait().complete());
  EXPECT_EQ(Lost(*tree_.device, "drop_oldest"), 40u) << "it stays in the list of losses";
}

// Between the router that drops and the writer is another one; each holds it, and each sends it again.
TEST_F(LostAbove, TwoHopsAbove_NobodyBelowTakesItForDelivered) {
  TestNode& low = tree_.Add(20, TG_ROLE_ROUTER, 3);
  tree_.Disconnect(*tree_.device, *tree_.router);
  TestNode& sensor = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  low.Start();
  sensor.Start();
  tree_.Connect(low, *tree_.router);
  tree_.Connect(sensor, low);
  UseRule(*tree_.router, Rule(0, 10));
  UseRule(low, Rule(2, 0));
  UseRule(sensor, Rule(2, 0));
  tree_.Run(2'000);
  ServerIsAway();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(sensor.Put("Reading", Reading(i)).status.ok());
  tree_.Run(2'000);
  EXPECT_EQ(Lost(low, "going again"), 40u);
  EXPECT_EQ(Lost(sensor, "going again"), 40u);
  ServerIsBack();
  for (int round = 0; round < 600; ++round) {
    tree_.Run(500);
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(sensor.Get("Reading", Reading(i)) != "not_found" ||
                  tree_.server->Get("Reading", Reading(i), 43) != "not_found")
          << "lost: " << i;
    }
  }
  EXPECT_TRUE(Sync(sensor, SyncTarget::kServer, 100, 200).complete());
  for (int i = 0; i < 50; ++i) {
    EXPECT_NE(tree_.server->Get("Reading", Reading(i), 43), "not_found") << i;
    EXPECT_EQ(sensor.Get("Reading", Reading(i)), "not_found") << i;
  }
  EXPECT_EQ(Lost(low, "") + Lost(sensor, ""), 0u);
}

}  // namespace
}  // namespace tidegate::node
