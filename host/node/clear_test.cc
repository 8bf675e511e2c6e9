// Clear: by hand, what has arrived above is dropped here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;

// A reading needs a value.
constexpr char kStrict[] = R"({
  format: 'onetable:1.1.0', version: '1.0.1', indexes: {primary: {hash: 'pk', sort: 'sk'}},
  models: {Reading: {pk: {type: String, value: 'r#'}, sk: {type: String, value: 'r#${id}'},
                     id: {type: String, required: true}, value: {type: Number, required: true}}},
})";
constexpr char kWithoutReading[] = R"({
  format: 'onetable:1.1.0', version: '1.0.1', indexes: {primary: {hash: 'pk', sort: 'sk'}},
  models: {Status: {pk: {type: String, value: 'status#'}, sk: {type: String, value: 'status#'}, state: {type: String}}},
})";

class ClearTest : public NodeTest {
 protected:
  ClearAnswer Clear(TestNode& node, const ClearRequest& request) {
    auto answer = std::make_shared<ClearAnswer>();
    answer->status = Status::Internal("not answered");
    node->Clear(request, [answer](const ClearAnswer& given) { *answer = given; });
    tree_.Run(1'000);
    return *answer;
  }
  static std::string Id(int n) { return R"({"id":")" + std::to_string(n) + R"("})"; }
  int Readings(TestNode& node, int to) {
    int count = 0;
    for (int i = 0; i < to; ++i) count += node.Get("Reading", Id(i), 42) != "not_found" ? 1 : 0;
    return count;
  }
};

TEST_F(ClearTest, WhatIsAtTheServer_GoesHereAndNowhereElse) {
  for (int i = 0; i < 700; ++i) ASSERT_TRUE(tree_.device->Put("Reading", Id(i)).status.ok());
  ASSERT_TRUE(tree_.device->Put("Status", R"({"state":"ok"})").status.ok());
  tree_.Run(2'000);
  ClearAnswer answer = Clear(*tree_.device, {42, "Reading", SyncTarget::kServer});
  EXPECT_TRUE(answer.status.ok()) << answer.status.message();
  EXPECT_EQ(answer.cleared, 700u);
  EXPECT_EQ(Readings(*tree_.device, 700), 0);
  EXPECT_NE(tree_.device->Get("Status", "{}"), "not_found");
  tree_.Run(60'000);
  EXPECT_EQ(Readings(*tree_.router, 700), 700);
  EXPECT_EQ(Readings(*tree_.server, 700), 700);
  ASSERT_TRUE(tree_.device->Put("Reading", Id(5)).status.ok()) << "an ordinary change of the same key";
  tree_.Run(1'000);
  EXPECT_EQ(Readings(*tree_.device, 700), 1);
}

TEST_F(ClearTest, WhatIsOnItsWay_StaysUnlessTheHopIsEnough) {
  tree_.Disconnect(*tree_.router, *tree_.server);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(tree_.device->Put("Reading", Id(i)).status.ok());
  tree_.Run(1'000);
  EXPECT_EQ(Clear(*tree_.device, {42, "", SyncTarget::kServer}).cleared, 0u);
  EXPECT_EQ(Clear(*tree_.router, {42, "", SyncTarget::kHop}).cleared, 0u);
  EXPECT_EQ(Clear(*tree_.device, {42, "", SyncTarget::kHop}).cleared, 10u);
  EXPECT_EQ(Readings(*tree_.router, 10), 10);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(5'000);
  EXPECT_EQ(Readings(*tree_.server, 10), 10);
}

TEST_F(ClearTest, RefusedAtTheServer_StaysWhereItIsAlone) {
  tree_.server->UseSchema(kStrict);
  ASSERT_TRUE(tree_.device->Put("Reading", Id(1)).status.ok()) << "the server wants a value";
  tree_.Run(2'000);
  ASSERT_EQ(tree_.router->Quarantine().size(), 1u);
  EXPECT_EQ(Clear(*tree_.router, {42, "", SyncTarget::kServer}).cleared, 0u);
  EXPECT_EQ(Clear(*tree_.device, {42, "", SyncTarget::kServer}).cleared, 0u);
  EXPECT_NE(tree_.device->Get("Reading", Id(1)), "not_found");
}

TEST_F(ClearTest, HeldAtTheServer_StaysUnlessTheHopIsEnough) {
  tree_.server->UseSchema(kWithoutReading);
  tree_.Run(1'000);
  ASSERT_TRUE(tree_.device->Put("Reading", Id(1)).status.ok());
  tree_.Run(2'000);
  EXPECT_EQ(Clear(*tree_.router, {42, "", SyncTarget::kServer}).cleared, 0u);
  EXPECT_EQ(Clear(*tree_.router, {42, "", SyncTarget::kHop}).cleared, 0u);
  EXPECT_EQ(Clear(*tree_.device, {42, "", SyncTarget::kServer}).cleared, 0u);
  EXPECT_EQ(Clear(*tree_.device, {42, "", SyncTarget::kHop}).cleared, 1u);
  tree_.server->UseSchema("");
  tree_.Run(5'000);
  EXPECT_EQ(Readings(*tree_.server, 2), 1);
  EXPECT_EQ(Clear(*tree_.router, {42, "", SyncTarget::kServer}).cleared, 1u);
}

TEST_F(ClearTest, OfAnotherOwner_Stays) {
  ASSERT_TRUE(tree_.device->Put("Reading", Id(1)).status.ok());
  ASSERT_TRUE(tree_.router->Put("Reading", Id(2)).status.ok());
  tree_.Run(2'000);
  EXPECT_EQ(Clear(*tree_.router, {42, "", SyncTarget::kServer}).cleared, 1u);
  EXPECT_NE(tree_.router->Get("Reading", Id(2)), "not_found");
}

TEST_F(ClearTest, OfAll_WhoseverTheyAre) {
  ASSERT_TRUE(tree_.device->Put("Reading", Id(1)).status.ok());
  ASSERT_TRUE(tree_.router->Put("Reading", Id(2)).status.ok());
  ASSERT_TRUE(tree_.router->Put("Status", R"({"state":"ok"})").status.ok());
  tree_.Run(2'000);
  EXPECT_EQ(Clear(*tree_.router, {kAgentAll, "Reading", SyncTarget::kServer}).cleared, 2u);
  EXPECT_NE(tree_.router->Get("Status", "{}"), "not_found");
}

TEST_F(ClearTest, WhereItCannotBe_TheReasonIsSaid) {
  EXPECT_EQ(Clear(*tree_.server, {42, "", SyncTarget::kServer}).status.code(), Code::kRefused);
  EXPECT_THAT(Clear(*tree_.device, {42, "Nonsense", SyncTarget::kServer}).status.message(), HasSubstr("no model"));
  TestNode& alone = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  alone.Start();
  EXPECT_EQ(Clear(alone, {43, "", SyncTarget::kServer}).status.code(), Code::kUnavailable);
}

}  // namespace
}  // namespace tidegate::node
