// Digests that are read once: the same as those of the storage, whatever is written meanwhile.
#include "host/sync/range_digests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/sync/digest_shelf.h"
#include "host/sync/test_rows.h"

namespace tidegate::sync {
namespace {

using ::testing::Each;
using ::testing::Gt;
using ::testing::Le;
using ::testing::SizeIs;

class RangeDigestsTest : public ::testing::Test {
 protected:
  void Fill(int from, int to) {
    for (int i = from; i < to; ++i) rows_.Put(Key(i), TG_DIRECTION_DOWN, static_cast<uint64_t>(i) * 7 + 1);
  }
  static std::string Key(int i) {
    std::string digits = std::to_string(i);
    return "k" + std::string(6 - digits.size(), '0') + digits;
  }
  wire::KeyRange Range(int from, int to) const { return {{"p", Key(from)}, true, {"p", Key(to)}}; }
  DigestSum Truth(const wire::KeyRange& range, RowClass row_class) const { return rows_.Sum(range, row_class); }
  void ReadAll(RangeDigests* digests) {
    while (!digests->whole()) ASSERT_TRUE(digests->Read(1000).ok());
  }

  TestRows rows_;
};

TEST_F(RangeDigestsTest, AnyRange_IsThatOfTheStorage) {
  Fill(0, 3000);
  for (int i = 0; i < 3000; i += 3) rows_.Put(Key(i), TG_DIRECTION_UP, static_cast<uint64_t>(i) + 5);
  RangeDigests down(rows_, 7, RowClass::kDown, 0), up_only(rows_, 7, RowClass::kUpOnly, 0);
  ReadAll(&down);
  ReadAll(&up_only);
  EXPECT_GT(down.leaves(), 5u);
  std::vector<wire::KeyRange> ranges = {{}, Range(0, 3000), Range(5, 6), Range(256, 512), Range(300, 310)};
  ranges.push_back(Range(255, 1025));
  ranges.push_back(Range(9, 9));
  ranges.push_back({{"p", Key(2800)}, false, {}});
  for (const wire::KeyRange& range : ranges) {
    EXPECT_EQ(down.Of(range).value(), Truth(range, RowClass::kDown)) << range.from.sk << " " << range.to.sk;
    EXPECT_EQ(up_only.Of(range).value(), Truth(range, RowClass::kUpOnly)) << range.from.sk << " " << range.to.sk;
  }
}

TEST_F(RangeDigestsTest, WhatIsAskedAfterReading_ReadsNoMoreThanTwoLeaves) {
  Fill(0, 20'000);
  RangeDigests digests(rows_, 7, RowClass::kDown, 0);
  ReadAll(&digests);
  rows_.seen = 0;
  (void)digests.Of({});
  EXPECT_EQ(rows_.seen, 0u);
  (void)digests.Of(Range(3, 15'000));
  EXPECT_LE(rows_.seen, 2 * RangeDigests::kLeafItems);
}

TEST_F(RangeDigestsTest, RowsAreWritten_AnswersAreThoseOfNow) {
  Fill(0, 2000);
  RangeDigests digests(rows_, 7, RowClass::kDown, 0);
  ASSERT_TRUE(digests.Read(1000).ok());
  ASSERT_FALSE(digests.whole());
  auto write = [&](int i, uint64_t digest) {
    rows_.Put(Key(i), TG_DIRECTION_BOTH, digest);
    digests.Changed(rows_.KeyOf(Key(i)));
  };
  write(10, 99);     // read already
  write(1'990, 98);  // not yet
  ReadAll(&digests);
  EXPECT_EQ(digests.Of({}).value(), Truth({}, RowClass::kDown));
  for (int i = 2000; i < 5000; ++i) write(i, static_cast<uint64_t>(i));  // the last leaf grows
  rows_.Remove(Key(700));
  digests.Changed(rows_.KeyOf(Key(700)));
  for (const wire::KeyRange& range : {wire::KeyRange{}, Range(690, 4500), Range(4000, 4001), Range(600, 701)})
    EXPECT_EQ(digests.Of(range).value(), Truth(range, RowClass::kDown));
  rows_.seen = 0;
  (void)digests.Of({});
  EXPECT_EQ(rows_.seen, 0u);
}

TEST_F(RangeDigestsTest, Parts_JoinToTheRangeWhateverTheirSize) {
  Fill(0, 5000);
  for (int i = 0; i < 5000; i += 2) rows_.Put(Key(i), TG_DIRECTION_UP, static_cast<uint64_t>(i));
  for (uint64_t size : {1, 8, 100, 600, 2000, 9000}) {
    for (const wire::KeyRange& range : {wire::KeyRange{}, Range(1, 4999), Range(17, 40)}) {
      for (RowClass row_class : {RowClass::kDown, RowClass::kUpOnly}) {
        RangeDigests digests(rows_, 7, row_class, 0);
        ReadAll(&digests);
        std::vector<wire::RangePart> parts = digests.Parts(range, size).value();
        ASSERT_THAT(parts, SizeIs(Gt(0u)));
        wire::KeyBound at = range.from;
        for (const wire::RangePart& part : parts) {
          EXPECT_EQ(part.range.from, at);
          EXPECT_EQ((DigestSum{part.count, part.sum}), Truth(part.range, row_class));
          if (&part != &parts.back()) {
            EXPECT_GE(part.count, size);
          }
          at = part.range.to;
        }
        EXPECT_EQ(parts.back().range.has_to, range.has_to);
        EXPECT_EQ(parts.back().range.to, range.to);
        EXPECT_LE(parts.size(), Truth(range, row_class).count / size + 1);
      }
    }
  }
}

TEST_F(RangeDigestsTest, OfFewRowsBetweenMany_OnlyTheirLeavesAreFilled) {
  Fill(0, 10'000);
  rows_.Put(Key(17), TG_DIRECTION_UP, 1);
  rows_.Put(Key(9'000), TG_DIRECTION_UP, 2);
  RangeDigests digests(rows_, 7, RowClass::kUpOnly, 0);
  ReadAll(&digests);
  rows_.seen = 0;
  std::vector<wire::KeyRange> filled = digests.Filled({}).value();
  ASSERT_THAT(filled, SizeIs(2));
  EXPECT_EQ(Truth(filled[0], RowClass::kUpOnly).count, 1u);
  EXPECT_EQ(Truth(filled[1], RowClass::kUpOnly).count, 1u);
  EXPECT_EQ(rows_.seen, 0u);
}

TEST_F(RangeDigestsTest, RowsOfOneLeafAmongMany_AreSplitAllTheSame) {
  for (int i = 0; i < 10'000; ++i) rows_.Put(Key(i), i / 20 == 250 ? TG_DIRECTION_UP : TG_DIRECTION_DOWN, 1);
  RangeDigests digests(rows_, 7, RowClass::kUpOnly, 0);
  ReadAll(&digests);
  std::vector<wire::RangePart> parts = digests.Parts({}, 8).value();
  for (const wire::RangePart& part : parts) EXPECT_LT(part.count, 20u);
}

TEST_F(RangeDigestsTest, TombstonesBelowTheCut_AreLeftOut) {
  Fill(0, 10);
  rows_.Put(Key(5), TG_DIRECTION_DOWN, 3, TG_CHANGE_TOMBSTONE, 50);
  RangeDigests below(rows_, 7, RowClass::kDown, 51), above(rows_, 7, RowClass::kDown, 50);
  ReadAll(&below);
  ReadAll(&above);
  EXPECT_EQ(below.Of({})->count, 9u);
  EXPECT_EQ(above.Of({})->count, 10u);
}

TEST_F(RangeDigestsTest, ShelfReadsInPortions_AndForgetsWhatNobodyUses) {
  Fill(0, 10'000);
  DigestShelf shelf(rows_);
  EXPECT_EQ(shelf.Find(7, RowClass::kDown, 0, 1'000), nullptr);
  EXPECT_TRUE(shelf.reading());
  EXPECT_LE(rows_.seen, DigestShelf::kPortionRows + RangeDigests::kLeafItems);
  while (shelf.reading()) ASSERT_TRUE(shelf.Read().ok());
  RangeDigests* digests = shelf.Find(7, RowClass::kDown, 0, 2'000);
  ASSERT_NE(digests, nullptr);
  EXPECT_EQ(digests->Of({})->count, 10'000u);
  EXPECT_NE(shelf.Find(8, RowClass::kDown, 0, 3'000), nullptr) << "a small one is read at once";
  shelf.Forget(2'000 + DigestShelf::kUnusedUsMax);
  EXPECT_FALSE(shelf.empty());
  shelf.Forget(shelf.NextForgetUs());
  EXPECT_TRUE(shelf.empty());
}

TEST_F(RangeDigestsTest, ShelfHoldsBothClasses_AChangeReachesEach) {
  Fill(0, 2'000);
  DigestShelf shelf(rows_);
  ASSERT_NE(shelf.Find(7, RowClass::kDown, 0, 1'000), nullptr);
  ASSERT_NE(shelf.Find(8, RowClass::kDown, 0, 1'500), nullptr);
  ASSERT_NE(shelf.Find(7, RowClass::kUpOnly, 0, 2'000), nullptr);
  rows_.Put(Key(10), TG_DIRECTION_UP, 77);  // leaves the one, comes to the other
  shelf.Changed(rows_.KeyOf(Key(10)));
  for (RowClass row_class : {RowClass::kDown, RowClass::kUpOnly}) {
    RangeDigests* digests = shelf.Find(7, row_class, 0, 3'000);
    ASSERT_NE(digests, nullptr);
    EXPECT_EQ(digests->Of({}).value(), Truth({}, row_class));
  }
  EXPECT_EQ(shelf.NextForgetUs(), 1'500 + DigestShelf::kUnusedUsMax) << "what was used longest ago is the first";
  shelf.Forget(shelf.NextForgetUs());
  EXPECT_EQ(shelf.RowsOf(8, 0), 0u);
  EXPECT_GT(shelf.RowsOf(7, 0), 0u);
}

TEST_F(RangeDigestsTest, ShelfReads_WhatSomebodyWaitsForFirst) {
  Fill(0, 10'000);
  DigestShelf shelf(rows_);
  EXPECT_EQ(shelf.Find(7, RowClass::kDown, 0, 1'000), nullptr);
  EXPECT_EQ(shelf.Find(7, RowClass::kUpOnly, 0, 1'000, true), nullptr);
  while (shelf.NextReadUs() == 0) ASSERT_TRUE(shelf.Read(2'000).ok());
  EXPECT_NE(shelf.Find(7, RowClass::kDown, 0, 2'000), nullptr);
  EXPECT_TRUE(shelf.reading()) << "what nobody waits for";
  EXPECT_EQ(shelf.Find(7, RowClass::kUpOnly, 0, 2'000), nullptr) << "somebody waits now";
  EXPECT_EQ(shelf.NextReadUs(), 0);
}

TEST_F(RangeDigestsTest, ShelfCannotRead_SaysSoAndBeginsAnew) {
  Fill(0, 10'000);
  DigestShelf shelf(rows_);
  (void)shelf.Find(7, RowClass::kDown, 0, 1'000);
  rows_.fails = true;
  EXPECT_FALSE(shelf.Read().ok());
  EXPECT_FALSE(shelf.reading());
  rows_.fails = false;
  EXPECT_EQ(shelf.Find(7, RowClass::kDown, 0, 1'000), nullptr);
  while (shelf.reading()) ASSERT_TRUE(shelf.Read().ok());
  EXPECT_EQ(shelf.Find(7, RowClass::kDown, 0, 1'000)->Of({})->count, 10'000u);
}

}  // namespace
}  // namespace tidegate::sync
