// Links as a whole: what is told of them, switching by hand, health by progress.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LinksTest : public NodeTest {
 protected:
  Status Switch(TestNode& node, AgentId agent, bool on) {
    Status answer = Status::Internal("not answered");
    node->SwitchLink(agent, on, [&](Status given) { answer = std::move(given); });
    (void)node->Commit();
    return answer;
  }
};

TEST_F(LinksTest, Traffic_ShowsBytesOnTheWireAndBefore) {
  ASSERT_TRUE(tree_.device->Put("Status", R"({"state":")" + std::string(4'000, 'a') + R"("})").status.ok());
  tree_.Run(1'000);
  LinkStatus link = tree_.device->LinkTo(10);
  EXPECT_GT(link.plain_bytes_sent, 4'000u);
  EXPECT_LT(link.bytes_sent, link.plain_bytes_sent / 2);
  EXPECT_GT(link.plain_bytes_received, 0u);
  LinkStatus back = tree_.router->LinkTo(42);
  EXPECT_GT(back.plain_bytes_received, 4'000u);
}

TEST_F(LinksTest, Disconnect_IsRememberedWithItsReason) {
  EXPECT_EQ(tree_.router->LinkTo(1).last_disconnect, "");
  EXPECT_GE(tree_.device->LinkTo(10).up_age_ms, 0);
  const uint64_t connects = tree_.device->LinkTo(10).connects;
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.Run(1'000);
  LinkStatus link = tree_.device->LinkTo(10);
  EXPECT_EQ(link.last_disconnect, "cut");
  EXPECT_NE(link.last_disconnect_unix_ms, 0);
  EXPECT_EQ(link.up_age_ms, -1);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(1'000);
  EXPECT_EQ(tree_.device->LinkTo(10).connects, connects + 1);
  EXPECT_EQ(tree_.device->LinkTo(10).last_disconnect, "cut");
}

TEST_F(LinksTest, SwitchedOffByTheParent_ChildIsRefusedUntilItIsOnAgain) {
  ASSERT_TRUE(Switch(*tree_.router, 42, false).ok());
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(30'000);
  EXPECT_EQ(tree_.router->LinkTo(42).state, "off");
  EXPECT_EQ(tree_.router->LinkTo(42).last_disconnect, "switched off");
  EXPECT_EQ(tree_.device->LinkTo(10).state, "refused");
  EXPECT_THAT(tree_.device->LinkTo(10).last_error, HasSubstr("tidegate link on 42"));
  EXPECT_EQ(tree_.router->Get("Reading", R"({"id":"a"})", 42), "not_found");
  ASSERT_TRUE(Switch(*tree_.router, 42, true).ok());
  tree_.Run(30'000);
  EXPECT_EQ(tree_.router->LinkTo(42).state, "up");
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
}

TEST_F(LinksTest, WaitWhileTheParentIsAway_SaysWhatItWaitsFor) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  ASSERT_TRUE(Switch(*tree_.device, 10, false).ok());
  EXPECT_THAT(Sync(*tree_.device, SyncTarget::kServer, 1'000, 3'000).status.message(),
              HasSubstr("tidegate link on 10"));
  ASSERT_TRUE(Switch(*tree_.device, 10, true).ok());
  ASSERT_TRUE(Switch(*tree_.router, 42, false).ok());
  tree_.Run(3'000);
  EXPECT_THAT(Sync(*tree_.device, SyncTarget::kServer, 1'000, 3'000).status.message(),
              HasSubstr("the parent, agent 10"));
}

TEST_F(LinksTest, SwitchedOffByTheChild_IsSilentAndHealthyAndStaysSoOverARestart) {
  ASSERT_TRUE(Switch(*tree_.device, 10, false).ok());
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(1'000);
  EXPECT_EQ(tree_.device->LinkTo(10).state, "off");
  EXPECT_THAT((*tree_.device)->GetStatus().problems, IsEmpty()) << "somebody wants it so";
  tree_.device->Stop();
  tree_.device->Start();
  tree_.Connect(*tree_.device, *tree_.router);
  uint64_t frames = 0;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame&) {
    frames += &from == tree_.device ? 1 : 0;
    return true;
  };
  tree_.Run(60'000);
  EXPECT_EQ(frames, 0u);
  EXPECT_EQ(tree_.device->LinkTo(10).state, "off");
  ASSERT_TRUE(Switch(*tree_.device, 10, true).ok());
  tree_.Run(1'000);
  EXPECT_EQ(tree_.device->LinkTo(10).state, "up");
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
}

TEST_F(LinksTest, SwitchingNobody_IsAnError) { EXPECT_EQ(Switch(*tree_.device, 99, false).code(), Code::kNotFound); }

TEST_F(LinksTest, AllSwitchedOff_NobodyIsSpokenToNorTakenInUntilOn) {
  ASSERT_TRUE(Switch(*tree_.router, kAgentAll, false).ok());
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  TestNode& stranger = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  stranger.Start();
  tree_.Connect(stranger, *tree_.router);
  tree_.Run(20'000);
  EXPECT_EQ(tree_.router->LinkTo(1).state, "off");
  EXPECT_EQ(tree_.router->LinkTo(42).state, "off");
  EXPECT_THAT(tree_.device->LinkTo(10).last_error, HasSubstr("tidegate link on all"));
  EXPECT_NE(stranger.LinkTo(10).state, "up");
  EXPECT_TRUE((*tree_.router)->GetStatus().links_off);
  EXPECT_THAT((*tree_.router)->GetStatus().problems, IsEmpty()) << "somebody wants it so";
  tree_.router->Stop();
  tree_.router->Start();
  for (TestNode* child : {tree_.device, &stranger}) {
    tree_.Disconnect(*child, *tree_.router);
    tree_.Connect(*child, *tree_.router);
  }
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(40'000);
  EXPECT_EQ(tree_.router->LinkTo(1).state, "off") << "after a restart too";
  EXPECT_EQ(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
  ASSERT_TRUE(Switch(*tree_.router, kAgentAll, true).ok());
  tree_.Run(60'000);
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
  EXPECT_EQ(stranger.LinkTo(10).state, "up");
}

TEST_F(LinksTest, OneThatIsOffByItself_StaysSoWhenAllAreSwitchedOn) {
  ASSERT_TRUE(Switch(*tree_.router, 42, false).ok());
  ASSERT_TRUE(Switch(*tree_.router, kAgentAll, false).ok());
  ASSERT_TRUE(Switch(*tree_.router, kAgentAll, true).ok());
  tree_.Run(40'000);
  EXPECT_EQ(tree_.router->LinkTo(1).state, "up");
  EXPECT_EQ(tree_.router->LinkTo(42).state, "off");
}

TEST_F(LinksTest, SwitchedOffWhileTheAnswerToAHelloIsOnItsWay_StaysDown) {
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    if (&from == tree_.router && std::holds_alternative<wire::Hello>(frame.body))
      (*tree_.device)->SwitchLink(10, false, [](const Status&) {});
    return true;
  };
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(10'000);
  EXPECT_EQ(tree_.device->LinkTo(10).state, "off");
}

TEST_F(LinksTest, SwitchThatIsNotDurable_ChangesNothing) {
  tree_.router->FailCommits(1);
  EXPECT_FALSE(Switch(*tree_.router, 42, false).ok());
  tree_.router->FailCommits(1);
  EXPECT_FALSE(Switch(*tree_.router, kAgentAll, false).ok());
  tree_.Run(1'000);
  EXPECT_EQ(tree_.router->LinkTo(42).state, "up");
  EXPECT_EQ(tree_.router->LinkTo(1).state, "up");
}

// ---- health ----

// Batches of the device vanish, everything else arrives.
TEST_F(LinksTest, ConnectedButNotMoving_IsUnhealthyAndOpenedAnew) {
  bool vanish = true;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    return !(vanish && &from == tree_.device && std::holds_alternative<wire::Batch>(frame.body));
  };
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(50'000);
  EXPECT_THAT(tree_.device->closed, IsEmpty());
  EXPECT_EQ(tree_.device->LinkTo(10).state, "up");
  tree_.Run(15'000);
  ASSERT_THAT(tree_.device->closed, ElementsAre(HasSubstr("connected but not moving")));
  EXPECT_EQ(tree_.device->counter("tidegate_stalls_total"), 1u);
  NodeStatus status = (*tree_.device)->GetStatus();
  EXPECT_FALSE(status.healthy);
  EXPECT_TRUE(tree_.device->LinkTo(10).stalled);
  EXPECT_THAT(tree_.device->LinkTo(10).last_disconnect, HasSubstr("connected but not moving"));
  // The new connection is no better: it is tried again, and stays unhealthy between.
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(30'000);
  EXPECT_EQ(tree_.device->LinkTo(10).state, "up");
  EXPECT_FALSE((*tree_.device)->GetStatus().healthy);
  tree_.Run(35'000);
  EXPECT_EQ(tree_.device->closed.size(), 2u);
  vanish = false;
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(5'000);
  EXPECT_TRUE((*tree_.device)->GetStatus().healthy);
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
}

TEST_F(LinksTest, ChildThatAcknowledgesNothing_IsOpenedAnewByItsParent) {
  tree_.network = [&](TestNode& from, TestNode& to, const wire::DecodedFrame& frame) {
    return !(&from == tree_.router && &to == tree_.device && std::holds_alternative<wire::Batch>(frame.body));
  };
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})").status.ok());
  tree_.Run(65'000);
  EXPECT_THAT(tree_.router->closed, ElementsAre(HasSubstr("connected but not moving")));
  EXPECT_EQ(tree_.router->LinkTo(42).stalls, 1u);
  EXPECT_EQ(tree_.router->LinkTo(1).stalls, 0u);
}

TEST_F(LinksTest, IdleLink_IsNeverOpenedAnew) {
  const uint64_t connects = tree_.router->LinkTo(42).connects;
  tree_.Run(600'000);
  EXPECT_THAT(tree_.device->closed, IsEmpty());
  EXPECT_EQ(tree_.router->LinkTo(42).connects, connects);
}

// Waiting begins with the change, not with the silence before it.
TEST_F(LinksTest, LongIdleThenSlow_IsGivenItsTime) {
  tree_.Run(300'000);
  bool vanish = true;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    return !(vanish && &from == tree_.device && std::holds_alternative<wire::Batch>(frame.body));
  };
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(40'000);
  vanish = false;
  tree_.Run(20'000);
  EXPECT_THAT(tree_.device->closed, IsEmpty());
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
}

TEST_F(LinksTest, ShutWindow_IsNoStall) {
  TestNode& device = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  device.Start();
  core::TransportSession session = device.OpenSession(core::Side::kParent, 10);
  wire::SessionId id = device.TakeSent().back().session;
  device.Receive(session, id, HelloOf(10, TG_ROLE_ROUTER, 2));
  wire::Ack shut;
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    wire::LaneAck entry;
    entry.lane = lane;
    entry.begin = 1;
    entry.window_bytes = 0;
    shut.lanes.push_back(entry);
  }
  ASSERT_TRUE(device.Put("Reading", R"({"id":"a"})").status.ok());
  for (int i = 0; i < 12; ++i) {
    device.Receive(session, id, shut);
    tree_.Run(10'000);
  }
  EXPECT_THAT(device.closed, IsEmpty());
}

}  // namespace
}  // namespace tidegate::node
