// On demand: push, pull, compare, to a neighbour, through a router, of a subtree, by the clock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Nobody sends by itself.
class OnDemand : public NodeTest {
 protected:
  void SetUp() override {
    tree_.server = &tree_.Add(1, TG_ROLE_SERVER, 1);
    tree_.router = &tree_.Add(10, TG_ROLE_ROUTER, 2);
    tree_.device = &tree_.Add(42, TG_ROLE_DEVICE, 65535);
    other_ = &tree_.Add(43, TG_ROLE_DEVICE, 65535);
    for (TestNode* node : All()) {
      node->options().sync_delay_ms = 3'600'000;
      node->options().sync_limit_bytes = 1 << 20;
      node->Start();
    }
    tree_.Connect(*tree_.router, *tree_.server);
    tree_.Connect(*tree_.device, *tree_.router);
    tree_.Connect(*other_, *tree_.router);
    tree_.Run(3'000);
  }
  std::vector<TestNode*> All() { return {tree_.server, tree_.router, tree_.device, other_}; }

  LinkSyncAnswer Ask(TestNode& node, LinkSyncRequest request, int64_t run_ms = 1'000) {
    auto answer = std::make_shared<LinkSyncAnswer>();
    answer->status = Status::Internal("not answered");
    request.wait = true;
    node->SyncLinks(request, [answer](LinkSyncAnswer given) { *answer = std::move(given); });
    (void)node->Commit();
    tree_.Run(run_ms);
    return *answer;
  }
  bool Has(TestNode& node, const std::string& id) {
    return node.Get("Reading", R"({"id":")" + id + R"("})", 42) != "not_found";
  }
  bool Configured(TestNode& node) { return node.Get("Config", R"({"name":"a"})") != "not_found"; }

  TestNode* other_ = nullptr;
};

TEST_F(OnDemand, Push_MovesToTheNeighbourAndNoFurther) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(5'000);
  EXPECT_FALSE(Has(*tree_.router, "a"));
  EXPECT_TRUE(Ask(*tree_.device, {.agent = 10}).status.ok());
  EXPECT_TRUE(Has(*tree_.router, "a"));
  EXPECT_FALSE(Has(*tree_.server, "a"));
}

TEST_F(OnDemand, Children_AreMovedAndTheParentIsNot) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  EXPECT_TRUE(Ask(*tree_.router, {.children = true, .push = false, .pull = true}).status.ok());
  EXPECT_TRUE(Has(*tree_.router, "a"));
  EXPECT_FALSE(Has(*tree_.server, "a"));
}

TEST_F(OnDemand, PushToTheServer_GoesThroughTheRouter) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  EXPECT_TRUE(Ask(*tree_.device, {.agent = 1}).status.ok());
  EXPECT_TRUE(Has(*tree_.server, "a"));
}

TEST_F(OnDemand, Pull_BringsWhatWaitsThere) {
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})").status.ok());
  EXPECT_TRUE(Ask(*tree_.device, {.agent = 10, .push = false, .pull = true}).status.ok());
  EXPECT_FALSE(Configured(*tree_.device)) << "the router has not got it itself";
  EXPECT_TRUE(Ask(*tree_.device, {.agent = 1, .push = false, .pull = true}).status.ok());
  EXPECT_TRUE(Configured(*tree_.device));
  EXPECT_FALSE(Configured(*other_));
}

TEST_F(OnDemand, PullOfOneDevice_LeavesTheOthers) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  ASSERT_TRUE(other_->Put("Reading", R"({"id":"b"})").status.ok());
  EXPECT_TRUE(Ask(*tree_.server, {.agent = 42, .push = false, .pull = true}).status.ok());
  EXPECT_TRUE(Has(*tree_.server, "a"));
  EXPECT_EQ(tree_.router->Get("Reading", R"({"id":"b"})", 43), "not_found");
}

TEST_F(OnDemand, Subtree_IsPulledAndPushedAsAWhole) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  ASSERT_TRUE(other_->Put("Reading", R"({"id":"b"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})").status.ok());
  EXPECT_TRUE(Ask(*tree_.server, {.agent = 10, .subtree = true, .push = true, .pull = true}).status.ok());
  EXPECT_TRUE(Has(*tree_.server, "a"));
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"b"})", 43), "not_found");
  EXPECT_TRUE(Configured(*tree_.device));
  EXPECT_TRUE(Configured(*other_));
}

TEST_F(OnDemand, SubtreeWithALinkSwitchedOff_SaysWhatWaitsThere) {
  (*tree_.router)->SwitchLink(42, false, [](const Status&) {});
  tree_.Run(1'000);
  EXPECT_TRUE(Ask(*tree_.server, {.agent = 10, .subtree = true, .push = true}).status.ok()) << "nothing waits";
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})").status.ok());
  const LinkSyncAnswer through = Ask(*tree_.server, {.agent = 10, .subtree = true, .push = true}, 5'000);
  EXPECT_THAT(through.status.message(), HasSubstr("for agent 42, whose link is switched off: 'tidegate link on 42'"));
  EXPECT_TRUE(Configured(*other_)) << "the others have it";
  for (const LinkSyncRequest& request :
       {LinkSyncRequest{.children = true}, LinkSyncRequest{.agent = 10, .subtree = true}, LinkSyncRequest{}})
    EXPECT_EQ(Ask(*tree_.router, request).status.code(), Code::kUnavailable);
}

TEST_F(OnDemand, NotDoneInTimeBeyondARouter_IsATimeoutHereToo) {
  tree_.Disconnect(*tree_.device, *tree_.router);
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})").status.ok());
  const LinkSyncAnswer late =
      Ask(*tree_.server, {.agent = 10, .subtree = true, .push = true, .timeout_ms = 2'000}, 10'000);
  EXPECT_EQ(late.status.code(), Code::kTimeout) << late.status.message();
}

TEST_F(OnDemand, All_AreTheNeighbours) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})").status.ok());
  EXPECT_TRUE(Ask(*tree_.router, {.push = false, .pull = true}).status.ok());
  EXPECT_TRUE(Has(*tree_.router, "a"));
  EXPECT_TRUE(Configured(*tree_.router));
  EXPECT_FALSE(Configured(*tree_.device));
}

TEST_F(OnDemand, NoWait_IsAnsweredAtOnceAndGoesOn) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  bool answered = false;
  (*tree_.device)->SyncLinks({.agent = 1}, [&](const LinkSyncAnswer& answer) { answered = answer.status.ok(); });
  (void)(*tree_.device)->Commit();
  EXPECT_TRUE(answered);
  EXPECT_FALSE(Has(*tree_.server, "a"));
  tree_.Run(1'000);
  EXPECT_TRUE(Has(*tree_.server, "a"));
}

TEST_F(OnDemand, FramesAreLost_ItIsAskedAgain) {
  int lost = 0;
  tree_.network = [&](TestNode&, TestNode&, const wire::DecodedFrame& frame) {
    bool about =
        std::holds_alternative<wire::SyncAsk>(frame.body) || std::holds_alternative<wire::SyncDone>(frame.body);
    return !about || ++lost > 3;
  };
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  EXPECT_TRUE(Ask(*tree_.device, {.agent = 1}, 30'000).status.ok());
  EXPECT_GT(lost, 3);
  EXPECT_TRUE(Has(*tree_.server, "a"));
}

TEST_F(OnDemand, SessionBreaksMeanwhile_ItIsDoneInTheNext) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Disconnect(*tree_.router, *tree_.server);
  EXPECT_EQ(Ask(*tree_.device, {.agent = 1, .timeout_ms = 5'000}, 4'000).status.code(), Code::kInternal) << "it waits";
  LinkSyncAnswer late = Ask(*tree_.device, {.agent = 1, .timeout_ms = 2'000}, 3'000);
  EXPECT_EQ(late.status.code(), Code::kTimeout);
  EXPECT_THAT(late.waits_for, ElementsAre(10));
  auto answer = std::make_shared<LinkSyncAnswer>();
  answer->status = Status::Internal("not answered");
  (*tree_.device)->SyncLinks({.agent = 1, .wait = true}, [answer](LinkSyncAnswer given) { *answer = given; });
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(20'000);
  EXPECT_TRUE(answer->status.ok()) << answer->status.message();
  EXPECT_TRUE(Has(*tree_.server, "a"));
}

TEST_F(OnDemand, NoWayToAnAgent_IsSaidByWhoKnows) {
  EXPECT_EQ(Ask(*tree_.device, {.agent = 99}).status.code(), Code::kNotFound);
  EXPECT_EQ(Ask(*tree_.server, {.agent = 99}).status.code(), Code::kNotFound);
  EXPECT_EQ(Ask(*tree_.router, {.agent = 10}).status.code(), Code::kInvalid);
  core::TransportSession session = tree_.router->OpenSession(core::Side::kChild, 44);
  tree_.router->Receive(session, 7, HelloOf(44, TG_ROLE_DEVICE, 65535));
  tree_.router->TakeSent();
  wire::SyncAsk ask;
  ask.number = 5;
  ask.agent = 99;
  ask.timeout_ms = 1'000;
  tree_.router->Receive(session, 7, ask);
  std::vector<wire::SyncDone> done = SentBodies<wire::SyncDone>(*tree_.router);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].number, 5u);
  EXPECT_THAT(done[0].failure, HasSubstr("agent 10 knows no way to agent 99"));
}

TEST_F(OnDemand, ChildAsksForASubtree_GetsItselfOnly) {
  core::TransportSession session = tree_.router->OpenSession(core::Side::kChild, 44);
  tree_.router->Receive(session, 7, HelloOf(44, TG_ROLE_DEVICE, 65535));
  tree_.router->TakeSent();
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  wire::SyncAsk ask;
  ask.number = 5;
  ask.agent = 10;
  ask.subtree = ask.pull = true;
  ask.timeout_ms = 10'000;
  tree_.router->Receive(session, 7, ask);
  tree_.Run(1'000);
  EXPECT_FALSE(Has(*tree_.router, "a"));
}

TEST_F(OnDemand, SubtreeOfWhatIsAbove_IsRefusedWithTheReason) {
  for (AgentId above : {AgentId{1}, AgentId{10}}) {
    LinkSyncAnswer answer = Ask(*tree_.device, {.agent = above, .subtree = true, .pull = true});
    EXPECT_EQ(answer.status.code(), Code::kInvalid);
    EXPECT_THAT(answer.status.message(), HasSubstr("is above agent 42"));
  }
}

TEST_F(OnDemand, TooManyAsks_AreRefused) {
  tree_.router->options().errands_max = 3;
  tree_.router->Stop();
  tree_.router->Start();
  core::TransportSession session = tree_.router->OpenSession(core::Side::kChild, 44);
  tree_.router->Receive(session, 7, HelloOf(44, TG_ROLE_DEVICE, 65535));
  replica::Write write;
  write.model = "Setting";
  write.properties = R"({"name":"a"})";
  write.owner = kAgentAll;
  ASSERT_TRUE(tree_.router->Write({write}).status.ok());
  tree_.router->TakeSent();
  for (uint64_t number = 1; number <= 5; ++number) {
    wire::SyncAsk ask;
    ask.number = number;
    ask.agent = 10;
    ask.pull = true;
    ask.timeout_ms = 60'000;
    tree_.router->Receive(session, 7, ask);  // the child acknowledges nothing: none of them ends
  }
  std::vector<wire::SyncDone> done = SentBodies<wire::SyncDone>(*tree_.router);
  ASSERT_EQ(done.size(), 2u);
  EXPECT_THAT(done[0].failure, HasSubstr("limits.errands_max"));
}

TEST_F(OnDemand, NeighbourOfAnEarlierVersion_EndsTheWait) {
  TestNode& device = tree_.Add(45, TG_ROLE_DEVICE, 65535);
  device.Start();
  core::TransportSession session = device.OpenSession(core::Side::kParent, 10);
  wire::SessionId id = device.TakeSent().back().session;
  device.Receive(session, id, HelloOf(10, TG_ROLE_ROUTER, 2));
  auto answer = std::make_shared<LinkSyncAnswer>();
  device->SyncLinks({.agent = 10, .push = false, .pull = true, .wait = true},
                    [answer](LinkSyncAnswer given) { *answer = given; });
  (void)device->Commit();
  ASSERT_EQ(SentBodies<wire::SyncAsk>(device).size(), 1u);
  wire::Refuse unknown;
  unknown.reason = wire::RefuseReason::kUnknownType;
  unknown.unknown_type = 23;
  device.Receive(session, id, unknown);
  EXPECT_EQ(answer->status.code(), Code::kTimeout);
}

TEST_F(OnDemand, Compare_FindsWhatIsDifferentAndMendsIt) {
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})").status.ok());
  EXPECT_TRUE(Ask(*tree_.server, {.agent = 42}).status.ok());
  EXPECT_TRUE(Configured(*tree_.device));
  uint64_t asks = 0;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    asks += &from == tree_.device && std::holds_alternative<wire::CompareAsk>(frame.body) ? 1 : 0;
    return true;
  };
  EXPECT_TRUE(Ask(*tree_.device, {.agent = 10, .compare = true}, 5'000).status.ok());
  EXPECT_GT(asks, 0u);
  uint64_t before = asks;
  EXPECT_TRUE(Ask(*tree_.server, {.agent = 42, .compare = true}, 5'000).status.ok()) << "asked for from above";
  EXPECT_GT(asks, before);
  EXPECT_EQ(tree_.device->LinkTo(10).unsettled_scopes, 0u);
  EXPECT_EQ(tree_.router->LinkTo(1).unsettled_scopes, 0u);
}

TEST_F(OnDemand, Period_MovesBothWays) {
  tree_.router->options().sync_period_ms = 10'000;
  tree_.router->Stop();
  tree_.router->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Connect(*other_, *tree_.router);
  tree_.Run(3'000);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})").status.ok());
  tree_.Run(25'000);
  EXPECT_TRUE(Has(*tree_.server, "a"));
  EXPECT_TRUE(Configured(*other_));
}

TEST_F(OnDemand, SwitchedOffLink_IsSaidAtOnce) {
  (*tree_.router)->SwitchLink(1, false, [](const Status&) {});
  tree_.Run(100);
  EXPECT_THAT(Ask(*tree_.device, {.agent = 1}).status.message(), HasSubstr("tidegate link on 1"));
  EXPECT_TRUE(Ask(*tree_.device, {}).status.ok());
}

}  // namespace
}  // namespace tidegate::node
