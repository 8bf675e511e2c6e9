// Models that wait as a whole: schema and direction (design section 6, "Hold").
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Only Status; Reading is not known.
constexpr char kWithoutReading[] = R"({
  format: 'onetable:1.1.0', version: '1.0.1', indexes: {primary: {hash: 'pk', sort: 'sk'}},
  params: {isoDates: true, timestamps: false},
  models: {Status: {pk: {type: String, value: 'status#'}, sk: {type: String, value: 'status#'}, state: {type: String}},
           Config: {pk: {type: String, value: 'c#'}, sk: {type: String, value: 'c#${name}'},
                    name: {type: String, required: true}, value: {type: String}}},
})";
constexpr char kNothing[] = R"({
  format: 'onetable:1.1.0', version: '1.0.1', indexes: {primary: {hash: 'pk', sort: 'sk'}},
  models: {Other: {pk: {type: String, value: 'o#'}, sk: {type: String, value: 'o#'}}},
})";

class Holds : public NodeTest {
 protected:
  static std::string Reading(int n) { return "{\"id\":\"" + std::to_string(n) + "\",\"value\":1}"; }
  void PutReadings(int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_TRUE(tree_.device->Put("Reading", Reading(i)).status.ok());
  }
  int ReadingsAt(TestNode& node, int to) {
    int count = 0;
    for (int i = 0; i < to; ++i) count += node.Get("Reading", Reading(i), 42) != "not_found" ? 1 : 0;
    return count;
  }
  // Of one model; every test leaves others unknown too.
  std::vector<HoldStatus> HoldsOf(TestNode& node, AgentId neighbour, const std::string& model = "Reading") {
    std::vector<HoldStatus> holds = node.LinkTo(neighbour).holds;
    std::erase_if(holds, [&](const HoldStatus& hold) { return hold.model != model; });
    return holds;
  }
};

TEST_F(Holds, ModelUnknownAtTheServer_WaitsAtTheRouterAndOthersPass) {
  tree_.server->UseSchema(kWithoutReading);
  tree_.Run(1'000);
  PutReadings(0, 5);
  ASSERT_TRUE(tree_.device->Put("Status", R"({"state":"on"})").status.ok());
  tree_.Run(2'000);
  EXPECT_THAT(tree_.server->Get("Status", "{}", 42), HasSubstr("on"));
  EXPECT_EQ(ReadingsAt(*tree_.router, 5), 5);
  EXPECT_THAT(tree_.server->Quarantine(), IsEmpty());
  ASSERT_EQ(HoldsOf(*tree_.server, 10).size(), 1u);
  EXPECT_TRUE(HoldsOf(*tree_.server, 10)[0].ours);
  EXPECT_EQ(HoldsOf(*tree_.server, 10)[0].model, "Reading");
  ASSERT_EQ(HoldsOf(*tree_.router, 1).size(), 1u);
  EXPECT_FALSE(HoldsOf(*tree_.router, 1)[0].ours);
  EXPECT_EQ(HoldsOf(*tree_.router, 1)[0].reason, "schema");
  ASSERT_EQ(HoldsOf(*tree_.device, 10).size(), 1u) << "an exception of delivered";
  EXPECT_EQ(HoldsOf(*tree_.device, 10)[0].by, 1u);
}

TEST_F(Holds, SchemaThatFits_ReleasesAndEverythingArrives) {
  tree_.server->UseSchema(kWithoutReading);
  tree_.Run(1'000);
  PutReadings(0, 300);
  tree_.Run(2'000);
  tree_.server->UseSchema("");
  tree_.Run(5'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 300), 300);
  EXPECT_THAT(HoldsOf(*tree_.server, 10), IsEmpty());
  EXPECT_THAT(HoldsOf(*tree_.router, 1), IsEmpty());
  EXPECT_THAT(HoldsOf(*tree_.device, 10), IsEmpty());
  Count(*tree_.router, *tree_.server);
  tree_.Run(60'000);
  EXPECT_EQ(changes_, 0u) << "sent for ever";
}

TEST_F(Holds, ReleasedWhileAcksAreLostAndNodesRestart_NothingIsForgotten) {
  tree_.server->UseSchema(kWithoutReading);
  tree_.Run(1'000);
  int acks = 0;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    return &from != tree_.server || !std::holds_alternative<wire::Ack>(frame.body) || ++acks % 3 == 0;
  };
  PutReadings(0, 50);
  tree_.Run(5'000);
  for (TestNode* node : {tree_.server, tree_.router}) {
    node->Stop();
    node->Start();
  }
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Connect(*tree_.device, *tree_.router);
  PutReadings(50, 100);
  tree_.Run(5'000);
  tree_.server->UseSchema("");
  tree_.Run(40'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 100), 100);
  EXPECT_THAT(HoldsOf(*tree_.router, 1), IsEmpty());
}

TEST_F(Holds, RouterWithoutTheSchema_ForwardsByTheTableOfItsParent) {
  tree_.router->UseSchema(kNothing);
  tree_.Run(1'000);
  PutReadings(0, 3);
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a","value":"x"})", 42).status.ok());
  tree_.Run(2'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 3), 3);
  EXPECT_THAT(tree_.device->Get("Config", R"({"name":"a"})"), HasSubstr("\"value\":\"x\""));
  EXPECT_THAT(HoldsOf(*tree_.router, 42), IsEmpty());
}

TEST_F(Holds, UnknownEverywhereAbove_WaitsAtTheDevice) {
  tree_.router->UseSchema(kNothing);
  tree_.server->UseSchema(kWithoutReading);
  tree_.Run(1'000);
  PutReadings(0, 3);
  tree_.Run(2'000);
  EXPECT_EQ(ReadingsAt(*tree_.router, 3), 0);
  ASSERT_EQ(HoldsOf(*tree_.device, 10).size(), 1u);
  EXPECT_EQ(HoldsOf(*tree_.device, 10)[0].by, 0u);
  tree_.server->UseSchema("");
  tree_.Run(5'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 3), 3);
}

TEST_F(Holds, DirectionDiffers_WaitsUntilItIsTheSame) {
  tree_.server->policy.directions["Reading"] = TG_DIRECTION_DOWN;
  tree_.server->UseSchema("");
  tree_.Run(1'000);
  PutReadings(0, 3);
  tree_.Run(2'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 3), 0);
  // What the other sends waits at either end.
  ASSERT_EQ(HoldsOf(*tree_.router, 1).size(), 2u);
  for (const HoldStatus& hold : HoldsOf(*tree_.router, 1)) EXPECT_EQ(hold.reason, "direction");
  tree_.server->policy.directions.clear();
  tree_.server->UseSchema("");
  tree_.Run(5'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 3), 3);
}

TEST_F(Holds, ModelUnknownAtTheDevice_ComesWhenTheSchemaDoes) {
  tree_.device->UseSchema(kNothing);
  tree_.Run(1'000);
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a","value":"x"})", 42).status.ok());
  tree_.Run(2'000);
  ASSERT_EQ(HoldsOf(*tree_.device, 10, "Config").size(), 1u);
  tree_.device->UseSchema("");
  tree_.Run(5'000);
  EXPECT_THAT(tree_.device->Get("Config", R"({"name":"a"})"), HasSubstr("\"value\":\"x\""));
  EXPECT_THAT(tree_.device->LinkTo(10).holds, IsEmpty());
  EXPECT_THAT(tree_.router->LinkTo(42).holds, IsEmpty());
  EXPECT_EQ(tree_.device->LinkTo(10).unsettled_scopes, 0u);
}

TEST_F(Holds, EndedAtTheDevice_WhatWasComparedDoesNotComeByTheNextSessionsFeed) {
  tree_.device->UseSchema(kNothing);
  tree_.Run(1'000);
  for (const char* name : {"a", "b", "c"})
    ASSERT_TRUE(tree_.server->Put("Config", std::string("{\"name\":\"") + name + "\"}").status.ok());
  tree_.Run(2'000);
  tree_.device->UseSchema("");
  tree_.Run(5'000);
  ASSERT_NE(tree_.device->Get("Config", R"({"name":"c"})"), "not_found");
  Count(*tree_.router, *tree_.device);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(5'000);
  EXPECT_EQ(changes_, 0u);
}

TEST_F(Holds, TransactionWithOneHeldItem_WaitsAsAWholeAndIsListedByKey) {
  tree_.server->UseSchema(kWithoutReading);
  tree_.Run(1'000);
  replica::Transaction transaction(2);
  transaction[0].model = "Status";
  transaction[0].properties = R"({"state":"s"})";
  transaction[1].model = "Reading";
  transaction[1].properties = Reading(0);
  ASSERT_TRUE(tree_.device->Write(transaction).status.ok());
  tree_.Run(2'000);
  EXPECT_EQ(tree_.server->Get("Status", "{}", 42), "not_found");
  ASSERT_EQ(tree_.server->Quarantine().size(), 1u);
  EXPECT_EQ(tree_.server->Quarantine()[0].sk, "status#");
  EXPECT_THAT(tree_.server->Quarantine()[0].reason, HasSubstr("Reading"));
  EXPECT_EQ(tree_.router->Quarantine().size(), 1u);
  tree_.server->UseSchema("");
  tree_.Run(5'000);
  EXPECT_THAT(tree_.server->Get("Status", "{}", 42), HasSubstr("\"state\":\"s\""));
  EXPECT_EQ(ReadingsAt(*tree_.server, 1), 1);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) EXPECT_THAT(node->Quarantine(), IsEmpty());
}

TEST_F(Holds, OtherParentWhileHeld_GetsWhatTheOldOneDidNotTake) {
  tree_.server->UseSchema(kWithoutReading);
  tree_.Run(1'000);
  PutReadings(0, 20);
  tree_.Run(2'000);
  ASSERT_EQ(HoldsOf(*tree_.router, 1).size(), 1u);
  tree_.server->UseSchema("");
  tree_.Disconnect(*tree_.router, *tree_.server);
  tree_.Run(1'000);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(5'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 20), 20);
}

// "Delivered" passes what waits above, for whoever knows of it: a child that comes later has to be told, too.
TEST_F(Holds, NewChildWhileItIsHeldAbove_IsToldBeforeAnythingIsDelivered) {
  tree_.server->UseSchema(kWithoutReading);
  tree_.Run(1'000);
  PutReadings(0, 3);
  tree_.Run(2'000);
  TestNode& late = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  late.Start();
  tree_.Connect(late, *tree_.router);
  ASSERT_TRUE(late.Put("Reading", Reading(7)).status.ok());
  const SyncAnswer answer = Sync(late, SyncTarget::kServer, 10'000, 5'000);
  ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  ASSERT_EQ(answer.held.size(), 1u) << "it is not there";
  EXPECT_EQ(answer.held[0].model, "Reading");
}

// What waited at the former parent, or beyond it, counted as delivered with that exception. The former parent may be
// gone for good.
TEST_F(Holds, MovesWhileItIsHeldBeyondTheParent_GoesTheNewWayToo) {
  tree_.server->UseSchema(kWithoutReading);
  TestNode& other = tree_.Add(11, TG_ROLE_ROUTER, 2);
  other.Start();
  tree_.Connect(other, *tree_.server);
  tree_.Run(1'000);
  PutReadings(0, 20);
  ASSERT_TRUE(tree_.device->Put("Status", R"({"state":"on"})").status.ok());
  ASSERT_TRUE(Sync(*tree_.device, SyncTarget::kServer, 10'000, 5'000).status.ok()) << "with an exception";
  ASSERT_EQ(HoldsOf(*tree_.device, 10).size(), 1u);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.Disconnect(*tree_.router, *tree_.server);
  tree_.Run(1'000);
  tree_.server->UseSchema("");
  tree_.Connect(*tree_.device, other);
  tree_.Run(10'000);
  EXPECT_EQ(ReadingsAt(*tree_.server, 20), 20);
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kServer, 10'000, 5'000).complete());
  EXPECT_THAT(HoldsOf(*tree_.device, 11), IsEmpty());
}

}  // namespace
}  // namespace tidegate::node
