// Purging: which rows stand for something gone, what their removal leaves behind (design law 5).
#include "tests/contract/storage_contract.h"

namespace tidegate::contract {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Feed kUp{};

std::vector<uint64_t> Seqs(const std::vector<Item>& items) {
  std::vector<uint64_t> seqs;
  for (const Item& item : items) seqs.push_back(item.seq);
  return seqs;
}

class StoragePurge : public StorageContract {
 protected:
  uint64_t Floor(const Feed& feed) {
    tg_feed_stat stat{};
    stat.struct_size = sizeof stat;
    EXPECT_EQ(storage().FeedStat(feed, 0, &stat), TG_OK);
    return stat.floor;
  }
};
TIDEGATE_EVERY_STORAGE(StoragePurge);

TEST_P(StoragePurge, Traces_AreTombstonesAndEvictsInSeqOrder) {
  Item evict = MakeItem("evicted", 5).Deleted(5);
  evict.kind = TG_CHANGE_EVICT;
  storage().Commit({{Put(MakeItem("z").Deleted(1))},
                    {Put(MakeItem("item"))},
                    {Put(evict)},
                    {Put(MakeItem("a").Deleted(1))},
                    {Put(DownItem(8, "x").Deleted(1))}});
  const std::vector<Item> traces = storage().Traces();
  ASSERT_THAT(Seqs(traces), ElementsAre(1, 3, 4, 5));
  EXPECT_EQ(traces[0].sk, "z");
  EXPECT_EQ(traces[0].kind, TG_CHANGE_TOMBSTONE);
  EXPECT_EQ(traces[1].kind, TG_CHANGE_EVICT);
  EXPECT_EQ(traces[3].owner, 8u);
  EXPECT_THAT(Seqs(storage().Traces(0, 2)), ElementsAre(1, 3));
  EXPECT_THAT(Seqs(storage().Traces(3, 2)), ElementsAre(4, 5));
  EXPECT_THAT(storage().Traces(5), IsEmpty());
  EXPECT_THAT(storage().Traces(UINT64_MAX), IsEmpty());
  Restart();
  EXPECT_THAT(Seqs(storage().Traces()), ElementsAre(1, 3, 4, 5));
}

TEST_P(StoragePurge, Expiring_AreItemsInTheOrderOfExpiry) {
  auto expiring = [](const char* sk, int64_t expires_ms, uint64_t ms = 1) {
    Item item = MakeItem(sk, ms);
    item.expires_ms = expires_ms;
    return item;
  };
  Item removed = expiring("removed", 5).Deleted(2);
  removed.expires_ms = 5;
  storage().Commit({{Put(expiring("late", 3'000))},
                    {Put(MakeItem("never"))},
                    {Put(expiring("a", 1'000))},
                    {Put(expiring("b", 1'000))},
                    {Put(removed)}});
  EXPECT_THAT(Seqs(storage().Expiring()), ElementsAre(3, 4, 1));
  EXPECT_THAT(Seqs(storage().Expiring(0, 0, 2)), ElementsAre(3, 4));
  EXPECT_THAT(Seqs(storage().Expiring(1'000, 3)), ElementsAre(4, 1));
  EXPECT_THAT(Seqs(storage().Expiring(1'000, UINT64_MAX)), ElementsAre(1));
  EXPECT_THAT(storage().Expiring(3'000, 1), IsEmpty());
  // Another expiry, none any more, and gone.
  storage().Commit({{Put(expiring("late", 500, 2))}, {Put(MakeItem("a", 2))}, {Purge(MakeItem("b"))}});
  EXPECT_THAT(Seqs(storage().Expiring()), ElementsAre(6));
  storage().Commit(Renumber(MakeItem("late")));
  EXPECT_THAT(Seqs(storage().Expiring()), ElementsAre(8));
  Restart();
  EXPECT_THAT(Seqs(storage().Expiring()), ElementsAre(8));
}

TEST_P(StoragePurge, TraceThatIsWrittenOver_IsNoneAnyMore) {
  storage().Commit({{Put(MakeItem("a").Deleted(1))}, {Put(MakeItem("b").Deleted(1))}, {Put(MakeItem("c").Deleted(1))}});
  storage().Commit({{Put(MakeItem("a", 2))}, {Purge(MakeItem("b"))}, {Renumber(MakeItem("c"))}});
  EXPECT_THAT(Seqs(storage().Traces()), ElementsAre(5));
}

TEST_P(StoragePurge, PurgeOfAnotherVersion_LeavesRowAndFloor) {
  storage().Commit(Put(MakeItem("a").Deleted(7)));
  Op purge = Purge(MakeItem("a"));
  purge.condition = TG_IF_VERSION;
  purge.expected = MakeItem("a", 6).version;
  const Committed committed = storage().Commit(purge);
  ASSERT_EQ(committed.code, TG_OK);
  EXPECT_EQ(committed.outcomes[0].result, TG_OUTCOME_CANCELLED);
  EXPECT_EQ(storage().Traces().size(), 1u);
  EXPECT_EQ(Floor(kUp), 0u);
  purge.expected = MakeItem("a").Deleted(7).version;
  EXPECT_EQ(storage().Commit(purge).outcomes[0].result, TG_OUTCOME_APPLIED);
  EXPECT_THAT(storage().Traces(), IsEmpty());
  EXPECT_EQ(Floor(kUp), 1u);
}

TEST_P(StoragePurge, FloorOfAnItemThatGoesBothWays_RisesInBothFeeds) {
  Item both = DownItem(8, "x").Deleted(3);
  both.direction = TG_DIRECTION_BOTH;
  storage().Commit({{Put(MakeItem("first"))}, {Put(both)}, {OwnerAdd("eight", 8), OwnerAdd("seven", 7)}});
  storage().Commit(Purge(both));
  EXPECT_EQ(Floor({.lane = both.lane}), 2u);
  EXPECT_EQ(Floor({.direction = TG_DIRECTION_DOWN, .lane = both.lane, .owner_set = "eight"}), 2u);
  EXPECT_EQ(Floor({.direction = TG_DIRECTION_DOWN, .lane = both.lane, .owner_set = "seven"}), 0u);
  // A second purge below does not lower it.
  storage().Commit({{Put(MakeItem("late").Deleted(4))}});
  storage().Commit(Purge(MakeItem("late")));
  Restart();
  EXPECT_EQ(Floor({.direction = TG_DIRECTION_DOWN, .lane = both.lane, .owner_set = "eight"}), 2u);
}

TEST_P(StoragePurge, OwnerThatJoinsASetLater_BringsItsFloor) {
  storage().Commit({{Put(MakeItem("first"))}, {Put(DownItem(8, "x").Deleted(3))}, {OwnerAdd("set", 7)}});
  storage().Commit(Purge(DownItem(8, "x")));
  const Feed set{.direction = TG_DIRECTION_DOWN, .lane = DownItem(8, "x").lane, .owner_set = "set"};
  EXPECT_EQ(Floor(set), 0u);
  storage().Commit(OwnerAdd("set", 8));
  EXPECT_EQ(Floor(set), 2u);
}

}  // namespace
}  // namespace tidegate::contract
