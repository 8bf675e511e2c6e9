// sync --wait, watch, and rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/base/views.h"
#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::ElementsAre;

TEST_F(NodeTest, SyncWait_HopAndServerAreToldApart) {
  tree_.Disconnect(*tree_.router, *tree_.server);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kHop, 60'000, 1'000).status.ok());
  SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer, 2'000, 3'000);
  EXPECT_EQ(answer.status.code(), Code::kTimeout);
  tree_.Connect(*tree_.router, *tree_.server);
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kServer, 60'000, 3'000).status.ok());
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
}

// The router alone would wait for an hour.
TEST_F(NodeTest, SyncToServer_DoesNotWaitForTheDelayOfEachHop) {
  tree_.router->Stop();
  tree_.router->options().sync_delay_ms = 3'600'000;
  tree_.router->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(5'000);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kServer, 60'000, 1'000).status.ok());
  // Also what left this node long before anybody asked, and when the frame that says so is lost.
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"b"})").status.ok());
  tree_.Run(10'000);
  EXPECT_EQ(tree_.server->Get("Reading", R"({"id":"b"})", 42), "not_found");
  int lost = 1;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    return &from != tree_.device || !std::holds_alternative<wire::Batch>(frame.body) || lost-- <= 0;
  };
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kServer, 60'000, 3'000).status.ok());
  EXPECT_LT(lost, 1);
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"b"})", 42), "not_found");
}

TEST_F(NodeTest, SyncWaitAtTheServer_ChildAwayWithNothingDue_DoesNotWait) {
  tree_.Disconnect(*tree_.router, *tree_.server);
  ASSERT_TRUE(tree_.server->Put("Note", R"({"name":"a"})").status.ok());
  EXPECT_TRUE(Sync(*tree_.server, SyncTarget::kHop, 2'000, 3'000).status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})").status.ok());
  EXPECT_EQ(Sync(*tree_.server, SyncTarget::kHop, 2'000, 3'000).status.code(), Code::kTimeout);
  EXPECT_TRUE(Sync(*tree_.server, SyncTarget::kServer, 2'000, 100).status.ok());
}

TEST_F(NodeTest, SyncWaitAtTheServer_WhatIsForAnAgentWhomNobodyKnows_IsNamed) {
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"own"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})", 42).status.ok());
  tree_.Run(2'000);
  EXPECT_TRUE(Sync(*tree_.server, SyncTarget::kHop, 2'000, 3'000).complete());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})", 555).status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"b"})", 555).status.ok());
  SyncAnswer answer = Sync(*tree_.server, SyncTarget::kHop, 2'000, 3'000);
  EXPECT_TRUE(answer.status.ok()) << answer.status.message();
  EXPECT_FALSE(answer.complete());
  ASSERT_EQ(answer.unknown.size(), 1u);
  EXPECT_EQ(answer.unknown[0].agent, 555u);
  EXPECT_EQ(answer.unknown[0].items, 2u);
  EXPECT_TRUE(Sync(*tree_.server, SyncTarget::kServer, 2'000, 100).complete());
  // It comes.
  TestNode& late = tree_.Add(555, TG_ROLE_DEVICE, 65535);
  late.Start();
  tree_.Connect(late, *tree_.router);
  tree_.Run(3'000);
  EXPECT_NE(late.Get("Config", R"({"name":"b"})"), "not_found");
  EXPECT_TRUE(Sync(*tree_.server, SyncTarget::kHop, 2'000, 3'000).complete());
}

// What the agent wrote itself waits for nobody, though it goes both ways.
TEST_F(NodeTest, SyncWaitAtTheServer_ItemsOfAnAgentThatLeft_AreNotNamed) {
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x","value":"1"})").status.ok());
  tree_.Run(2'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.Disconnect(*tree_.router, *tree_.server);
  tree_.server->options().route_age_ms = 1;
  tree_.server->Stop();
  tree_.server->Start();
  for (int i = 0; i < 4; ++i) {
    tree_.clock.now_us += 12 * 3'600'000'000ll;
    tree_.Run(30'000);
  }
  ASSERT_EQ(tree_.server->LinkTo(10).state, "");
  ASSERT_NE(tree_.server->Get("Setting", R"({"name":"x"})", 42), "not_found");
  EXPECT_TRUE(Sync(*tree_.server, SyncTarget::kHop, 2'000, 100).complete());
  ASSERT_TRUE(tree_.server->Put("Setting", R"({"name":"x","value":"2"})", 42).status.ok());
  EXPECT_FALSE(Sync(*tree_.server, SyncTarget::kHop, 2'000, 100).complete()) << "but this does";
}

TEST_F(NodeTest, Watch_SeesEachVersionOnce) {
  TestNode& other = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  other.Start();
  std::vector<std::string> seen;
  other->SetWatcher([&](const tg_change& change) { seen.emplace_back(View(change.key.sk)); });
  ASSERT_TRUE(other.Put("Setting", R"({"name":"mine"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"yours"})").status.ok());
  tree_.Connect(other, *tree_.router);  // reconcile renumbers what only the device has
  tree_.Run(3'000);
  EXPECT_THAT(seen, ElementsAre("s#mine", "c#yours"));
}

TEST_F(NodeTest, Idle_CommitsNothing) {
  tree_.Run(20'000);
  uint64_t before = tree_.router->counter("tidegate_commits_total");
  tree_.Run(60'000);
  EXPECT_EQ(tree_.router->counter("tidegate_commits_total"), before);
}

}  // namespace
}  // namespace tidegate::node
