// A node that compares itself with its parent without being asked: when, what it mends, and who hears of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int64_t kPeriodMs = 400'000;  // longer than digests are kept

class BackgroundTest : public ::testing::Test {
 protected:
  void SetUp() override {
    tree_.server = &tree_.Add(1, TG_ROLE_SERVER, 1);
    tree_.router = &tree_.Add(10, TG_ROLE_ROUTER, 2);
    tree_.device = &tree_.Add(42, TG_ROLE_DEVICE, 65535);
    for (TestNode* node : All()) {
      NodeOptions& options = node->options();
      options.verify_period_ms = kPeriodMs;
      options.verify_on_doubt = true;
      options.verify_rows_per_s = 1'000;
      options.verify_delay_ms = 4'000;
      options.verify_rest_ms = 1'000;
    }
  }
  std::vector<TestNode*> All() { return {tree_.server, tree_.router, tree_.device}; }
  void Begin() {
    for (TestNode* node : All()) node->Start();
    ConnectAll();
    tree_.Run(1'000);
  }
  void ConnectAll() {
    tree_.Connect(*tree_.router, *tree_.server);
    tree_.Connect(*tree_.device, *tree_.router);
  }
  void Fill(int count) {
    for (int i = 0; i < count; ++i) {
      std::string id = std::to_string(i);
      ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":")" + id + R"("})").status.ok());
      ASSERT_TRUE(tree_.server->Put("Config", R"({"name":")" + id + R"("})").status.ok());
    }
    tree_.Run(3'000);
  }
  bool HasReading(TestNode& node, const std::string& id) {
    return node.Get("Reading", R"({"id":")" + id + R"("})", 42) != "not_found";
  }
  bool HasConfig(TestNode& node, const std::string& name) {
    return node.Get("Config", R"({"name":")" + name + R"("})") != "not_found";
  }
  static uint64_t Found(const wire::CompareReport& report) {
    uint64_t found = 0;
    for (const wire::ModelDifference& model : report.models)
      found += model.missing_here + model.missing_there + model.differing;
    return found;
  }
  // Without a restart in order before it.
  void Restart(TestNode& node) {
    node.Stop();
    for (TestNode* other : All()) {
      if (other != &node) tree_.Disconnect(node, *other), tree_.Disconnect(*other, node);
    }
    node.Start();
    if (&node != tree_.server) tree_.Connect(node, &node == tree_.router ? *tree_.server : *tree_.router);
    if (&node == tree_.server) tree_.Connect(*tree_.router, node);
    if (&node == tree_.router) tree_.Connect(*tree_.device, node);
    tree_.Run(500);
  }

  TestTree tree_;
};

TEST_F(BackgroundTest, ByTheClock_WhatIsLostBelowComesBack_AndWhatIsLostAboveGoesUpAgain) {
  Begin();
  Fill(30);
  tree_.Run(kPeriodMs);
  tree_.device->Lose("Config", "c#9");
  tree_.router->Lose("Reading", "r#7");
  tree_.server->Lose("Reading", "r#8");
  tree_.Run(2 * kPeriodMs);
  EXPECT_TRUE(HasConfig(*tree_.device, "9"));
  EXPECT_TRUE(HasReading(*tree_.router, "7"));
  EXPECT_TRUE(HasReading(*tree_.server, "8"));
  EXPECT_GE(tree_.device->counter("tidegate_verify_mended_total"), 2u);
  EXPECT_EQ(tree_.router->counter("tidegate_verify_mended_total"), 1u);
}

TEST_F(BackgroundTest, LastResult_IsShownAtBothEnds_AlsoAfterARestart) {
  for (TestNode* node : All()) node->options().verify_on_doubt = false;
  Begin();
  Fill(10);
  tree_.router->Lose("Reading", "r#7");
  tree_.Run(kPeriodMs + 10'000);
  LinkStatus below = tree_.device->LinkTo(10);
  ASSERT_TRUE(below.verify.last);
  EXPECT_EQ(below.verify.last->cause, 1u);
  EXPECT_GE(below.verify.last->rows, 20u);
  EXPECT_GE(below.verify.next_in_ms, 0);
  ASSERT_THAT(below.verify.last->models, SizeIs(1));
  EXPECT_EQ(below.verify.last->models[0], (wire::ModelDifference{"Reading", 0, 1, 0, 1}));
  LinkStatus above = tree_.router->LinkTo(42);
  ASSERT_TRUE(above.verify.last);
  EXPECT_EQ(above.verify.last->models[0], (wire::ModelDifference{"Reading", 1, 0, 0, 1})) << "from the other side";
  EXPECT_EQ(above.verify.last->bytes_sent, below.verify.last->bytes_received);
  Restart(*tree_.router);
  ASSERT_TRUE(tree_.router->LinkTo(42).verify.last);
  EXPECT_EQ(*tree_.router->LinkTo(42).verify.last, *above.verify.last);
}

TEST_F(BackgroundTest, StopOutOfOrder_IsDoubtedByTheNodeAndItsChildren) {
  for (TestNode* node : All()) node->options().verify_period_ms = 0;
  Begin();
  Fill(10);
  tree_.Run(20'000);
  ASSERT_FALSE(tree_.device->LinkTo(10).verify.last) << "nothing was doubted yet";
  tree_.router->Lose("Reading", "r#7");
  tree_.router->Lose("Config", "c#3");
  Restart(*tree_.router);
  tree_.Run(20'000);
  ASSERT_TRUE(tree_.device->LinkTo(10).verify.last);
  EXPECT_EQ(tree_.device->LinkTo(10).verify.last->cause, 2u);
  EXPECT_THAT(tree_.device->LinkTo(10).verify.last->reason, HasSubstr("agent 10: it was not stopped in order"));
  EXPECT_TRUE(HasReading(*tree_.router, "7"));
  EXPECT_TRUE(HasConfig(*tree_.router, "3"));
  EXPECT_THAT(tree_.router->LinkTo(1).verify.last->reason, HasSubstr("not stopped in order"));
}

TEST_F(BackgroundTest, StopInOrder_IsNotDoubted) {
  for (TestNode* node : All()) node->options().verify_period_ms = 0;
  Begin();
  Fill(3);
  (*tree_.router)->Stop();
  Restart(*tree_.router);
  tree_.Run(30'000);
  EXPECT_FALSE(tree_.device->LinkTo(10).verify.last);
  EXPECT_EQ(tree_.router->counter("tidegate_doubts_total"), 0u);
}

TEST_F(BackgroundTest, FrameThatCannotBeRead_IsDoubtedOnThatLinkAlone) {
  for (TestNode* node : All()) node->options().verify_period_ms = 0;
  Begin();
  Fill(3);
  core::TransportSession session = tree_.SessionBetween(*tree_.router, *tree_.device);
  (*tree_.router)->BadFrame(session, Status::Corrupt("noise"), 0);
  (void)(*tree_.router)->Commit();
  tree_.Run(30'000);  // an ack tells it
  ASSERT_TRUE(tree_.device->LinkTo(10).verify.last);
  EXPECT_EQ(tree_.device->LinkTo(10).verify.last->cause, 2u);
  EXPECT_FALSE(tree_.router->LinkTo(1).verify.last);
  EXPECT_EQ(Found(*tree_.device->LinkTo(10).verify.last), 0u);
}

TEST_F(BackgroundTest, FailedCommit_IsDoubtedWhenOneSucceeds) {
  for (TestNode* node : All()) node->options().verify_period_ms = 0;
  Begin();
  Fill(3);
  tree_.device->FailCommits(1);
  (void)tree_.device->Put("Reading", R"({"id":"x"})");
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"y"})").status.ok());
  tree_.Run(30'000);
  ASSERT_TRUE(tree_.device->LinkTo(10).verify.last);
  EXPECT_THAT(tree_.device->LinkTo(10).verify.last->reason, HasSubstr("a commit failed"));
}

TEST_F(BackgroundTest, LowRate_AQuestionTakesTheTimeOfItsRows) {
  for (TestNode* node : All()) {
    node->options().verify_on_doubt = false;
    node->options().verify_rows_per_s = 2;
  }
  Begin();
  Fill(10);
  tree_.Run(kPeriodMs + 60'000);
  LinkStatus link = tree_.device->LinkTo(10);
  ASSERT_TRUE(link.verify.last);
  EXPECT_GE(link.verify.last->took_ms, 8'000u) << "twenty rows and more, two a second";
}

TEST_F(BackgroundTest, WhoAsks_GoesFirst_AndItGoesOnAfterwards) {
  for (TestNode* node : All()) {
    node->options().verify_on_doubt = false;
    node->options().verify_rows_per_s = 1;
  }
  Begin();
  Fill(10);
  for (int i = 0; i < 500 && tree_.device->LinkTo(10).verify.state.empty(); ++i) tree_.Run(1'000);
  ASSERT_EQ(tree_.device->LinkTo(10).verify.state, "compares");
  auto answer = std::make_shared<LinkSyncAnswer>();
  answer->status = Status::Internal("not answered");
  LinkSyncRequest request;
  request.agent = 10;
  request.push = false;
  request.verify = 1;
  request.wait = true;
  (*tree_.device)->SyncLinks(request, [answer](LinkSyncAnswer given) { *answer = std::move(given); });
  (void)(*tree_.device)->Commit();
  tree_.Run(2'000);
  EXPECT_TRUE(answer->status.ok()) << answer->status.message();
  ASSERT_TRUE(tree_.device->LinkTo(10).verify.last);
  for (int i = 0; i < 100 && tree_.device->LinkTo(10).verify.last->cause == 0; ++i) tree_.Run(1'000);
  EXPECT_EQ(tree_.device->LinkTo(10).verify.last->cause, 1u);
}

TEST_F(BackgroundTest, LinkBreaksInTheMiddle_ItGoesOnInTheNextSession) {
  for (TestNode* node : All()) {
    node->options().verify_on_doubt = false;
    node->options().verify_rows_per_s = 5;
  }
  Begin();
  Fill(20);
  tree_.router->Lose("Reading", "r#7");
  for (int i = 0; i < 500 && tree_.device->LinkTo(10).verify.state.empty(); ++i) tree_.Run(1'000);
  for (int round = 0; round < 5; ++round) {
    tree_.Disconnect(*tree_.device, *tree_.router);
    tree_.Run(700);
    tree_.Connect(*tree_.device, *tree_.router);
    tree_.Run(1'300);
  }
  tree_.Run(60'000);
  ASSERT_TRUE(tree_.device->LinkTo(10).verify.last);
  EXPECT_EQ(Found(*tree_.device->LinkTo(10).verify.last), 1u);
  EXPECT_TRUE(HasReading(*tree_.router, "7"));
}

TEST_F(BackgroundTest, StoppedInTheMiddle_GoesOnBehindTheOwnersThatAreDone) {
  for (TestNode* node : All()) node->options().verify_rows_per_s = 2;
  Begin();
  Fill(10);
  for (int i = 0; i < 500 && tree_.router->LinkTo(1).verify.owners_done < 2; ++i) tree_.Run(1'000);
  ASSERT_EQ(tree_.router->LinkTo(1).verify.owners, 3u) << "all, itself, the device";
  ASSERT_GE(tree_.router->LinkTo(1).verify.owners_done, 2u);
  (*tree_.router)->Stop();
  Restart(*tree_.router);
  ASSERT_EQ(tree_.router->LinkTo(1).verify.state, "");
  for (int i = 0; i < 60 && tree_.router->LinkTo(1).verify.state.empty(); ++i) tree_.Run(200);
  EXPECT_EQ(tree_.router->LinkTo(1).verify.state, "compares");
  EXPECT_GE(tree_.router->LinkTo(1).verify.owners_done, 2u);
  EXPECT_EQ(tree_.router->LinkTo(1).verify.cause, 1u) << "for the reason that it began with";
}

TEST_F(BackgroundTest, DownOnlyAndUpOnly_NothingGoesAgainstItsDirection) {
  for (TestNode* node : All()) node->options().verify_on_doubt = false;
  Begin();
  Fill(10);
  tree_.device->Lose("Reading", "r#4");  // up only: nobody brings it back down
  tree_.Run(2 * kPeriodMs);
  EXPECT_FALSE(HasReading(*tree_.device, "4"));
  EXPECT_TRUE(HasReading(*tree_.router, "4"));
  EXPECT_TRUE(HasReading(*tree_.server, "4"));
}

}  // namespace
}  // namespace tidegate::node
