// The two sides of a comparison, joined by hand: what is exchanged, how often, and what of it is late.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/sync/reconcile_answerer.h"
#include "host/sync/reconcile_asker.h"
#include "host/sync/test_rows.h"
#include "host/wire/codec.h"

namespace tidegate::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ReconcileTest : public ::testing::Test {
 protected:
  static std::string Key(int i) {
    std::string digits = std::to_string(i);
    return "reading#" + std::string(6 - digits.size(), '0') + digits;
  }
  // As a hash would: no two differences cancel each other out.
  static uint64_t Mixed(uint64_t i) {
    uint64_t mixed = (i + 1) * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    return mixed ^ (mixed >> 27);
  }
  void FillBoth(int count, uint8_t direction = TG_DIRECTION_DOWN) {
    for (int i = 0; i < count; ++i) {
      child_.Put(Key(i), direction, Mixed(static_cast<uint64_t>(i)));
      parent_.Put(Key(i), direction, Mixed(static_cast<uint64_t>(i)));
    }
  }
  static void MakeOlder(TestRows* rows, int i, uint8_t direction = TG_DIRECTION_DOWN) {
    rows->Put(Key(i), direction, Mixed(static_cast<uint64_t>(i) + 1'000'000), TG_CHANGE_ITEM, 99);
  }
  void Start(bool up_only = false, bool look = false) {
    ComparePlan plan;
    plan.pass = 5;
    plan.owners = {TestRows::kOwner};
    plan.mark_number = 1;
    plan.up_only = up_only;
    plan.look = look;
    asker_.Start(plan);
    limits_.sure = Sureness::kSure;
  }
  ReconcileAsker::Now Now() const {
    ReconcileAsker::Now now{us_, 1'000'000, 15'000'000};
    now.held.fill(held_);
    return now;
  }
  std::optional<wire::CompareAsk> Next() {
    for (;;) {
      auto ask = asker_.Next(Now());
      EXPECT_TRUE(ask.ok());
      if (ask->has_value() && (*ask)->prepare) continue;
      if (ask->has_value() || !ours_.reading()) return ask.value();
      EXPECT_TRUE(ours_.Read().ok());
    }
  }
  wire::CompareAnswer AnswerTo(const wire::CompareAsk& ask) {
    RangeDigests* digests = theirs_.Find(ask.owner, ClassOf(ask), ask.cut, us_);
    while (digests == nullptr) {
      EXPECT_TRUE(theirs_.Read().ok());
      digests = theirs_.Find(ask.owner, ClassOf(ask), ask.cut, us_);
    }
    auto answer = AnswerCompare(
        parent_, digests, ask, limits_, [](const tg_change&) { return true; }, &arena_);
    EXPECT_TRUE(answer.ok());
    return answer.value();
  }
  // Until nothing is left to be asked; all that was answered is collected.
  void Run() {
    for (int rounds = 0; !asker_.done() && rounds < 10'000; ++rounds) {
      auto ask = Next();
      if (!ask) {
        us_ += 1'000'000;
        continue;
      }
      bytes_ += wire::Encode(1, wire::Body(*ask)).size();
      wire::CompareAnswer answer = AnswerTo(*ask);
      bytes_ += wire::Encode(1, wire::Body(answer)).size();
      ASSERT_TRUE(asker_.Answered(answer, us_));
      asker_.Settled(answer.ask);
      for (const wire::RangeAnswer& range : answer.ranges) {
        for (const tg_change& change : range.changes) changes_.emplace_back(View(change.key.sk));
        for (const wire::KeyVersion& key : range.lacks) lacks_.push_back(key.sk);
        for (const wire::KeyVersion& key : range.wants) (key.missing ? missing_ : wants_).push_back(key.sk);
        for (const wire::KeyVersion& key : range.removals) removals_.push_back(key.sk);
        dropped_ += range.dropped;
      }
    }
    EXPECT_TRUE(asker_.done());
  }

  TestRows child_, parent_;
  DigestShelf ours_{child_}, theirs_{parent_};
  ReconcileAsker asker_{child_, ours_};
  AnswerLimits limits_;
  core::ChangeArena arena_;
  int64_t us_ = 1;
  uint64_t held_ = UINT64_MAX;
  size_t bytes_ = 0;
  uint64_t dropped_ = 0;
  std::vector<std::string> changes_, lacks_, wants_, missing_, removals_;
};

TEST_F(ReconcileTest, EqualReplicas_AreOneQuestionWhateverTheirSize) {
  FillBoth(50'000);
  Start();
  Run();
  EXPECT_LT(bytes_, 400u);
  EXPECT_EQ(asker_.questions(), 1u);
}

TEST_F(ReconcileTest, WhatDiffers_IsFoundByTrafficInProportion) {
  FillBoth(50'000);
  for (int i = 0; i < 50; ++i) MakeOlder(&child_, i * 1'000 + 7);
  MakeOlder(&parent_, 500);
  child_.Put(Key(1'501) + "x", TG_DIRECTION_DOWN, 9);
  parent_.Remove(Key(2'000));
  child_.Remove(Key(3'000));
  Start();
  child_.seen = parent_.seen = 0;
  Run();
  EXPECT_THAT(changes_, SizeIs(51));
  EXPECT_THAT(wants_, ElementsAre(Key(500)));
  EXPECT_THAT(removals_, ElementsAre(Key(1'501) + "x", Key(2'000)));
  EXPECT_LT(bytes_, 60'000u);
  // Each row was read once, and some again at the edges of parts.
  EXPECT_LT(child_.seen, 3 * 50'000u);
  EXPECT_LT(parent_.seen, 3 * 50'000u);
}

TEST_F(ReconcileTest, OnlyLooking_NamesWhatDiffersAndSendsNothing) {
  FillBoth(1'000);
  MakeOlder(&child_, 7);
  child_.Remove(Key(9));
  parent_.Remove(Key(11));
  Start(false, true);
  limits_.sure = Sureness::kNotYet;
  Run();
  EXPECT_THAT(changes_, IsEmpty());
  EXPECT_THAT(lacks_, ElementsAre(Key(7), Key(9)));
  EXPECT_THAT(missing_, ElementsAre(Key(11)));
}

TEST_F(ReconcileTest, OnlyLooking_WhatTheAskerHasNotAcknowledgedIsNoDifference) {
  FillBoth(100);
  MakeOlder(&child_, 7);
  child_.Remove(Key(9));
  limits_.passed = [](const tg_change& change) { return View(change.key.sk) != Key(9); };
  Start(false, true);
  Run();
  EXPECT_THAT(lacks_, ElementsAre(Key(7)));
}

TEST_F(ReconcileTest, UpOnly_IsSentAgainByTheChildAndNeverByTheParent) {
  FillBoth(1'000, TG_DIRECTION_UP);
  MakeOlder(&parent_, 7, TG_DIRECTION_UP);
  MakeOlder(&child_, 8, TG_DIRECTION_UP);  // tampered with, or rolled back
  parent_.Remove(Key(11));
  child_.Remove(Key(13));  // dropped here by retention: nobody brings it back
  Start(true);
  Run();
  EXPECT_THAT(changes_, IsEmpty());
  EXPECT_THAT(removals_, IsEmpty());
  EXPECT_THAT(wants_, ElementsAre(Key(7), Key(8)));
  EXPECT_THAT(missing_, ElementsAre(Key(11)));
}

TEST_F(ReconcileTest, UpOnly_WhatIsOnItsWayIsLeftOut_WhatTheParentDropsIsCounted) {
  FillBoth(100, TG_DIRECTION_UP);
  parent_.Remove(Key(11));
  parent_.Remove(Key(12));
  child_.Put(Key(12), TG_DIRECTION_UP, 3);  // written just now
  held_ = 100;
  Start(true);
  Run();
  EXPECT_THAT(missing_, ElementsAre(Key(11)));
  missing_.clear();
  limits_.drops = [](std::string_view model) { return model == "Reading"; };
  Start(true);
  Run();
  EXPECT_THAT(missing_, IsEmpty());
  EXPECT_EQ(dropped_, 1u);
}

TEST_F(ReconcileTest, UpOnly_IsComparedOnlyWhenAskedFor) {
  FillBoth(100, TG_DIRECTION_UP);
  parent_.Remove(Key(11));
  Start();
  Run();
  EXPECT_THAT(missing_, IsEmpty());
}

TEST_F(ReconcileTest, AnswerIsSlow_IsAskedAgainAndTheFirstAnswerIsGood) {
  FillBoth(1'000);
  MakeOlder(&child_, 7);
  Start();
  std::optional<wire::CompareAsk> first = Next();
  ASSERT_TRUE(first);
  EXPECT_FALSE(Next()) << "it is patient";
  std::vector<int64_t> waits;
  for (int i = 0; i < 4; ++i) {
    int64_t due = asker_.NextTimerUs(us_);
    waits.push_back((due - us_) / 1'000'000);
    us_ = due;
    std::optional<wire::CompareAsk> again = Next();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->ask, first->ask);
  }
  EXPECT_THAT(waits, ElementsAre(1, 2, 4, 8));
  wire::CompareAnswer late = AnswerTo(*first);
  EXPECT_TRUE(asker_.Answered(late, us_));
  EXPECT_FALSE(asker_.Answered(late, us_)) << "a copy of it";
  asker_.Settled(late.ask);
  Run();
  EXPECT_THAT(changes_, ElementsAre(Key(7)));
}

TEST_F(ReconcileTest, Break_GoesOnWhereItWas) {
  FillBoth(50'000);
  for (int i = 0; i < 40; ++i) MakeOlder(&child_, i * 1'000 + 7);
  Start();
  for (int i = 0; i < 3; ++i) {
    auto ask = Next();
    ASSERT_TRUE(ask);
    wire::CompareAnswer answer = AnswerTo(*ask);
    ASSERT_TRUE(asker_.Answered(answer, us_));
    asker_.Settled(answer.ask);
    for (const wire::RangeAnswer& range : answer.ranges) {
      for (const tg_change& change : range.changes) changes_.emplace_back(View(change.key.sk));
    }
  }
  auto lost = Next();
  ASSERT_TRUE(lost);
  const uint64_t questions = asker_.questions();
  asker_.Pause();
  EXPECT_TRUE(asker_.running());
  auto again = Next();
  ASSERT_TRUE(again);
  ASSERT_THAT(again->ranges, SizeIs(lost->ranges.size()));
  EXPECT_EQ(again->ranges[0].range.from, lost->ranges[0].range.from);
  EXPECT_FALSE(asker_.Answered(AnswerTo(*lost), us_)) << "of the session before";
  asker_.Pause();
  Run();
  EXPECT_THAT(changes_, SizeIs(40));
  EXPECT_LT(asker_.questions(), questions + 30);
}

TEST_F(ReconcileTest, ParentIsStillReading_IsAskedAgainLater) {
  FillBoth(100);
  MakeOlder(&child_, 7);
  Start();
  auto ask = Next();
  ASSERT_TRUE(ask);
  ASSERT_TRUE(asker_.Answered(AnswerLater(*ask), us_));
  asker_.Settled(ask->ask);
  EXPECT_FALSE(asker_.done());
  EXPECT_FALSE(Next());
  Run();
  EXPECT_THAT(changes_, ElementsAre(Key(7)));
}

TEST_F(ReconcileTest, BothSidesRead_AtTheSameTime) {
  FillBoth(10'000);
  Start();
  auto ask = asker_.Next(Now());
  ASSERT_TRUE(ask.ok() && ask->has_value());
  EXPECT_TRUE((*ask)->prepare);
  EXPECT_TRUE((*ask)->ranges.empty());
  EXPECT_TRUE(ours_.reading());
}

TEST_F(ReconcileTest, NewReplica_GetsEverythingPageByPage) {
  for (int i = 0; i < 5'000; ++i) parent_.Put(Key(i), TG_DIRECTION_DOWN, Mixed(static_cast<uint64_t>(i)));
  limits_.bytes_max = 10'000;
  Start();
  Run();
  EXPECT_THAT(changes_, SizeIs(5'000));
}

}  // namespace
}  // namespace tidegate::sync
