// Rows that move from feed to feed because the policy of their model has changed.
#include "tests/contract/storage_contract.h"

namespace tidegate::contract {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using StorageRekey = StorageContract;
TIDEGATE_EVERY_STORAGE(StorageRekey);

const Feed kUp{};
const Feed kAll{.direction = TG_DIRECTION_NONE};
const Feed kDown{.direction = TG_DIRECTION_DOWN, .lane = TG_LANE_STATE, .owner_set = "child"};

Item Keyed(Item item, uint8_t direction, uint8_t lane) {
  item.direction = direction;
  item.lane = lane;
  return item;
}

TEST_P(StorageRekey, KeptSeq_MovesTheRowBetweenFeedsAndChangesNothingElse) {
  Item item = MakeItem("a", 5).With("state");
  item.via = 42;
  item.index_keys = {{"byName", "h", "s"}};
  storage().Commit({{Put(item), Put(MakeItem("b"))}});
  const Committed committed = storage().Commit(Rekey(Keyed(item, TG_DIRECTION_NONE, TG_LANE_URGENT)));
  EXPECT_THAT(committed.Results(), ElementsAre(TG_OUTCOME_APPLIED));
  EXPECT_EQ(committed.outcomes[0].seq, 1u);
  EXPECT_EQ(committed.end.position, 2u) << "nothing new: the head stays";
  Item read;
  ASSERT_EQ(storage().Get(item, &read), TG_OK);
  EXPECT_EQ(read.direction, TG_DIRECTION_NONE);
  EXPECT_EQ(read.lane, TG_LANE_URGENT);
  EXPECT_EQ(read.seq, 1u);
  EXPECT_EQ(read.run_last, 2u);
  EXPECT_EQ(read.via, 42u);
  EXPECT_EQ(read.body, "state");
  EXPECT_THAT(storage().Changes(kUp, 0).Sks(), ElementsAre("b"));
  EXPECT_THAT(storage().RunQuery({.flags = TG_QUERY_HASH, .index = "byName", .hash = "h"}).Sks(), ElementsAre("a"));
  storage().Commit(Rekey(Keyed(item, TG_DIRECTION_BOTH, TG_LANE_HISTORY)));
  EXPECT_THAT(storage().Changes(kUp, 0).Sks(), ElementsAre("a", "b")) << "where it stood";
}

TEST_P(StorageRekey, NewSeq_IsNewToItsFeeds) {
  Item item = Keyed(MakeItem("a", 5).With("state"), TG_DIRECTION_NONE, TG_LANE_STATE);
  item.via = 42;
  storage().Commit({{Put(item)}, {Put(MakeItem("b"))}});
  const Committed committed = storage().Commit(Rekey(Keyed(item, TG_DIRECTION_UP, TG_LANE_HISTORY), true));
  EXPECT_EQ(committed.outcomes[0].seq, 3u);
  EXPECT_EQ(committed.end.position, 3u);
  Item read;
  ASSERT_EQ(storage().Get(item, &read), TG_OK);
  EXPECT_EQ(read.seq, 3u);
  EXPECT_EQ(read.run_first, 3u);
  EXPECT_EQ(read.run_last, 3u);
  EXPECT_EQ(read.via, 42u) << "it is still where it came from";
  EXPECT_EQ(read.version.hlc, item.version.hlc);
  EXPECT_EQ(read.body, "state");
  EXPECT_THAT(storage().Changes(kUp, 0).Sks(), ElementsAre("b", "a"));
  EXPECT_THAT(storage().Changes(kUp, 2).Sks(), ElementsAre("a"));
}

TEST_P(StorageRekey, Down_IsFoundByTheOwnersFeed) {
  storage().Commit(OwnerAdd("child", 9));
  Item item = Keyed(DownItem(9, "a"), TG_DIRECTION_NONE, TG_LANE_STATE);
  Item newer = DownItem(9, "b");
  storage().Commit({{Put(item)}, {Put(newer)}});
  EXPECT_THAT(storage().Changes(kDown, 0).Sks(), ElementsAre("b"));
  storage().Commit(Rekey(Keyed(item, TG_DIRECTION_DOWN, TG_LANE_STATE)));
  EXPECT_THAT(storage().Changes(kDown, 0).Sks(), ElementsAre("a", "b"));
  EXPECT_THAT(storage().Changes(kDown, 1).Sks(), ElementsAre("b")) << "its seq must not hide a newer one";
  Item other = Keyed(MakeItem("c"), TG_DIRECTION_NONE, TG_LANE_STATE);
  other.owner = 9;
  storage().Commit(Put(other));
  storage().Commit({{Rekey(Keyed(newer, TG_DIRECTION_NONE, TG_LANE_STATE))},
                    {Rekey(Keyed(other, TG_DIRECTION_DOWN, TG_LANE_STATE))}});
  EXPECT_THAT(storage().Changes(kDown, 2).Sks(), ElementsAre("c"));
}

TEST_P(StorageRekey, Tombstone_StaysATrace) {
  storage().Commit({{Put(MakeItem("a"))}, {Put(MakeItem("a").Deleted(2))}});
  storage().Commit(Rekey(Keyed(MakeItem("a"), TG_DIRECTION_NONE, TG_LANE_STATE)));
  ASSERT_EQ(storage().Traces().size(), 1u);
  EXPECT_THAT(storage().Changes(kUp, 0).Sks(), IsEmpty());
  storage().Commit(Rekey(Keyed(MakeItem("a"), TG_DIRECTION_UP, TG_LANE_HISTORY), true));
  EXPECT_THAT(storage().Changes(kUp, 0).Sks(), ElementsAre("a"));
  EXPECT_EQ(storage().Stats().tombstones, 1u);
}

TEST_P(StorageRekey, Condition_IsJudgedAndMissingIsSaid) {
  const Item item = MakeItem("a", 5);
  storage().Commit(Put(item));
  Op stale = Rekey(Keyed(item, TG_DIRECTION_NONE, TG_LANE_STATE));
  stale.condition = TG_IF_VERSION;
  stale.expected = MakeItem("a", 4).version;
  EXPECT_THAT(storage().Commit(stale).Results(), ElementsAre(TG_OUTCOME_CANCELLED));
  EXPECT_THAT(storage().Changes(kUp, 0).Sks(), ElementsAre("a"));
  stale.expected = item.version;
  EXPECT_THAT(storage().Commit(stale).Results(), ElementsAre(TG_OUTCOME_APPLIED));
  EXPECT_THAT(storage().Commit(Rekey(MakeItem("unknown"))).Results(), ElementsAre(TG_OUTCOME_MISSING));
  EXPECT_EQ(storage().Commit(Rekey(Keyed(item, 4, TG_LANE_STATE))).code, TG_INVALID);
  EXPECT_EQ(storage().Commit(Rekey(Keyed(item, TG_DIRECTION_UP, TG_LANE_COUNT))).code, TG_INVALID);
}

TEST_P(StorageRekey, KeptSeq_OutlivesARestart) {
  storage().Commit({{Put(MakeItem("a")), Put(MakeItem("b"))}});
  storage().Commit(Rekey(Keyed(MakeItem("a"), TG_DIRECTION_NONE, TG_LANE_STATE)));
  Restart();
  EXPECT_THAT(storage().Changes(kUp, 0).Sks(), ElementsAre("b"));
}

TEST_P(StorageRekey, EveryRow_IsReadInSeqOrder) {
  Item none = Keyed(MakeItem("none"), TG_DIRECTION_NONE, TG_LANE_STATE);
  storage().Commit({{Put(none)}, {Put(DownItem(9, "down"))}, {Put(MakeItem("up")), Put(MakeItem("up2"))}});
  storage().Commit(Put(none.Deleted(3)));
  Page page = storage().Changes(kAll, 0);
  EXPECT_THAT(page.Sks(), ElementsAre("down", "up", "up2", "none"));
  EXPECT_EQ(page.more, 0u);
  EXPECT_EQ(page.reached.position, 5u);
  page = storage().Changes(kAll, 0, 2);
  EXPECT_THAT(page.Sks(), ElementsAre("down", "up", "up2")) << "a run is not cut";
  EXPECT_EQ(page.more, 1u);
  EXPECT_THAT(storage().Changes(kAll, page.reached.position).Sks(), ElementsAre("none"));
}

}  // namespace
}  // namespace tidegate::contract
