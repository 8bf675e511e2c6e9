// Items with ttl: gone for everybody at their instant, their rows a little later, and nothing comes back.
#include "host/core/expiry.h"

#include <gmock/gmock.h>

#include "host/base/views.h"
#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kMinuteMs = 60'000;
constexpr char kHalfPast[] = R"(,"until":"2023-11-14T22:30:00.000Z"})";  // the tests begin at 22:13:20
constexpr int64_t kPastMs = 17 * kMinuteMs;                              // then it is past that
constexpr int64_t kSweptMs = 7 * kMinuteMs;                              // so much later, at the most, rows are gone

class ExpiryTest : public NodeTest {
 protected:
  void Direct(uint32_t direction) {
    for (TestNode* node : Nodes()) node->SetDirection("Note", direction);
    tree_.Run(20'000);
  }
  std::vector<TestNode*> Nodes() { return {tree_.server, tree_.router, tree_.device}; }
  static std::string Name(const std::string& name) { return R"({"name":")" + name + R"("})"; }
  static std::string Note(const std::string& name, const std::string& value, const char* until = "}") {
    return R"({"name":")" + name + R"(","value":")" + value + '"' + until;
  }
  static size_t Rows(TestNode& node) {
    size_t rows = 0;
    tg_query query{};
    query.struct_size = sizeof query;
    query.model = Str("Note");
    (void)node.storage().Query(query, [&](const tg_change&) {
      ++rows;
      return true;
    });
    return rows;
  }
  void Cut() { tree_.Disconnect(*tree_.device, *tree_.router); }
  void Join() { tree_.Connect(*tree_.device, *tree_.router); }
};

class ExpiryOfEveryDirection : public ExpiryTest, public ::testing::WithParamInterface<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Directions, ExpiryOfEveryDirection,
                         ::testing::Values(TG_DIRECTION_UP, TG_DIRECTION_DOWN, TG_DIRECTION_NONE));

TEST_P(ExpiryOfEveryDirection, Items_AreGoneEverywhereWithoutATrace) {
  Direct(GetParam());
  TestNode& writer = GetParam() == TG_DIRECTION_DOWN ? *tree_.server : *tree_.device;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(writer.Put("Note", Note(std::to_string(i), "v", kHalfPast)).status.ok());
  ASSERT_TRUE(writer.Put("Note", Note("stays", "v")).status.ok());
  tree_.Run(kMinuteMs);
  EXPECT_EQ(Rows(*tree_.device), 21u);
  tree_.Run(kPastMs);
  EXPECT_EQ(writer.Get("Note", Name("7")), "not_found");
  tree_.Run(kSweptMs);
  for (TestNode* node : Nodes()) {
    EXPECT_LE(Rows(*node), 1u) << "agent " << node->agent();
    EXPECT_EQ((*node)->GetStatus().tombstones, 0u);
  }
  EXPECT_NE(writer.Get("Note", Name("stays")), "not_found");
  EXPECT_EQ(writer.counter("tidegate_expired_total"), 20u);
}

TEST_F(ExpiryTest, StateThatExpiredBeforeItWasDelivered_EndsTheOneAbove) {
  Direct(TG_DIRECTION_UP);
  tree_.device->Put("Note", Note("a", "old"));
  tree_.Run(2'000);
  Cut();
  tree_.device->Put("Note", Note("a", "new", kHalfPast));
  tree_.Run(kPastMs + kSweptMs);
  EXPECT_EQ(Rows(*tree_.device), 1u) << "the server has an older state, which it ends";
  EXPECT_EQ(tree_.device->Get("Note", Name("a")), "not_found");
  Join();
  EXPECT_TRUE(Sync(*tree_.device, SyncTarget::kServer, 5'000, 10'000).status.ok());
  EXPECT_EQ(tree_.server->Get("Note", Name("a"), 42), "not_found");
  tree_.Run(2 * 3'600'000);
  for (TestNode* node : Nodes()) EXPECT_EQ(Rows(*node), 0u) << "agent " << node->agent();
}

TEST_F(ExpiryTest, StateThatExpiredWhileTheChildWasAway_EndsTheOneBelow) {
  Direct(TG_DIRECTION_DOWN);
  tree_.server->Put("Note", Note("a", "old"));
  tree_.Run(2'000);
  EXPECT_NE(tree_.device->Get("Note", Name("a")), "not_found");
  Cut();
  tree_.server->Put("Note", Note("a", "new", kHalfPast));
  tree_.Run(kPastMs + kSweptMs);
  EXPECT_EQ(Rows(*tree_.router), 1u) << "the device has not heard of it";
  Join();
  tree_.Run(10'000);
  EXPECT_EQ(tree_.device->Get("Note", Name("a")), "not_found");
  tree_.Run(2 * 3'600'000);
  for (TestNode* node : Nodes()) EXPECT_EQ(Rows(*node), 0u) << "agent " << node->agent();
}

TEST_F(ExpiryTest, OlderStateOfAnotherWriter_DoesNotComeBack) {
  Direct(TG_DIRECTION_BOTH);
  Cut();
  tree_.device->Put("Note", Note("a", "edited away"));
  tree_.Run(1'000);
  tree_.server->Put("Note", Note("a", "new", kHalfPast), 42);
  tree_.Run(kPastMs + kSweptMs);
  Join();
  tree_.Run(60'000);
  for (TestNode* node : Nodes()) EXPECT_EQ(node->Get("Note", Name("a"), 42), "not_found") << "agent " << node->agent();
}

TEST_F(ExpiryTest, OneNodeHasSweptAndTheOtherNot_ComparisonFindsThemEqual) {
  Direct(TG_DIRECTION_BOTH);
  for (int i = 0; i < 20; ++i) tree_.server->Put("Note", Note(std::to_string(i), "v", kHalfPast), kAgentAll);
  tree_.Run(kPastMs + kSweptMs);
  for (int i = 0; i < 20; ++i) tree_.router->Lose("Note", "n#" + std::to_string(i));
  EXPECT_EQ(Rows(*tree_.router), 0u);
  EXPECT_EQ(Rows(*tree_.server), 20u);
  LinkSyncAnswer repaired = Verify(*tree_.router, kAgentServer, true);
  ASSERT_TRUE(repaired.status.ok()) << repaired.status.message();
  EXPECT_THAT(repaired.report->models, IsEmpty());
  LinkSyncAnswer above = Verify(*tree_.router, 42, true);
  ASSERT_TRUE(above.status.ok()) << above.status.message();
  EXPECT_THAT(above.report->models, IsEmpty());
  EXPECT_EQ(Rows(*tree_.router), 0u);
}

TEST_F(ExpiryTest, ChildHasAnOlderStateOfWhatExpired_IsToldOfItsEnd) {
  Direct(TG_DIRECTION_DOWN);
  tree_.server->Put("Note", Note("a", "old"));
  tree_.Run(2'000);
  Cut();
  tree_.device->Stop();
  tree_.device->Save();
  tree_.device->Start();
  Join();
  tree_.server->Put("Note", Note("a", "new", kHalfPast));
  tree_.Run(2'000);
  Cut();
  tree_.device->Stop();
  tree_.device->RollBack();
  tree_.device->Start();
  tree_.clock.now_us += (kPastMs + kMinuteMs) * 1000;
  Join();
  tree_.Run(60'000);
  EXPECT_EQ(tree_.device->Get("Note", Name("a")), "not_found");
}

TEST_F(ExpiryTest, ClockInDoubt_NothingIsSwept) {
  tree_.device->Put("Note", Note("a", "v", kHalfPast));
  Cut();
  tree_.device->clock.skew_ms = 400ll * 86'400'000;
  tree_.Run(kSweptMs);
  EXPECT_EQ(Rows(*tree_.device), 1u);
  tree_.device->clock.skew_ms = 0;
  Join();
  tree_.Run(60'000);
  EXPECT_THAT(tree_.device->Get("Note", Name("a")), HasSubstr("\"v\""));
  tree_.Run(kPastMs + kSweptMs + kMinuteMs);
  EXPECT_EQ(Rows(*tree_.device), 0u);
}

TEST_F(ExpiryTest, ManyAtOnce_AreSweptInPortions) {
  for (int i = 0; i < 1'200; ++i) tree_.device->Put("Note", Note(std::to_string(i), "v", kHalfPast));
  tree_.Run(kPastMs + kSweptMs);
  EXPECT_EQ(Rows(*tree_.device), 0u);
  EXPECT_EQ(tree_.device->counter("tidegate_expired_total"), 1'200u);
}

TEST_F(ExpiryTest, DiskFailsDuringASweep_SweptLater) {
  for (int i = 0; i < 20; ++i) tree_.device->Put("Note", Note(std::to_string(i), "v", kHalfPast));
  tree_.Run(kPastMs);
  tree_.device->FailCommits(3);
  tree_.Run(kSweptMs + 2 * kMinuteMs);
  EXPECT_EQ(Rows(*tree_.device), 0u);
}

TEST_F(ExpiryTest, UndeliveredForALease_IsListedAsLost) {
  Direct(TG_DIRECTION_UP);
  Cut();
  tree_.device->Put("Note", Note("a", "v", kHalfPast));
  for (int i = 0; i < 5; ++i) {
    tree_.clock.now_us += 8ll * 86'400'000'000;
    tree_.Run(2 * 3'600'000);
  }
  EXPECT_EQ(Rows(*tree_.device), 0u);
  const NodeStatus status = (*tree_.device)->GetStatus();
  ASSERT_EQ(status.losses.size(), 1u);
  EXPECT_EQ(status.losses[0].reason, "expired");
  EXPECT_EQ(status.losses[0].items, 1u);
}

}  // namespace
}  // namespace tidegate::node
