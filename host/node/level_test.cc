// The level of a router changes while it runs; what does not fit is refused; no loops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;

class Level : public NodeTest {
 protected:
  Status Set(TestNode& node, uint32_t level) {
    auto answer = std::make_shared<Status>(Status::Internal("not answered"));
    node->SetLevel(level, [answer](Status status) { *answer = std::move(status); });
    tree_.Run(1);
    return *answer;
  }
};

TEST_F(Level, Set_NeighboursHearAtOnceAndNothingIsLostOrSentTwice) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a","value":1})").status.ok());
  tree_.Run(1'000);
  Count(*tree_.device, *tree_.router);
  ASSERT_TRUE(Set(*tree_.router, 30).ok());
  tree_.Run(100);
  EXPECT_EQ(tree_.server->LinkTo(10).level, 30u);
  EXPECT_EQ(tree_.device->LinkTo(10).level, 30u);
  EXPECT_EQ(tree_.device->LinkTo(10).state, "up");
  EXPECT_EQ(tree_.server->LinkTo(10).state, "up");
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"b","value":2})").status.ok());
  tree_.Run(1'000);
  EXPECT_THAT(tree_.server->Get("Reading", R"({"id":"b"})", 42), HasSubstr("\"value\":2"));
  EXPECT_EQ(changes_, 1u);
}

TEST_F(Level, Set_IsKeptOverARestartUntilTheConfigurationSaysTheSame) {
  uint32_t configured = tree_.router->options().level;
  ASSERT_TRUE(Set(*tree_.router, 30).ok());
  auto restart = [&](uint32_t says) {
    tree_.router->Stop();
    tree_.router->options().level = says;
    tree_.router->Start();
    return (*tree_.router)->GetStatus();
  };
  EXPECT_EQ(restart(configured).level, 30u);
  EXPECT_EQ(restart(configured).level_configured, configured);
  EXPECT_EQ(restart(30).level, 30u);
  EXPECT_EQ(restart(40).level, 40u);
}

TEST_F(Level, Reset_ReturnsToTheConfiguration) {
  uint32_t configured = tree_.router->options().level;
  ASSERT_TRUE(Set(*tree_.router, 30).ok());
  ASSERT_TRUE(Set(*tree_.router, 0).ok());
  EXPECT_EQ((*tree_.router)->GetStatus().level, configured);
}

TEST_F(Level, Set_WhatCannotBe_IsRefusedAndChangesNothing) {
  uint32_t before = (*tree_.router)->GetStatus().level;
  EXPECT_EQ(Set(*tree_.router, 1).code(), Code::kInvalid);
  EXPECT_EQ(Set(*tree_.router, 65535).code(), Code::kInvalid);
  EXPECT_EQ(Set(*tree_.server, 30).code(), Code::kInvalid);
  EXPECT_EQ(Set(*tree_.device, 30).code(), Code::kInvalid);

  TestNode& lower = tree_.Add(11, TG_ROLE_ROUTER, 50);
  lower.Start();
  tree_.Connect(lower, *tree_.router);
  tree_.Run(1'000);
  ASSERT_EQ(lower.LinkTo(10).state, "up");
  EXPECT_THAT(Set(*tree_.router, 50).message(), HasSubstr("agent 11 has level 50"));
  EXPECT_THAT(Set(lower, before).message(), HasSubstr("agent 10 has level " + std::to_string(before)));
  EXPECT_EQ((*tree_.router)->GetStatus().level, before);
  EXPECT_EQ(lower.LinkTo(10).state, "up");
}

TEST_F(Level, CommitFails_LevelStaysAsItWas) {
  uint32_t before = (*tree_.router)->GetStatus().level;
  tree_.router->FailCommits(1);
  EXPECT_EQ(Set(*tree_.router, 30).code(), Code::kIo);
  EXPECT_EQ((*tree_.router)->GetStatus().level, before);
  EXPECT_EQ(tree_.device->LinkTo(10).level, before);
}

TEST_F(Level, RefusedForItsLevel_ComesInOnceItFits) {
  TestNode& lower = tree_.Add(11, TG_ROLE_ROUTER, 2);
  lower.Start();
  tree_.Connect(lower, *tree_.router);
  tree_.Run(1'000);
  EXPECT_EQ(lower.LinkTo(10).state, "refused");
  EXPECT_THAT(lower.LinkTo(10).last_error, HasSubstr("level"));
  ASSERT_TRUE(Set(lower, 20).ok());
  tree_.Run(1'000);
  EXPECT_EQ(lower.LinkTo(10).state, "up");
}

TEST_F(Level, TwoRoutersEachAboveTheOther_OneIsRefused) {
  TestNode& other = tree_.Add(11, TG_ROLE_ROUTER, 30);
  other.Start();
  tree_.Connect(other, *tree_.router);
  tree_.Run(1'000);
  ASSERT_EQ(other.LinkTo(10).state, "up");
  tree_.Connect(*tree_.router, other);
  tree_.Run(30'000);
  EXPECT_EQ(other.LinkTo(10).state, "up");
  EXPECT_TRUE(other.LinkTo(10).is_parent);
  EXPECT_FALSE(tree_.router->LinkTo(11).is_parent);
  EXPECT_EQ(tree_.router->LinkTo(1).state, "up");
  ASSERT_TRUE(other.Put("Reading", R"({"id":"a","value":1})").status.ok());
  tree_.Run(1'000);
  EXPECT_THAT(tree_.server->Get("Reading", R"({"id":"a"})", 11), HasSubstr("\"value\":1"));
}

// A tree of any depth: what is written at the bottom is at the top, what is for it comes down.
TEST_F(Level, TwelveTiers_UpAndDown) {
  TestNode* above = tree_.router;
  for (AgentId agent = 11; agent <= 20; ++agent) {
    TestNode& router = tree_.Add(agent, TG_ROLE_ROUTER, static_cast<uint32_t>(agent * 100));
    router.Start();
    tree_.Connect(router, *above);
    above = &router;
  }
  TestNode& device = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  device.Start();
  tree_.Connect(device, *above);
  tree_.Run(5'000);
  ASSERT_TRUE(device.Put("Reading", R"({"id":"deep","value":1})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"far","value":"1"})", 43).status.ok());
  tree_.Run(5'000);
  EXPECT_THAT(tree_.server->Get("Reading", R"({"id":"deep"})", 43), HasSubstr("\"value\":1"));
  EXPECT_THAT(device.Get("Config", R"({"name":"far"})"), HasSubstr("\"value\":\"1\""));
  EXPECT_TRUE(Sync(device, SyncTarget::kServer, 10'000, 5'000).status.ok());
}

}  // namespace
}  // namespace tidegate::node
