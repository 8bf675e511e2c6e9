// Watermarks: every verdict, order, forgotten ends.
#include "tests/contract/storage_contract.h"

namespace tidegate::contract {
namespace {

using StorageWatermark = StorageContract;
TIDEGATE_EVERY_STORAGE(StorageWatermark);

TEST_P(StorageWatermark, Check_TellsEveryVerdict) {
  const tg_watermark none = storage().Head();
  const tg_watermark one = storage().Commit(Put(MakeItem("a", 1))).end;
  const tg_watermark three = storage().Commit({{Put(MakeItem("b", 2)), Put(MakeItem("c", 3))}}).end;
  EXPECT_EQ(one.position, 1u);
  EXPECT_EQ(three.position, 3u);
  EXPECT_EQ(three.version.hlc, 3u << 16);  // of the last change committed there
  EXPECT_EQ(storage().Check(none), TG_WATERMARK_USABLE);
  EXPECT_EQ(storage().Check(one), TG_WATERMARK_USABLE);
  EXPECT_EQ(storage().Check(three), TG_WATERMARK_USABLE);

  tg_watermark wrong = three;
  wrong.replica[5] ^= 1;
  EXPECT_EQ(storage().Check(wrong), TG_WATERMARK_OTHER_REPLICA);
  wrong = three;
  wrong.epoch = 4711;
  EXPECT_EQ(storage().Check(wrong), TG_WATERMARK_UNKNOWN_EPOCH);
  wrong = three;
  wrong.position = 4;
  EXPECT_EQ(storage().Check(wrong), TG_WATERMARK_PAST_EPOCH);
  wrong = three;
  wrong.position = 2;
  EXPECT_EQ(storage().Check(wrong), TG_WATERMARK_NOT_AN_END);
  wrong = three;
  wrong.version.agent = 99;
  EXPECT_EQ(storage().Check(wrong), TG_WATERMARK_OTHER_VERSION);
}

TEST_P(StorageWatermark, Check_KnowsWhereAnEpochEnded) {
  const tg_watermark one = storage().Commit(Put(MakeItem("a"))).end;
  Restart();
  tg_watermark past = one;
  past.position = 2;
  EXPECT_EQ(storage().Check(past), TG_WATERMARK_PAST_EPOCH);
  const tg_watermark two = storage().Commit(Put(MakeItem("b"))).end;
  EXPECT_EQ(two.epoch, epoch());
  EXPECT_EQ(storage().Check(two), TG_WATERMARK_USABLE);
  EXPECT_EQ(storage().Check(one), TG_WATERMARK_USABLE);
  past.version = two.version;  // the rewound node reached the place again, in another epoch
  EXPECT_EQ(storage().Check(past), TG_WATERMARK_PAST_EPOCH);
  tg_watermark before = two;
  before.position = 1;  // a place that this epoch did not give
  EXPECT_EQ(storage().Check(before), TG_WATERMARK_NOT_AN_END);
}

TEST_P(StorageWatermark, Epoch_BegunByACommit_GivesThePositionsAfterIt) {
  const tg_watermark one = storage().Commit(Put(MakeItem("a"))).end;
  const Committed both = storage().Commit({{BeginEpoch(4711), Put(MakeItem("b"))}});
  ASSERT_EQ(both.code, TG_OK) << storage().error().message;
  EXPECT_EQ(both.end.epoch, 4711u);
  EXPECT_EQ(both.end.position, 2u);
  EXPECT_EQ(storage().Epochs(1)[0].epoch, 4711u);
  EXPECT_EQ(storage().Check(one), TG_WATERMARK_USABLE);
  EXPECT_EQ(storage().Check(both.end), TG_WATERMARK_USABLE);
  tg_watermark lost = one;  // of a replica that went on and was rolled back to here
  lost.position = 2;
  EXPECT_EQ(storage().Check(lost), TG_WATERMARK_PAST_EPOCH);
}

TEST_P(StorageWatermark, Epoch_BegunWithoutAChange_LeavesTheHead) {
  const tg_watermark one = storage().Commit(Put(MakeItem("a"))).end;
  const Committed alone = storage().Commit({{BeginEpoch(4711)}});
  ASSERT_EQ(alone.code, TG_OK) << storage().error().message;
  EXPECT_EQ(alone.end.position, 1u);
  EXPECT_EQ(storage().Check(one), TG_WATERMARK_USABLE);
  EXPECT_EQ(storage().Commit(Put(MakeItem("b"))).end.epoch, 4711u);
}

TEST_P(StorageWatermark, Epoch_UsedBefore_IsAConflictAndNothingHappens) {
  storage().Commit(Put(MakeItem("a")));
  EXPECT_EQ(storage().Commit({{BeginEpoch(epoch()), Put(MakeItem("b"))}}).code, TG_CONFLICT);
  const tg_watermark next = storage().Commit(Put(MakeItem("c"))).end;
  EXPECT_EQ(next.position, 2u);
  EXPECT_EQ(next.epoch, epoch());
}

TEST_P(StorageWatermark, Check_OfAnOverwrittenLastChange_StillKnowsTheCommit) {
  const tg_watermark one = storage().Commit(Put(MakeItem("a", 1))).end;
  storage().Commit(Put(MakeItem("a", 2)));
  storage().Commit(Purge(MakeItem("a")));
  EXPECT_EQ(storage().Check(one), TG_WATERMARK_USABLE);
}

TEST_P(StorageWatermark, EndsTrim_ForgetsBelowButNeverTheNewest) {
  std::vector<tg_watermark> ends;
  for (int i = 0; i < 5; ++i) ends.push_back(storage().Commit(Put(MakeItem(std::to_string(i)))).end);
  ASSERT_EQ(storage().Commit(EndsTrim(3)).code, TG_OK);
  EXPECT_EQ(storage().Check(ends[0]), TG_WATERMARK_BELOW_FLOOR);
  EXPECT_EQ(storage().Check(ends[1]), TG_WATERMARK_BELOW_FLOOR);
  EXPECT_EQ(storage().Check(ends[2]), TG_WATERMARK_USABLE);
  tg_feed_stat stat;
  ASSERT_EQ(storage().FeedStat({}, 0, &stat), TG_OK);
  EXPECT_EQ(stat.floor, 3u);
  const Committed all = storage().Commit({{EndsTrim(UINT64_MAX)}});
  ASSERT_EQ(all.code, TG_OK);
  EXPECT_EQ(all.end.position, 5u);
  EXPECT_EQ(storage().Check(ends[4]), TG_WATERMARK_USABLE);
  EXPECT_EQ(storage().Check(ends[2]), TG_WATERMARK_BELOW_FLOOR);
  Restart();
  EXPECT_EQ(storage().Check(ends[4]), TG_WATERMARK_USABLE);
  EXPECT_EQ(storage().Check(ends[2]), TG_WATERMARK_BELOW_FLOOR);
  EXPECT_EQ(storage().Commit(Put(MakeItem("next"))).outcomes[0].seq, 6u);
}

TEST_P(StorageWatermark, EndsTrim_InTheCommitOfPuts_KeepsTheEndOfThisCommit) {
  storage().Commit(Put(MakeItem("a")));
  const Committed committed = storage().Commit({{Put(MakeItem("b")), EndsTrim(UINT64_MAX)}});
  ASSERT_EQ(committed.code, TG_OK);
  EXPECT_EQ(committed.end.position, 2u);
  EXPECT_EQ(storage().Check(committed.end), TG_WATERMARK_USABLE);
}

TEST_P(StorageWatermark, EndsTrim_ForgetsEpochsThatLieBelow) {
  const tg_watermark one = storage().Commit(Put(MakeItem("a"))).end;
  Restart();
  storage().Commit(Put(MakeItem("b")));
  Restart();
  const tg_watermark three = storage().Commit(Put(MakeItem("c"))).end;
  storage().Commit(EndsTrim(3));
  EXPECT_EQ(storage().Epochs().size(), 1u);
  EXPECT_EQ(storage().Check(one), TG_WATERMARK_BELOW_FLOOR);  // older than the list, not rewound
  EXPECT_EQ(storage().Check(three), TG_WATERMARK_USABLE);
}

TEST_P(StorageWatermark, Compare_OrdersByPosition) {
  const tg_watermark none = storage().Head();
  const tg_watermark one = storage().Commit(Put(MakeItem("a"))).end;
  Restart();
  const tg_watermark two = storage().Commit(Put(MakeItem("b"))).end;
  int32_t order = 99;
  EXPECT_EQ(storage().Compare(one, two, &order), TG_OK);
  EXPECT_LT(order, 0);
  EXPECT_EQ(storage().Compare(two, one, &order), TG_OK);
  EXPECT_GT(order, 0);
  EXPECT_EQ(storage().Compare(two, two, &order), TG_OK);
  EXPECT_EQ(order, 0);
  EXPECT_EQ(storage().Compare(none, one, &order), TG_OK);
  EXPECT_LT(order, 0);
  tg_watermark other = two;
  other.replica[0] ^= 1;
  EXPECT_EQ(storage().Compare(two, other, &order), TG_INVALID);
  other = two;
  other.version.hlc += 1;
  EXPECT_EQ(storage().Compare(two, other, &order), TG_INVALID);
}

}  // namespace
}  // namespace tidegate::contract
