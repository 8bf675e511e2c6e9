// What is in quarantine is tried again and dropped by hand, at either end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr QuarantineAction kRetry = QuarantineAction::kRetry;
constexpr QuarantineAction kDrop = QuarantineAction::kDrop;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayUs = 24 * kHourMs * 1000;

// Refuses what says `veto` where it comes in, until the test thinks better of it; nobody reloads anything.
class Veto : public core::Events {
 public:
  uint32_t interests() const override { return kChanging; }
  Status Connecting(const tg_link_event&) override { return {}; }
  Status Changing(const tg_change_event& event) override {
    std::string_view body(reinterpret_cast<const char*>(event.change->body.data), event.change->body.size);
    if (!text.empty() && body.find(text) != std::string_view::npos) return Status::Refused("not " + text);
    return {};
  }
  void Connected(const tg_link_event&) override {}
  void Disconnected(const tg_link_event&) override {}
  void Changed(const tg_change_event&) override {}
  void Received(const tg_receive_event&) override {}
  void Acked(const tg_ack_event&) override {}
  std::string text = "bad";
};

class ByHand : public NodeTest {
 protected:
  void Listen(TestNode& node) {
    DisconnectAll();
    node.Stop();
    node.events = &veto_;
    node.Start();
    ConnectAll();
    tree_.Run(1'000);
  }
  void Put(TestNode& node, const std::string& model, const std::string& json, std::optional<AgentId> to = {}) {
    replica::WriteAnswer answer = node.Put(model, json, to);
    ASSERT_TRUE(answer.status.ok()) << answer.status.message();
    tree_.Run(2'000);
  }
  void ExpectListed(size_t count) {
    for (TestNode* node : {tree_.server, tree_.router, tree_.device})
      EXPECT_EQ(node->Quarantine().size(), count) << "at agent " << node->agent();
  }
  // A setting of the device that the router, which lacks it, takes for one that may have been deleted.
  void MakeMaybeDeleted() {
    Put(*tree_.device, "Setting", R"({"name":"x","value":"1"})");
    Put(*tree_.server, "Config", R"({"name":"gone"})");
    tree_.Disconnect(*tree_.device, *tree_.router);
    ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"y","value":"2"})").status.ok());
    ASSERT_TRUE(tree_.server->Remove("Config", R"({"name":"gone"})", 0).status.ok());
    for (int i = 0; i < 5; ++i) {
      tree_.Disconnect(*tree_.router, *tree_.server);
      tree_.clock.now_us += 10 * kDayUs;
      tree_.Connect(*tree_.router, *tree_.server);
      tree_.Run(kHourMs + 300'000);
    }
    tree_.Connect(*tree_.device, *tree_.router);
    tree_.Run(60'000);
    ASSERT_EQ(tree_.device->Quarantine().size(), 1u);
    ASSERT_THAT(tree_.device->Quarantine()[0].reason, HasSubstr("maybe_deleted"));
  }
  Veto veto_;
};

TEST_F(ByHand, Entry_IsShownWithItsItemAtBothEnds) {
  Listen(*tree_.server);
  Put(*tree_.device, "Reading", R"({"id":"bad","value":1})");
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
    ASSERT_EQ(node->Quarantine().size(), 1u);
    const std::string id = node->Quarantine()[0].id;
    EXPECT_EQ(id.size(), 12u);
    auto entry = (*node)->Quarantined(id);
    ASSERT_TRUE(entry.ok());
    EXPECT_THAT(entry->item, HasSubstr("\"value\":1"));
    EXPECT_THAT(entry->reason, HasSubstr("not bad"));
    EXPECT_EQ(entry->writer, 42u);
    EXPECT_EQ((*node)->Quarantined("0123").status().code(), Code::kNotFound);
  }
}

TEST_F(ByHand, RetryAtWhoRefused_TakesItAndEndsItAtAllEnds) {
  Listen(*tree_.server);
  Put(*tree_.device, "Reading", R"({"id":"bad"})");
  ExpectListed(1);
  QuarantineAnswer still = tree_.server->Act(kRetry);
  EXPECT_TRUE(still.status.ok());
  EXPECT_EQ(still.done, 0u);
  ASSERT_EQ(still.failed.size(), 1u);
  EXPECT_THAT(still.failed[0].reason, HasSubstr("not bad"));
  veto_.text.clear();
  EXPECT_EQ(tree_.server->Act(kRetry, tree_.server->Quarantine()[0].id).done, 1u);
  tree_.Run(5'000);
  ExpectListed(0);
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"bad"})", 42), "not_found");
}

TEST_F(ByHand, RetryAtTheWriter_GoesUpToWhoRefused) {
  Listen(*tree_.server);
  Put(*tree_.device, "Reading", R"({"id":"bad"})");
  EXPECT_EQ(tree_.device->Act(kRetry, tree_.device->Quarantine()[0].id).done, 1u);
  tree_.Run(5'000);
  ExpectListed(1);  // refused again
  veto_.text.clear();
  EXPECT_EQ(tree_.device->Act(kRetry, "", "Reading").done, 1u);
  tree_.Run(5'000);
  ExpectListed(0);
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"bad"})", 42), "not_found");
}

TEST_F(ByHand, RetryBetween_GoesUpToo) {
  Listen(*tree_.server);
  Put(*tree_.device, "Reading", R"({"id":"bad"})");
  veto_.text.clear();
  EXPECT_EQ(tree_.router->Act(kRetry).done, 1u);
  tree_.Run(5'000);
  ExpectListed(0);
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"bad"})", 42), "not_found");
}

TEST_F(ByHand, RetryOfOne_TakesItsTransactionAlong) {
  Listen(*tree_.server);
  replica::Transaction transaction(2);
  transaction[0].model = transaction[1].model = "Reading";
  transaction[0].properties = R"({"id":"bad"})";
  transaction[1].properties = R"({"id":"good"})";
  ASSERT_TRUE(tree_.device->Write(transaction).status.ok());
  tree_.Run(2'000);
  ExpectListed(2);
  std::vector<std::string> reasons;
  for (const QuarantineEntry& entry : tree_.device->Quarantine()) reasons.push_back(entry.reason);
  EXPECT_THAT(reasons, ::testing::UnorderedElementsAre(
                           HasSubstr("not bad; its transaction was refused with it"),
                           AllOf(HasSubstr("its transaction was refused, for Reading"), HasSubstr("not bad"))))
      << "which of them is bad";
  veto_.text.clear();
  EXPECT_EQ(tree_.server->Act(kRetry, tree_.server->Quarantine()[0].id).done, 2u);
  tree_.Run(5'000);
  ExpectListed(0);
}

TEST_F(ByHand, RetryOfADownItem_AtTheServer) {
  Listen(*tree_.device);
  Put(*tree_.server, "Config", R"({"name":"c","value":"bad"})", 42);
  ExpectListed(1);
  EXPECT_EQ(tree_.device->Act(kDrop).failed_count, 1u) << "it is the server's";
  veto_.text.clear();
  EXPECT_EQ(tree_.server->Act(kRetry).done, 1u);
  tree_.Run(5'000);
  ExpectListed(0);
  EXPECT_NE(tree_.device->Get("Config", R"({"name":"c"})"), "not_found");
}

// The server gives an up item up; its writer keeps it, and does not send it again by itself.
TEST_F(ByHand, DropAtTheServer_IsJournaledThereAndStaysAtItsWriter) {
  Listen(*tree_.server);
  Put(*tree_.device, "Reading", R"({"id":"bad","value":7})");
  EXPECT_EQ(tree_.server->Act(kDrop, tree_.server->Quarantine()[0].id).done, 1u);
  tree_.Run(5'000);
  ExpectListed(0);
  ASSERT_EQ(tree_.server->Conflicts().size(), 1u);
  EXPECT_THAT(tree_.server->Conflicts()[0].reason, HasSubstr("dropped by hand"));
  EXPECT_THAT(tree_.server->operator->()->Conflict(1)->item, HasSubstr("\"value\":7"));
  EXPECT_NE(tree_.device->Get("Reading", R"({"id":"bad"})"), "not_found");
  EXPECT_EQ(tree_.device->counter("tidegate_quarantine_dropped_total"), 1u);
  DisconnectAll();
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) Restart(*node);
  ConnectAll();
  tree_.Run(20'000);
  ExpectListed(0);
}

// Neither a comparison that a node makes by itself brings it back, nor the doubts after a restart.
TEST_F(ByHand, DropAtTheServer_NoComparisonByItselfBringsItBack) {
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
    NodeOptions& options = node->options();
    options.verify_period_ms = 30'000;
    options.verify_on_doubt = true;
    options.verify_delay_ms = 1'000;
    options.verify_rest_ms = 1'000;
    options.verify_rows_per_s = 1'000;
  }
  Listen(*tree_.server);
  DisconnectAll();
  for (TestNode* node : {tree_.router, tree_.device}) Restart(*node);
  ConnectAll();
  Put(*tree_.device, "Reading", R"({"id":"bad","value":7})");
  EXPECT_EQ(tree_.server->Act(kDrop).done, 1u);
  tree_.Run(200'000);
  ExpectListed(0);
  DisconnectAll();
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) Restart(*node);
  ConnectAll();
  tree_.Run(200'000);
  ExpectListed(0);
  EXPECT_TRUE((*tree_.server)->GetStatus().problems.empty());
  EXPECT_GE(tree_.router->counter("tidegate_verify_runs_total"), 2u);
  EXPECT_EQ(tree_.router->counter("tidegate_verify_differences_total"), 0u);
  // Who asks is told, and has it judged anew.
  EXPECT_THAT(Verify(*tree_.router, 1, false).report->models, ::testing::SizeIs(1));
  Verify(*tree_.router, 1, true);
  ExpectListed(1);
}

// Repaired at a router, which is not its writer, when it is good by then: its writer hears that it is there.
TEST_F(ByHand, DroppedAtTheServerAndTakenAfterARepairBetween_ItsWriterSaysSoNoMore) {
  for (const bool restarted : {false, true}) {
    veto_.text = "bad";
    Listen(*tree_.server);
    const std::string item = restarted ? R"({"id":"bad2"})" : R"({"id":"bad1"})";
    Put(*tree_.device, "Reading", item);
    EXPECT_EQ(tree_.server->Act(kDrop).done, 1u);
    tree_.Run(5'000);
    if (restarted) {
      DisconnectAll();
      for (TestNode* node : {tree_.server, tree_.router, tree_.device}) Restart(*node);
      ConnectAll();
      tree_.Run(5'000);
    }
    EXPECT_EQ(Sync(*tree_.device, SyncTarget::kServer, 10'000, 11'000).dropped_count, 1u);
    veto_.text.clear();
    Verify(*tree_.router, 1, true);
    tree_.Run(5'000);
    EXPECT_NE(tree_.server->Get("Reading", item, 42), "not_found");
    EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kServer, 10'000, 11'000).complete());
    EXPECT_THAT((*tree_.device)->GetStatus().losses, IsEmpty());
  }
}

// It is at its writer and nowhere above: that is not delivered, and nothing drops it here as if it were.
TEST_F(ByHand, DropAtTheServer_ItsWriterSaysThatItIsNotThereUntilItIsWrittenAnew) {
  Listen(*tree_.server);
  Put(*tree_.device, "Reading", R"({"id":"bad","value":7})");
  Put(*tree_.device, "Reading", R"({"id":"fine","value":1})");
  EXPECT_EQ(tree_.server->Act(kDrop).done, 1u);
  tree_.Run(5'000);
  for (int round = 0; round < 2; ++round) {
    SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer, 10'000, 11'000);
    EXPECT_TRUE(answer.status.ok());
    EXPECT_FALSE(answer.complete());
    EXPECT_EQ(answer.quarantined_count, 0u);
    ASSERT_EQ(answer.dropped.size(), 1u);
    EXPECT_EQ(answer.dropped_count, 1u);
    EXPECT_EQ(answer.dropped[0].sk, "r#bad");
    EXPECT_EQ(answer.dropped[0].by, kAgentServer);
    EXPECT_THAT(answer.dropped[0].reason, HasSubstr("dropped there by hand; it was refused: "));
    EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kHop, 10'000, 11'000).complete()) << "the parent has it";
    const NodeStatus status = (*tree_.device)->GetStatus();
    ASSERT_EQ(status.losses.size(), 1u);
    EXPECT_EQ(status.losses[0].items, 1u);
    EXPECT_THAT(status.losses[0].reason, HasSubstr("by hand at agent 1"));
    EXPECT_THAT(status.problems, IsEmpty()) << "an operator wanted it so";
    ClearAnswer cleared;
    (*tree_.device)->Clear({kAgentAll, "", SyncTarget::kServer}, [&](ClearAnswer given) { cleared = given; });
    tree_.Run(1'000);
    EXPECT_EQ(cleared.cleared, round == 0 ? 1u : 0u) << "what was dropped above stays with its writer";
    EXPECT_NE(tree_.device->Get("Reading", R"({"id":"bad"})"), "not_found");
    DisconnectAll();
    for (TestNode* node : {tree_.server, tree_.router, tree_.device}) Restart(*node);
    ConnectAll();
    tree_.Run(20'000);
  }
  veto_.text.clear();
  Put(*tree_.device, "Reading", R"({"id":"bad","value":8})");
  SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer, 10'000, 11'000);
  EXPECT_TRUE(answer.complete());
  EXPECT_THAT(answer.dropped, IsEmpty());
  EXPECT_THAT((*tree_.device)->GetStatus().losses, IsEmpty());
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"bad"})", 42), "not_found");
}

TEST_F(ByHand, RetryAtTheRouterThenDropAtTheServer_ItsWriterNamesItOnce) {
  for (const int64_t between_ms : {0, 5, 2'000}) {
    if (between_ms == 0) Listen(*tree_.server);
    const std::string item = R"({"id":"bad)" + std::to_string(between_ms) + R"("})";
    Put(*tree_.device, "Reading", item);
    EXPECT_EQ(tree_.router->Act(kRetry).done, 1u);
    tree_.Run(between_ms);
    EXPECT_EQ(tree_.server->Act(kDrop).done, 1u);
    tree_.Run(20'000);
    SyncAnswer answer = Sync(*tree_.device, SyncTarget::kServer, 10'000, 11'000);
    EXPECT_FALSE(answer.complete()) << between_ms;
    EXPECT_EQ(answer.quarantined_count + answer.dropped_count, 1u)
        << between_ms << " ms: refused " << answer.quarantined_count << ", dropped " << answer.dropped_count;
    EXPECT_EQ(tree_.server->Act(kDrop).done, answer.quarantined_count);
    ASSERT_TRUE(tree_.device->Remove("Reading", item).status.ok());
    tree_.Run(20'000);
  }
}

TEST_F(ByHand, ModelThatNobodyKnows_IsAnErrorAndAnEmptyListIsNone) {
  EXPECT_EQ(tree_.router->Act(kRetry).status.code(), Code::kOk);
  for (QuarantineAction action : {kRetry, kDrop}) {
    QuarantineAnswer known, unknown;
    (*tree_.router)->ActOnQuarantine({action, "", "Reading"}, [&](QuarantineAnswer given) { known = given; });
    (*tree_.router)->ActOnQuarantine({action, "", "Nope"}, [&](QuarantineAnswer given) { unknown = given; });
    tree_.Run(100);
    EXPECT_EQ(known.status.code(), Code::kOk) << known.status.message();
    EXPECT_EQ(unknown.status.code(), Code::kNotFound);
  }
}

TEST_F(ByHand, DropWhileNobodyListens_IsToldAfterARestart) {
  Listen(*tree_.server);
  Put(*tree_.device, "Reading", R"({"id":"bad"})");
  DisconnectAll();
  EXPECT_EQ(tree_.server->Act(kDrop).done, 1u);
  Restart(*tree_.server);
  ConnectAll();
  tree_.Run(20'000);
  ExpectListed(0);
  // It is known everywhere: written anew it is judged anew.
  Put(*tree_.device, "Reading", R"({"id":"bad","value":2})");
  ExpectListed(1);
}

TEST_F(ByHand, DropOfOneOfATransaction_TriesTheRest) {
  Listen(*tree_.server);
  replica::Transaction transaction(2);
  transaction[0].model = transaction[1].model = "Reading";
  transaction[0].properties = R"({"id":"bad"})";
  transaction[1].properties = R"({"id":"good"})";
  ASSERT_TRUE(tree_.device->Write(transaction).status.ok());
  tree_.Run(2'000);
  for (const QuarantineEntry& entry : tree_.server->Quarantine()) {
    if (entry.sk == "r#bad") {
      EXPECT_EQ(tree_.server->Act(kDrop, entry.id).done, 1u);
    }
  }
  tree_.Run(5'000);
  ExpectListed(0);
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"good"})", 42), "not_found");
  EXPECT_EQ(tree_.server->Get("Reading", R"({"id":"bad"})", 42), "not_found");
}

TEST_F(ByHand, DropAtTheWriter_RemovesItEverywhereAndJournalsIt) {
  Listen(*tree_.server);
  Put(*tree_.device, "Reading", R"({"id":"bad","value":7})");
  EXPECT_EQ(tree_.router->Act(kDrop).failed_count, 1u) << "it is not the router's";
  EXPECT_THAT(tree_.router->Act(kDrop).failed[0].reason, HasSubstr("agent 42"));
  EXPECT_EQ(tree_.device->Act(kDrop).done, 1u);
  tree_.Run(5'000);
  ExpectListed(0);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device})
    EXPECT_EQ(node->Get("Reading", R"({"id":"bad"})", 42), "not_found");
  ASSERT_EQ(tree_.device->Conflicts().size(), 1u);
  EXPECT_THAT(tree_.device->operator->()->Conflict(1)->item, HasSubstr("\"value\":7"));
}

TEST_F(ByHand, DropOfAnEditOfASharedItem_WhatIsHeldWins) {
  Listen(*tree_.server);
  Put(*tree_.device, "Setting", R"({"name":"x","value":"good"})");
  Put(*tree_.device, "Setting", R"({"name":"x","value":"bad"})");
  ExpectListed(1);
  EXPECT_EQ(tree_.server->Act(kDrop).done, 1u);
  tree_.Run(10'000);
  ExpectListed(0);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device})
    EXPECT_THAT(node->Get("Setting", R"({"name":"x"})", 42), HasSubstr("good")) << node->agent();
  EXPECT_THAT(tree_.server->operator->()->Conflict(1)->item, HasSubstr("bad"));
}

TEST_F(ByHand, MaybeDeleted_RetriedAtWhoRefused_LivesEverywhere) {
  MakeMaybeDeleted();
  for (int i = 0; i < 4; ++i) {  // each hop judges by itself
    for (TestNode* node : {tree_.router, tree_.server}) {
      for (const QuarantineEntry& entry : node->Quarantine()) {
        if (!entry.ours) {
          EXPECT_EQ(node->Act(kRetry, entry.id).done, 1u);
        }
      }
    }
    tree_.Run(5'000);
  }
  ExpectListed(0);
  EXPECT_THAT(tree_.server->Get("Setting", R"({"name":"y"})", 42), HasSubstr("\"value\":\"2\""));
  EXPECT_THAT(tree_.device->Get("Setting", R"({"name":"y"})"), HasSubstr("\"value\":\"2\""));
}

TEST_F(ByHand, MaybeDeleted_RetriedAtItsWriter_LivesEverywhere) {
  MakeMaybeDeleted();
  EXPECT_EQ(tree_.device->Act(kRetry).done, 1u);
  tree_.Run(10'000);
  ExpectListed(0);
  EXPECT_THAT(tree_.server->Get("Setting", R"({"name":"y"})", 42), HasSubstr("\"value\":\"2\""));
}

TEST_F(ByHand, MaybeDeleted_Dropped_IsGoneEverywhereAndJournaled) {
  MakeMaybeDeleted();
  EXPECT_EQ(tree_.router->Act(kDrop).done, 1u);
  tree_.Run(10'000);
  ExpectListed(0);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device})
    EXPECT_EQ(node->Get("Setting", R"({"name":"y"})", 42), "not_found") << node->agent();
  EXPECT_THAT(tree_.router->operator->()->Conflict(1)->item, HasSubstr("\"value\":\"2\""));
}

TEST_F(ByHand, UnknownEntry_IsNotFoundAndAllOfNothingIsDone) {
  EXPECT_EQ(tree_.server->Act(kDrop, "0123456789ab").status.code(), Code::kNotFound);
  EXPECT_TRUE(tree_.server->Act(kRetry).status.ok());
  EXPECT_EQ(tree_.server->Act(kRetry).done, 0u);
}

TEST_F(ByHand, CommitFails_NothingIsDropped) {
  Listen(*tree_.server);
  Put(*tree_.device, "Reading", R"({"id":"bad"})");
  tree_.server->FailCommits(1);
  EXPECT_FALSE(tree_.server->Act(kDrop).status.ok());
  tree_.Run(2'000);
  ExpectListed(1);
  EXPECT_EQ(tree_.server->Act(kDrop).done, 1u);
}

}  // namespace
}  // namespace tidegate::node
