// Durable, then acknowledged; nothing lost, nothing twice (laws 1, 2, 4).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;

TEST_F(NodeTest, CommitFails_BatchIsNotAcknowledgedAndComesAgain) {
  tree_.router->FailCommits(2);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a","value":1})").status.ok());
  tree_.Run(100);
  EXPECT_EQ(tree_.router->Get("Reading", R"({"id":"a"})", 42), "not_found");
  EXPECT_EQ(tree_.device->LinkTo(10).pending_changes, 1u);
  tree_.Run(3'000);
  EXPECT_THAT(tree_.server->Get("Reading", R"({"id":"a"})", 42), HasSubstr("\"value\":1"));
  EXPECT_EQ(tree_.device->LinkTo(10).pending_changes, 0u);
}

TEST_F(NodeTest, CommitFails_WriteIsAnsweredWithTheError) {
  tree_.device->FailCommits(1);
  EXPECT_EQ(tree_.device->Put("Reading", R"({"id":"a"})").status.code(), Code::kIo);
  EXPECT_EQ(tree_.device->Get("Reading", R"({"id":"a"})"), "not_found");
  EXPECT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
}

TEST_F(NodeTest, Restarted_NothingIsSentTwice) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.device->Stop();
  tree_.device->Start();
  Count(*tree_.device, *tree_.router);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(2'000);
  EXPECT_EQ(changes_, 0u);
}

TEST_F(NodeTest, LostBatch_ComesAgainWithinASecond) {
  bool lost = false;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    bool lose = !lost && &from == tree_.device && std::holds_alternative<wire::Batch>(frame.body);
    lost = lost || lose;
    return !lose;
  };
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(1'000);
  EXPECT_TRUE(lost);
  EXPECT_NE(tree_.router->Get("Reading", R"({"id":"a"})", 42), "not_found");
}

}  // namespace
}  // namespace tidegate::node
