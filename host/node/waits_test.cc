// Waits: when a wait is over, and what its answer names; the tree's tests (delivered_test.cc, superseded_test.cc) show
// the same between nodes.
#include "host/node/waits.h"

#include <gmock/gmock.h>

#include <optional>

#include "host/node/object_fixture.h"

namespace tidegate::node {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class NothingUp : public WayUp {
 public:
  Passed PassedUpwards() override { return {}; }
  bool HasArrived(const tg_change&, uint64_t, SyncTarget) const override { return false; }
  bool IsAbove(const tg_change&, const Passed&) const override { return false; }
  bool KeepsAnswer(const tg_change&) override { return false; }
  LossNews StageLost(const tg_change&, const char*) override { return {}; }
  void TellLost(const LossNews&) override {}
};

class WaitsTest : public ObjectTest, private PolicyChanges::Around {
 protected:
  void SetUp() override { end_.position = 100; }

  using Answer = std::shared_ptr<std::optional<SyncAnswer>>;

  Answer Wait(SyncTarget target, int64_t timeout_ms = 1'000) {
    auto answer = std::make_shared<std::optional<SyncAnswer>>();
    waits_.Add({target, timeout_ms}, [answer](SyncAnswer given) { *answer = std::move(given); });
    return answer;
  }
  // A state that is committed in the place of another one.
  void Replace(const std::string& sk, uint64_t held_hlc, uint64_t hlc, AgentId via = 0) {
    tg_change change{};
    change.kind = TG_CHANGE_ITEM;
    change.direction = TG_DIRECTION_UP;
    change.model = Str("Reading");
    change.key = {kSelf, Str("r#"), Str(sk)};
    change.version = {hlc, kSelf, 1};
    change.seq = hlc;
    change.via = via;
    core::Effect effect{&change, {}};
    effect.outcome.result = TG_OUTCOME_APPLIED;
    effect.outcome.held = {held_hlc, kSelf, 1};
    effect.outcome.held_kind = TG_CHANGE_ITEM;
    waits_.NoteReplaced(effect);
  }
  void RunOut(int64_t ms) {
    clock_.now_us += ms * 1000;
    waits_.Answer();
  }

  Status CommitStage() override { return Commit(); }
  bool CameFromAbove(AgentId) const override { return false; }
  bool IsAtServer(const tg_change&) const override { return false; }
  void PoliciesChanged() override {}
  void StageCompareAll() override {}
  void Renumbered(uint64_t, uint64_t) override {}
  void KeyedAnew() override {}

  Watermark end_;
  HybridClock versions_;
  ModelTable declared_;
  Marks marks_{storage_, stage_, links_, record_};
  PolicyChanges policy_changes_{options_, deps_, stage_, links_, versions_, end_, declared_, *this};
  sync::HeldAbove held_above_;
  GivenUp given_up_{options_, deps_};
  NothingUp way_up_;
  ClockJudge clock_judge_{options_, deps_, links_};
  Quotas quotas_{options_, deps_};
  Retention retention_{options_, deps_, stage_, links_, clock_judge_, quotas_, way_up_};
  Waits waits_{options_, deps_, links_, end_, marks_, policy_changes_, held_above_, given_up_, retention_};
};

// By scope; one that runs out says it, and leaves it to the next one.
TEST_F(WaitsTest, WhatWasDroppedHere_IsCounted) {
  AddLink(kParent, true);
  tg_change change{};
  change.model = Str("Reading");
  change.key = {kSelf, Str("r#"), Str("a")};
  change.version = {7, kSelf, 1};
  stage_.Begin();
  retention_.StageLoss(change, "drop_oldest");
  stage_.End();
  ASSERT_TRUE(Commit().ok());
  for (int round = 0; round < 2; ++round) {
    Answer answer = Wait(SyncTarget::kServer);
    RunOut(1'000);
    ASSERT_TRUE(answer->has_value());
    EXPECT_EQ((*answer)->dropped_count, 1u);
  }
  retention_.NoteTold();
  Answer answer = Wait(SyncTarget::kServer);
  RunOut(1'000);
  EXPECT_EQ((*answer)->dropped_count, 0u);
}

TEST_F(WaitsTest, ServerWithoutChildren_HasNothingToWaitFor) {
  options_.role = TG_ROLE_SERVER;
  Answer answer = Wait(SyncTarget::kHop);
  waits_.Answer();
  ASSERT_TRUE(answer->has_value());
  EXPECT_TRUE((*answer)->status.ok());
  EXPECT_TRUE((*answer)->complete());
  EXPECT_TRUE(waits_.empty());
}

TEST_F(WaitsTest, NoParent_WaitsUntilItsTimeIsOver) {
  Answer answer = Wait(SyncTarget::kServer, 1'000);
  EXPECT_EQ(waits_.NextUs(), clock_.now_us + 1'000'000);
  RunOut(999);
  EXPECT_FALSE(answer->has_value());
  RunOut(1);
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->status.code(), Code::kTimeout);
  EXPECT_EQ(waits_.NextUs(), INT64_MAX);
}

TEST_F(WaitsTest, EachIsAnsweredInItsTime) {
  Answer late = Wait(SyncTarget::kServer, 5'000);
  Answer soon = Wait(SyncTarget::kHop, 1'000);
  RunOut(1'000);
  EXPECT_TRUE(soon->has_value());
  EXPECT_FALSE(late->has_value());
  EXPECT_FALSE(waits_.empty());
}

TEST_F(WaitsTest, StateReplacedMeanwhile_IsNamedWithTheFirstAndTheNewestVersion) {
  Answer answer = Wait(SyncTarget::kServer);
  Replace("a", 10, 20);
  Replace("a", 20, 30);
  RunOut(1'000);
  ASSERT_THAT((*answer)->superseded, SizeIs(1));
  EXPECT_EQ((*answer)->superseded[0].version.hlc, 10u) << "the one that was waited for";
  EXPECT_EQ((*answer)->superseded[0].held.hlc, 30u);
  EXPECT_EQ((*answer)->superseded[0].by, kSelf);
}

TEST_F(WaitsTest, WhatCameFromTheParent_TookNothingFromAWaitForTheParent) {
  AddLink(kParent, true);
  Answer hop = Wait(SyncTarget::kHop);
  Answer server = Wait(SyncTarget::kServer);
  Replace("a", 10, 20, kParent);
  RunOut(1'000);
  EXPECT_THAT((*hop)->superseded, IsEmpty());
  EXPECT_THAT((*server)->superseded, SizeIs(1));
}

TEST_F(WaitsTest, MoreThanAreNamed_AreCounted) {
  options_.sync_exceptions_max = 2;
  Answer answer = Wait(SyncTarget::kServer);
  for (const char* sk : {"a", "b", "c", "d"}) Replace(sk, 10, 20);
  RunOut(1'000);
  EXPECT_THAT((*answer)->superseded, SizeIs(2));
  EXPECT_EQ((*answer)->superseded_count, 4u);
}

TEST_F(WaitsTest, SentApart_IsNamedToWhoWaitsForItsPosition_AlsoForANewOne) {
  tg_change change{};
  change.model = Str("Reading");
  change.key = {kSelf, Str("r#"), Str("a")};
  change.version = {10, kSelf, 1};
  waits_.NoteApart(change, 120);
  Answer before = Wait(SyncTarget::kServer);
  end_.position = 150;
  Answer after = Wait(SyncTarget::kServer);
  RunOut(1'000);
  EXPECT_THAT((*before)->apart, IsEmpty()) << "it has a later position";
  EXPECT_THAT((*after)->apart, SizeIs(1));
  end_.position = 110;
  Answer renumbered = Wait(SyncTarget::kServer);
  waits_.Renumbered(105, 130);
  RunOut(1'000);
  EXPECT_THAT((*renumbered)->apart, SizeIs(1)) << "it waits for the new position now";
}

TEST_F(WaitsTest, ScopesThatAreNotCompared_AreCounted) {
  Answer answer = Wait(SyncTarget::kServer);
  marks_.Add(false, 42);
  marks_.Add(false, 43);
  RunOut(1'000);
  EXPECT_EQ((*answer)->unsettled_scopes, 2u);
}

}  // namespace
}  // namespace tidegate::node
