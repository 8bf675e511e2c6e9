// What a node keeps, and what happens when there is no room: quotas, retention, a full disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

tg_retain Rule(uint32_t delivered, uint64_t items_max, uint32_t when_full = TG_WHEN_FULL_REFUSE) {
  tg_retain rule{};
  rule.struct_size = sizeof rule;
  rule.drop_when_delivered = delivered;
  rule.items_max = items_max;
  rule.when_full = when_full;
  return rule;
}

class Retention : public NodeTest {
 protected:
  static std::string Reading(int n) { return "{\"id\":\"" + std::to_string(10'000 + n) + "\",\"value\":1}"; }
  void UseRule(TestNode& node, const tg_retain& rule, const std::string& model = "Reading") {
    node.policy.retains[model] = rule;
    node.UseSchema("");
    tree_.Run(2'000);
  }
  void PutReadings(int from, int to) {
    for (int i = from; i < to; ++i) {
      replica::WriteAnswer answer = tree_.device->Put("Reading", Reading(i));
      ASSERT_TRUE(answer.status.ok()) << answer.status.message();
    }
  }
  static int ReadingsAt(TestNode& node, int to, AgentId owner = 42) {
    int count = 0;
    for (int i = 0; i < to; ++i) count += node.Get("Reading", Reading(i), owner) != "not_found" ? 1 : 0;
    return count;
  }
  static uint64_t Lost(TestNode& node) {
    uint64_t items = 0;
    for (const LossStatus& loss : node->GetStatus().losses) items += loss.items;
    return items;
  }
  static std::vector<HoldStatus> HoldsOf(TestNode& node, AgentId neighbour) { return node.LinkTo(neighbour).holds; }
};

TEST_F(Retention, DroppedWhenAtTheHop) {
  UseRule(*tree_.device, Rule(1, 0));
  tree_.Disconnect(*tree_.router, *tree_.server);
  PutReadings(0, 20);
  tree_.Run(2'000);
  EXPECT_EQ(ReadingsAt(*tree_.device, 20), 0);
  EXPECT_EQ(ReadingsAt(*tree_.router, 20), 20);
  EXPECT_EQ(Lost(*tree_.device), 0u);
}

TEST_F(Retention, DroppedWhenAtTheServerOnly) {
  UseRule(*tree_.device, Rule(2, 0));
  tree_.Disconnect(*tree_.router, *tree_.server);
  PutReadings(0, 20);
  tree_.Run(2'000);
  EXPECT_EQ(ReadingsAt(*tree_.device, 20), 20);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(3'000);
  EXPECT_EQ(ReadingsAt(*tree_.device, 20), 0);
  EXPECT_EQ(ReadingsAt(*tree_.server, 20), 20);
}

TEST_F(Retention, HeldAtTheServer_IsNotDroppedAsDelivered) {
  UseRule(*tree_.device, Rule(2, 0));
  tree_.server->policy.directions["Reading"] = TG_DIRECTION_DOWN;
  tree_.server->UseSchema("");
  tree_.Run(1'000);
  PutReadings(0, 5);
  tree_.Run(5'000);
  EXPECT_EQ(ReadingsAt(*tree_.device, 5), 5);
  tree_.server->policy.directions.clear();
  tree_.server->UseSchema("");
  tree_.Run(5'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 5), 5);
  EXPECT_EQ(ReadingsAt(*tree_.device, 5), 0);
}

TEST_F(Retention, QuotaOfTheRouter_HoldsTheModelDownToTheDeviceAndOthersPass) {
  UseRule(*tree_.router, Rule(2, 10));
  UseRule(*tree_.device, Rule(2, 30));
  tree_.Disconnect(*tree_.router, *tree_.server);
  PutReadings(0, 15);
  tree_.Run(1'000);
  PutReadings(15, 30);
  tree_.Run(3'000);
  int at_router = ReadingsAt(*tree_.router, 30);
  EXPECT_GE(at_router, 10);
  EXPECT_LT(at_router, 30) << "a batch at most is taken above the quota";
  ASSERT_EQ(HoldsOf(*tree_.device, 10).size(), 1u);
  EXPECT_EQ(HoldsOf(*tree_.device, 10)[0].reason, "quota");
  ASSERT_EQ(tree_.router->operator->()->GetStatus().quotas.size(), 1u);
  EXPECT_TRUE((*tree_.router)->GetStatus().quotas[0].full);
  ASSERT_TRUE(tree_.device->Put("Status", R"({"state":"on"})").status.ok());
  replica::WriteAnswer refused = tree_.device->Put("Reading", Reading(99));
  EXPECT_EQ(refused.status.code(), Code::kFull);
  EXPECT_THAT(refused.status.message(), HasSubstr("items_max"));
  EXPECT_TRUE(tree_.device->Put("Reading", Reading(0)).status.ok()) << "an edit finds room";
  tree_.Run(1'000);
  EXPECT_THAT(tree_.router->Get("Status", "{}", 42), HasSubstr("on"));
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(20'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 30), 30);
  EXPECT_EQ(ReadingsAt(*tree_.device, 30), 0);
  EXPECT_THAT(HoldsOf(*tree_.device, 10), IsEmpty());
  EXPECT_TRUE(tree_.device->Put("Reading", Reading(99)).status.ok());
}

TEST_F(Retention, BacklogOfTenQuotas_DrainsFullyAndNothingIsSentForEver) {
  TestTree tree;
  TestNode& server = tree.Add(1, TG_ROLE_SERVER, 1);
  TestNode& router = tree.Add(10, TG_ROLE_ROUTER, 2);
  TestNode& device = tree.Add(42, TG_ROLE_DEVICE, 65535);
  router.policy.retains["Reading"] = Rule(2, 20);
  for (TestNode* node : {&server, &router, &device}) {
    node->options().batch_items_max = 8;
    node->Start();
  }
  tree.Connect(router, server);
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(device.Put("Reading", Reading(i)).status.ok());
  uint64_t sent = 0;
  uint64_t holds = 0;
  tree.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    const auto* batch = std::get_if<wire::Batch>(&frame.body);
    if (&from == &device && batch != nullptr) sent += batch->changes.size();
    const auto* ack = std::get_if<wire::Ack>(&frame.body);
    if (&from == &router && ack != nullptr && !ack->holds.empty()) ++holds;
    return true;
  };
  tree.Connect(device, router);
  tree.Run(120'000);
  EXPECT_EQ(ReadingsAt(server, 400), 400);
  EXPECT_GT(holds, 3u);
  EXPECT_LE(sent, 2'000u);
  EXPECT_THAT(HoldsOf(device, 10), IsEmpty());
  uint64_t before = sent;
  tree.Run(60'000);
  EXPECT_EQ(sent, before);
}

TEST_F(Retention, TombstonesPassAQuota) {
  UseRule(*tree_.router, Rule(0, 5));
  PutReadings(0, 5);
  tree_.Run(2'000);
  PutReadings(5, 8);
  tree_.Run(2'000);
  ASSERT_EQ(HoldsOf(*tree_.device, 10).size(), 1u);
  ASSERT_TRUE(tree_.device->Remove("Reading", Reading(0)).status.ok());
  ASSERT_TRUE(tree_.device->Remove("Reading", Reading(1)).status.ok());
  ASSERT_TRUE(tree_.device->Remove("Reading", Reading(2)).status.ok());
  tree_.Run(5'000);
  EXPECT_EQ(ReadingsAt(*tree_.router, 8), 5);
  EXPECT_EQ(ReadingsAt(*tree_.server, 8), 5);
}

TEST_F(Retention, DropOldest_DropsUndeliveredAndListsThem) {
  UseRule(*tree_.device, Rule(0, 10, TG_WHEN_FULL_DROP_OLDEST));
  tree_.Disconnect(*tree_.device, *tree_.router);
  PutReadings(0, 25);
  tree_.Run(2'000);
  EXPECT_EQ(ReadingsAt(*tree_.device, 25), 10);
  EXPECT_EQ(ReadingsAt(*tree_.device, 15), 0) << "the oldest go first";
  EXPECT_EQ(Lost(*tree_.device), 15u);
  ASSERT_EQ((*tree_.device)->GetStatus().losses.size(), 1u);
  EXPECT_EQ((*tree_.device)->GetStatus().losses[0].reason, "drop_oldest");
  EXPECT_EQ(tree_.device->counter("tidegate_dropped_undelivered_total"), 15u);
  tree_.device->Stop();
  tree_.device->Start();
  EXPECT_EQ(Lost(*tree_.device), 15u) << "listed after a restart too";
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(3'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 25), 10);
  EXPECT_EQ(ReadingsAt(*tree_.device, 25), 10) << "what is delivered is not lost, and stays";
}

TEST_F(Retention, KeepLatest_KeepsTheLastOfEachPk) {
  // One pk for all readings: the last stays, whatever the limit.
  UseRule(*tree_.device, Rule(0, 1, TG_WHEN_FULL_KEEP_LATEST));
  tree_.Disconnect(*tree_.device, *tree_.router);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(tree_.device->Put("Reading", Reading(i)).status.ok());
    tree_.Run(100);
  }
  EXPECT_EQ(ReadingsAt(*tree_.device, 4), 0);
  EXPECT_EQ(ReadingsAt(*tree_.device, 5), 1);
  EXPECT_EQ(Lost(*tree_.device), 4u);
}

TEST_F(Retention, Aged_IsDroppedAndListedIfUndelivered) {
  tg_retain rule = Rule(0, 0);
  rule.age_ms_max = 3'600'000;
  UseRule(*tree_.device, rule);
  PutReadings(0, 3);
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  PutReadings(3, 5);
  tree_.Run(7'200'000);
  EXPECT_EQ(ReadingsAt(*tree_.device, 5), 0);
  EXPECT_EQ(ReadingsAt(*tree_.server, 5), 3);
  EXPECT_EQ(Lost(*tree_.device), 2u) << "what the parent had before it went away is not lost";
}

TEST_F(Retention, AgedAfterARestartWithoutParent_WhatItHadIsNotLost) {
  PutReadings(0, 3);
  tree_.Run(20'000);
  ASSERT_TRUE(tree_.device->Put("Status", R"({"state":"on"})").status.ok()) << "what is acknowledged is noted now";
  tree_.Run(1'000);
  tg_retain rule = Rule(0, 0);
  rule.age_ms_max = 3'600'000;
  UseRule(*tree_.device, rule);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.device->Stop();
  tree_.device->Start();
  tree_.Run(7'200'000);
  EXPECT_EQ(ReadingsAt(*tree_.device, 3), 0);
  EXPECT_EQ(Lost(*tree_.device), 0u);
}

TEST_F(Retention, AgeWhileTheClockIsSuspect_NothingIsDropped) {
  tg_retain rule = Rule(0, 0);
  rule.age_ms_max = 3'600'000;
  UseRule(*tree_.device, rule);
  PutReadings(0, 3);
  tree_.Run(1'000);
  tree_.device->clock.skew_ms = int64_t{365} * 24 * 3'600'000;  // a year on, by mistake
  tree_.Run(300'000);
  EXPECT_EQ(ReadingsAt(*tree_.device, 3), 3);
}

TEST_F(Retention, AtTheServer_NothingIsDroppedAsDelivered) {
  UseRule(*tree_.server, Rule(2, 0));
  PutReadings(0, 3);
  tree_.Run(5'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 3), 3);
}

TEST_F(Retention, AnswerOfACommandThatIsStillHere_IsKept) {
  tree_.server->Put("Order", R"({"id":"2"})", kAgentAll);
  tree_.Run(2'000);
  UseRule(*tree_.device, Rule(2, 0), "Done");
  tree_.device->Put("Done", R"({"id":"2"})");
  tree_.Run(5'000);
  EXPECT_NE(tree_.server->Get("Done", R"({"id":"2"})", 42), "not_found");
  EXPECT_NE(tree_.device->Get("Done", R"({"id":"2"})"), "not_found") << "it says that the command has run";
  tree_.server->Remove("Order", R"({"id":"2"})", kAgentAll);
  tree_.Run(5'000);
  EXPECT_EQ(tree_.device->Get("Done", R"({"id":"2"})"), "not_found");
}

TEST_F(Retention, UsageIsCountedAnewAtStart) {
  tg_retain rule = Rule(0, 0);
  rule.bytes_max = 1'000'000;
  UseRule(*tree_.device, rule);
  PutReadings(0, 7);
  auto quota = [&] { return (*tree_.device)->GetStatus().quotas.at(0); };
  uint64_t bytes = quota().bytes;
  EXPECT_EQ(quota().items, 7u);
  EXPECT_GT(bytes, 7u * 20);
  tree_.device->Stop();
  tree_.device->Start();
  EXPECT_EQ(quota().items, 7u);
  EXPECT_EQ(quota().bytes, bytes);
}

TEST_F(Retention, ClearOnAck_DropsByAgentAndModelWhereItIsSaid) {
  tree_.router->Stop();
  tree_.router->options().clear_on_ack = {{42, "Reading", false}, {10, "", false}};
  tree_.router->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Connect(*tree_.device, *tree_.router);
  PutReadings(0, 3);
  ASSERT_TRUE(tree_.device->Put("Done", R"({"id":"1"})").status.ok());
  ASSERT_TRUE(tree_.router->Put("Done", R"({"id":"2"})").status.ok());
  tree_.Run(5'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 3), 3);
  EXPECT_EQ(ReadingsAt(*tree_.router, 3), 0);
  EXPECT_NE(tree_.server->Get("Done", R"({"id":"2"})", 10), "not_found");
  EXPECT_EQ(ReadingsAt(*tree_.device, 3), 3) << "it says nothing of that there";
  EXPECT_NE(tree_.router->Get("Done", R"({"id":"1"})", 42), "not_found") << "another model of that agent";
  EXPECT_EQ(tree_.router->Get("Done", R"({"id":"2"})", 10), "not_found") << "any model of the other";
  EXPECT_EQ(Lost(*tree_.router), 0u);
}

TEST_F(Retention, ClearOnAckAtTheHop_DoesNotWaitForTheServer) {
  tree_.Disconnect(*tree_.router, *tree_.server);
  tree_.device->Stop();
  tree_.device->options().clear_on_ack = {{kAgentAll, "Reading", true}};
  tree_.device->Start();
  tree_.Connect(*tree_.device, *tree_.router);
  PutReadings(0, 3);
  tree_.Run(3'000);
  EXPECT_EQ(ReadingsAt(*tree_.router, 3), 3);
  EXPECT_EQ(ReadingsAt(*tree_.device, 3), 0);
}

TEST_F(Retention, QuotaTakenAwayLive_WhatWaitedComes) {
  UseRule(*tree_.router, Rule(0, 5));
  PutReadings(0, 5);
  tree_.Run(2'000);
  PutReadings(5, 12);
  tree_.Run(2'000);
  ASSERT_EQ(HoldsOf(*tree_.device, 10).size(), 1u);
  ASSERT_EQ(ReadingsAt(*tree_.server, 12), 5);
  tree_.router->policy.retains.clear();
  tree_.router->UseSchema("");
  tree_.Run(5'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 12), 12);
  EXPECT_THAT(HoldsOf(*tree_.device, 10), IsEmpty());
  EXPECT_THAT((*tree_.router)->GetStatus().quotas, IsEmpty());
}

TEST_F(Retention, QuotaRaisedAndLoweredLive_IsJudgedByWhatIsThere) {
  PutReadings(0, 8);
  tree_.Run(2'000);
  UseRule(*tree_.router, Rule(0, 4));
  EXPECT_EQ(ReadingsAt(*tree_.router, 8), 8) << "a limit to hold drops nothing";
  PutReadings(8, 9);
  tree_.Run(2'000);
  EXPECT_EQ(HoldsOf(*tree_.device, 10).size(), 1u);
  UseRule(*tree_.router, Rule(0, 100));
  tree_.Run(3'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 9), 9);
  EXPECT_THAT(HoldsOf(*tree_.device, 10), IsEmpty());
}

TEST_F(Retention, DroppingBeginsLive_WhatWasDeliveredBeforeGoesToo) {
  PutReadings(0, 6);
  tree_.Run(5'000);
  ASSERT_EQ(ReadingsAt(*tree_.server, 6), 6);
  UseRule(*tree_.device, Rule(2, 0));
  tree_.Run(3'000);
  EXPECT_EQ(ReadingsAt(*tree_.device, 6), 0);
  EXPECT_EQ(ReadingsAt(*tree_.router, 6), 6);
}

// Scenario x: the router's disk fills while the server is away.
TEST_F(Retention, FullDisk_HoldsTheDeviceAndDrainsByItself) {
  UseRule(*tree_.router, Rule(2, 0));
  tree_.Disconnect(*tree_.router, *tree_.server);
  tree_.router->LimitRows(20);
  PutReadings(0, 30);
  tree_.Run(1'000);
  PutReadings(30, 300);
  tree_.Run(10'000);
  EXPECT_TRUE((*tree_.router)->GetStatus().disk_full);
  EXPECT_FALSE((*tree_.router)->GetStatus().healthy);
  EXPECT_EQ(tree_.router->Put("Reading", Reading(0)).status.code(), Code::kFull);
  int held = ReadingsAt(*tree_.router, 300);
  EXPECT_LT(held, 300);
  uint64_t sent = 0;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    const auto* batch = std::get_if<wire::Batch>(&frame.body);
    if (&from == tree_.device && batch != nullptr) ++sent;
    return true;
  };
  tree_.Run(30'000);
  EXPECT_LE(sent, 60u) << "a try now and then";
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(120'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 300), 300);
  EXPECT_FALSE((*tree_.router)->GetStatus().disk_full);
}

TEST_F(Retention, FullDisk_TombstonesAndConfigurationGoOn) {
  ASSERT_TRUE(tree_.device->Put("Reading", Reading(0)).status.ok());
  tree_.Run(1'000);
  tree_.router->LimitRows(1);
  ASSERT_TRUE(tree_.device->Remove("Reading", Reading(0)).status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a","value":"x"})", 42).status.ok());
  tree_.Run(3'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 1), 0);
  EXPECT_THAT(tree_.device->Get("Config", R"({"name":"a"})"), HasSubstr("\"value\":\"x\""));
}

}  // namespace
}  // namespace tidegate::node
