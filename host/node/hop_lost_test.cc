// What was dropped when the next node had it, and that one lost it before the server had it (law 6).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

tg_retain Rule(uint32_t delivered) {
  tg_retain rule{};
  rule.struct_size = sizeof rule;
  rule.drop_when_delivered = delivered;
  return rule;
}

class HopLost : public NodeTest {
 protected:
  static std::string Reading(int n) { return "{\"id\":\"" + std::to_string(10'000 + n) + "\",\"value\":1}"; }
  void UseRule(TestNode& node, uint32_t delivered) {
    node.policy.retains["Reading"] = Rule(delivered);
    node.UseSchema("");
    tree_.Run(2'000);
  }
  void Put(TestNode& node, int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_TRUE(node.Put("Reading", Reading(i)).status.ok());
    tree_.Run(2'000);
  }
  static int At(TestNode& node, AgentId owner = 42) {
    int count = 0;
    for (int i = 0; i < 50; ++i) count += node.Get("Reading", Reading(i), owner) != "not_found" ? 1 : 0;
    return count;
  }
  static uint64_t Lost(TestNode& node) {
    uint64_t items = 0;
    for (const LossStatus& loss : node->GetStatus().losses) items += loss.items;
    return items;
  }
  // Its disk is replaced by an empty one, or by what it was once.
  void Replace(TestNode& node) {
    node.Stop();
    node.EmptyDisk();
    node.Start();
  }
  void Adopt(TestNode& node, AgentId agent) {
    tree_.Run(2'000);
    Status adopted = Status::Internal("not answered");
    node->Adopt(agent, [&](Status status) { adopted = std::move(status); });
    tree_.Run(5'000);
    ASSERT_TRUE(adopted.ok()) << adopted.message();
  }
  SyncAnswer Wait(TestNode& node) { return Sync(node, SyncTarget::kServer, 5'000, 6'000); }
};

TEST_F(HopLost, ParentReplaced_WhatOnlyItHadIsListedAndNamed) {
  for (const bool restarted : {false, true}) {
    SCOPED_TRACE(restarted);
    if (restarted) DisconnectAll(), tree_.Run(100), ConnectAll(), tree_.Run(2'000);
    UseRule(*tree_.device, 1);
    const uint64_t before = Lost(*tree_.device);
    const int first = restarted ? 30 : 0;
    Put(*tree_.device, first, first + 10);
    EXPECT_TRUE(Wait(*tree_.device).complete());
    tree_.Disconnect(*tree_.router, *tree_.server);
    Put(*tree_.device, first + 10, first + 20);
    ASSERT_EQ(At(*tree_.device), 0) << "the router had them";
    DisconnectAll();
    if (restarted) Restart(*tree_.device);
    Replace(*tree_.router);
    ConnectAll();
    Adopt(*tree_.server, 10);
    ASSERT_EQ(Lost(*tree_.device) - before, 10u) << "what was at the server is not lost";
    EXPECT_THAT((*tree_.device)->GetStatus().losses.back().reason, HasSubstr("agent 10"));
    SyncAnswer said = Wait(*tree_.device);
    EXPECT_TRUE(said.status.ok()) << said.status.message();
    EXPECT_EQ(said.dropped_count, 10u);
    ASSERT_THAT(said.dropped, SizeIs(1));
    EXPECT_EQ(said.dropped[0].model, "Reading");
    EXPECT_TRUE(Wait(*tree_.device).complete()) << "said once";
  }
}

TEST_F(HopLost, ParentRestored_WhatItHadThenIsNotLost) {
  UseRule(*tree_.device, 1);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Put(*tree_.device, 0, 10);
  DisconnectAll();
  tree_.router->Stop();
  tree_.router->Save();
  tree_.router->Start();
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(5'000);
  EXPECT_EQ(Lost(*tree_.device), 0u) << "it was only started";
  tree_.router->Stop();
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.router->RollBack();
  tree_.router->Start();
  ConnectAll();
  tree_.Run(20'000);
  EXPECT_EQ(Lost(*tree_.device), 0u);
  EXPECT_EQ(At(*tree_.server), 10);
  EXPECT_TRUE(Wait(*tree_.device).complete());
}

TEST_F(HopLost, NothingIsLost_NothingIsListed) {
  UseRule(*tree_.device, 1);
  Put(*tree_.device, 0, 20);
  DisconnectAll();
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) Restart(*node);
  ConnectAll();
  Put(*tree_.device, 20, 40);
  EXPECT_TRUE(Wait(*tree_.device).complete());
  DisconnectAll();
  Replace(*tree_.router);
  ConnectAll();
  Adopt(*tree_.server, 10);
  EXPECT_EQ(Lost(*tree_.device), 0u) << "all of it is at the server";
  EXPECT_EQ(At(*tree_.server), 40);
}

// A router drops what its own parent had; the sensor below keeps it until it is at the server.
TEST_F(HopLost, ParentOfARouterReplaced_ItsChildrenSendAgainWhatTheyHave) {
  TestNode& low = tree_.Add(20, TG_ROLE_ROUTER, 3);
  TestNode& sensor = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  low.Start();
  sensor.Start();
  tree_.Connect(low, *tree_.router);
  tree_.Connect(sensor, low);
  tree_.Run(2'000);
  UseRule(low, 1);
  UseRule(sensor, 2);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Put(sensor, 0, 20);
  ASSERT_EQ(At(low, 43), 0);
  ASSERT_EQ(At(sensor, 43), 20);
  tree_.Disconnect(low, *tree_.router);
  tree_.Disconnect(*tree_.device, *tree_.router);
  Replace(*tree_.router);
  ConnectAll();
  tree_.Connect(low, *tree_.router);
  Adopt(*tree_.server, 10);
  tree_.Run(300'000);
  EXPECT_EQ(At(*tree_.server, 43), 20);
  EXPECT_TRUE(Wait(sensor).complete());
}

}  // namespace
}  // namespace tidegate::node
