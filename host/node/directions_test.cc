// Which way items go: up, down, both, none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;

TEST_F(NodeTest, EachDirection_ReachesWhereItGoesOnly) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a","value":1})").status.ok());
  ASSERT_TRUE(tree_.device->Put("Note", R"({"name":"a"})").status.ok());
  ASSERT_TRUE(tree_.device->Put("Status", R"({"state":"ok"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"all"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"router"})", 10).status.ok());
  EXPECT_EQ(tree_.device->Put("Config", R"({"name":"x"})").status.code(), Code::kRefused);
  tree_.Run(1'000);
  for (TestNode* node : {tree_.router, tree_.server}) {
    EXPECT_THAT(node->Get("Reading", R"({"id":"a"})", 42), HasSubstr("\"value\":1"));
    EXPECT_THAT(node->Get("Status", "{}", 42), HasSubstr("ok"));
    EXPECT_EQ(node->Get("Note", R"({"name":"a"})", 42), "not_found");
  }
  EXPECT_THAT(tree_.device->Get("Config", R"({"name":"all"})"), HasSubstr("\"_dst\":0"));
  EXPECT_EQ(tree_.device->Get("Config", R"({"name":"router"})", 10), "not_found");
  EXPECT_THAT(tree_.router->Get("Config", R"({"name":"router"})"), HasSubstr("\"_owner\":10"));
}

TEST_F(NodeTest, StatusOfEachNode_CoexistsAtTheServer) {
  ASSERT_TRUE(tree_.device->Put("Status", R"({"state":"d"})").status.ok());
  ASSERT_TRUE(tree_.router->Put("Status", R"({"state":"r"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Status", R"({"state":"all"})").status.ok());
  tree_.Run(1'000);
  EXPECT_THAT(tree_.server->Get("Status", "{}", 42), HasSubstr("\"state\":\"d\""));
  EXPECT_THAT(tree_.server->Get("Status", "{}", 10), HasSubstr("\"state\":\"r\""));
  EXPECT_THAT(tree_.device->Get("Status", "{}"), HasSubstr("\"state\":\"d\""));
  EXPECT_THAT(tree_.device->Get("Status", "{}", 0), HasSubstr("\"state\":\"all\""));
}

TEST_F(NodeTest, BothEdited_AtBothEndsWhileApart_BecomeOne) {
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x","value":"0"})").status.ok());
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x","value":"device"})").status.ok());
  tree_.clock.now_us += 1'000'000;
  ASSERT_TRUE(tree_.server->Put("Setting", R"({"name":"x","value":"server"})", 42).status.ok());
  tree_.Run(1'000);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(3'000);
  for (TestNode* node : {tree_.device, tree_.router, tree_.server})
    EXPECT_THAT(node->Get("Setting", R"({"name":"x"})", 42), HasSubstr("server"));
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x","value":"later"})").status.ok());
  tree_.Run(1'000);
  EXPECT_THAT(tree_.server->Get("Setting", R"({"name":"x"})", 42), HasSubstr("later"));
}

TEST_F(NodeTest, OwnerZeroBoth_EditedByADevice_GoesUpAndToAll) {
  TestNode& other = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  other.Start();
  tree_.Connect(other, *tree_.router);
  ASSERT_TRUE(tree_.server->Put("Setting", R"({"name":"x","value":"0"})").status.ok());
  tree_.Run(2'000);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x","value":"1"})").status.ok());
  tree_.Run(2'000);
  for (TestNode* node : {tree_.server, tree_.router, &other})
    EXPECT_THAT(node->Get("Setting", R"({"name":"x"})", 0), HasSubstr("\"value\":\"1\""));
  ASSERT_TRUE(other.Remove("Setting", R"({"name":"x"})").status.ok());
  tree_.Run(2'000);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device})
    EXPECT_EQ(node->Get("Setting", R"({"name":"x"})", 0), "not_found");
}

TEST_F(NodeTest, BothItemOfAnotherDevice_IsNotMadeAtADevice) {
  replica::Write write;
  write.model = "Setting";
  write.properties = R"({"name":"x"})";
  write.owner = 43;
  EXPECT_EQ(tree_.device->Write({write}).status.code(), Code::kRefused);
}

TEST_F(NodeTest, State_IsNotSentBackOverTheLinkItCameFrom) {
  Count(*tree_.router, *tree_.device);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x","value":"1"})").status.ok());
  tree_.Run(1'000);
  EXPECT_EQ(changes_, 0u);
  EXPECT_THAT(tree_.server->Get("Setting", R"({"name":"x"})", 42), HasSubstr("\"value\":\"1\""));
}

TEST_F(NodeTest, NewDevice_GetsWhatWasWrittenForItBefore) {
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"x","value":"early"})", 43).status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"all","value":"early"})").status.ok());
  TestNode& other = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  other.Start();
  tree_.Connect(other, *tree_.router);
  tree_.Run(3'000);
  EXPECT_THAT(other.Get("Config", R"({"name":"x"})"), HasSubstr("early"));
  EXPECT_THAT(other.Get("Config", R"({"name":"all"})"), HasSubstr("early"));
  EXPECT_EQ(tree_.device->Get("Config", R"({"name":"x"})", 43), "not_found");
  EXPECT_EQ(other.LinkTo(10).unsettled_scopes, 0u);
}

}  // namespace
}  // namespace tidegate::node
