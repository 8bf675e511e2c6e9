// Refusals find their way: to who wrote what is refused, whatever way it came, before it counts as delivered, and with
// what waits for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr QuarantineAction kRetry = QuarantineAction::kRetry;
constexpr QuarantineAction kDrop = QuarantineAction::kDrop;

// No Reading.
constexpr char kWithoutReadings[] = R"({
  format: 'onetable:1.1.0', version: '1.0.1', indexes: {primary: {hash: 'pk', sort: 'sk'}},
  params: {isoDates: true, timestamps: false},
  models: {Setting: {pk: {type: String, value: 's#'}, sk: {type: String, value: 's#${name}'},
                     name: {type: String, required: true}, value: {type: String}, other: {type: String}}},
})";

// Refuses what says `bad` where it comes in.
class Veto : public core::Events {
 public:
  uint32_t interests() const override { return kChanging; }
  Status Connecting(const tg_link_event&) override { return {}; }
  Status Changing(const tg_change_event& event) override {
    std::string_view body(reinterpret_cast<const char*>(event.change->body.data), event.change->body.size);
    return vetoes && body.find("bad") != std::string_view::npos ? Status::Refused("it is bad") : Status();
  }
  void Connected(const tg_link_event&) override {}
  void Disconnected(const tg_link_event&) override {}
  void Changed(const tg_change_event&) override {}
  void Received(const tg_receive_event&) override {}
  void Acked(const tg_ack_event&) override {}
  bool vetoes = true;
};

class RefusalsWay : public NodeTest {
 protected:
  void Listen(TestNode& node) {
    DisconnectAll();
    node.Stop();
    node.events = &veto_;
    node.Start();
    ConnectAll();
    tree_.Run(1'000);
  }
  TestNode& AddRouter(TestNode& parent, uint32_t level) {
    TestNode& router = tree_.Add(11, TG_ROLE_ROUTER, level);
    router.Start();
    tree_.Connect(router, parent);
    tree_.Run(1'000);
    return router;
  }
  void Move(TestNode& to) {
    tree_.Disconnect(*tree_.device, *tree_.router);
    tree_.Connect(*tree_.device, to);
    tree_.Run(20'000);
  }
  void Put(const std::string& model, const std::string& json) {
    replica::WriteAnswer answer = tree_.device->Put(model, json);
    ASSERT_TRUE(answer.status.ok()) << answer.status.message();
    tree_.Run(1'000);
  }
  // A setting and a reading in one transaction, of which the server does not take readings.
  void PutHeld() {
    tree_.server->UseSchema(kWithoutReadings);
    tree_.Run(1'000);
    std::vector<replica::Write> writes(2);
    writes[0].model = "Setting";
    writes[0].properties = R"({"name":"x"})";
    writes[1].model = "Reading";
    writes[1].properties = R"({"id":"a"})";
    ASSERT_TRUE(tree_.device->Write(writes).status.ok());
    tree_.Run(2'000);
    ASSERT_THAT(tree_.device->Quarantine(), SizeIs(1));
  }
  void ExpectHeldTogether() {
    for (TestNode* node : {tree_.server, tree_.router, tree_.device})
      EXPECT_THAT(node->Quarantine(), SizeIs(1)) << "at agent " << node->agent();
    EXPECT_EQ(tree_.server->Get("Setting", R"({"name":"x"})", 42), "not_found");
    SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer, 5'000, 5'100);
    EXPECT_EQ(answer.quarantined_count, 1u);
    tree_.server->UseSchema("");
    tree_.Run(30'000);
    EXPECT_NE(tree_.server->Get("Setting", R"({"name":"x"})", 42), "not_found");
    EXPECT_NE(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
    for (TestNode* node : {tree_.server, tree_.router, tree_.device})
      EXPECT_THAT(node->Quarantine(), IsEmpty()) << "at agent " << node->agent();
  }
  Veto veto_;
};

// Seed 298 of `everything`: the new router had the state from its own parent already, by a comparison.
TEST_F(RefusalsWay, StateThatCameFromAboveFirst_IsListedAtItsWriter) {
  Listen(*tree_.server);
  Put("Setting", R"({"name":"x","value":"bad"})");
  ASSERT_THAT(tree_.device->Quarantine(), SizeIs(1));
  TestNode& lower = AddRouter(*tree_.router, 3);
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    return &from != tree_.device || std::get_if<wire::Batch>(&frame.body) == nullptr;
  };
  Move(lower);
  ASSERT_NE(lower.Get("Setting", R"({"name":"x"})", 42), "not_found");
  tree_.network = nullptr;
  tree_.Run(20'000);
  for (TestNode* node : {tree_.server, tree_.router, &lower, tree_.device})
    EXPECT_THAT(node->Quarantine(), SizeIs(1)) << "before the restart, at agent " << node->agent();
  tree_.Disconnect(lower, *tree_.router);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Restart(*tree_.router);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Connect(lower, *tree_.router);
  tree_.Run(20'000);
  for (TestNode* node : {tree_.server, tree_.router, &lower, tree_.device})
    EXPECT_THAT(node->Quarantine(), SizeIs(1)) << "at agent " << node->agent();
}

// The new router had the state from its own parent, and that had not given it to the server yet.
TEST_F(RefusalsWay, StateThatCameFromAboveFirst_IsDeliveredWhenTheServerHasIt) {
  TestNode& lower = AddRouter(*tree_.router, 3);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Put("Setting", R"({"name":"x"})");
  ASSERT_NE(tree_.router->Get("Setting", R"({"name":"x"})", 42), "not_found");
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    return &from != tree_.device || std::get_if<wire::Batch>(&frame.body) == nullptr;
  };
  Move(lower);
  ASSERT_NE(lower.Get("Setting", R"({"name":"x"})", 42), "not_found");
  tree_.network = nullptr;
  EXPECT_EQ(Sync(*tree_.device, SyncTarget::kServer, 20'000, 20'100).status.code(), Code::kTimeout);
  tree_.Connect(*tree_.router, *tree_.server);
  SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer, 20'000, 20'100);
  EXPECT_TRUE(answer.status.ok() && answer.complete());
  EXPECT_NE(tree_.server->Get("Setting", R"({"name":"x"})", 42), "not_found");
}

// Seed 1747 of `everything`: what waits with its transaction came again without those for which it waits, and went on.
TEST_F(RefusalsWay, HeldWithItsTransaction_TriedAgain_StaysWithIt) {
  PutHeld();
  EXPECT_EQ(tree_.device->Act(kRetry).done, 1u);
  tree_.Run(2'000);
  ExpectHeldTogether();
}

// The same, and the router, which has it all, takes no more readings either: that it knows the rest is no end.
TEST_F(RefusalsWay, HeldWithItsTransaction_KnownAtARouterThatHoldsToo_IsNotOver) {
  DisconnectAll();
  tree_.router->Stop();
  tg_retain rule{};
  rule.struct_size = sizeof rule;
  rule.items_max = 1;
  rule.when_full = TG_WHEN_FULL_REFUSE;
  tree_.router->policy.retains["Reading"] = rule;
  tree_.router->Start();
  ConnectAll();
  tree_.Run(1'000);
  PutHeld();
  uint64_t ends = 0;
  tree_.network = [&](TestNode&, TestNode& to, const wire::DecodedFrame& frame) {
    const auto* ack = std::get_if<wire::Ack>(&frame.body);
    for (size_t i = 0; ack != nullptr && &to == tree_.device && i < ack->refused.size(); ++i)
      ends += ack->refused[i].reason.empty() ? 1 : 0;
    return true;
  };
  EXPECT_EQ(tree_.device->Act(kRetry).done, 1u);
  tree_.Run(2'000);
  EXPECT_EQ(ends, 0u);
  tree_.network = nullptr;
  ExpectHeldTogether();
}

// A router that starts anew cannot name to a child that is away what "delivered" excepts. Until it can, it says
// nothing.
TEST_F(RefusalsWay, EndsBeforeTheWriterHeardOfIt_CountsAsDeliveredOnlyWhenItIs) {
  Listen(*tree_.router);
  TestNode& lower = AddRouter(*tree_.router, 3);
  Move(lower);
  // What the lower router says of refusals is lost.
  tree_.network = [&](TestNode& from, TestNode& to, const wire::DecodedFrame& frame) {
    const auto* ack = std::get_if<wire::Ack>(&frame.body);
    return &from != &lower || &to != tree_.device || ack == nullptr || ack->refused.empty();
  };
  Put("Reading", R"({"id":"bad"})");
  ASSERT_THAT(lower.Quarantine(), SizeIs(1));
  ASSERT_THAT(tree_.device->Quarantine(), IsEmpty());
  tree_.Disconnect(*tree_.device, lower);
  Restart(lower);
  tree_.network = nullptr;
  tree_.Connect(lower, *tree_.router);
  tree_.Run(2'000);
  tree_.Disconnect(*tree_.router, *tree_.server);
  veto_.vetoes = false;
  tree_.router->UseSchema("");  // asks again
  tree_.Run(2'000);
  ASSERT_THAT(lower.Quarantine(), IsEmpty());
  tree_.Connect(*tree_.device, lower);
  tree_.Run(2'000);
  EXPECT_EQ(Sync(*tree_.device, SyncTarget::kServer, 5'000, 5'100).status.code(), Code::kTimeout);
  tree_.Connect(*tree_.router, *tree_.server);
  SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer, 20'000, 20'100);
  EXPECT_TRUE(answer.status.ok() && answer.complete());
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"bad"})", 42), "not_found");
}

// ---- by hand ----

// Seeds 151 and 453 of `together`.
TEST_F(RefusalsWay, DroppedAtTheServer_ByWhateverWayItCame) {
  Listen(*tree_.server);
  Put("Reading", R"({"id":"bad"})");
  TestNode& other = AddRouter(*tree_.server, 2);
  Move(other);
  ASSERT_THAT(tree_.server->Quarantine(), SizeIs(2));
  EXPECT_EQ(tree_.server->Act(kDrop, tree_.server->Quarantine()[0].id).done, 2u);
  tree_.Run(2'000);
  for (TestNode* node : {tree_.server, tree_.router, &other, tree_.device})
    EXPECT_THAT(node->Quarantine(), IsEmpty()) << "at agent " << node->agent();
  EXPECT_EQ(Sync(*tree_.device, SyncTarget::kServer, 5'000, 5'100).dropped_count, 1u);
}

// The same seeds: the router dies between hearing and telling it.
TEST_F(RefusalsWay, DroppedWhileTheWriterIsAwayAndItsRouterRestarts_TheWriterLearnsThatItWasDropped) {
  Listen(*tree_.server);
  Put("Reading", R"({"id":"bad"})");
  tree_.Disconnect(*tree_.device, *tree_.router);
  EXPECT_EQ(tree_.server->Act(kDrop).done, 1u);
  tree_.Run(2'000);
  ASSERT_THAT(tree_.router->Quarantine(), IsEmpty());
  tree_.Disconnect(*tree_.router, *tree_.server);
  Restart(*tree_.router);
  ConnectAll();
  tree_.Run(5'000);
  EXPECT_THAT(tree_.device->Quarantine(), IsEmpty());
  EXPECT_THAT(tree_.server->Quarantine(), IsEmpty());
  EXPECT_EQ(Sync(*tree_.device, SyncTarget::kServer, 5'000, 5'100).dropped_count, 1u);
  Restart(*tree_.router);
  ConnectAll();
  tree_.Run(5'000);
  EXPECT_EQ(Sync(*tree_.device, SyncTarget::kServer, 5'000, 5'100).dropped_count, 1u) << "told once";
}

// Seed 404 of `strict`.
TEST_F(RefusalsWay, DroppedBeforeTheWriterHeardOfTheRefusal_IsNamedAtTheWriter) {
  Listen(*tree_.server);
  tree_.network = [&](TestNode& from, TestNode& to, const wire::DecodedFrame& frame) {
    const auto* ack = std::get_if<wire::Ack>(&frame.body);
    return &from != tree_.router || &to != tree_.device || ack == nullptr || ack->refused.empty();
  };
  Put("Reading", R"({"id":"bad"})");
  ASSERT_THAT(tree_.device->Quarantine(), IsEmpty());
  tree_.Disconnect(*tree_.device, *tree_.router);
  EXPECT_EQ(tree_.server->Act(kDrop).done, 1u);
  tree_.Run(2'000);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Restart(*tree_.router);
  tree_.network = nullptr;
  ConnectAll();
  tree_.Run(5'000);
  EXPECT_EQ(Sync(*tree_.device, SyncTarget::kServer, 5'000, 5'100).dropped_count, 1u);
}

// Seed 381 of `strict`: what took the place of what was waited for was refused, and dropped.
TEST_F(RefusalsWay, WaitedForAndReplacedByWhatWasDropped_IsNamed) {
  Listen(*tree_.server);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Put("Reading", R"({"id":"bad"})");
  auto answer = std::make_shared<SyncAnswer>();
  answer->status = Status::Internal("not answered");
  (*tree_.device)->Sync({SyncTarget::kServer, 60'000}, [answer](SyncAnswer given) { *answer = std::move(given); });
  tree_.Run(100);
  Put("Reading", R"({"id":"bad","value":2})");
  tree_.network = [&](TestNode& from, TestNode& to, const wire::DecodedFrame&) {
    return &from != tree_.router || &to != tree_.device;
  };
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(2'000);
  ASSERT_EQ(tree_.server->Act(kDrop).done, 1u);
  tree_.Run(2'000);
  tree_.network = nullptr;
  tree_.Run(20'000);
  EXPECT_TRUE(answer->status.ok());
  EXPECT_EQ(answer->dropped_count, 1u);
  EXPECT_FALSE(answer->complete());
}

// Seed 289 of `together`.
TEST_F(RefusalsWay, RetriedWhereItWasLost_StaysListedUntilWhoRefusedItSaysSo) {
  Listen(*tree_.server);
  DisconnectAll();
  tree_.device->Stop();
  tree_.device->Save();
  tree_.device->Start();
  ConnectAll();
  Put("Reading", R"({"id":"bad"})");
  DisconnectAll();
  tree_.device->Stop();
  tree_.device->RollBack();
  tree_.device->Start();
  ConnectAll();
  tree_.Run(20'000);
  ASSERT_THAT(tree_.device->Quarantine(), SizeIs(1));
  ASSERT_EQ(tree_.device->Get("Reading", R"({"id":"bad"})"), "not_found");
  QuarantineAnswer answer = tree_.device->Act(kRetry);
  ASSERT_THAT(answer.failed, SizeIs(1));
  EXPECT_THAT(answer.failed[0].reason, HasSubstr("retry it at agent 1"));
  EXPECT_THAT(tree_.device->Quarantine(), SizeIs(1));
  veto_.vetoes = false;
  EXPECT_EQ(tree_.server->Act(kRetry).done, 1u);
  tree_.Run(2'000);
  EXPECT_THAT(tree_.device->Quarantine(), IsEmpty());
}

}  // namespace
}  // namespace tidegate::node
