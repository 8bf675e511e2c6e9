// Delivered downwards: what an addressee lacks is not delivered, and what it refuses is listed above.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/delivered_fixture.h"

namespace tidegate::node {
namespace {

using testing::IsEmpty;

constexpr char kStrictConfig[] = R"({
  format: 'onetable:1.1.0', version: '1.0.1', indexes: {primary: {hash: 'pk', sort: 'sk'}},
  params: {isoDates: true, timestamps: false},
  models: {Config: {pk: {type: String, value: 'c#'}, sk: {type: String, value: 'c#${name}'},
                    name: {type: String, required: true}, value: {type: String}, more: {type: String, required: true}}},
})";

uint64_t DeliveredOf(const LinkStatus& link, uint32_t lane) { return link.lanes.at(lane).delivered; }
uint64_t AckedOf(const LinkStatus& link, uint32_t lane) { return link.lanes.at(lane).acked; }

TEST_F(DeliveredTest, DownItemAtTheRouterOnly_IsNotDelivered) {
  tree_.Disconnect(*tree_.device, *tree_.router);
  Put(*tree_.server, "Config", R"({"name":"a","value":"1"})", 42);
  tree_.Run(2'000);
  uint64_t acked = AckedOf(tree_.server->LinkTo(10), TG_LANE_STATE);
  ASSERT_NE(tree_.router->Get("Config", R"({"name":"a"})", 42), "not_found");
  EXPECT_LT(DeliveredOf(tree_.server->LinkTo(10), TG_LANE_STATE), acked);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(2'000);
  ASSERT_NE(tree_.device->Get("Config", R"({"name":"a"})", 42), "not_found");
  EXPECT_GE(DeliveredOf(tree_.server->LinkTo(10), TG_LANE_STATE), acked);
}

TEST_F(DeliveredTest, BroadcastThatOneAgentLacks_IsNotDelivered) {
  TestNode& other = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  other.Start();
  tree_.Connect(other, *tree_.router);
  tree_.Run(2'000);
  tree_.Disconnect(other, *tree_.router);
  Put(*tree_.server, "Config", R"({"name":"a","value":"1"})", kAgentAll);
  tree_.Run(2'000);
  uint64_t acked = AckedOf(tree_.server->LinkTo(10), TG_LANE_STATE);
  EXPECT_LT(DeliveredOf(tree_.server->LinkTo(10), TG_LANE_STATE), acked);
  tree_.Connect(other, *tree_.router);
  tree_.Run(2'000);
  EXPECT_GE(DeliveredOf(tree_.server->LinkTo(10), TG_LANE_STATE), acked);
}

TEST_F(DeliveredTest, DownItemRefusedAtTheDevice_IsListedUpToTheServer) {
  tree_.device->UseSchema(kStrictConfig);
  tree_.Run(1'000);
  Put(*tree_.server, "Config", R"({"name":"a","value":"1"})", 42);
  tree_.Run(3'000);
  ASSERT_EQ(tree_.server->Quarantine().size(), 1u);
  EXPECT_EQ(tree_.server->Quarantine()[0].link, 10u);
  EXPECT_EQ(tree_.server->Quarantine()[0].by, 42u);
  EXPECT_EQ(tree_.router->Quarantine().size(), 1u);
  EXPECT_TRUE(Sync(*tree_.server, SyncTarget::kHop).complete());
  tree_.device->UseSchema("");
  tree_.Run(3'000);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) EXPECT_THAT(node->Quarantine(), IsEmpty());
}

TEST_F(DeliveredTest, RefusedByAChildOfTheServer_WaitToHopNamesIt) {
  TestNode& near = tree_.Add(44, TG_ROLE_DEVICE, 65535);
  near.Start();
  near.UseSchema(kStrictConfig);
  tree_.Connect(near, *tree_.server);
  tree_.Run(2'000);
  Put(*tree_.server, "Config", R"({"name":"a","value":"1"})", 44);
  SyncAnswer answer = Sync(*tree_.server, SyncTarget::kHop);
  ASSERT_TRUE(answer.status.ok());
  ASSERT_EQ(answer.quarantined.size(), 1u);
  EXPECT_EQ(answer.quarantined[0].by, 44u);
}

}  // namespace
}  // namespace tidegate::node
