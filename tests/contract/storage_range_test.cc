// Ranges and scopes: what reconcile and verify read.
#include "tests/contract/storage_contract.h"

namespace tidegate::contract {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The same rows for every test and every plugin.
std::vector<Group> Rows() {
  std::vector<Group> groups;
  for (int i = 0; i < 25; ++i) {
    Item item = MakeItem("k" + std::to_string(10 + i), static_cast<uint64_t>(100 + i));
    item.pk = i < 10 ? "a" : "b";
    if (i % 5 == 0) item = item.Deleted(static_cast<uint64_t>(100 + i));
    if (i % 7 == 0) item.model = "Other";
    groups.push_back({Put(item)});
  }
  groups.push_back({Put(DownItem(8, "x"))});
  return groups;
}

class StorageRange : public StorageContract {
 protected:
  void SetUp() override {
    StorageContract::SetUp();
    ASSERT_EQ(storage().Commit(Rows()).code, TG_OK);
  }
};
TIDEGATE_EVERY_STORAGE(StorageRange);

TEST_P(StorageRange, Scan_GivesTheOwnersRowsInKeyOrder) {
  const std::vector<Item> all = storage().Scan({});
  ASSERT_EQ(all.size(), 25u);
  EXPECT_EQ(all.front().sk, "k10");
  EXPECT_EQ(all.front().kind, TG_CHANGE_TOMBSTONE);
  EXPECT_EQ(all.back().sk, "k34");
  EXPECT_EQ(all[1].body, "{}");
  EXPECT_EQ(storage().Scan({.owner = 8}).size(), 1u);
  EXPECT_THAT(storage().Scan({.owner = 9}), IsEmpty());
  EXPECT_THAT(storage().Scan({.owner = UINT64_MAX}), IsEmpty());
}

TEST_P(StorageRange, Bounds_AreHalfOpenOverPkAndSk) {
  EXPECT_EQ(storage().Scan({.from_pk = "b"}).size(), 15u);
  EXPECT_EQ(storage().Scan({.to_pk = "b", .has_to = true}).size(), 10u);
  const std::vector<Item> middle =
      storage().Scan({.from_pk = "a", .from_sk = "k18", .to_pk = "b", .to_sk = "k22", .has_to = true});
  ASSERT_EQ(middle.size(), 4u);
  EXPECT_EQ(middle.front().sk, "k18");
  EXPECT_EQ(middle.back().sk, "k21");
  EXPECT_THAT(storage().Scan({.from_pk = "b", .to_pk = "a", .has_to = true}), IsEmpty());
}

TEST_P(StorageRange, ModelAndCut_Narrow) {
  EXPECT_EQ(storage().Scan({.model = "Other"}).size(), 4u);
  // Tombstones at 100, 105, 110, 115, 120; a cut at 110 leaves two of them out, and no item.
  EXPECT_EQ(storage().Scan({.cut_hlc = 110ull << 16}).size(), 23u);
  EXPECT_EQ(storage().Digests({.cut_hlc = 110ull << 16})[0].count, 23u);
  EXPECT_EQ(storage().Scan({.cut_hlc = UINT64_MAX}).size(), 20u);
}

TEST_P(StorageRange, ItemsThatExpired_AreLeftOutAtTheInstant) {
  Item first = MakeItem("first"), last = MakeItem("last"), removed = MakeItem("removed").Deleted(500);
  first.expires_ms = 1'000;
  last.expires_ms = 2'000;
  removed.expires_ms = 1'000;
  storage().Commit({{Put(first), Put(last), Put(removed)}});
  for (auto [expired_ms, rows] : {std::pair{0, 28u}, {999, 28u}, {1'000, 27u}, {1'999, 27u}, {2'000, 26u}}) {
    EXPECT_EQ(storage().Scan({.expired_ms = expired_ms}).size(), rows) << expired_ms;
    EXPECT_EQ(storage().Digests({.expired_ms = expired_ms})[0].count, rows) << expired_ms;
  }
  uint64_t sum = 0;
  for (const Item& item : storage().Scan({.expired_ms = 1'500})) sum += item.digest;
  EXPECT_EQ(storage().Digests({.expired_ms = 1'500})[0].sum, sum);
}

TEST_P(StorageRange, DirectionMask_Narrows) {
  Item both = MakeItem("both"), none = MakeItem("none");
  both.direction = TG_DIRECTION_BOTH;
  none.direction = TG_DIRECTION_NONE;
  storage().Commit({{Put(both), Put(none)}});
  EXPECT_EQ(storage().Scan({}).size(), 27u);
  EXPECT_EQ(storage().Scan({.direction_mask = TG_DIRECTION_UP}).size(), 26u);
  EXPECT_EQ(storage().Scan({.direction_mask = TG_DIRECTION_DOWN}).size(), 1u);
  EXPECT_EQ(storage().Scan({.direction_mask = TG_DIRECTION_BOTH}).size(), 26u);
  EXPECT_EQ(storage().Digests({.direction_mask = TG_DIRECTION_DOWN})[0].count, 1u);
}

TEST_P(StorageRange, Digest_IsTheSumOfTheRows) {
  uint64_t sum = 0;
  for (const Item& item : storage().Scan({.model = "Reading"})) sum += item.digest;
  const std::vector<Chunk> whole = storage().Digests({.model = "Reading"});
  ASSERT_EQ(whole.size(), 1u);
  EXPECT_EQ(whole[0].count, 21u);
  EXPECT_EQ(whole[0].sum, sum);
  EXPECT_FALSE(whole[0].has_end);
}

TEST_P(StorageRange, Chunks_JoinToTheWhole) {
  const Chunk whole = storage().Digests({})[0];
  for (uint64_t size : {1, 4, 5, 24, 25, 26}) {
    const std::vector<Chunk> chunks = storage().Digests({.chunk_items = size});
    EXPECT_EQ(chunks.size(), (25 + size - 1) / size);
    uint64_t count = 0, sum = 0;
    Range range;
    for (const Chunk& chunk : chunks) {
      count += chunk.count;
      sum += chunk.sum;
      EXPECT_EQ(chunk.has_end, &chunk != &chunks.back());
      // Each chunk is the digest of its own range.
      range.has_to = chunk.has_end;
      range.to_pk = chunk.end_pk;
      range.to_sk = chunk.end_sk;
      const Chunk alone = storage().Digests(range)[0];
      EXPECT_EQ(alone.count, chunk.count);
      EXPECT_EQ(alone.sum, chunk.sum);
      range.from_pk = chunk.end_pk;
      range.from_sk = chunk.end_sk;
    }
    EXPECT_EQ(count, whole.count);
    EXPECT_EQ(sum, whole.sum);
  }
}

TEST_P(StorageRange, Digest_TellsDirectionsApart) {
  Item both = MakeItem("both"), none = MakeItem("none"), down = MakeItem("down");
  both.direction = TG_DIRECTION_BOTH;
  none.direction = TG_DIRECTION_NONE;
  down.direction = TG_DIRECTION_DOWN;
  storage().Commit({{Put(both), Put(none), Put(down)}});
  std::array<uint64_t, 4> counts{}, sums{};
  for (const Item& item : storage().Scan({})) {
    ++counts[item.direction];
    sums[item.direction] += item.digest;
  }
  const Chunk whole = storage().Digests({})[0];
  EXPECT_EQ(whole.direction_count, counts);
  EXPECT_EQ(whole.direction_sum, sums);
  EXPECT_EQ(counts, (std::array<uint64_t, 4>{1, 25, 1, 1}));
  std::array<uint64_t, 4> added{};
  for (const Chunk& chunk : storage().Digests({.chunk_items = 4})) {
    for (size_t i = 0; i < added.size(); ++i) added[i] += chunk.direction_sum[i];
  }
  EXPECT_EQ(added, sums);
}

TEST_P(StorageRange, EmptyRange_HasOneEmptyDigest) {
  EXPECT_THAT(storage().Digests({.owner = 99, .chunk_items = 5}), ElementsAre(Chunk{}));
}

TEST_P(StorageRange, Digest_FollowsEveryWrite) {
  const Chunk before = storage().Digests({})[0];
  Item extra = MakeItem("zz", 500);
  storage().Commit(Put(extra));
  EXPECT_NE(storage().Digests({})[0], before);
  storage().Commit(Renumber(extra));
  storage().Commit(Purge(extra));
  EXPECT_EQ(storage().Digests({})[0], before);
}

TEST_P(StorageRange, Scopes_CountByOwnerAndModel) {
  EXPECT_THAT(storage().Scopes(),
              ElementsAre(Scope{"Other", 7, 3, 1}, Scope{"Reading", 7, 17, 4}, Scope{"Reading", 8, 1, 0}));
  storage().Commit(Purge(DownItem(8, "x")));
  EXPECT_EQ(storage().Scopes().size(), 2u);
  Item moved = MakeItem("k11", 999);
  moved.pk = "a";
  moved.model = "Other";
  storage().Commit({{Put(moved)}, {Put(moved.Deleted(1000))}});
  EXPECT_THAT(storage().Scopes(), ElementsAre(Scope{"Other", 7, 3, 2}, Scope{"Reading", 7, 16, 4}));
  Restart();
  EXPECT_THAT(storage().Scopes(), ElementsAre(Scope{"Other", 7, 3, 2}, Scope{"Reading", 7, 16, 4}));
}

TEST(StorageRangeAcross, Plugins_DigestAlike) {
  TempDir dir;
  Driver memory(LoadStorage("storage-memory"), "{}");
  Driver sqlite(LoadStorage("storage-sqlite"), SqliteConfig(dir.File("replica.db")));
  ASSERT_EQ(memory.Start(1), TG_OK);
  ASSERT_EQ(sqlite.Start(2), TG_OK);
  ASSERT_EQ(memory.Commit(Rows()).code, TG_OK);
  ASSERT_EQ(sqlite.Commit(Rows()).code, TG_OK);
  for (const Range& range : {Range{}, Range{.chunk_items = 4}, Range{.model = "Other", .chunk_items = 1},
                             Range{.cut_hlc = 111ull << 16, .chunk_items = 6}})
    EXPECT_EQ(memory.Digests(range), sqlite.Digests(range));
}

}  // namespace
}  // namespace tidegate::contract
