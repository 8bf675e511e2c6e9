// Deletes that are never undone: tombstones, leases, floors, the purge horizon (design law 5).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/base/views.h"
#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayUs = 24 * kHourMs * 1000;

class LeaseTest : public NodeTest {
 protected:
  struct Pair {
    TestNode* child;
    TestNode* parent;
  };

  // So many days pass in which nobody hears anybody; then those named are in touch for a good hour.
  void Days(int days, const std::vector<Pair>& in_touch) {
    for (const Pair& pair : all_) tree_.Disconnect(*pair.child, *pair.parent);
    tree_.clock.now_us += days * kDayUs;
    for (const Pair& pair : in_touch) tree_.Connect(*pair.child, *pair.parent);
    tree_.Run(kHourMs + 300'000);
  }
  std::vector<Pair> Everybody() { return {{tree_.router, tree_.server}, {tree_.device, tree_.router}}; }
  std::vector<Pair> WithoutDevice() { return {{tree_.router, tree_.server}}; }
  std::vector<Pair> WithoutServer() { return {{tree_.device, tree_.router}}; }

  void SetUp() override {
    NodeTest::SetUp();
    all_ = Everybody();
  }

  static uint64_t Tombstones(TestNode& node) { return node->GetStatus().tombstones; }
  std::vector<std::string> Reasons(TestNode& node) {
    std::vector<std::string> reasons;
    for (const QuarantineEntry& entry : node.Quarantine()) reasons.push_back(entry.reason);
    return reasons;
  }
  // Purges something at server and router, so that their horizon is about a lease ago.
  void RaiseHorizons() {
    ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"gone"})").status.ok());
    ASSERT_TRUE(tree_.server->Remove("Config", R"({"name":"gone"})", 0).status.ok());
    tree_.Run(1'000);
    for (int i = 0; i < 4; ++i) Days(10, WithoutDevice());
    ASSERT_EQ(Tombstones(*tree_.router), 0u);
    ASSERT_GT(tree_.router->operator->()->GetStatus().purge_horizon_unix_ms, 0);
  }

  std::vector<Pair> all_;
};

TEST_F(LeaseTest, Tombstone_IsKeptALeaseAndPurgedEverywhereWithinTwo) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"a"})").status.ok());
  tree_.Run(1'000);
  ASSERT_TRUE(tree_.device->Remove("Reading", R"({"id":"a"})").status.ok());
  ASSERT_TRUE(tree_.device->Remove("Setting", R"({"name":"a"})").status.ok());
  tree_.Run(1'000);
  for (int i = 0; i < 4; ++i) {
    Days(7, Everybody());
    for (const TestNode* node : {tree_.server, tree_.router, tree_.device}) {
      ASSERT_EQ(Tombstones(*const_cast<TestNode*>(node)), 2u) << "after " << 7 * (i + 1) << " days";
    }
  }
  for (int i = 0; i < 2; ++i) Days(7, Everybody());
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
    EXPECT_EQ(Tombstones(*node), 0u) << "at agent " << node->agent();
    EXPECT_EQ(node->counter("tidegate_tombstones_purged_total"), 2u);
    EXPECT_GT((*node)->GetStatus().purge_horizon_unix_ms, 0);
    EXPECT_THAT(Reasons(*node), ::testing::IsEmpty());
  }
  EXPECT_EQ(tree_.router->LinkTo(1).unsettled_scopes, 0u);
}

TEST_F(LeaseTest, M_RestoredFromBeforeADeleteThatIsPurgedEverywhere_BringsNothingBack) {
  for (TestNode* restored : {tree_.device, tree_.router}) {
    ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
    ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"a"})").status.ok());
    ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"a"})", 42).status.ok());
    tree_.Run(1'000);
    restored->Stop();
    restored->Save();
    restored->Start();
    Days(0, Everybody());
    ASSERT_TRUE(tree_.device->Remove("Reading", R"({"id":"a"})").status.ok());
    ASSERT_TRUE(tree_.device->Remove("Setting", R"({"name":"a"})").status.ok());
    ASSERT_TRUE(tree_.server->Remove("Config", R"({"name":"a"})", 42).status.ok());
    for (int i = 0; i < 7; ++i) Days(7, Everybody());
    for (TestNode* node : {tree_.server, tree_.router, tree_.device}) ASSERT_EQ(Tombstones(*node), 0u);
    restored->Stop();
    restored->RollBack();
    restored->Start();
    for (int i = 0; i < 2; ++i) Days(1, Everybody());
    for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
      if (node == restored) continue;
      EXPECT_EQ(node->Get("Reading", R"({"id":"a"})", 42), "not_found") << restored->agent() << " at " << node->agent();
      EXPECT_EQ(node->Get("Setting", R"({"name":"a"})", 42), "not_found")
          << restored->agent() << " at " << node->agent();
      EXPECT_EQ(node->Get("Config", R"({"name":"a"})", 42), "not_found")
          << restored->agent() << " at " << node->agent();
    }
    EXPECT_EQ(restored->Get("Config", R"({"name":"a"})", 42), "not_found") << restored->agent();
    for (int i = 0; i < 2; ++i) Days(40, Everybody());
  }
}

TEST_F(LeaseTest, Tombstone_NotDelivered_IsKeptWhateverItsAge) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.router, *tree_.server);
  ASSERT_TRUE(tree_.device->Remove("Reading", R"({"id":"a"})").status.ok());
  for (int i = 0; i < 10; ++i) Days(10, WithoutServer());
  EXPECT_EQ(Tombstones(*tree_.router), 1u);
  EXPECT_EQ(Tombstones(*tree_.device), 1u);
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
  Days(1, Everybody());
  EXPECT_EQ(tree_.server->Get("Reading", R"({"id":"a"})", 42), "not_found");
  EXPECT_EQ(Tombstones(*tree_.server), 1u);
  for (int i = 0; i < 5; ++i) Days(10, Everybody());
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) EXPECT_EQ(Tombstones(*node), 0u);
}

TEST_F(LeaseTest, SilentChild_IsWaitedForOneLeaseThenReconciledWithItsWorkKept) {
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"x"})", 0).status.ok());
  ASSERT_TRUE(tree_.server->Put("Setting", R"({"name":"x"})", 42).status.ok());
  tree_.Run(1'000);
  ASSERT_NE(tree_.device->Get("Config", R"({"name":"x"})"), "not_found");
  tree_.Disconnect(*tree_.device, *tree_.router);
  ASSERT_TRUE(tree_.server->Remove("Config", R"({"name":"x"})", 0).status.ok());
  ASSERT_TRUE(tree_.server->Remove("Setting", R"({"name":"x"})", 42).status.ok());
  for (int i = 0; i < 3; ++i) Days(10, WithoutDevice());
  EXPECT_EQ(Tombstones(*tree_.router), 2u);
  EXPECT_FALSE(tree_.router->LinkTo(42).lease_over);
  for (int i = 0; i < 2; ++i) Days(10, WithoutDevice());
  EXPECT_TRUE(tree_.router->LinkTo(42).lease_over);
  EXPECT_EQ(Tombstones(*tree_.router), 0u);
  EXPECT_EQ(Tombstones(*tree_.server), 0u);
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"work"})").status.ok());
  tree_.Run(1'000);
  Days(1, Everybody());
  EXPECT_EQ(tree_.device->Get("Config", R"({"name":"x"})"), "not_found");
  EXPECT_EQ(tree_.device->Get("Setting", R"({"name":"x"})"), "not_found");
  EXPECT_EQ(tree_.server->Get("Setting", R"({"name":"x"})", 42), "not_found");
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"work"})", 42), "not_found");
  EXPECT_EQ(tree_.device->counter("tidegate_removed_by_parent_total"), 2u);
  EXPECT_EQ(tree_.device->LinkTo(10).unsettled_scopes, 0u);
  EXPECT_FALSE(tree_.router->LinkTo(42).lease_over);
  for (int i = 0; i < 4; ++i) Days(10, Everybody());
  EXPECT_EQ(Tombstones(*tree_.device), 0u) << "the removals";
}

// facts.md section 3: resurrection.
TEST_F(LeaseTest, OldWorkOfAChildPastItsLease_UpLandsAndBothIsListedAtBothEnds) {
  tree_.Disconnect(*tree_.device, *tree_.router);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"old"})").status.ok());
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"old"})").status.ok());
  RaiseHorizons();
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"new"})").status.ok());
  Days(1, Everybody());
  EXPECT_NE(tree_.server->Get("Reading", R"({"id":"old"})", 42), "not_found");  // its single writer says so
  EXPECT_NE(tree_.server->Get("Setting", R"({"name":"new"})", 42), "not_found");
  EXPECT_EQ(tree_.server->Get("Setting", R"({"name":"old"})", 42), "not_found");
  EXPECT_THAT(Reasons(*tree_.router), ::testing::ElementsAre(HasSubstr("maybe_deleted")));
  EXPECT_THAT(Reasons(*tree_.device), ::testing::ElementsAre(HasSubstr("maybe_deleted")));
  EXPECT_NE(tree_.device->Get("Setting", R"({"name":"old"})"), "not_found") << "nothing is lost at its writer";
  // Written again, it lives.
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"old"})").status.ok());
  tree_.Run(5'000);
  EXPECT_NE(tree_.server->Get("Setting", R"({"name":"old"})", 42), "not_found");
  EXPECT_THAT(Reasons(*tree_.device), ::testing::IsEmpty());
  EXPECT_THAT(Reasons(*tree_.router), ::testing::IsEmpty());
}

TEST_F(LeaseTest, Horizon_OutlivesARestart) {
  tree_.Disconnect(*tree_.device, *tree_.router);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"old"})").status.ok());
  RaiseHorizons();
  int64_t horizon_ms = (*tree_.router)->GetStatus().purge_horizon_unix_ms;
  tree_.Disconnect(*tree_.router, *tree_.server);
  tree_.router->Stop();
  tree_.router->Start();
  EXPECT_EQ((*tree_.router)->GetStatus().purge_horizon_unix_ms, horizon_ms);
  Days(1, Everybody());
  EXPECT_THAT(Reasons(*tree_.router), ::testing::ElementsAre(HasSubstr("maybe_deleted")));
}

TEST_F(LeaseTest, RouterThatIsNotSure_RemovesNothingUntilTheServerHasAnswered) {
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"x"})", 0).status.ok());
  tree_.Run(1'000);
  // The device goes to a router that the server has not heard for long, and that never had the item.
  TestNode& other = tree_.Add(11, TG_ROLE_ROUTER, 2);
  other.Start();
  tree_.Disconnect(*tree_.device, *tree_.router);
  all_.push_back({tree_.device, &other});
  all_.push_back({&other, tree_.server});
  tree_.Connect(*tree_.device, other);
  tree_.Run(600'000);
  EXPECT_NE(tree_.device->Get("Config", R"({"name":"x"})"), "not_found");
  EXPECT_NE(tree_.device->LinkTo(11).unsettled_scopes, 0u);
  tree_.Connect(other, *tree_.server);
  tree_.Run(60'000);
  EXPECT_NE(tree_.device->Get("Config", R"({"name":"x"})"), "not_found") << "the server has it";
  EXPECT_EQ(tree_.device->LinkTo(11).unsettled_scopes, 0u);
}

TEST_F(LeaseTest, ClockThatJumps_SuspendsPurgeUntilTheParentAgrees) {
  ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"a"})").status.ok());
  ASSERT_TRUE(tree_.device->Remove("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(2 * kHourMs);
  for (const Pair& pair : all_) tree_.Disconnect(*pair.child, *pair.parent);
  tree_.clock.skew_ms = 90 * 24 * kHourMs;
  tree_.Run(2 * kHourMs);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
    EXPECT_TRUE((*node)->GetStatus().purge_suspended);
    EXPECT_EQ(Tombstones(*node), 1u);
  }
  // Each hears at its next hello that the others have the same time. The tombstones are no older for it.
  for (int i = 0; i < 4; ++i) {
    Days(7, Everybody());
    for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
      EXPECT_FALSE((*node)->GetStatus().purge_suspended);
      EXPECT_EQ(Tombstones(*node), 1u);
    }
  }
  Days(7, Everybody());
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) EXPECT_EQ(Tombstones(*node), 0u);
}

// Seed 593 of `clocks`: two neighbours that are off alike believe each other.
TEST_F(LeaseTest, ClockSetByYearsAndItsParentsToo_NoTombstoneIsOlderForIt) {
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"a"})").status.ok());
  ASSERT_TRUE(tree_.device->Remove("Setting", R"({"name":"a"})").status.ok());
  tree_.Run(2 * kHourMs);  // a mark of its age
  for (int64_t years : {2, 0, 70}) {
    for (TestNode* node : {tree_.router, tree_.server, tree_.device}) {
      node->clock.skew_ms = years * 365 * 24 * kHourMs;
      tree_.Run(2 * kHourMs);
    }
    for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
      EXPECT_FALSE((*node)->GetStatus().purge_suspended) << years;
      EXPECT_EQ(Tombstones(*node), 1u) << "at agent " << node->agent() << ", " << years;
    }
  }
  for (int i = 0; i < 5; ++i) Days(7, Everybody());
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) EXPECT_EQ(Tombstones(*node), 0u);
}

// Seed 944 of `clocks`: so it is when it was off meanwhile.
TEST_F(LeaseTest, ClockSetByYearsWhileTheNodeWasStopped_NothingIsOlderForIt) {
  ASSERT_TRUE(tree_.device->Put("Note", R"({"name":"a"})").status.ok());
  ASSERT_TRUE(tree_.device->Remove("Note", R"({"name":"a"})").status.ok());
  tree_.Run(2 * kHourMs);
  for (int64_t years : {2, -30, 0}) {
    tree_.Disconnect(*tree_.device, *tree_.router);
    tree_.device->Stop();
    for (TestNode* node : {tree_.server, tree_.router, tree_.device}) node->clock.skew_ms = years * 365 * 24 * kHourMs;
    tree_.device->Start();
    tree_.Connect(*tree_.device, *tree_.router);
    tree_.Run(2 * kHourMs);
    EXPECT_EQ(Tombstones(*tree_.device), 1u) << years;
  }
  for (int i = 0; i < 5; ++i) Days(7, Everybody());
  EXPECT_EQ(Tombstones(*tree_.device), 0u);
}

TEST_F(LeaseTest, ClockSetByYears_NoLeaseOfANeighbourIsOverForIt) {
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"x"})", 0).status.ok());
  tree_.Run(2 * kHourMs);
  tree_.Disconnect(*tree_.device, *tree_.router);
  ASSERT_TRUE(tree_.server->Remove("Config", R"({"name":"x"})", 0).status.ok());
  tree_.router->clock.skew_ms = tree_.server->clock.skew_ms = 2 * 365 * 24 * kHourMs;
  tree_.Run(2 * kHourMs);
  EXPECT_FALSE((*tree_.router)->GetStatus().purge_suspended);
  EXPECT_FALSE(tree_.router->LinkTo(42).lease_over);
  for (int i = 0; i < 3; ++i) Days(9, WithoutDevice());
  EXPECT_FALSE(tree_.router->LinkTo(42).lease_over);
  for (int i = 0; i < 2; ++i) Days(9, WithoutDevice());
  EXPECT_TRUE(tree_.router->LinkTo(42).lease_over);
}

TEST_F(LeaseTest, TombstoneAheadOfTheClock_IsKeptUntilTheClockHasPassedIt) {
  tree_.clock.skew_ms = 50 * 24 * kHourMs;
  ASSERT_TRUE(tree_.device->Put("Note", R"({"name":"a"})").status.ok());
  ASSERT_TRUE(tree_.device->Remove("Note", R"({"name":"a"})").status.ok());
  tree_.Run(1'000);
  tree_.clock.skew_ms = 0;
  for (int i = 0; i < 7; ++i) Days(10, Everybody());
  EXPECT_EQ(Tombstones(*tree_.device), 1u);
  for (int i = 0; i < 3; ++i) Days(10, Everybody());
  EXPECT_EQ(Tombstones(*tree_.device), 0u);
}

TEST_F(LeaseTest, ManyTombstones_ArePurgedInPortions) {
  constexpr uint64_t kCount = 1'000;
  for (uint64_t i = 0; i < kCount; ++i) {
    std::string note = R"({"name":"n)" + std::to_string(i) + R"("})";
    ASSERT_TRUE(tree_.device->Put("Note", note).status.ok());
    ASSERT_TRUE(tree_.device->Remove("Note", note).status.ok());
  }
  ASSERT_EQ(Tombstones(*tree_.device), kCount);
  tree_.Run(2 * kHourMs);  // a mark of their age
  for (const Pair& pair : all_) tree_.Disconnect(*pair.child, *pair.parent);
  tree_.clock.now_us += 40 * kDayUs;
  (void)(*tree_.device)->Commit();
  uint64_t first = kCount - Tombstones(*tree_.device);
  EXPECT_GT(first, 0u);
  EXPECT_LE(first, 300u);
  tree_.Run(10'000);
  EXPECT_EQ(Tombstones(*tree_.device), 0u);
}

TEST_F(LeaseTest, NeighbourPastItsLease_NoLongerHoldsCommitEnds) {
  tree_.Disconnect(*tree_.device, *tree_.router);
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"x"})").status.ok());
  for (int i = 0; i < 5; ++i) {
    Days(10, WithoutDevice());
    ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"y"})").status.ok());
    tree_.Run(20'000);
  }
  // Idle lanes are moved only from a certain distance on.
  for (int i = 0; i < 4'200; ++i) ASSERT_TRUE(tree_.router->Put("Note", R"({"name":"z"})").status.ok());
  for (int i = 0; i < 3; ++i) {
    tree_.Run(20'000);
    ASSERT_TRUE(tree_.router->Put("Note", R"({"name":"z"})").status.ok());
  }
  // What the device holds of the router's feed is below what is kept; it is reconciled, not refused.
  uint64_t compared = 0;
  tree_.network = [&](TestNode&, TestNode&, const wire::DecodedFrame& frame) {
    if (std::holds_alternative<wire::CompareAsk>(frame.body)) ++compared;
    return true;
  };
  Days(1, Everybody());
  EXPECT_GT(compared, 0u);
  EXPECT_EQ(tree_.device->LinkTo(10).state, "up");
  EXPECT_NE(tree_.device->Get("Config", R"({"name":"y"})"), "not_found");
  EXPECT_EQ(tree_.device->LinkTo(10).unsettled_scopes, 0u);
}

// A model that stops going up and goes up again months later: what was deleted meanwhile is not forgotten.
class LeaseOfPolicies : public LeaseTest {
 protected:
  void Go(uint32_t direction) {
    for (TestNode* node : {tree_.server, tree_.router, tree_.device}) node->SetDirection("Note", direction);
    tree_.Run(20'000);
  }
  static std::string Named(const std::string& name) { return R"({"name":")" + name + R"(","value":"1"})"; }
};

TEST_F(LeaseOfPolicies, DeletedWhileTheModelGoesNowhere_IsToldWhenItGoesUpAgain) {
  Go(TG_DIRECTION_UP);
  for (const char* name : {"given", "edited", "kept"})
    ASSERT_TRUE(tree_.device->Put("Note", Named(name)).status.ok()) << name;
  tree_.Run(5'000);
  ASSERT_NE(tree_.server->Get("Note", R"({"name":"given"})", 42), "not_found");
  Go(TG_DIRECTION_NONE);
  ASSERT_TRUE(tree_.device->Put("Note", Named("edited")).status.ok());
  ASSERT_TRUE(tree_.device->Put("Note", Named("own")).status.ok());
  for (const char* name : {"given", "edited", "own"})
    ASSERT_TRUE(tree_.device->Remove("Note", R"({"name":")" + std::string(name) + "\"}").status.ok()) << name;
  tree_.Run(1'000);
  EXPECT_EQ(Tombstones(*tree_.device), 3u);
  for (int i = 0; i < 6; ++i) Days(15, Everybody());
  EXPECT_EQ(Tombstones(*tree_.device), 2u) << "what nobody was ever given is forgotten";
  tree_.device->Stop();
  tree_.device->Start();
  Days(1, Everybody());
  Go(TG_DIRECTION_UP);
  for (const char* name : {"given", "edited"})
    EXPECT_EQ(tree_.server->Get("Note", R"({"name":")" + std::string(name) + "\"}", 42), "not_found") << name;
  EXPECT_NE(tree_.server->Get("Note", R"({"name":"kept"})", 42), "not_found");
  for (int i = 0; i < 6; ++i) Days(15, Everybody());
  EXPECT_EQ(Tombstones(*tree_.device), 0u);
  EXPECT_EQ(Tombstones(*tree_.server), 0u);
}

}  // namespace
}  // namespace tidegate::node
