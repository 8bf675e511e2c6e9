// Hello, refusal, replaced neighbours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

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
  loop.edges[0].attach_epoch = 1'000;
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
  const auto problem = AllOf(HasSubstr("agent 42 asks to be a child here"), HasSubstr("agent adopt 42"));
  EXPECT_THAT((*tree_.router)->GetStatus().problems, Contains(problem)) << "there it has to be done";
  Status adopted = Status::Internal("not answered");
  (*tree_.router)->Adopt(42, [&](Status status) { adopted = std::move(status); });
  tree_.Run(200);  // it is asked at once
  EXPECT_TRUE(adopted.ok()) << adopted.message();
  EXPECT_EQ(replacement.LinkTo(10).state, "up");
  EXPECT_THAT(tree_.server->Get("Status", "{}", 42), HasSubstr("new"));
}

class Adopt : public NodeTest {
 protected:
  Status Ask(TestNode& node, AgentId agent) {
    Status adopted = Status::Internal("not answered");
    node->Adopt(agent, [&](Status status) { adopted = std::move(status); });
    (void)node->Commit();
    return adopted;
  }
  Status SwitchOff(TestNode& node, AgentId agent) {
    Status off = Status::Internal("not answered");
    node->SwitchLink(agent, false, [&](Status status) { off = std::move(status); });
    (void)node->Commit();
    return off;
  }
};

TEST_F(Adopt, ChildThatNothingRefuses_IsAConflictAndItsLinkStays) {
  const std::string replica = tree_.server->LinkTo(10).replica;
  Status adopted = Ask(*tree_.server, 10);
  EXPECT_EQ(adopted.code(), Code::kConflict);
  EXPECT_THAT(adopted.message(), HasSubstr("nothing to adopt"));
  EXPECT_EQ(tree_.server->LinkTo(10).state, "up");
  EXPECT_EQ(tree_.server->LinkTo(10).replica, replica);
  EXPECT_EQ(Ask(*tree_.server, 99).code(), Code::kNotFound);
}

TEST_F(Adopt, ChildThatIsAway_IsWaitedForUntilTheNewReplicaHasItAll) {
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"before"})", 42).status.ok());
  tree_.Run(2'000);
  tree_.Disconnect(*tree_.router, *tree_.server);
  ASSERT_TRUE(Sync(*tree_.server, SyncTarget::kHop, 1'000, 100).complete());
  ASSERT_TRUE(Ask(*tree_.server, 10).ok());
  EXPECT_EQ(tree_.server->LinkTo(10).state, "down") << "it is known still";
  EXPECT_EQ(Sync(*tree_.server, SyncTarget::kHop, 1'000, 2'000).status.code(), Code::kTimeout)
      << "who comes has not got what was there before";
  tree_.server->Stop();
  tree_.server->Start();
  EXPECT_EQ(tree_.server->LinkTo(10).state, "down") << "after a restart too";
  EXPECT_EQ(Sync(*tree_.server, SyncTarget::kHop, 1'000, 2'000).status.code(), Code::kTimeout);
  tree_.router->Stop();
  tree_.router->EmptyDisk();
  tree_.router->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(10'000);
  EXPECT_EQ(tree_.server->LinkTo(10).state, "up");
  EXPECT_NE(tree_.router->Get("Config", R"({"name":"before"})", 42), "not_found");
  EXPECT_TRUE(Sync(*tree_.server, SyncTarget::kHop, 2'000, 3'000).complete());
}

TEST_F(Adopt, LinkThatIsSwitchedOff_StaysSo) {
  ASSERT_TRUE(SwitchOff(*tree_.router, 42).ok());
  tree_.Disconnect(*tree_.device, *tree_.router);
  ASSERT_TRUE(Ask(*tree_.router, 42).ok());
  EXPECT_EQ(tree_.router->LinkTo(42).state, "off");
  TestNode& replacement = tree_.Add(42, TG_ROLE_DEVICE, 65535);
  replacement.Start();
  tree_.Connect(replacement, *tree_.router);
  tree_.Run(10'000);
  EXPECT_EQ(tree_.router->LinkTo(42).state, "off");
  EXPECT_THAT(replacement.LinkTo(10).last_error, HasSubstr("tidegate link on 42"));
}

TEST_F(Adopt, RefusedReplica_IsTheOneThatIsTakenAndNoOther) {
  wire::Hello known = HelloOf(50, TG_ROLE_DEVICE, 65535), wanted = known, third = known;
  wanted.replica.bytes.fill(98);
  wanted.epochs = {{9'800, 1}};
  third.replica.bytes.fill(99);
  third.epochs = {{9'900, 1}};
  TestNode& router = *tree_.router;
  core::TransportSession session = router.OpenSession(core::Side::kChild, 50);
  router.Receive(session, 5, known);
  ASSERT_EQ(router.LinkTo(50).state, "up");
  ASSERT_EQ(ReasonOf(router, 50, wanted), wire::RefuseReason::kReplica);
  router.TakeSent();
  ASSERT_TRUE(Ask(router, 50).ok()) << "one is there, another is refused";
  EXPECT_EQ(SentBodies<wire::Refuse>(router).size(), 2u) << "both are asked to say hello again";
  EXPECT_EQ(ReasonOf(router, 50, third), wire::RefuseReason::kReplica);
  EXPECT_EQ(ReasonOf(router, 50, known), wire::RefuseReason::kReplica);
  EXPECT_EQ(ReasonOf(router, 50, wanted), wire::RefuseReason::kUnspecified);
  EXPECT_EQ(router.LinkTo(50).state, "up");
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

TEST_F(NodeTest, Hello_AnsweredWithAHigherEdge_AttachesAboveItForGood) {
  TestNode& device = tree_.Add(50, TG_ROLE_DEVICE, 65535);
  device.Start();
  core::TransportSession session = device.OpenSession(core::Side::kParent, 10);
  std::vector<wire::DecodedFrame> sent = device.TakeSent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(std::get<wire::Hello>(sent[0].body).attach_epoch, 1u);
  wire::Hello answer = HelloOf(10, TG_ROLE_ROUTER, 2);
  answer.edges.resize(1);
  answer.edges[0].agent = 50;
  answer.edges[0].parent = 11;
  answer.edges[0].attach_epoch = 7;
  device.Receive(session, sent[0].session, answer);
  tree_.Run(100);
  std::vector<wire::Hello> again = SentBodies<wire::Hello>(device);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].attach_epoch, 8u);
  EXPECT_NE(device.LinkTo(10).state, "up");
  device.Stop();
  device.Start();
  device.OpenSession(core::Side::kParent, 11);
  EXPECT_EQ(SentBodies<wire::Hello>(device).at(0).attach_epoch, 9u) << "another parent, so another attach";
}

TEST_F(NodeTest, Hello_OfAChildThatIsAttachedElsewhere_IsAnsweredWithThatEdge) {
  tree_.router->Receive(tree_.router->OpenSession(core::Side::kChild, 50), 3, [] {
    wire::Hello router = HelloOf(50, TG_ROLE_ROUTER, 9);
    router.edges.resize(1);
    router.edges[0].agent = 51;
    router.edges[0].parent = 50;
    router.edges[0].attach_epoch = 4;
    return router;
  }());
  tree_.Run(100);
  tree_.router->TakeSent();
  wire::Hello hello = HelloOf(51, TG_ROLE_DEVICE, 65535);
  hello.attach_epoch = 3;
  tree_.router->Receive(tree_.router->OpenSession(core::Side::kChild, 51), 4, hello);
  std::vector<wire::Hello> answers = SentBodies<wire::Hello>(*tree_.router);
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_EQ(answers[0].edges.size(), 1u);
  EXPECT_EQ(answers[0].edges[0].attach_epoch, 4u);
  EXPECT_EQ(tree_.router->LinkTo(51).replica, "") << "it is not registered";
}

// Seed 1147 of `policies`: the parent's schemas changed, its word of that was lost, and a copy of the child's hello
// came late. The child went on by the former schemas, and let an item be removed that goes down no longer.
TEST_F(NodeTest, Hello_OfASessionThatWasEnded_IsNotTaken) {
  core::TransportSession session = tree_.router->OpenSession(core::Side::kChild, 50);
  wire::Hello hello = HelloOf(50, TG_ROLE_DEVICE, 65535);
  tree_.router->Receive(session, 77, hello);
  tree_.Run(100);
  ASSERT_EQ(tree_.router->LinkTo(50).state, "up");
  tree_.router->SetDirection("Config", TG_DIRECTION_NONE);
  tree_.Run(100);
  tree_.router->TakeSent();
  tree_.router->Receive(session, 77, hello);
  tree_.Run(100);
  for (const wire::DecodedFrame& frame : tree_.router->TakeSent()) {
    ASSERT_TRUE(std::holds_alternative<wire::Refuse>(frame.body));
    EXPECT_EQ(std::get<wire::Refuse>(frame.body).reason, wire::RefuseReason::kUnknownSession);
    EXPECT_EQ(frame.session, 77u);
  }
  EXPECT_NE(tree_.router->LinkTo(50).state, "up");
  tree_.router->Receive(session, 78, hello);
  tree_.Run(100);
  EXPECT_EQ(tree_.router->LinkTo(50).state, "up");
}

TEST_F(NodeTest, Hello_AnsweredWithUnknownSession_IsSaidAgainWithANewNumber) {
  TestNode& device = tree_.Add(50, TG_ROLE_DEVICE, 65535);
  device.Start();
  core::TransportSession session = device.OpenSession(core::Side::kParent, 10);
  std::vector<wire::DecodedFrame> sent = device.TakeSent();
  ASSERT_EQ(sent.size(), 1u);
  wire::Refuse refuse;
  refuse.reason = wire::RefuseReason::kUnknownSession;
  device.Receive(session, sent[0].session, refuse);
  std::vector<wire::DecodedFrame> again = device.TakeSent();
  ASSERT_EQ(again.size(), 1u);
  ASSERT_TRUE(std::holds_alternative<wire::Hello>(again[0].body));
  EXPECT_NE(again[0].session, sent[0].session);
  device.Receive(session, sent[0].session, refuse);  // a copy: of another session
  EXPECT_TRUE(device.TakeSent().empty());
}

TEST_F(NodeTest, RefusedChild_AsksAgainSoonAndThenLessOften) {
  TestNode& device = tree_.Add(50, TG_ROLE_DEVICE, 65535);
  device.options().hello_ms_max = 4'000;
  device.Start();
  core::TransportSession session = device.OpenSession(core::Side::kParent, 10);
  std::vector<int64_t> waits;
  int64_t refused_us = 0;
  wire::Refuse refuse;
  refuse.reason = wire::RefuseReason::kReplica;
  for (int i = 0; i < 600 && waits.size() < 5; ++i) {
    for (const wire::DecodedFrame& frame : device.TakeSent()) {
      if (!std::holds_alternative<wire::Hello>(frame.body)) continue;
      if (refused_us != 0) waits.push_back((tree_.clock.now_us - refused_us) / 1000);
      refused_us = tree_.clock.now_us;
      device.Receive(session, frame.session, refuse);
    }
    tree_.Run(50);
  }
  ASSERT_EQ(waits.size(), 5u);
  EXPECT_LE(waits[0], 1'300);
  EXPECT_GE(waits[0], 750);
  for (int64_t wait : waits) EXPECT_LE(wait, 5'050) << "more than hello_ms_max and a quarter";
  EXPECT_GE(waits[4], 3'000);
}

}  // namespace
}  // namespace tidegate::node
