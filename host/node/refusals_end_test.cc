// A refusal ends: both ends hear of it whatever breaks, and what was refused is delivered only then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/base/views.h"
#include "host/node/test_tree.h"
#include "host/wire/codec.h"

namespace tidegate::node {
namespace {

using ::testing::IsEmpty;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayUs = 24 * kHourMs * 1000;

// At its destination a reading needs a value here.
constexpr char kStrict[] = R"({
  format: 'onetable:1.1.0', version: '1.0.1', indexes: {primary: {hash: 'pk', sort: 'sk'}},
  params: {isoDates: true, timestamps: false},
  models: {Reading: {pk: {type: String, value: 'r#'}, sk: {type: String, value: 'r#${id}'},
                     id: {type: String, required: true}, value: {type: Number, required: true}}},
})";

class NoDeletes : public core::Events {
 public:
  uint32_t interests() const override { return kChanging; }
  Status Connecting(const tg_link_event&) override { return {}; }
  Status Changing(const tg_change_event& event) override {
    return event.change->kind == TG_CHANGE_TOMBSTONE && vetoes ? Status::Refused("no deletes") : Status();
  }
  void Connected(const tg_link_event&) override {}
  void Disconnected(const tg_link_event&) override {}
  void Changed(const tg_change_event&) override {}
  void Received(const tg_receive_event&) override {}
  void Acked(const tg_ack_event&) override {}
  bool vetoes = true;
};

class RefusalsEnd : public NodeTest {
 protected:
  void ExpectNothingListed() {
    for (TestNode* node : {tree_.server, tree_.router, tree_.device})
      EXPECT_THAT(node->Quarantine(), IsEmpty()) << "at agent " << node->agent();
  }
  NoDeletes no_deletes_;
};

// Seed 405 of `together`: an ack that says that something is refused comes after the one that says that this has ended,
// before that is durable. The entry stayed, and kept a tombstone for good.
TEST_F(RefusalsEnd, AckOvertakenByItsSuccessor_ListsNothingAgain) {
  TestNode& device = tree_.Add(50, TG_ROLE_DEVICE, 65535);
  device.Start();
  core::TransportSession session = device.OpenSession(core::Side::kParent, 10);
  wire::SessionId id = device.TakeSent().back().session;
  device.Receive(session, id, HelloOf(10, TG_ROLE_ROUTER, 2));
  tree_.Run(100);
  ASSERT_EQ(device.LinkTo(10).state, "up");
  wire::RefusedKey refused{"Reading", 50, "r#", "r#a", {100, 50, 7}, {}, "refused", 1};
  wire::RefusedKey ended = refused;
  ended.reason.clear();
  ended.held = {200, 50, 7};
  wire::Ack first, second;
  first.refused = {refused};
  first.refused_number = first.refused_last = 1;
  second.refused = {refused, ended};
  second.refused_number = second.refused_last = 2;
  for (const wire::Ack& ack : {second, first}) {
    auto frame = wire::Decode(wire::Encode(id, ack), {});
    ASSERT_TRUE(frame.ok());
    device->Frame(session, std::move(frame).value(), 1);
  }
  tree_.Run(100);
  EXPECT_THAT(device.Quarantine(), IsEmpty());
}

TEST_F(RefusalsEnd, WhileTheChildIsAwayAndItsParentRestarts_TheChildLearnsIt) {
  tree_.server->UseSchema(kStrict);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"b"})").status.ok());
  tree_.Run(1'000);
  ASSERT_EQ(tree_.device->Quarantine().size(), 2u);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.server->UseSchema("");
  tree_.Run(2'000);
  ASSERT_THAT(tree_.router->Quarantine(), IsEmpty());
  tree_.Disconnect(*tree_.router, *tree_.server);
  Restart(*tree_.router);
  ConnectAll();
  tree_.Run(20'000);
  ExpectNothingListed();
}

// Some have ended and one has not.
TEST_F(RefusalsEnd, WhileTheChildIsAway_WhatIsStillRefusedStaysListed) {
  tree_.server->UseSchema(kStrict);
  for (int i = 0; i < 700; ++i)
    ASSERT_TRUE(tree_.device->Put("Reading", "{\"id\":\"" + std::to_string(i) + "\"}").status.ok());
  tree_.Run(3'000);
  ASSERT_EQ(tree_.device->Quarantine().size(), 700u);
  tree_.Disconnect(*tree_.device, *tree_.router);
  // What the server itself knows in newer states is not refused any more; here it is told so by a schema for a while.
  tree_.server->UseSchema("");
  tree_.Run(2'000);
  ASSERT_THAT(tree_.router->Quarantine(), IsEmpty());
  tree_.server->UseSchema(kStrict);
  ASSERT_TRUE(tree_.router->Put("Reading", R"({"id":"bad"})").status.ok());
  tree_.Run(2'000);
  ASSERT_EQ(tree_.router->Quarantine().size(), 1u);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Restart(*tree_.router);
  Restart(*tree_.device);
  ConnectAll();
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"worse"})").status.ok());
  tree_.Run(20'000);
  ASSERT_EQ(tree_.device->Quarantine().size(), 1u);
  EXPECT_EQ(tree_.device->Quarantine()[0].sk, "r#worse");
  EXPECT_EQ(tree_.router->Quarantine().size(), 2u);
}

TEST_F(RefusalsEnd, OfAChild_WhileTheParentIsAwayAndTheChildRestarts_TheParentLearnsIt) {
  DisconnectAll();
  tree_.device->Stop();
  tree_.device->events = &no_deletes_;
  tree_.device->Start();
  ConnectAll();
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"x"})", 42).status.ok());
  tree_.Run(1'000);
  ASSERT_TRUE(tree_.server->Remove("Config", R"({"name":"x"})", 42).status.ok());
  tree_.Run(1'000);
  ASSERT_EQ(tree_.server->Quarantine().size(), 1u);
  DisconnectAll();
  no_deletes_.vetoes = false;
  Restart(*tree_.device);  // tries again what it had refused
  tree_.Run(1'000);
  ASSERT_THAT(tree_.device->Quarantine(), IsEmpty());
  Restart(*tree_.device);
  ConnectAll();
  tree_.Run(20'000);
  ExpectNothingListed();
  EXPECT_EQ(tree_.device->Get("Config", R"({"name":"x"})"), "not_found");
}

TEST_F(RefusalsEnd, ListHasNoRoom_NothingEndsForNotBeingNamed) {
  DisconnectAll();
  tree_.router->options().quarantine_items_max = 3;
  Restart(*tree_.router);
  ConnectAll();
  tree_.server->UseSchema(kStrict);
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(tree_.device->Put("Reading", "{\"id\":\"" + std::to_string(i) + "\"}").status.ok());
  tree_.Run(2'000);
  ASSERT_EQ(tree_.router->Quarantine().size(), 3u);
  ASSERT_EQ(tree_.device->Quarantine().size(), 5u);
  DisconnectAll();
  Restart(*tree_.router);
  ConnectAll();
  tree_.Run(20'000);
  EXPECT_EQ(tree_.device->Quarantine().size(), 5u);
}

// A tombstone that the parent refused was passed by "delivered" as refused. When the parent takes it after all, the
// server has yet to get it: until then it is not purged below (seed 2070 of the profile leases).
TEST_F(RefusalsEnd, OfATombstone_IsKeptUntilItIsDelivered) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(1'000);
  DisconnectAll();
  tree_.router->Stop();
  tree_.router->events = &no_deletes_;
  tree_.router->Start();
  ConnectAll();
  ASSERT_TRUE(tree_.device->Remove("Reading", R"({"id":"a"})").status.ok());
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"b"})").status.ok());
  tree_.Run(2'000);
  ASSERT_EQ(tree_.device->Quarantine().size(), 1u);
  tree_.Disconnect(*tree_.router, *tree_.server);
  no_deletes_.vetoes = false;
  tree_.router->UseSchema("");  // asks again
  tree_.Run(2'000);
  ASSERT_THAT(tree_.device->Quarantine(), IsEmpty());
  for (int i = 0; i < 6; ++i) {
    tree_.Disconnect(*tree_.device, *tree_.router);
    tree_.clock.now_us += 10 * kDayUs;
    tree_.Connect(*tree_.device, *tree_.router);
    tree_.Run(kHourMs + 300'000);
  }
  EXPECT_EQ(tree_.device->operator->()->GetStatus().tombstones, 1u);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(20'000);
  EXPECT_EQ(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
  for (int i = 0; i < 6; ++i) {
    DisconnectAll();
    tree_.clock.now_us += 10 * kDayUs;
    ConnectAll();
    tree_.Run(kHourMs + 300'000);
  }
  EXPECT_EQ(tree_.device->operator->()->GetStatus().tombstones, 0u);
}

}  // namespace
}  // namespace tidegate::node
