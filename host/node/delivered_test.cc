// Delivered and `sync --wait` upwards: how far changes got, what is excepted of it, and who learns of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/delivered_fixture.h"

namespace tidegate::node {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// At its destination a reading needs a value here, and the models that are not named are not known.
constexpr char kStrict[] = R"({
  format: 'onetable:1.1.0', version: '1.0.1', indexes: {primary: {hash: 'pk', sort: 'sk'}},
  params: {isoDates: true, timestamps: false},
  models: {Reading: {pk: {type: String, value: 'r#'}, sk: {type: String, value: 'r#${id}'},
                     id: {type: String, required: true}, value: {type: Number, required: true}}},
})";

TEST_F(DeliveredTest, RefusedAtTheServer_WaitNamesItAtTheDevice) {
  tree_.server->UseSchema(kStrict);
  Put(*tree_.device, "Reading", R"({"id":"bad"})");
  Put(*tree_.device, "Reading", R"({"id":"good","value":1})");
  SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer);
  ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  EXPECT_FALSE(answer.complete());
  ASSERT_EQ(answer.quarantined.size(), 1u);
  EXPECT_EQ(answer.quarantined[0].model, "Reading");
  EXPECT_EQ(answer.quarantined[0].sk, "r#bad");
  EXPECT_EQ(answer.quarantined[0].owner, 42u);
  EXPECT_EQ(answer.quarantined[0].by, 1u);
  EXPECT_EQ(answer.quarantined[0].version.agent, 42u);
  EXPECT_THAT(answer.quarantined[0].reason, HasSubstr("value"));
  ASSERT_EQ(tree_.device->Quarantine().size(), 1u);
  EXPECT_TRUE(tree_.device->Quarantine()[0].ours);
  EXPECT_EQ(tree_.device->Quarantine()[0].link, 10u);
  EXPECT_EQ(tree_.device->Quarantine()[0].by, 1u);
  // The router has it, and it waits for the same.
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kHop).complete());
  EXPECT_EQ(Sync(*tree_.router, SyncTarget::kServer).quarantined_count, 1u);
}

TEST_F(DeliveredTest, HeldAtTheHop_BothWaitsNameTheModel) {
  tree_.router->policy.directions["Reading"] = TG_DIRECTION_DOWN;
  tree_.router->UseSchema("");
  tree_.Run(1'000);
  Put(*tree_.device, "Reading", R"({"id":"a"})");
  for (SyncTarget target : {SyncTarget::kHop, SyncTarget::kServer}) {
    SyncAnswer answer = Sync(*tree_.device, target);
    ASSERT_TRUE(answer.status.ok());
    EXPECT_FALSE(answer.complete());
    ASSERT_EQ(answer.held.size(), 1u);
    EXPECT_EQ(answer.held[0].model, "Reading");
    EXPECT_EQ(answer.held[0].by, 10u);
  }
}

TEST_F(DeliveredTest, HeldAtTheServer_WaitToItNamesTheModelAndWaitToHopDoesNot) {
  tree_.server->policy.directions["Reading"] = TG_DIRECTION_DOWN;
  tree_.server->UseSchema("");
  tree_.Run(1'000);
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kServer).complete()) << "nothing of it was written";
  Put(*tree_.device, "Reading", R"({"id":"a"})");
  SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer);
  ASSERT_TRUE(answer.status.ok());
  ASSERT_EQ(answer.held.size(), 1u);
  EXPECT_EQ(answer.held[0].by, 1u);
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kHop).complete());
}

TEST_F(DeliveredTest, NothingRefused_WaitIsComplete) {
  Put(*tree_.device, "Reading", R"({"id":"a"})");
  SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer);
  ASSERT_TRUE(answer.status.ok());
  EXPECT_TRUE(answer.complete());
  EXPECT_THAT(answer.superseded, IsEmpty());
  EXPECT_EQ(tree_.device->counter("tidegate_sync_exceptions_total"), 0u);
}

// A comparison asks for the two states of a transaction one by one: the wait says that they went apart.
TEST_F(DeliveredTest, TransactionThatAComparisonTookApart_WaitNamesItsItems) {
  replica::Transaction transaction(2);
  transaction[0].model = transaction[1].model = "Setting";
  transaction[0].properties = R"({"name":"a","value":"1"})";
  transaction[1].properties = R"({"name":"b","value":"1"})";
  ASSERT_TRUE(tree_.device->Write(transaction).status.ok());
  SyncAnswer whole = Sync(*tree_.device, SyncTarget::kServer);
  EXPECT_TRUE(whole.complete());
  EXPECT_EQ(whole.apart_count, 0u);
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    return &from != tree_.device || !std::holds_alternative<wire::Batch>(frame.body);
  };
  transaction[0].properties = R"({"name":"a","value":"2"})";
  transaction[1].properties = R"({"name":"b","value":"2"})";
  ASSERT_TRUE(tree_.device->Write(transaction).status.ok());
  tree_.device->operator->()->SyncLinks({.compare = true}, [](const LinkSyncAnswer&) {});
  tree_.Run(5'000);
  tree_.network = nullptr;
  SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer, 60'000);
  ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  EXPECT_TRUE(answer.complete()) << "all of it is there";
  ASSERT_EQ(answer.apart_count, 2u);
  EXPECT_EQ(answer.apart[0].model, "Setting");
  EXPECT_EQ(answer.apart[0].by, 10u);
  EXPECT_EQ(Sync(*tree_.device, SyncTarget::kServer).apart_count, 0u) << "said once";
}

// More than one ack can name: what is passed counts only with all that is excepted of it.
TEST_F(DeliveredTest, MoreRefusedThanAnAckNames_WaitCountsAll) {
  tree_.server->UseSchema(kStrict);
  for (int i = 0; i < 1'200; ++i) Put(*tree_.device, "Reading", "{\"id\":\"" + std::to_string(i) + "\"}");
  size_t listed = 0;
  SyncAnswer given;
  tree_.device->operator->()->Sync({SyncTarget::kServer, 20'000}, [&](SyncAnswer answer) {
    given = std::move(answer);
    listed = tree_.device->Quarantine().size();
  });
  tree_.Run(20'000);
  ASSERT_TRUE(given.status.ok());
  EXPECT_EQ(listed, 1'200u);
  EXPECT_EQ(given.quarantined_count, 1'200u);
  EXPECT_EQ(given.quarantined.size(), tree_.device->options().sync_exceptions_max);
}

TEST_F(DeliveredTest, ServerDiesBeforeItTells_ItTellsAfterItsStart) {
  tree_.server->UseSchema(kStrict);
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    return &from != tree_.server || !std::holds_alternative<wire::Ack>(frame.body);
  };
  Put(*tree_.device, "Reading", R"({"id":"bad"})");
  tree_.Run(1'000);
  ASSERT_EQ(tree_.server->Quarantine().size(), 1u);
  ASSERT_THAT(tree_.router->Quarantine(), IsEmpty());
  tree_.Disconnect(*tree_.router, *tree_.server);
  Restart(*tree_.server);
  tree_.network = nullptr;
  tree_.Connect(*tree_.router, *tree_.server);
  EXPECT_EQ(Sync(*tree_.device, SyncTarget::kServer).quarantined_count, 1u);
  EXPECT_EQ(tree_.router->Quarantine().size(), 1u);
}

TEST_F(DeliveredTest, RouterDiesBeforeItTells_ItTellsAfterItsStart) {
  tree_.server->UseSchema(kStrict);
  Put(*tree_.device, "Reading", R"({"id":"bad"})");
  tree_.network = [&](TestNode& from, TestNode& to, const wire::DecodedFrame& frame) {
    const auto* ack = std::get_if<wire::Ack>(&frame.body);
    return &from != tree_.router || &to != tree_.device || ack == nullptr || ack->refused.empty();
  };
  auto answer = Ask(*tree_.device, SyncTarget::kServer, 20'000);
  tree_.Run(2'000);
  EXPECT_FALSE(answer->status.ok());  // delivered is not told without what is excepted
  ASSERT_EQ(tree_.router->Quarantine().size(), 1u);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Restart(*tree_.router);
  tree_.network = nullptr;
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(10'000);
  ASSERT_TRUE(answer->status.ok()) << answer->status.message();
  EXPECT_EQ(answer->quarantined_count, 1u);
}

TEST_F(DeliveredTest, RouterCannotCommitWhatItIsTold_NothingIsDeliveredWithoutIt) {
  tree_.server->UseSchema(kStrict);
  Put(*tree_.device, "Reading", R"({"id":"bad"})");
  int failed = 0;
  tree_.network = [&](TestNode& from, TestNode& to, const wire::DecodedFrame& frame) {
    const auto* ack = std::get_if<wire::Ack>(&frame.body);
    if (&from == tree_.server && ack != nullptr && !ack->refused.empty() && ++failed <= 2) to.FailCommits(1);
    return true;
  };
  SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer, 40'000);
  EXPECT_GE(failed, 2);
  ASSERT_TRUE(answer.status.ok());
  EXPECT_EQ(answer.quarantined_count, 1u);
}

TEST_F(DeliveredTest, DeviceIsAwayWhenItIsRefused_ItLearnsItLater) {
  tree_.server->UseSchema(kStrict);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Put(*tree_.device, "Reading", R"({"id":"bad"})");
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(2'000);
  ASSERT_EQ(tree_.router->Quarantine().size(), 1u);
  tree_.Connect(*tree_.device, *tree_.router);
  EXPECT_EQ(Sync(*tree_.device, SyncTarget::kServer).quarantined_count, 1u);
}

TEST_F(DeliveredTest, EndOfARefusalWasNeverTold_NewerVersionEndsItForTheWait) {
  TestTree tree;
  TestNode& server = tree.Add(1, TG_ROLE_SERVER, 1);
  TestNode& device = tree.Add(42, TG_ROLE_DEVICE, 65535);
  server.options().quarantine_items_max = 1;  // what it does not list it cannot take off the list
  server.Start();
  server.UseSchema(kStrict);
  device.Start();
  tree.Connect(device, server);
  ASSERT_TRUE(device.Put("Reading", R"({"id":"a"})").status.ok());
  ASSERT_TRUE(device.Put("Reading", R"({"id":"b"})").status.ok());
  tree.Run(2'000);
  ASSERT_TRUE(device.Put("Reading", R"({"id":"b","value":1})").status.ok());
  auto answer = Ask(device, SyncTarget::kServer);
  tree.Run(5'000);
  ASSERT_NE(server.Get("Reading", R"({"id":"b"})", 42), "not_found");
  ASSERT_EQ(answer->quarantined.size(), 1u);
  EXPECT_EQ(answer->quarantined[0].sk, "r#a");
}

TEST_F(DeliveredTest, NewerVersionFits_EndsTheExceptionEverywhere) {
  tree_.server->UseSchema(kStrict);
  Put(*tree_.device, "Reading", R"({"id":"a"})");
  EXPECT_FALSE(Sync(*tree_.device, SyncTarget::kServer).complete());
  Put(*tree_.device, "Reading", R"({"id":"a","value":2})");
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kServer).complete());
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) EXPECT_THAT(node->Quarantine(), IsEmpty());
}

TEST_F(DeliveredTest, NewerVersionIsOnItsWay_TheOlderOneIsStillExcepted) {
  tree_.server->UseSchema(kStrict);
  Put(*tree_.device, "Reading", R"({"id":"a"})");
  EXPECT_FALSE(Sync(*tree_.device, SyncTarget::kServer).complete());
  tree_.Disconnect(*tree_.router, *tree_.server);
  Put(*tree_.device, "Reading", R"({"id":"a","value":2})");
  EXPECT_EQ(Sync(*tree_.device, SyncTarget::kServer, 1'000).status.code(), Code::kTimeout);
  tree_.Connect(*tree_.router, *tree_.server);
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kServer).complete());
}

TEST_F(DeliveredTest, SchemaThatFits_EndsTheExceptionEverywhere) {
  tree_.server->UseSchema(kStrict);
  Put(*tree_.device, "Reading", R"({"id":"a"})");
  EXPECT_FALSE(Sync(*tree_.device, SyncTarget::kServer).complete());
  tree_.server->UseSchema("");
  tree_.Run(3'000);
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kServer).complete());
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) EXPECT_THAT(node->Quarantine(), IsEmpty());
}

TEST_F(DeliveredTest, OneOfATransactionRefused_AllAreNamed) {
  tree_.server->UseSchema(kStrict);
  replica::Transaction transaction(3);
  transaction[0].model = transaction[1].model = transaction[2].model = "Reading";
  transaction[0].properties = R"({"id":"a","value":1})";
  transaction[1].properties = R"({"id":"b"})";
  transaction[2].properties = R"({"id":"c","value":3})";
  ASSERT_TRUE(tree_.device->Write(transaction).status.ok());
  SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer);
  EXPECT_EQ(tree_.server->Quarantine().size(), 3u);
  EXPECT_EQ(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
  ASSERT_EQ(answer.quarantined.size(), 3u);
  for (const SyncException& exception : answer.quarantined) EXPECT_THAT(exception.reason, HasSubstr("value"));
  EXPECT_THAT(answer.quarantined[0].reason, HasSubstr("transaction"));
}

TEST_F(DeliveredTest, TheOneRefusedIsRewritten_TheRestOfItsTransactionFollows) {
  tree_.server->UseSchema(kStrict);
  replica::Transaction transaction(3);
  transaction[0].model = transaction[1].model = transaction[2].model = "Reading";
  transaction[0].properties = R"({"id":"a","value":1})";
  transaction[1].properties = R"({"id":"b"})";
  transaction[2].properties = R"({"id":"c","value":3})";
  ASSERT_TRUE(tree_.device->Write(transaction).status.ok());
  EXPECT_EQ(Sync(*tree_.device, SyncTarget::kServer).quarantined_count, 3u);
  Put(*tree_.device, "Reading", R"({"id":"b","value":2})");
  tree_.Run(3'000);
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kServer).complete());
  for (const char* id : {R"({"id":"a"})", R"({"id":"b"})", R"({"id":"c"})"})
    EXPECT_NE(tree_.server->Get("Reading", id, 42), "not_found") << id;
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) EXPECT_THAT(node->Quarantine(), IsEmpty());
}

TEST_F(DeliveredTest, QuarantineFullAtTheDevice_WaitSaysThatNotAllIsListed) {
  TestTree tree;
  TestNode& server = tree.Add(1, TG_ROLE_SERVER, 1);
  TestNode& device = tree.Add(42, TG_ROLE_DEVICE, 65535);
  device.options().quarantine_items_max = 1;
  server.Start();
  server.UseSchema(kStrict);
  device.Start();
  tree.Connect(device, server);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(device.Put("Reading", "{\"id\":\"" + std::to_string(i) + "\"}").status.ok());
  auto answer = Ask(device, SyncTarget::kServer);
  tree.Run(5'000);
  ASSERT_TRUE(answer->status.ok());
  EXPECT_FALSE(answer->complete());
  EXPECT_EQ(answer->quarantined_count, 1u);
  EXPECT_EQ(answer->not_listed, 2u);
}

}  // namespace
}  // namespace tidegate::node
