// What is refused is listed at both ends and holds nobody up (law 7).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kStrict[] = R"({
  format: 'onetable:1.1.0', version: '1.0.1', indexes: {primary: {hash: 'pk', sort: 'sk'}},
  params: {isoDates: true, timestamps: false},
  models: {Reading: {pk: {type: String, value: 'r#'}, sk: {type: String, value: 'r#${id}'},
                     id: {type: String, required: true}, value: {type: Number, required: true}}},
})";

TEST_F(NodeTest, RefusedAtItsDestination_IsListedAtBothEndsAndNothingWaits) {
  tree_.server->UseSchema(kStrict);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"bad"})").status.ok());
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"good","value":1})").status.ok());
  tree_.Run(2'000);
  EXPECT_EQ(tree_.server->Get("Reading", R"({"id":"bad"})", 42), "not_found");
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"good"})", 42), "not_found");
  ASSERT_EQ(tree_.server->Quarantine().size(), 1u);
  EXPECT_EQ(tree_.server->Quarantine()[0].sk, "r#bad");
  EXPECT_THAT(tree_.server->Quarantine()[0].reason, HasSubstr("value"));
  ASSERT_EQ(tree_.router->Quarantine().size(), 1u);
  EXPECT_TRUE(tree_.router->Quarantine()[0].ours);
  EXPECT_EQ(tree_.router->LinkTo(1).quarantined, 1u);
  EXPECT_EQ(tree_.server->LinkTo(10).quarantined, 1u);
}

TEST_F(NodeTest, Refused_AcksLost_SenderListsItAllTheSame) {
  tree_.server->UseSchema(kStrict);
  int lost = 0;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    return &from != tree_.server || !std::holds_alternative<wire::Ack>(frame.body) || ++lost > 1;
  };
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"bad"})").status.ok());
  tree_.Run(3'000);
  EXPECT_GE(lost, 2);
  EXPECT_EQ(tree_.router->Quarantine().size(), 1u);
}

TEST_F(NodeTest, Refused_SenderCannotCommit_ListsItLater) {
  tree_.server->UseSchema(kStrict);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"bad"})").status.ok());
  tree_.network = [&](TestNode& from, TestNode& to, const wire::DecodedFrame& frame) {
    const auto* ack = std::get_if<wire::Ack>(&frame.body);
    if (&from == tree_.server && ack != nullptr && !ack->refused.empty()) {
      to.FailCommits(1);
      tree_.network = nullptr;
    }
    return true;
  };
  tree_.Run(25'000);
  EXPECT_EQ(tree_.router->Quarantine().size(), 1u);
}

TEST_F(NodeTest, Refused_TransportFullForTheAck_SenderListsIt) {
  tree_.server->UseSchema(kStrict);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"bad"})").status.ok());
  tree_.network = [&](TestNode&, TestNode& to, const wire::DecodedFrame& frame) {
    if (&to == tree_.server && std::holds_alternative<wire::Batch>(frame.body)) {
      tree_.room[1] = 0;
      tree_.network = nullptr;
    }
    return true;
  };
  tree_.Run(25'000);
  EXPECT_EQ(tree_.router->Quarantine().size(), 1u);
}

TEST_F(NodeTest, Refused_NewerVersionFits_IsReleasedAtBothEnds) {
  tree_.server->UseSchema(kStrict);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(1'000);
  ASSERT_EQ(tree_.server->Quarantine().size(), 1u);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a","value":2})").status.ok());
  tree_.Run(1'000);
  EXPECT_THAT(tree_.server->Quarantine(), IsEmpty());
  EXPECT_THAT(tree_.router->Quarantine(), IsEmpty());
  EXPECT_EQ(tree_.router->LinkTo(1).quarantined, 0u);
}

TEST_F(NodeTest, Refused_SchemaThatFits_ReleasesTransactionAtBothEnds) {
  tree_.server->UseSchema(kStrict);
  replica::Transaction transaction(2);
  transaction[0].model = "Status";  // not known there any more
  transaction[0].properties = R"({"state":"s"})";
  transaction[1].model = "Reading";
  transaction[1].properties = R"({"id":"a","value":1})";
  ASSERT_TRUE(tree_.device->Write(transaction).status.ok());
  tree_.Run(1'000);
  // The model as a whole waits; what it drags along is listed by key.
  EXPECT_EQ(tree_.server->Quarantine().size(), 1u);
  EXPECT_EQ(tree_.router->Quarantine().size(), 1u);
  EXPECT_EQ(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
  tree_.server->UseSchema("");
  tree_.Run(3'000);
  EXPECT_THAT(tree_.server->Get("Status", "{}", 42), HasSubstr("\"state\":\"s\""));
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
  EXPECT_THAT(tree_.server->Quarantine(), IsEmpty());
  EXPECT_THAT(tree_.router->Quarantine(), IsEmpty());
}

TEST_F(NodeTest, QuarantineFull_RefusedAllTheSameAndSaid) {
  TestTree tree;
  TestNode& server = tree.Add(1, TG_ROLE_SERVER, 1);
  TestNode& device = tree.Add(42, TG_ROLE_DEVICE, 65535);
  server.options().quarantine_items_max = 3;
  server.Start();
  server.UseSchema(kStrict);
  device.Start();
  tree.Connect(device, server);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(device.Put("Reading", "{\"id\":\"" + std::to_string(i) + "\"}").status.ok());
  ASSERT_TRUE(device.Put("Reading", R"({"id":"good","value":1})").status.ok());
  tree.Run(2'000);
  EXPECT_EQ(server.Quarantine().size(), 3u);
  EXPECT_EQ(device.Quarantine().size(), 5u);
  EXPECT_NE(server.Get("Reading", R"({"id":"good"})", 42), "not_found");
  EXPECT_EQ(server.counter("tidegate_quarantine_full_total"), 2u);
  std::string problems;
  for (const std::string& problem : server->GetStatus().problems) problems += problem;
  EXPECT_THAT(problems, HasSubstr("limits.quarantine_items_max"));
}

// The refused state is nowhere but at its writer, which gets the newer one and never sends its own again.
TEST_F(NodeTest, Refused_NewerStateComesFromAbove_EndsIt) {
  constexpr char kValues[] = R"({
    format: 'onetable:1.1.0', version: '1.0.1', indexes: {primary: {hash: 'pk', sort: 'sk'}},
    params: {isoDates: true, timestamps: false},
    models: {Setting: {pk: {type: String, value: 's#'}, sk: {type: String, value: 's#${name}'},
                       name: {type: String, required: true}, value: {type: String, required: true}}},
  })";
  tree_.server->UseSchema(kValues);
  tree_.Run(1'000);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"a"})").status.ok());
  tree_.Run(2'000);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) ASSERT_EQ(node->Quarantine().size(), 1u);
  replica::WriteAnswer answer = tree_.server->Put("Setting", R"({"name":"a","value":"x"})", 42);
  ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  tree_.Run(3'000);
  EXPECT_THAT(tree_.device->Get("Setting", R"({"name":"a"})"), HasSubstr("\"value\":\"x\""));
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) EXPECT_THAT(node->Quarantine(), IsEmpty());
}

}  // namespace
}  // namespace tidegate::node
