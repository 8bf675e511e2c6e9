// What plugins are told and asked, on the stepped tree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/base/views.h"
#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Notes what it is told; vetoes what a test says.
class Heard : public core::Events {
 public:
  uint32_t interests() const override { return ~0u; }
  Status Connecting(const tg_link_event& link) override {
    if (link.agent == unwanted) return Status::Refused("agent " + std::to_string(link.agent) + " is not wanted");
    return {};
  }
  Status Changing(const tg_change_event& event) override {
    const tg_change& change = *event.change;
    std::string text = View(change.body).empty() ? "removed" : std::string(View(change.body));
    if (!veto.empty() && text.find(veto) != std::string::npos) return Status::Refused("not " + veto);
    return {};
  }
  void Connected(const tg_link_event& link) override { Tell("connected " + Name(link.side, link.agent)); }
  void Disconnected(const tg_link_event& link) override {
    Tell("disconnected " + Name(link.side, link.agent) + ": " + std::string(View(link.reason)));
  }
  void Changed(const tg_change_event& event) override {
    Tell("changed " + std::string(View(event.change->key.sk)) + " from " + Name(event.side, event.agent));
    EXPECT_NE(event.change->seq, 0u);
  }
  void Received(const tg_receive_event& event) override {
    if (event.changes == 0) return;
    Tell("received " + std::to_string(event.changes) + " of " + Name(event.side, event.agent) + ", refused " +
         std::to_string(event.quarantined));
  }
  void Acked(const tg_ack_event& event) override {
    if (event.lane == TG_LANE_HISTORY) acked = event.hop.position;
    if (event.lane == TG_LANE_HISTORY) delivered = event.delivered.position;
  }

  std::string veto;
  AgentId unwanted = 0;
  std::vector<std::string> told;
  uint64_t acked = 0, delivered = 0;

 private:
  static std::string Name(uint32_t side, AgentId agent) {
    return (side == 0 ? "here " : side == TG_SIDE_PARENT ? "parent " : "child ") + std::to_string(agent);
  }
  void Tell(std::string what) { told.push_back(std::move(what)); }
};

class EventsTest : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    Listen(*tree_.router);
  }
  // Starts the node anew with the plugin, under the tree as it was.
  void Listen(TestNode& node) {
    node.Stop();
    node.events = &heard_;
    node.Start();
    tree_.Connect(*tree_.router, *tree_.server);
    tree_.Connect(*tree_.device, *tree_.router);
    tree_.Run(2'000);
  }
  Heard heard_;
};

TEST_F(EventsTest, Links_AreToldOnceEach) {
  EXPECT_THAT(heard_.told, UnorderedElementsAre("connected parent 1", "connected child 42"));
  heard_.told.clear();
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.Run(1'000);
  EXPECT_THAT(heard_.told, ElementsAre("disconnected child 42: cut"));
}

TEST_F(EventsTest, Changes_AreToldWithWhereTheyComeFrom) {
  heard_.told.clear();
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"up"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"down"})").status.ok());
  tree_.Run(1'000);
  ASSERT_TRUE(tree_.router->Put("Note", R"({"name":"mine"})").status.ok());
  EXPECT_THAT(heard_.told, UnorderedElementsAre("changed r#up from child 42", "received 1 of child 42, refused 0",
                                                "changed c#down from parent 1", "received 1 of parent 1, refused 0",
                                                "changed n#mine from here 0"));
  EXPECT_NE(heard_.acked, 0u);
  EXPECT_EQ(heard_.delivered, heard_.acked);
}

TEST_F(EventsTest, VetoedLocalWrite_IsRefusedWithTheReasonAndItsTransactionWithIt) {
  heard_.veto = "secret";
  EXPECT_EQ(tree_.router->Put("Note", R"({"name":"secret"})").status.message(), "not secret");
  replica::Write good, bad;
  good.model = bad.model = "Note";
  good.properties = R"({"name":"good"})";
  bad.properties = R"({"name":"secret"})";
  replica::WriteAnswer answer = tree_.router->Write({good, bad});
  EXPECT_EQ(answer.status.code(), Code::kRefused);
  EXPECT_EQ(answer.failed_at, 1u);
  EXPECT_EQ(tree_.router->Get("Note", R"({"name":"good"})"), "not_found");
  heard_.veto = "removed";
  ASSERT_TRUE(tree_.router->Put("Note", R"({"name":"kept"})").status.ok());
  EXPECT_EQ(tree_.router->Remove("Note", R"({"name":"kept"})").status.message(), "not removed");
}

TEST_F(EventsTest, VetoedIncomingChange_IsQuarantinedWithTheReasonAtBothEndsAndNothingWaits) {
  heard_.veto = "secret";
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"secret"})").status.ok());
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"plain"})").status.ok());
  tree_.Run(1'000);
  EXPECT_EQ(tree_.router->Get("Reading", R"({"id":"secret"})", 42), "not_found");
  EXPECT_EQ(tree_.server->Get("Reading", R"({"id":"secret"})", 42), "not_found");
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"plain"})", 42), "not_found");
  for (TestNode* node : {tree_.router, tree_.device}) {
    ASSERT_EQ(node->Quarantine().size(), 1u);
    EXPECT_EQ(node->Quarantine()[0].reason, "not secret");
  }
  EXPECT_THAT(heard_.told, Contains("received 1 of child 42, refused 1"));
  // What is read anew is asked anew.
  heard_.veto.clear();
  (*tree_.router)->CatalogChanged();
  tree_.Run(1'000);
  EXPECT_THAT(tree_.router->Quarantine(), IsEmpty());
  EXPECT_THAT(tree_.device->Quarantine(), IsEmpty());
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"secret"})", 42), "not_found");
}

TEST_F(EventsTest, VetoedItemOfATransaction_QuarantinesAllOfIt) {
  heard_.veto = "secret";
  replica::Write good, bad;
  good.model = bad.model = "Reading";
  good.properties = R"({"id":"good"})";
  bad.properties = R"({"id":"secret"})";
  ASSERT_TRUE(tree_.device->Write({good, bad}).status.ok());
  tree_.Run(1'000);
  EXPECT_EQ(tree_.router->Get("Reading", R"({"id":"good"})", 42), "not_found");
  EXPECT_EQ(tree_.router->Quarantine().size(), 2u);
}

TEST_F(EventsTest, VetoedByReconcile_IsQuarantinedAndThePassEnds) {
  heard_.veto = "secret";
  TestNode& other = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  other.Start();
  tree_.Disconnect(*tree_.router, *tree_.server);
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"secret"})", 43).status.ok());
  tree_.Connect(other, *tree_.router);
  tree_.Connect(*tree_.router, *tree_.server);  // 43 is new below the router: what is for it is compared
  tree_.Run(5'000);
  ASSERT_EQ(tree_.router->Quarantine().size(), 1u);
  EXPECT_EQ(tree_.router->Quarantine()[0].reason, "not secret");
  EXPECT_EQ(tree_.router->LinkTo(1).unsettled_scopes, 0u);
}

TEST_F(EventsTest, VetoedNeighbour_IsRefusedUntilItIsWanted) {
  tree_.Disconnect(*tree_.device, *tree_.router);
  heard_.unwanted = 42;
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(1'000);
  EXPECT_EQ(tree_.device->LinkTo(10).state, "refused");
  EXPECT_EQ(tree_.device->LinkTo(10).last_error, "agent 42 is not wanted");
  heard_.unwanted = 1;
  tree_.Disconnect(*tree_.router, *tree_.server);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(1'000);
  EXPECT_EQ(tree_.router->LinkTo(1).state, "refused");
  heard_.unwanted = 0;
  tree_.Run(60'000);
  EXPECT_EQ(tree_.device->LinkTo(10).state, "up");
  EXPECT_EQ(tree_.router->LinkTo(1).state, "up");
}

}  // namespace
}  // namespace tidegate::node
