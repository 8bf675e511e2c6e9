// Feeds: what changes gives, where it stops, what feed_stat counts.
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "tests/contract/storage_contract.h"

namespace tidegate::contract {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using StorageFeed = StorageContract;
TIDEGATE_EVERY_STORAGE(StorageFeed);

const Feed kUp{};
const Feed kDown{.direction = TG_DIRECTION_DOWN, .lane = TG_LANE_STATE, .owner_set = "child"};

TEST_P(StorageFeed, Up_SelectsUpAndBothOfItsLane) {
  Item both = MakeItem("both"), none = MakeItem("none"), down = MakeItem("down"), urgent = MakeItem("urgent");
  both.direction = TG_DIRECTION_BOTH;
  none.direction = TG_DIRECTION_NONE;
  down.direction = TG_DIRECTION_DOWN;
  urgent.lane = TG_LANE_URGENT;
  storage().Commit({{Put(MakeItem("up"))}, {Put(both)}, {Put(none)}, {Put(down)}, {Put(urgent)}});
  const Page page = storage().Changes(kUp, 0);
  EXPECT_THAT(page.Sks(), ElementsAre("up", "both"));
  EXPECT_EQ(page.more, 0u);
  EXPECT_EQ(page.reached.position, 5u);  // nothing remains: the head of the replica
  EXPECT_EQ(storage().Check(page.reached), TG_WATERMARK_USABLE);
  EXPECT_THAT(storage().Changes({.lane = TG_LANE_URGENT}, 0).Sks(), ElementsAre("urgent"));
  EXPECT_THAT(storage().Changes(kUp, 1).Sks(), ElementsAre("both"));
  EXPECT_THAT(storage().Changes(kUp, 2).Sks(), IsEmpty());
  EXPECT_THAT(storage().Changes(kUp, UINT64_MAX).Sks(), IsEmpty());
}

TEST_P(StorageFeed, EmptyReplica_ReachesItsHead) {
  const Page page = storage().Changes(kUp, 0);
  EXPECT_EQ(page.code, TG_OK);
  EXPECT_EQ(page.more, 0u);
  EXPECT_EQ(page.reached.position, 0u);
  EXPECT_EQ(storage().Check(page.reached), TG_WATERMARK_USABLE);
}

TEST_P(StorageFeed, Updates_CoalesceAtTheNewestSeq) {
  storage().Commit({{Put(MakeItem("a", 1))}, {Put(MakeItem("b", 1))}, {Put(MakeItem("a", 2).With("new"))}});
  const Page page = storage().Changes(kUp, 0);
  EXPECT_THAT(page.Sks(), ElementsAre("b", "a"));
  EXPECT_EQ(page.items[1].body, "new");
  EXPECT_EQ(page.items[1].seq, 3u);
}

TEST_P(StorageFeed, TombstonesAndEvicts_AreChanges) {
  Item evict = MakeItem("b").Deleted(3);
  evict.kind = TG_CHANGE_EVICT;
  storage().Commit({{Put(MakeItem("a"))}, {Put(MakeItem("a").Deleted(2))}, {Put(evict)}});
  const Page page = storage().Changes(kUp, 1);
  ASSERT_EQ(page.items.size(), 2u);
  EXPECT_EQ(page.items[0].kind, TG_CHANGE_TOMBSTONE);
  EXPECT_EQ(page.items[1].kind, TG_CHANGE_EVICT);
}

TEST_P(StorageFeed, ExcludeVia_LeavesOutWhatCameFromThere) {
  Item from_child = MakeItem("child");
  from_child.via = 7;
  storage().Commit({{Put(from_child)}, {Put(MakeItem("own"))}});
  EXPECT_THAT(storage().Changes({.exclude_via = 7}, 0).Sks(), ElementsAre("own"));
  EXPECT_THAT(storage().Changes({.exclude_via = 8}, 0).Sks(), ElementsAre("child", "own"));
  EXPECT_THAT(storage().Changes({}, 0).Sks(), ElementsAre("child", "own"));
}

TEST_P(StorageFeed, Down_FollowsItsOwnerSet) {
  storage().Commit(
      {{Put(DownItem(7, "a"))}, {Put(DownItem(8, "b"))}, {Put(DownItem(0, "all"))}, {Put(DownItem(7, "c"))}});
  EXPECT_THAT(storage().Changes(kDown, 0).Sks(), IsEmpty());  // the set has nobody yet
  storage().Commit({{OwnerAdd("child", 7), OwnerAdd("child", 0), OwnerAdd("other", 8), OwnerAdd("child", 7)}});
  EXPECT_THAT(storage().Changes(kDown, 0).Sks(), ElementsAre("a", "all", "c"));  // merged in seq order
  EXPECT_THAT(storage().Changes(kDown, 1).Sks(), ElementsAre("all", "c"));
  storage().Commit({{OwnerRemove("child", 0), OwnerAdd("child", 8)}});
  EXPECT_THAT(storage().Changes(kDown, 0).Sks(), ElementsAre("a", "b", "c"));
  Feed up = kDown;
  up.direction = TG_DIRECTION_UP;
  EXPECT_THAT(storage().Changes(up, 0).Sks(), IsEmpty());
  Restart();
  EXPECT_THAT(storage().Changes(kDown, 0).Sks(), ElementsAre("a", "b", "c"));
}

TEST_P(StorageFeed, Down_OfALargeSet_IsMergedInSeqOrder) {
  Group owners;
  for (uint64_t owner = 2; owner < 302; ++owner) owners.push_back(OwnerAdd("child", owner));
  storage().Commit({owners});
  for (int round = 0; round < 3; ++round) {
    std::vector<Group> groups;
    for (uint64_t owner = 350; owner-- > 2;) groups.push_back({Put(DownItem(owner, std::to_string(round)))});
    ASSERT_EQ(storage().Commit(groups).code, TG_OK);
  }
  uint64_t last = 0;
  const Page page = storage().Changes(kDown, 0);
  EXPECT_EQ(page.items.size(), 900u);
  for (const Item& item : page.items) {
    EXPECT_GT(item.seq, last);
    EXPECT_LT(item.owner, 302u);
    last = item.seq;
  }
  tg_feed_stat stat;
  ASSERT_EQ(storage().FeedStat(kDown, last - 1, &stat), TG_OK);
  EXPECT_EQ(stat.count, 1u);
  EXPECT_EQ(stat.head, last);
  EXPECT_EQ(storage().Changes(kDown, last - 1).items.size(), 1u);
}

TEST_P(StorageFeed, BothItems_AreInBothFeeds) {
  Item both = DownItem(7, "x");
  both.direction = TG_DIRECTION_BOTH;
  storage().Commit({{Put(both), OwnerAdd("child", 7)}});
  EXPECT_THAT(storage().Changes(kDown, 0).Sks(), ElementsAre("x"));
  EXPECT_THAT(storage().Changes({.lane = TG_LANE_STATE}, 0).Sks(), ElementsAre("x"));
  both.direction = TG_DIRECTION_UP;  // re-keyed
  storage().Commit(Put(both));
  EXPECT_THAT(storage().Changes(kDown, 0).Sks(), IsEmpty());
  EXPECT_THAT(storage().Changes({.lane = TG_LANE_STATE}, 0).Sks(), ElementsAre("x"));
}

TEST_P(StorageFeed, Limits_StopAtACommitEnd) {
  storage().Commit(Put(MakeItem("a")));
  storage().Commit({{Put(MakeItem("b")), Put(MakeItem("c")), Put(MakeItem("d"))}});
  storage().Commit(Put(MakeItem("e")));
  Page page = storage().Changes(kUp, 0, 1);
  EXPECT_THAT(page.Sks(), ElementsAre("a"));
  EXPECT_EQ(page.more, 1u);
  EXPECT_EQ(page.reached.position, 1u);
  page = storage().Changes(kUp, 1, 1);
  EXPECT_THAT(page.Sks(), ElementsAre("b", "c", "d"));  // a run is never cut
  EXPECT_EQ(page.more, 1u);
  EXPECT_EQ(page.reached.position, 4u);
  EXPECT_EQ(storage().Check(page.reached), TG_WATERMARK_USABLE);
  page = storage().Changes(kUp, 0, 0, 1);  // one byte: still one change, or nothing would move
  EXPECT_THAT(page.Sks(), ElementsAre("a"));
  page = storage().Changes(kUp, 0, 5);
  EXPECT_EQ(page.items.size(), 5u);
  EXPECT_EQ(page.more, 0u);
  EXPECT_EQ(page.reached.position, 5u);
}

TEST_P(StorageFeed, Limits_BelowForgottenEnds_StopAtTheEndOfARun) {
  storage().Commit(Put(MakeItem("a")));
  storage().Commit({{Put(MakeItem("b")), Put(MakeItem("c")), Put(MakeItem("d"))}});
  storage().Commit(Put(MakeItem("e")));
  Restart();  // another epoch
  storage().Commit(Put(MakeItem("f")));
  storage().Commit(Put(MakeItem("g")));
  ASSERT_EQ(storage().Commit(EndsTrim(7)).code, TG_OK);
  std::vector<std::vector<std::string>> pages;
  std::vector<uint64_t> reached;
  for (uint32_t more = 1; more != 0;) {
    const Page page = storage().Changes(kUp, reached.empty() ? 0 : reached.back(), 1);
    ASSERT_EQ(page.code, TG_OK);
    pages.push_back(page.Sks());
    reached.push_back(page.reached.position);
    EXPECT_EQ(storage().Check(page.reached), page.more ? TG_WATERMARK_BELOW_FLOOR : TG_WATERMARK_USABLE);
    more = page.more;
  }
  EXPECT_THAT(pages, ElementsAre(ElementsAre("a"), ElementsAre("b", "c", "d"), ElementsAre("e"), ElementsAre("f"),
                                 ElementsAre("g")));
  EXPECT_THAT(reached, ElementsAre(1, 4, 5, 6, 7));
}

TEST_P(StorageFeed, More_LooksPastWhatIsNotSelected) {
  Item urgent = MakeItem("urgent");
  urgent.lane = TG_LANE_URGENT;
  Item from_child = MakeItem("child");
  from_child.via = 7;
  storage().Commit(Put(MakeItem("a")));
  storage().Commit(Put(urgent));
  storage().Commit(Put(from_child));
  const Page page = storage().Changes({.exclude_via = 7}, 0, 1);
  EXPECT_THAT(page.Sks(), ElementsAre("a"));
  EXPECT_EQ(page.more, 0u);
  EXPECT_EQ(page.reached.position, 3u);
}

TEST_P(StorageFeed, BytesLimit_CountsBodiesAndKeys) {
  for (int i = 0; i < 10; ++i) storage().Commit(Put(MakeItem("k" + std::to_string(i)).With(std::string(1000, 'x'))));
  const Page page = storage().Changes(kUp, 0, 0, 3000);
  EXPECT_EQ(page.items.size(), 3u);
  EXPECT_EQ(page.reached.position, 3u);
  EXPECT_EQ(page.more, 1u);
}

TEST_P(StorageFeed, LargeCommit_HasEndsInside) {
  std::vector<Group> groups(2000);
  for (size_t i = 0; i < groups.size(); ++i) groups[i] = {Put(MakeItem("k" + std::to_string(10000 + i)))};
  ASSERT_EQ(storage().Commit(groups).code, TG_OK);
  Page page = storage().Changes(kUp, 0, 100);
  EXPECT_GE(page.items.size(), 100u);
  EXPECT_LE(page.items.size(), 700u);
  EXPECT_EQ(page.more, 1u);
  EXPECT_EQ(storage().Check(page.reached), TG_WATERMARK_USABLE);
  uint64_t seen = page.items.size(), after = page.reached.position;
  while (page.more) {
    page = storage().Changes(kUp, after, 100);
    ASSERT_EQ(page.code, TG_OK);
    for (const Item& item : page.items) EXPECT_GT(item.seq, after);
    seen += page.items.size();
    after = page.reached.position;
  }
  EXPECT_EQ(seen, 2000u);
  std::vector<Group> fat(20);
  for (size_t i = 0; i < fat.size(); ++i)
    fat[i] = {Put(MakeItem("f" + std::to_string(i)).With(std::string(30000, 'x')))};
  ASSERT_EQ(storage().Commit(fat).code, TG_OK);
  page = storage().Changes(kUp, 2000, 1);
  EXPECT_LE(page.items.size(), 6u);  // an end after each 128 KiB
}

TEST_P(StorageFeed, SinkThatStops_GetsNoReached) {
  storage().Commit({{Put(MakeItem("a")), Put(MakeItem("b"))}});
  const Page page = storage().Changes(kUp, 0, 0, 0, 1);
  EXPECT_EQ(page.items.size(), 1u);
  EXPECT_EQ(page.reached.position, 0u);
}

TEST_P(StorageFeed, WrongSelector_IsInvalid) {
  EXPECT_EQ(storage().Changes({.direction = TG_DIRECTION_BOTH}, 0).code, TG_INVALID);
  EXPECT_EQ(storage().Changes({.lane = TG_LANE_COUNT}, 0).code, TG_INVALID);
  tg_feed_stat stat;
  EXPECT_EQ(storage().FeedStat({.direction = 0}, 0, &stat), TG_INVALID);
}

TEST_P(StorageFeed, Stat_CountsWhatIsLacking) {
  tg_feed_stat stat;
  ASSERT_EQ(storage().FeedStat(kUp, 0, &stat), TG_OK);
  EXPECT_EQ(stat.count, 0u);
  EXPECT_EQ(stat.head, 0u);
  EXPECT_EQ(stat.oldest.hlc, 0u);
  storage().Commit({{Put(MakeItem("a", 1))}, {Put(MakeItem("b", 2).With("12345"))}, {Put(DownItem(7, "x"))}});
  ASSERT_EQ(storage().FeedStat(kUp, 1, &stat), TG_OK);
  EXPECT_EQ(stat.exact, 1u);
  EXPECT_EQ(stat.count, 1u);
  EXPECT_EQ(stat.bytes, 5 + std::string("device#7").size() + 1);
  EXPECT_EQ(stat.head, 2u);
  EXPECT_EQ(stat.oldest.hlc, 2u << 16);
  EXPECT_EQ(stat.floor, 0u);
  ASSERT_EQ(storage().FeedStat({.exclude_via = 0, .owner_set = ""}, 2, &stat), TG_OK);
  EXPECT_EQ(stat.count, 0u);
  EXPECT_EQ(stat.head, 2u);
}

TEST_P(StorageFeed, Stat_OfDownFeed_CountsItsOwners) {
  storage().Commit({{Put(DownItem(7, "a"))},
                    {Put(DownItem(8, "b"))},
                    {Put(DownItem(0, "c"))},
                    {Put(DownItem(8, "d"))},
                    {OwnerAdd("child", 7), OwnerAdd("child", 0)}});
  tg_feed_stat stat;
  ASSERT_EQ(storage().FeedStat(kDown, 0, &stat), TG_OK);
  EXPECT_EQ(stat.count, 2u);
  EXPECT_EQ(stat.head, 3u);
}

TEST_P(StorageFeed, PurgedTombstone_RaisesTheFloorOfItsFeedsOnly) {
  storage().Commit({{Put(MakeItem("a").Deleted(1))},
                    {Put(MakeItem("b"))},
                    {Put(DownItem(8, "x").Deleted(1))},
                    {OwnerAdd("child", 7), OwnerAdd("eight", 8)}});
  storage().Commit({{Purge(MakeItem("a")), Purge(MakeItem("b")), Purge(DownItem(8, "x"))}});
  tg_feed_stat stat;
  ASSERT_EQ(storage().FeedStat(kUp, 0, &stat), TG_OK);
  EXPECT_EQ(stat.floor, 1u);  // the tombstone; an item that goes leaves no floor
  ASSERT_EQ(storage().FeedStat(kDown, 0, &stat), TG_OK);
  EXPECT_EQ(stat.floor, 0u);
  Feed eight = kDown;
  eight.owner_set = "eight";
  ASSERT_EQ(storage().FeedStat(eight, 0, &stat), TG_OK);
  EXPECT_EQ(stat.floor, 3u);
  Restart();
  ASSERT_EQ(storage().FeedStat(eight, 0, &stat), TG_OK);
  EXPECT_EQ(stat.floor, 3u);
}

// Random commits against a plain model of what the feeds must give.
TEST_P(StorageFeed, RandomCommits_FeedsGiveTheNewestStatesInOrder) {
  std::mt19937_64 random(20);
  std::map<std::string, uint64_t> up, down;  // sk -> newest seq
  std::map<uint64_t, uint64_t> run_last;
  std::set<uint64_t> in_set{0, 3, 5, 11, 17};
  Group owners;
  for (uint64_t owner : in_set) owners.push_back(OwnerAdd("child", owner));
  storage().Commit({owners});
  uint64_t clock = 0;
  for (int commit = 0; commit < 60; ++commit) {
    std::vector<Group> groups(1 + random() % 4);
    std::vector<Item> put;
    for (Group& group : groups)
      for (uint64_t i = 0, count = 1 + random() % 5; i < count; ++i) {
        const uint64_t owner = random() % 20;
        Item item = MakeItem(std::to_string(owner) + "/" + std::to_string(random() % 6), ++clock);
        item.owner = owner;
        item.direction = static_cast<uint8_t>(random() % 4);
        item.lane = TG_LANE_STATE;
        group.push_back(random() % 7 == 0 ? Purge(item) : Put(item));
        put.push_back(item);
      }
    const Committed committed = storage().Commit(groups);
    ASSERT_EQ(committed.code, TG_OK);
    for (size_t i = 0; i < put.size(); ++i) {
      up.erase(put[i].sk);
      down.erase(put[i].sk);
      const uint64_t seq = committed.outcomes[i].seq;
      if (seq == 0) continue;
      if (put[i].direction & TG_DIRECTION_UP) up[put[i].sk] = seq;
      if ((put[i].direction & TG_DIRECTION_DOWN) && in_set.contains(put[i].owner)) down[put[i].sk] = seq;
    }
  }
  for (const auto& [feed, expected] : {std::pair{Feed{.lane = TG_LANE_STATE}, up}, std::pair{kDown, down}}) {
    ASSERT_FALSE(expected.empty());
    for (uint64_t limit : {0, 1, 3, 50}) {
      std::map<std::string, uint64_t> seen;
      uint64_t after = 0;
      Page page;
      do {
        page = storage().Changes(feed, after, limit);
        ASSERT_EQ(page.code, TG_OK);
        ASSERT_EQ(storage().Check(page.reached), TG_WATERMARK_USABLE);
        uint64_t last = after;
        for (const Item& item : page.items) {
          EXPECT_GT(item.seq, last);
          EXPECT_LE(item.run_last, page.reached.position);
          last = item.seq;
          seen[item.sk] = item.seq;
        }
        if (page.more) {
          ASSERT_GT(page.reached.position, after);
        }
        after = page.reached.position;
      } while (page.more);
      EXPECT_EQ(after, storage().Head().position);
      EXPECT_EQ(seen, expected);
    }
  }
}

TEST_P(StorageFeed, ReaderBesideTheWriter_SeesWholeCommits) {
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0, failed = 0, reads = 0;
  auto read = [&] {
    while (!done) {
      const Page page = storage().Changes({.lane = TG_LANE_HISTORY}, 0);
      if (page.code != TG_OK) ++failed;
      if (page.items.size() % 3 != 0 || page.items.size() != page.reached.position) ++torn;
      const Page query = storage().RunQuery({.flags = TG_QUERY_OWNER, .owner = 7, .limit = 50});
      if (query.code != TG_OK) ++failed;
      ++reads;
    }
  };
  std::thread first(read), second(read);
  int commits = 0;
  while (commits < 100 || reads < 10) {
    Group group;
    for (int i = 0; i < 3; ++i) group.push_back(Put(MakeItem(std::to_string(commits) + "/" + std::to_string(i))));
    ASSERT_EQ(storage().Commit({group}).code, TG_OK);
    if (++commits > 5000) break;
  }
  done = true;
  first.join();
  second.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(failed, 0);
  EXPECT_GE(reads, 10);
}

}  // namespace
}  // namespace tidegate::contract
