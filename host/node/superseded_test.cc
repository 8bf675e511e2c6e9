// Superseded: what `sync --wait` says of changes that a newer state took the place of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/delivered_fixture.h"

namespace tidegate::node {
namespace {

using testing::IsEmpty;

TEST_F(DeliveredTest, NewerStateAbove_IsNamedAsSuperseded) {
  Put(*tree_.server, "Setting", R"({"name":"a","value":"0"})", kAgentAll);
  tree_.Run(2'000);
  tree_.Disconnect(*tree_.router, *tree_.server);
  replica::Write edit;
  edit.mode = replica::WriteMode::kUpdate;
  edit.model = "Setting";
  edit.owner = kAgentAll;
  edit.properties = R"({"name":"a","value":"device"})";
  ASSERT_TRUE(tree_.device->Write({edit}).status.ok());
  auto answer = Ask(*tree_.device, SyncTarget::kServer);
  tree_.Run(1'000);
  edit.properties = R"({"name":"a","value":"server"})";
  ASSERT_TRUE(tree_.server->Write({edit}).status.ok());
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(5'000);
  ASSERT_TRUE(answer->status.ok());
  EXPECT_TRUE(answer->complete());
  ASSERT_EQ(answer->superseded.size(), 1u);
  EXPECT_EQ(answer->superseded[0].version.agent, 42u);
  EXPECT_EQ(answer->superseded[0].held.agent, 1u);
}

// Seeds 967 and 1537 of `clocks`: a router joins the device's state with one from above. The device has the join, which
// keeps the version, before the server has it.
TEST_F(DeliveredTest, JoinedOnTheWayUp_IsNamedAsSuperseded) {
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
    node->policy.join_settings = true;
    node->UseSchema("");
  }
  tree_.Run(2'000);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Put(*tree_.server, "Setting", R"({"name":"a","other":"server"})", 42);
  tree_.Run(1'000);
  Put(*tree_.device, "Setting", R"({"name":"a","value":"device"})");
  tree_.Run(1'000);
  auto answer = Ask(*tree_.device, SyncTarget::kServer);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(5'000);
  ASSERT_TRUE(answer->status.ok()) << answer->status.message();
  ASSERT_EQ(answer->superseded.size(), 1u);
  EXPECT_EQ(answer->superseded[0].version.agent, 42u);
  EXPECT_EQ(answer->superseded[0].by, 10u);
}

TEST_F(DeliveredTest, NewerStateWrittenHereMeanwhile_IsNamedUntilItGotThere) {
  tree_.Disconnect(*tree_.device, *tree_.router);
  Put(*tree_.device, "Status", R"({"state":"1"})");
  auto early = Ask(*tree_.device, SyncTarget::kServer, 1'000);
  auto late = Ask(*tree_.device, SyncTarget::kServer, 20'000);
  Put(*tree_.device, "Status", R"({"state":"2"})");
  tree_.Run(2'000);
  EXPECT_EQ(early->status.code(), Code::kTimeout);
  ASSERT_EQ(early->superseded.size(), 1u);
  EXPECT_EQ(early->superseded[0].by, 42u);
  EXPECT_LT(early->superseded[0].version, early->superseded[0].held);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(10'000);
  ASSERT_TRUE(late->status.ok());
  EXPECT_THAT(late->superseded, IsEmpty());
}

TEST_F(DeliveredTest, ManyReplacedMeanwhile_AreCountedAndTheNamedAreBounded) {
  TestTree tree;
  TestNode& device = tree.Add(42, TG_ROLE_DEVICE, 65535);
  device.options().sync_exceptions_max = 2;
  device.Start();
  for (int round = 0; round < 2; ++round) {
    std::shared_ptr<SyncAnswer> answer;
    if (round == 1) answer = Ask(device, SyncTarget::kServer, 1'000);
    for (int i = 0; i < 5; ++i)
      ASSERT_TRUE(device.Put("Setting", "{\"name\":\"" + std::to_string(i) + "\"}").status.ok());
    if (round == 0) continue;
    tree.Run(2'000);
    EXPECT_EQ(answer->superseded.size(), 2u);
    EXPECT_EQ(answer->superseded_count, 5u);
  }
}

}  // namespace
}  // namespace tidegate::node
