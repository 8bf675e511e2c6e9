// Routes that age out, and edges of ourselves that others still have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kDayMs = 24 * 3'600'000;

class RoutesAge : public NodeTest {
 protected:
  // Connections outlive the leaps of time.
  void SetUp() override {
    tree_.server = &tree_.Add(1, TG_ROLE_SERVER, 1);
    tree_.router = &tree_.Add(10, TG_ROLE_ROUTER, 2);
    tree_.device = &tree_.Add(42, TG_ROLE_DEVICE, 65535);
    for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
      node->options().keepalive_ms = kDayMs;
      node->options().link_timeout_ms = 20 * kDayMs;
      node->Start();
    }
    tree_.Connect(*tree_.router, *tree_.server);
    tree_.Connect(*tree_.device, *tree_.router);
    tree_.Run(1'000);
  }
  // Time passes, and the nodes look at the clock now and then.
  void Days(int days) {
    for (int hour = 0; hour < days * 2; ++hour) {
      tree_.clock.now_us += 12 * 3'600'000'000;
      tree_.Run(30'000);
    }
  }
  bool Lists(TestNode& node, AgentId neighbour) {
    for (const LinkStatus& link : node->GetStatus().links) {
      if (link.agent == neighbour && !link.is_parent) return true;
    }
    return false;
  }
};

TEST_F(RoutesAge, ChildThatNeverComesBack_IsForgottenAndItsWorkKept) {
  tree_.Disconnect(*tree_.router, *tree_.server);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a","value":1})").status.ok());
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.device->Stop();
  Days(179);
  EXPECT_TRUE(Lists(*tree_.router, 42));
  Days(2);
  EXPECT_FALSE(Lists(*tree_.router, 42));
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(60'000);
  EXPECT_THAT(tree_.server->Get("Reading", R"({"id":"a"})", 42), HasSubstr("\"value\":1")) << "late, and all the same";
  Days(1);
  tree_.router->Stop();
  tree_.router->Start();
  EXPECT_FALSE(Lists(*tree_.router, 42)) << "for good";
}

TEST_F(RoutesAge, ForgottenChildThatReturns_IsComparedAndLacksNothing) {
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"old","value":"1"})", 42).status.ok());
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"mine","value":"1"})").status.ok());
  tree_.Run(2'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"b","value":2})").status.ok());
  Days(181);
  ASSERT_FALSE(Lists(*tree_.router, 42));
  EXPECT_EQ(tree_.router->Get("Config", R"({"name":"old"})", 42), "not_found") << "what goes down is not kept for it";
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"new","value":"2"})", 42).status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"old","value":"3"})", 42).status.ok());
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(120'000);
  EXPECT_THAT(tree_.device->Get("Config", R"({"name":"new"})"), HasSubstr("\"value\":\"2\""));
  EXPECT_THAT(tree_.device->Get("Config", R"({"name":"old"})"), HasSubstr("\"value\":\"3\""));
  EXPECT_THAT(tree_.server->Get("Setting", R"({"name":"mine"})", 42), HasSubstr("\"value\":\"1\""));
  EXPECT_THAT(tree_.server->Get("Reading", R"({"id":"b"})", 42), HasSubstr("\"value\":2"));
  EXPECT_EQ(tree_.device->LinkTo(10).unsettled_scopes, 0u);
}

// The router gave the server a state, and drops it with the forgotten child; then it takes an older one from the child
// and passes on what was made of that: the server's state loses without having been known (seed 117 of leases).
TEST_F(RoutesAge, OlderStateOfAForgottenChild_TheLoserIsJournaled) {
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x","value":"1"})").status.ok());
  tree_.Run(2'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x","value":"2"})").status.ok());
  tree_.Run(1'000);
  replica::Write edit;
  edit.mode = replica::WriteMode::kUpdate;
  edit.model = "Setting";
  edit.properties = R"({"name":"x","value":"3"})";
  edit.owner = 42;
  ASSERT_TRUE(tree_.router->Write({edit}).status.ok());
  tree_.Run(2'000);
  ASSERT_THAT(tree_.server->Get("Setting", R"({"name":"x"})", 42), HasSubstr("\"value\":\"3\""));
  Days(181);
  ASSERT_EQ(tree_.router->Get("Setting", R"({"name":"x"})", 42), "not_found");
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    return &from != tree_.server || !std::holds_alternative<wire::CompareAnswer>(frame.body);
  };
  tree_.Connect(*tree_.device, *tree_.router);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x","value":"4"})").status.ok());
  tree_.Run(5'000);
  ASSERT_THAT(tree_.server->Get("Setting", R"({"name":"x"})", 42), HasSubstr("\"value\":\"4\""));
  ASSERT_EQ(tree_.server->Conflicts().size(), 1u);
  EXPECT_THAT(tree_.server->operator->()->Conflict(1)->item, HasSubstr("\"value\":\"3\""));
}

TEST_F(RoutesAge, DeletedMeanwhile_IsGoneWhenTheForgottenChildReturns) {
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"old","value":"1"})", 42).status.ok());
  tree_.Run(2'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  Days(181);
  ASSERT_TRUE(tree_.server->Remove("Config", R"({"name":"old"})", 42).status.ok());
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(120'000);
  EXPECT_EQ(tree_.device->Get("Config", R"({"name":"old"})"), "not_found");
}

TEST_F(RoutesAge, WhoIsConnected_IsNeverForgottenHoweverLongItsSession) {
  Days(400);
  EXPECT_TRUE(Lists(*tree_.router, 42));
  tree_.Disconnect(*tree_.device, *tree_.router);
  Days(2);
  EXPECT_TRUE(Lists(*tree_.router, 42)) << "its age begins now";
}

TEST_F(RoutesAge, RouterThatIsForgotten_TakesWhatIsBelowItAlong) {
  tree_.Disconnect(*tree_.router, *tree_.server);
  Days(181);
  EXPECT_FALSE(Lists(*tree_.server, 10));
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(60'000);
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a","value":"1"})", 42).status.ok());
  tree_.Run(60'000);
  EXPECT_THAT(tree_.device->Get("Config", R"({"name":"a"})"), HasSubstr("\"value\":\"1\""));
}

// A child may still list this node below it when it has long gone elsewhere: that is no loop.
TEST_F(RoutesAge, OlderEdgeOfThisNode_IsAnsweredWithThePresentOne) {
  wire::Hello hello = HelloOf(50, TG_ROLE_ROUTER, 9);
  hello.edges.resize(1);
  hello.edges[0] = {10, 50, 0, 7};
  core::TransportSession session = tree_.router->OpenSession(core::Side::kChild, 50);
  tree_.router->TakeSent();
  tree_.router->Receive(session, 77, hello);
  std::vector<wire::Hello> answers = SentBodies<wire::Hello>(*tree_.router);
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_EQ(answers[0].edges.size(), 1u);
  EXPECT_EQ(answers[0].edges[0].agent, 10u);
  EXPECT_EQ(answers[0].edges[0].parent, 1u);
  EXPECT_GT(answers[0].edges[0].attach_epoch, 0u);
}

TEST_F(RoutesAge, LoopThatARoutesFrameShows_EndsTheSession) {
  core::TransportSession session = tree_.router->OpenSession(core::Side::kChild, 50);
  tree_.router->Receive(session, 77, HelloOf(50, TG_ROLE_ROUTER, 9));
  ASSERT_EQ(tree_.router->LinkTo(50).state, "up");
  tree_.router->TakeSent();
  wire::Routes routes;
  routes.number = 1;
  routes.edges.resize(1);
  routes.edges[0] = {10, 50, 1'000, 7};
  tree_.router->Receive(session, 77, routes);
  std::vector<wire::Refuse> refusals = SentBodies<wire::Refuse>(*tree_.router);
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].reason, wire::RefuseReason::kLoop);
  EXPECT_NE(tree_.router->LinkTo(50).state, "up");
}

}  // namespace
}  // namespace tidegate::node
