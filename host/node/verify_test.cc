// Verify: what is counted, what is mended, and what never is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class VerifyTest : public NodeTest {
 protected:
  void FillBothWays(int count) {
    for (int i = 0; i < count; ++i) {
      std::string id = std::to_string(i);
      ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":")" + id + R"("})").status.ok());
      ASSERT_TRUE(tree_.server->Put("Config", R"({"name":")" + id + R"("})").status.ok());
    }
    tree_.Run(5'000);
  }
  bool Has(TestNode& node, const std::string& id) {
    return node.Get("Reading", R"({"id":")" + id + R"("})", 42) != "not_found";
  }
  bool Configured(TestNode& node, const std::string& name) {
    return node.Get("Config", R"({"name":")" + name + R"("})") != "not_found";
  }
};

TEST_F(VerifyTest, EqualReplicas_AreEqualFromEitherEnd) {
  FillBothWays(40);
  LinkSyncAnswer below = Verify(*tree_.device, 10, false);
  ASSERT_TRUE(below.status.ok()) << below.status.message();
  EXPECT_THAT(below.report->models, IsEmpty());
  EXPECT_GE(below.report->rows, 80u);
  EXPECT_LT(below.report->bytes_sent + below.report->bytes_received, 2'000u);
  LinkSyncAnswer above = Verify(*tree_.server, 10, false);
  ASSERT_TRUE(above.status.ok()) << above.status.message();
  EXPECT_THAT(above.report->models, IsEmpty());
}

TEST_F(VerifyTest, WhatIsMissing_IsCountedByModelAndSide_AndNothingIsChanged) {
  FillBothWays(40);
  tree_.router->Lose("Reading", "r#7");
  tree_.router->Lose("Reading", "r#8");
  tree_.device->Lose("Config", "c#9");
  for (int round = 0; round < 2; ++round) {
    LinkSyncAnswer found = Verify(*tree_.device, 10, false);
    ASSERT_TRUE(found.status.ok()) << found.status.message();
    ASSERT_THAT(found.report->models, SizeIs(2));
    EXPECT_EQ(found.report->models[0], (wire::ModelDifference{"Config", 1, 0, 0, 0}));
    EXPECT_EQ(found.report->models[1], (wire::ModelDifference{"Reading", 0, 2, 0, 0}));
  }
  LinkSyncAnswer above = Verify(*tree_.router, 42, false);
  ASSERT_TRUE(above.status.ok()) << above.status.message();
  ASSERT_THAT(above.report->models, SizeIs(2));
  EXPECT_EQ(above.report->models[1], (wire::ModelDifference{"Reading", 2, 0, 0, 0})) << "seen from the other side";
  EXPECT_FALSE(Has(*tree_.router, "7"));
  EXPECT_FALSE(Configured(*tree_.device, "9"));
}

TEST_F(VerifyTest, Repair_MendsAsDirectionsSay) {
  FillBothWays(40);
  tree_.router->Lose("Reading", "r#7");
  tree_.device->Lose("Config", "c#9");
  tree_.device->Lose("Reading", "r#11");  // goes up only: nobody brings it back
  LinkSyncAnswer mended = Verify(*tree_.device, 10, true);
  ASSERT_TRUE(mended.status.ok()) << mended.status.message();
  ASSERT_THAT(mended.report->models, SizeIs(2));
  EXPECT_EQ(mended.report->models[0], (wire::ModelDifference{"Config", 1, 0, 0, 1}));
  EXPECT_EQ(mended.report->models[1], (wire::ModelDifference{"Reading", 0, 1, 0, 1}));
  EXPECT_TRUE(Has(*tree_.router, "7"));
  EXPECT_TRUE(Configured(*tree_.device, "9"));
  EXPECT_FALSE(Has(*tree_.device, "11"));
  EXPECT_TRUE(Has(*tree_.router, "11"));
  EXPECT_THAT(Verify(*tree_.device, 10, false).report->models, IsEmpty());
}

TEST_F(VerifyTest, LinkBreaksInTheMiddle_ItGoesOnInTheNextSession) {
  FillBothWays(60);
  for (int i = 0; i < 60; i += 7) tree_.router->Lose("Reading", "r#" + std::to_string(i));
  int asks = 0;
  bool cut = false;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    if (&from == tree_.device && std::holds_alternative<wire::CompareAsk>(frame.body)) ++asks;
    cut = cut || asks == 6;
    return asks != 6;
  };
  auto answer = std::make_shared<LinkSyncAnswer>();
  answer->status = Status::Internal("not answered");
  LinkSyncRequest request;
  request.agent = 10;
  request.push = false;
  request.verify = 2;
  request.wait = true;
  (*tree_.device)->SyncLinks(request, [answer](LinkSyncAnswer given) { *answer = std::move(given); });
  (void)(*tree_.device)->Commit();
  tree_.Run(300);
  ASSERT_TRUE(cut);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.Run(1'000);
  tree_.network = nullptr;
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(20'000);
  ASSERT_TRUE(answer->status.ok()) << answer->status.message();
  ASSERT_THAT(answer->report->models, SizeIs(1));
  EXPECT_EQ(answer->report->models[0], (wire::ModelDifference{"Reading", 0, 9, 0, 9})) << "each once";
  for (int i = 0; i < 60; i += 7) EXPECT_TRUE(Has(*tree_.router, std::to_string(i)));
}

// A model goes another way while it is compared: it is compared again, and what was counted is counted once.
TEST_F(VerifyTest, APolicyChangesInTheMiddle_ItBeginsAnewAndEnds) {
  FillBothWays(60);
  for (int i = 0; i < 60; i += 7) tree_.router->Lose("Reading", "r#" + std::to_string(i));
  int answers = 0;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    const bool answer = &from == tree_.router && std::holds_alternative<wire::CompareAnswer>(frame.body);
    return !answer || ++answers <= 3;
  };
  auto answer = std::make_shared<LinkSyncAnswer>();
  answer->status = Status::Internal("not answered");
  LinkSyncRequest request;
  request.agent = 10;
  request.push = false;
  request.verify = 1;
  request.wait = true;
  (*tree_.device)->SyncLinks(request, [answer](LinkSyncAnswer given) { *answer = std::move(given); });
  (void)(*tree_.device)->Commit();
  tree_.Run(300);
  ASSERT_GT(answers, 3) << "it was under way";
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) node->SetDirection("Note", TG_DIRECTION_UP);
  tree_.network = nullptr;
  tree_.Run(20'000);
  ASSERT_TRUE(answer->status.ok()) << answer->status.message();
  ASSERT_THAT(answer->report->models, SizeIs(1));
  EXPECT_EQ(answer->report->models[0], (wire::ModelDifference{"Reading", 0, 9, 0, 0}));
}

TEST_F(VerifyTest, LostAtAParentThatIsSure_IsNoDelete) {
  FillBothWays(5);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"a"})").status.ok());
  tree_.Run(5'000);
  tree_.router->Lose("Config", "c#3");
  tree_.router->Lose("Setting", "s#a");
  Verify(*tree_.device, 10, true, 60'000);
  EXPECT_TRUE(Configured(*tree_.device, "3")) << "its parent lacks it, and the server does not";
  EXPECT_NE(tree_.device->Get("Setting", R"({"name":"a"})"), "not_found");
  EXPECT_NE(tree_.router->Get("Setting", R"({"name":"a"})", 42), "not_found") << "it goes up again";
  Verify(*tree_.router, 1, true, 60'000);
  EXPECT_TRUE(Configured(*tree_.router, "3"));
  EXPECT_THAT(Verify(*tree_.device, 10, false).report->models, IsEmpty());
}

TEST_F(VerifyTest, NoNeighbour_IsRefused) {
  EXPECT_EQ(Verify(*tree_.server, 42, false).status.code(), Code::kInvalid);
  EXPECT_EQ(Verify(*tree_.server, 99, false).status.code(), Code::kNotFound);
}

}  // namespace
}  // namespace tidegate::node
