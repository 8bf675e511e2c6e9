// What a node does towards its neighbours and local programs: three nodes over storage-memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/base/views.h"
#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NodeTest : public ::testing::Test {
 protected:
  void SetUp() override { tree_.Build(); }

  // The frames that went from one node to another since.
  void Count(TestNode& from, TestNode& to) {
    tree_.network = [&, this](TestNode& sender, TestNode& receiver, const wire::DecodedFrame& frame) {
      if (&sender != &from || &receiver != &to) return true;
      if (const auto* batch = std::get_if<wire::Batch>(&frame.body)) {
        ++batches_;
        changes_ += batch->changes.size();
      }
      return true;
    };
  }

  SyncAnswer Sync(TestNode& node, SyncTarget target, int64_t timeout_ms, int64_t run_ms) {
    auto answer = std::make_shared<SyncAnswer>();
    answer->status = Status::Internal("not answered");
    node->Sync({target, timeout_ms}, [answer](SyncAnswer given) { *answer = std::move(given); });
    (void)node->Commit();
    tree_.Run(run_ms);
    return *answer;
  }

  TestTree tree_;
  uint64_t batches_ = 0;
  uint64_t changes_ = 0;
};

// A parent that a test plays by hand, and its child; and the other way round.
wire::Hello HelloOf(AgentId agent, uint32_t role, uint32_t level) {
  wire::Hello hello;
  hello.agent = agent;
  hello.role = role;
  hello.level = level;
  hello.replica.bytes.fill(static_cast<uint8_t>(agent));
  hello.epochs = {{agent * 100, 1}};
  return hello;
}

template <typename Body>
std::vector<Body> SentBodies(TestNode& node) {
  std::vector<Body> bodies;
  for (const wire::DecodedFrame& frame : node.TakeSent()) {
    if (const auto* body = std::get_if<Body>(&frame.body)) bodies.push_back(*body);
  }
  return bodies;
}

wire::RefuseReason ReasonOf(TestNode& node, AgentId peer, const wire::Hello& hello) {
  core::TransportSession session = node.OpenSession(core::Side::kChild, peer);
  node.TakeSent();
  node.Receive(session, 77, hello);
  std::vector<wire::Refuse> refusals = SentBodies<wire::Refuse>(node);
  return refusals.empty() ? wire::RefuseReason::kUnspecified : refusals[0].reason;
}

// ---- hello ----

TEST_F(NodeTest, Hello_ThreeTiers_LinksAreUpAndRoutesKnown) {
  EXPECT_EQ(tree_.device->LinkTo(10).state, "up");
  EXPECT_EQ(tree_.router->LinkTo(1).state, "up");
  EXPECT_EQ(tree_.server->LinkTo(10).state, "up");
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a","value":"1"})", 42).status.ok());
  tree_.Run(1'000);
  EXPECT_THAT(tree_.device->Get("Config", R"({"name":"a"})"), HasSubstr("\"value\":\"1\""));
}

TEST_F(NodeTest, Hello_WhatCannotBe_IsRefusedByReason) {
  TestNode& router = *tree_.router;
  using wire::RefuseReason;
  EXPECT_EQ(ReasonOf(router, 50, HelloOf(51, TG_ROLE_DEVICE, 65535)), RefuseReason::kIdentity);
  EXPECT_EQ(ReasonOf(router, 0, HelloOf(10, TG_ROLE_DEVICE, 65535)), RefuseReason::kAgentInUse);
  EXPECT_EQ(ReasonOf(router, 50, HelloOf(50, TG_ROLE_ROUTER, 2)), RefuseReason::kLevel);
  EXPECT_EQ(ReasonOf(router, 50, HelloOf(50, TG_ROLE_SERVER, 9)), RefuseReason::kRole);
  EXPECT_EQ(ReasonOf(router, 1, HelloOf(1, TG_ROLE_ROUTER, 9)), RefuseReason::kLoop);
  EXPECT_EQ(ReasonOf(router, 42, HelloOf(42, TG_ROLE_DEVICE, 65535)), RefuseReason::kReplica);
  wire::Hello loop = HelloOf(50, TG_ROLE_ROUTER, 9);
  loop.edges.resize(1);
  loop.edges[0].agent = 10;
  EXPECT_EQ(ReasonOf(router, 50, loop), RefuseReason::kLoop);
  wire::Hello newer = HelloOf(50, TG_ROLE_DEVICE, 65535);
  newer.protocol_min = newer.protocol_max = 99;
  EXPECT_EQ(ReasonOf(router, 50, newer), RefuseReason::kProtocol);
  EXPECT_EQ(ReasonOf(*tree_.device, 50, HelloOf(50, TG_ROLE_DEVICE, 65535)), RefuseReason::kRole);
  EXPECT_EQ(ReasonOf(router, 50, HelloOf(50, TG_ROLE_DEVICE, 65535)), RefuseReason::kUnspecified);
}

TEST_F(NodeTest, Hello_EpochThatReturns_IsAClone) {
  wire::Hello first = HelloOf(50, TG_ROLE_DEVICE, 65535);
  wire::Hello second = first;
  second.epochs.insert(second.epochs.begin(), {7, 9});
  EXPECT_EQ(ReasonOf(*tree_.router, 50, first), wire::RefuseReason::kUnspecified);
  EXPECT_EQ(ReasonOf(*tree_.router, 50, second), wire::RefuseReason::kUnspecified);
  EXPECT_EQ(ReasonOf(*tree_.router, 50, first), wire::RefuseReason::kClone);
}

TEST_F(NodeTest, Hello_DeviceThatClaimsOthers_IsRefused) {
  wire::Hello greedy = HelloOf(50, TG_ROLE_DEVICE, 65535);
  greedy.edges.resize(1);
  greedy.edges[0].agent = 43;
  EXPECT_EQ(ReasonOf(*tree_.router, 50, greedy), wire::RefuseReason::kRole);
}

TEST_F(NodeTest, Hello_RoleChanged_IsRefused) {
  EXPECT_EQ(ReasonOf(*tree_.router, 50, HelloOf(50, TG_ROLE_DEVICE, 65535)), wire::RefuseReason::kUnspecified);
  EXPECT_EQ(ReasonOf(*tree_.router, 50, HelloOf(50, TG_ROLE_ROUTER, 65534)), wire::RefuseReason::kRole);
}

TEST_F(NodeTest, Frames_OfAnotherSession_AreAnsweredAndChangeNothing) {
  core::TransportSession session = tree_.router->OpenSession(core::Side::kChild, 50);
  tree_.router->Receive(session, 5, wire::Ack{});
  EXPECT_EQ(SentBodies<wire::Refuse>(*tree_.router).at(0).reason, wire::RefuseReason::kUnknownSession);
}

TEST_F(NodeTest, ReplacedChild_IsRefusedUntilAdopted) {
  TestNode& replacement = tree_.Add(42, TG_ROLE_DEVICE, 65535);
  tree_.Disconnect(*tree_.device, *tree_.router);
  replacement.Start();
  ASSERT_TRUE(replacement.Put("Status", R"({"state":"new"})").status.ok());
  tree_.Connect(replacement, *tree_.router);
  tree_.Run(1'000);
  EXPECT_EQ(replacement.LinkTo(10).state, "refused");
  EXPECT_THAT(replacement.LinkTo(10).last_error, HasSubstr("agent adopt 42"));
  Status adopted = Status::Internal("not answered");
  (*tree_.router)->Adopt(42, [&](Status status) { adopted = std::move(status); });
  tree_.Run(25'000);
  EXPECT_TRUE(adopted.ok()) << adopted.message();
  EXPECT_EQ(replacement.LinkTo(10).state, "up");
  EXPECT_THAT(tree_.server->Get("Status", "{}", 42), HasSubstr("new"));
}

TEST_F(NodeTest, ReplacedServer_GetsWhatTheOldOneHadAcknowledged) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a","value":1})").status.ok());
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x","value":"1"})").status.ok());
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.router, *tree_.server);
  TestNode& replacement = tree_.Add(1, TG_ROLE_SERVER, 1);
  replacement.Start();
  tree_.Connect(*tree_.router, replacement);
  tree_.Run(3'000);
  EXPECT_NE(replacement.Get("Reading", R"({"id":"a"})", 42), "not_found");
  EXPECT_NE(replacement.Get("Setting", R"({"name":"x"})", 42), "not_found");
}

TEST_F(NodeTest, Child_CannotBecomeTheParent) {
  wire::Hello hello = HelloOf(50, TG_ROLE_ROUTER, 9);
  EXPECT_EQ(ReasonOf(*tree_.router, 50, hello), wire::RefuseReason::kUnspecified);
  core::TransportSession session = tree_.router->OpenSession(core::Side::kParent, 50);
  wire::SessionId id = tree_.router->TakeSent().back().session;
  hello.level = 1;
  tree_.router->Receive(session, id, hello);
  EXPECT_EQ(SentBodies<wire::Refuse>(*tree_.router).at(0).reason, wire::RefuseReason::kLoop);
}

// ---- up, down, both, none ----

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

// ---- durable, then acknowledged ----

TEST_F(NodeTest, CommitFails_BatchIsNotAcknowledgedAndComesAgain) {
  tree_.router->FailCommits(2);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a","value":1})").status.ok());
  tree_.Run(100);
  EXPECT_EQ(tree_.router->Get("Reading", R"({"id":"a"})", 42), "not_found");
  EXPECT_EQ(tree_.device->LinkTo(10).pending_changes, 1u);
  tree_.Run(3'000);
  EXPECT_THAT(tree_.server->Get("Reading", R"({"id":"a"})", 42), HasSubstr("\"value\":1"));
  EXPECT_EQ(tree_.device->LinkTo(10).pending_changes, 0u);
}

TEST_F(NodeTest, CommitFails_WriteIsAnsweredWithTheError) {
  tree_.device->FailCommits(1);
  EXPECT_EQ(tree_.device->Put("Reading", R"({"id":"a"})").status.code(), Code::kIo);
  EXPECT_EQ(tree_.device->Get("Reading", R"({"id":"a"})"), "not_found");
  EXPECT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
}

TEST_F(NodeTest, Restarted_NothingIsSentTwice) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.device->Stop();
  tree_.device->Start();
  Count(*tree_.device, *tree_.router);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(2'000);
  EXPECT_EQ(changes_, 0u);
}

TEST_F(NodeTest, LostBatch_ComesAgainWithinASecond) {
  bool lost = false;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    bool lose = !lost && &from == tree_.device && std::holds_alternative<wire::Batch>(frame.body);
    lost = lost || lose;
    return !lose;
  };
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(1'000);
  EXPECT_TRUE(lost);
  EXPECT_NE(tree_.router->Get("Reading", R"({"id":"a"})", 42), "not_found");
}

// ---- triggers and windows ----

TEST_F(NodeTest, SyncDelay_WaitsForItsTimeOrItsBytes) {
  TestTree tree;
  TestNode& server = tree.Add(1, TG_ROLE_SERVER, 1);
  TestNode& device = tree.Add(42, TG_ROLE_DEVICE, 65535);
  device.options().sync_delay_ms = 5'000;
  server.Start();
  device.Start();
  tree.Connect(device, server);
  tree.Run(1'000);
  ASSERT_TRUE(device.Put("Reading", R"({"id":"a"})").status.ok());
  tree.Run(4'900);
  EXPECT_EQ(server.Get("Reading", R"({"id":"a"})", 42), "not_found");
  tree.Run(200);
  EXPECT_NE(server.Get("Reading", R"({"id":"a"})", 42), "not_found");

  for (int i = 0; i < 200; ++i)  // above sync_limit
    ASSERT_TRUE(device.Put("Reading", "{\"id\":\"b" + std::to_string(i) + "\"}").status.ok());
  tree.Run(100);
  EXPECT_NE(server.Get("Reading", R"({"id":"b100"})", 42), "not_found");
}

TEST_F(NodeTest, SyncWithNothingToSend_LeavesTheDelayOfTheNextWrite) {
  TestTree tree;
  TestNode& server = tree.Add(1, TG_ROLE_SERVER, 1);
  TestNode& device = tree.Add(42, TG_ROLE_DEVICE, 65535);
  device.options().sync_delay_ms = 5'000;
  server.Start();
  device.Start();
  tree.Connect(device, server);
  tree.Run(1'000);
  device->Sync({SyncTarget::kNone, 0}, [](const SyncAnswer&) {});
  tree.Run(1'000);
  ASSERT_TRUE(device.Put("Reading", R"({"id":"a"})").status.ok());
  tree.Run(1'000);
  EXPECT_EQ(server.Get("Reading", R"({"id":"a"})", 42), "not_found");
}

// The device's side of a session with a router that the test plays.
class PlayedParent : public NodeTest {
 protected:
  void SetUp() override {
    device_ = &tree_.Add(42, TG_ROLE_DEVICE, 65535);
    device_->Start();
    Attach();
  }
  void Attach() {
    session_ = device_->OpenSession(core::Side::kParent, 10);
    for (const wire::DecodedFrame& frame : device_->TakeSent()) id_ = frame.session;
    device_->Receive(session_, id_, HelloOf(10, TG_ROLE_ROUTER, 2));
    sent_ = SentBodies<wire::Batch>(*device_);
  }
  void Acknowledge(uint64_t window) {
    wire::Ack ack;
    for (const wire::Batch& batch : sent_)
      ack.lanes.push_back({batch.lane, batch.after, {}, window, batch.begin, false});
    sent_.clear();
    device_->Receive(session_, id_, ack);
  }

  TestNode* device_ = nullptr;
  core::TransportSession session_ = 0;
  wire::SessionId id_ = 0;
  std::vector<wire::Batch> sent_;
};

TEST_F(PlayedParent, WindowZero_StopsTheLaneUntilItOpens) {
  Acknowledge(0);
  ASSERT_TRUE(device_->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(3'000);
  EXPECT_THAT(SentBodies<wire::Batch>(*device_), IsEmpty());
  wire::Ack open;
  open.lanes.push_back({TG_LANE_HISTORY, {}, {}, 1 << 20, 1, false});
  device_->Receive(session_, id_, open);
  EXPECT_EQ(SentBodies<wire::Batch>(*device_).size(), 1u);
}

TEST_F(PlayedParent, WindowZeroOfAFormerSession_IsForgotten) {
  Acknowledge(0);
  (*device_)->SessionClosed(session_, "cut");
  ASSERT_TRUE(device_->Put("Reading", R"({"id":"a"})").status.ok());
  Attach();
  size_t changes = 0;
  for (const wire::Batch& batch : sent_) changes += batch.changes.size();
  EXPECT_EQ(changes, 1u);
}

TEST_F(PlayedParent, WindowOfFrames_NoMoreAreInFlight) {
  Acknowledge(1 << 20);
  std::string text(2'000, 'x');
  for (int i = 0; i < 2'000; ++i)
    ASSERT_TRUE(
        device_->Put("Setting", "{\"name\":\"" + std::to_string(i) + "\",\"value\":\"" + text + "\"}").status.ok());
  EXPECT_LE(SentBodies<wire::Batch>(*device_).size(), 8u);
}

// ---- quarantine ----

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
  EXPECT_EQ(tree_.server->Quarantine().size(), 2u);
  EXPECT_EQ(tree_.router->Quarantine().size(), 2u);
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

// ---- what a neighbour may not do ----

// A router whose child the test plays.
class PlayedChild : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    session_ = tree_.router->OpenSession(core::Side::kChild, 50);
    tree_.router->Receive(session_, 5, HelloOf(50, TG_ROLE_DEVICE, 65535));
    tree_.Run(1'000);
    tree_.router->TakeSent();
  }

  tg_change Change(std::string_view model, AgentId owner, uint32_t direction, std::string_view pk, std::string_view sk,
                   std::string_view body) {
    tg_change change{};
    change.struct_size = sizeof change;
    change.kind = TG_CHANGE_ITEM;
    change.direction = static_cast<uint8_t>(direction);
    change.lane = TG_LANE_STATE;
    change.model = Str(model);
    change.key = {owner, Str(pk), Str(sk)};
    change.src = 50;
    change.dst = 1;
    change.version = {static_cast<uint64_t>(tree_.clock.unix_ms()) << 16 | ++number_, 50, 5000};
    change.body = Bytes(body);
    return change;
  }

  // One batch that begins, so that it fits whatever is held.
  void Batch(std::vector<tg_change> changes) {
    wire::Batch batch;
    batch.lane = TG_LANE_STATE;
    batch.begin = ++begin_;
    batch.after.replica.bytes.fill(50);
    batch.after.epoch = 5000;
    batch.after.position = begin_;
    batch.changes = std::move(changes);
    tree_.router->Receive(session_, 5, batch);
    tree_.Run(100);
  }

  std::string Why(const char* sk) {
    for (const QuarantineEntry& entry : tree_.router->Quarantine()) {
      if (entry.sk == sk) return entry.reason;
    }
    return "";
  }

  core::TransportSession session_ = 0;
  uint64_t number_ = 0;
  uint32_t begin_ = 0;
};

TEST_F(PlayedChild, AgainstDirectionOrOwner_IsQuarantined) {
  Batch({Change("Setting", 50, TG_DIRECTION_BOTH, "s#", "s#fine", R"({"name":"fine"})"),
         Change("Config", 50, TG_DIRECTION_DOWN, "c#", "c#down", R"({"name":"down"})"),
         Change("Setting", 42, TG_DIRECTION_BOTH, "s#", "s#others", R"({"name":"others"})"),
         Change("Config", 50, TG_DIRECTION_UP, "c#", "c#masked", R"({"name":"masked"})")});
  EXPECT_NE(tree_.router->Get("Setting", R"({"name":"fine"})", 50), "not_found");
  EXPECT_THAT(Why("c#down"), HasSubstr("direction"));
  EXPECT_THAT(Why("c#masked"), HasSubstr("direction"));
  EXPECT_THAT(Why("s#others"), HasSubstr("owner"));
}

TEST_F(PlayedChild, UpModelClaimedAsBothForAll_IsQuarantined) {
  Batch({Change("Reading", 0, TG_DIRECTION_BOTH, "r#", "r#x", R"({"id":"x"})")});
  EXPECT_EQ(tree_.router->Get("Reading", R"({"id":"x"})", 0), "not_found");
  EXPECT_EQ(tree_.device->Get("Reading", R"({"id":"x"})", 0), "not_found");
  EXPECT_NE(Why("r#x"), "");
}

TEST_F(PlayedChild, ChangeNoStorageTakes_IsQuarantinedAndHoldsNobodyUp) {
  tg_change nameless = Change("", 50, TG_DIRECTION_BOTH, "s#", "s#nameless", "{}");
  tg_change timeless = Change("Unknown", 50, TG_DIRECTION_BOTH, "s#", "s#timeless", "{}");
  timeless.version = {};
  Batch({nameless, timeless, Change("Setting", 50, TG_DIRECTION_BOTH, "s#", "s#fine", R"({"name":"fine"})")});
  EXPECT_NE(tree_.router->Get("Setting", R"({"name":"fine"})", 50), "not_found");
  EXPECT_EQ(tree_.router->Quarantine().size(), 2u);
  EXPECT_TRUE(tree_.router->Put("Setting", R"({"name":"own"})").status.ok());
}

TEST_F(PlayedChild, TooLargeChange_IsQuarantined) {
  std::string body = "{\"name\":\"" + std::string(tree_.router->options().item_bytes_max, 'x') + "\"}";
  Batch({Change("Setting", 50, TG_DIRECTION_BOTH, "s#", "s#large", body)});
  EXPECT_THAT(Why("s#large"), HasSubstr("limits.item_bytes_max"));
}

TEST_F(PlayedChild, AskForAnOwnerThatIsNotIts_IsAnsweredWithNothing) {
  ASSERT_TRUE(tree_.router->Put("Setting", R"({"name":"x"})").status.ok());
  wire::CompareAsk ask;
  ask.pass = 3;
  ask.ask = 1;
  ask.owner = 10;
  ask.direction_mask = 0;
  ask.ranges.emplace_back();
  ask.ranges[0].listed = true;
  tree_.router->Receive(session_, 5, ask);
  std::vector<wire::CompareAnswer> answers = SentBodies<wire::CompareAnswer>(*tree_.router);
  ASSERT_EQ(answers.size(), 1u);  // else the pass of the asker would never end
  ASSERT_EQ(answers[0].ranges.size(), 1u);
  EXPECT_EQ(answers[0].ranges[0].verdict, wire::RangeVerdict::kSame);
}

TEST_F(PlayedChild, AskForEveryDirection_IsAnsweredWithWhatGoesDown) {
  Batch({Change("Reading", 50, TG_DIRECTION_UP, "r#", "r#x", R"({"id":"x"})"),
         Change("Setting", 50, TG_DIRECTION_BOTH, "s#", "s#x", R"({"name":"x"})")});
  tree_.router->TakeSent();
  wire::CompareAsk ask;
  ask.pass = 3;
  ask.ask = 1;
  ask.owner = 50;
  ask.direction_mask = 0;
  ask.ranges.emplace_back();
  ask.ranges[0].listed = true;
  tree_.router->Receive(session_, 5, ask);
  std::vector<wire::CompareAnswer> answers = SentBodies<wire::CompareAnswer>(*tree_.router);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].ranges[0].changes.size(), 1u);
}

TEST_F(NodeTest, ModelNoPolicyRoutes_ComesByNoMechanism) {
  tree_.router->policy.not_routed = "Config";
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"x"})").status.ok());
  TestNode& other = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  other.Start();
  tree_.Connect(other, *tree_.router);
  tree_.Run(3'000);
  EXPECT_NE(tree_.router->Get("Config", R"({"name":"x"})"), "not_found");
  EXPECT_EQ(tree_.device->Get("Config", R"({"name":"x"})"), "not_found");
  EXPECT_EQ(other.Get("Config", R"({"name":"x"})"), "not_found");
  EXPECT_EQ(other.LinkTo(10).unsettled_scopes, 0u);
}

TEST_F(NodeTest, ModelThatStaysNow_IsNotSentAnyMore) {
  tree_.Disconnect(*tree_.device, *tree_.router);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x"})").status.ok());
  tree_.device->policy.directions["Setting"] = TG_DIRECTION_NONE;
  tree_.device->UseSchema("");
  Count(*tree_.device, *tree_.router);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(2'000);
  EXPECT_EQ(changes_, 0u);
}

TEST_F(NodeTest, AdoptAndAskInOneCommit_NothingOfTheFormerLinkIsUsed) {
  TestNode& router = *tree_.router;
  core::TransportSession session = router.OpenSession(core::Side::kChild, 50);
  router.Receive(session, 5, HelloOf(50, TG_ROLE_DEVICE, 65535));
  wire::CompareAsk ask;
  ask.pass = 3;
  ask.ask = 1;
  ask.owner = 50;
  ask.ranges.emplace_back();
  router->Adopt(50, [](const Status&) {});
  router.Receive(session, 5, ask);
  EXPECT_EQ(router.LinkTo(50).state, "");
}

// ---- sync and watch ----

TEST_F(NodeTest, SyncWait_HopAndServerAreToldApart) {
  tree_.Disconnect(*tree_.router, *tree_.server);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kHop, 60'000, 1'000).status.ok());
  SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer, 2'000, 3'000);
  EXPECT_EQ(answer.status.code(), Code::kTimeout);
  tree_.Connect(*tree_.router, *tree_.server);
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kServer, 60'000, 3'000).status.ok());
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
}

TEST_F(NodeTest, SyncWaitAtTheServer_ChildAwayWithNothingDue_DoesNotWait) {
  tree_.Disconnect(*tree_.router, *tree_.server);
  ASSERT_TRUE(tree_.server->Put("Note", R"({"name":"a"})").status.ok());
  EXPECT_TRUE(Sync(*tree_.server, SyncTarget::kHop, 2'000, 3'000).status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})").status.ok());
  EXPECT_EQ(Sync(*tree_.server, SyncTarget::kHop, 2'000, 3'000).status.code(), Code::kTimeout);
  EXPECT_TRUE(Sync(*tree_.server, SyncTarget::kServer, 2'000, 100).status.ok());
}

TEST_F(NodeTest, Watch_SeesEachVersionOnce) {
  TestNode& other = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  other.Start();
  std::vector<std::string> seen;
  other->SetWatcher([&](const tg_change& change) { seen.emplace_back(View(change.key.sk)); });
  ASSERT_TRUE(other.Put("Setting", R"({"name":"mine"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"yours"})").status.ok());
  tree_.Connect(other, *tree_.router);  // reconcile renumbers what only the device has
  tree_.Run(3'000);
  EXPECT_THAT(seen, ElementsAre("s#mine", "c#yours"));
}

TEST_F(NodeTest, Idle_CommitsNothing) {
  tree_.Run(20'000);
  uint64_t before = tree_.router->counter("tidegate_commits_total");
  tree_.Run(60'000);
  EXPECT_EQ(tree_.router->counter("tidegate_commits_total"), before);
}

}  // namespace
}  // namespace tidegate::node
