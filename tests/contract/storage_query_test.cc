// Queries by key, prefix range and secondary index.
#include "tests/contract/storage_contract.h"

namespace tidegate::contract {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class StorageQuery : public StorageContract {
 protected:
  void SetUp() override {
    StorageContract::SetUp();
    Group group;
    for (uint64_t owner : {7, 8})
      for (const char* pk : {"p", "q"})
        for (const char* sk : {"a#1", "a#2", "b#1"}) {
          Item item = MakeItem(std::to_string(owner) + pk + sk);
          item.owner = owner;
          item.pk = pk;
          item.sk = sk;
          item.body = std::to_string(owner) + pk + sk;
          if (item.sk == "b#1") item.model = "Other";
          group.push_back(Put(item));
        }
    ASSERT_EQ(storage().Commit({group}).code, TG_OK);
  }

  std::vector<std::string> Bodies(const Query& query) {
    std::vector<std::string> bodies;
    const Page page = storage().RunQuery(query);
    EXPECT_EQ(page.code, TG_OK);
    for (const Item& item : page.items) bodies.push_back(item.body);
    return bodies;
  }

  // All pages of a query, each as long as the limit.
  std::vector<std::string> Paged(Query query) {
    std::vector<std::string> bodies;
    for (int i = 0; i < 100; ++i) {
      const Page page = storage().RunQuery(query);
      EXPECT_EQ(page.code, TG_OK);
      EXPECT_LE(page.items.size(), query.limit);
      for (const Item& item : page.items) bodies.push_back(item.body);
      if (page.cursor.empty()) return bodies;
      EXPECT_EQ(page.items.size(), query.limit);
      query.cursor = page.cursor;
    }
    ADD_FAILURE() << "paging does not end";
    return bodies;
  }

  void PutIndexed(uint64_t owner, const std::string& sk, const std::string& hash, const std::string& sort) {
    Item item = MakeItem(sk);
    item.owner = owner;
    item.body = std::to_string(owner) + sk;
    item.index_keys = {{"gs1", hash, sort}, {"gs2", "all", sk}};
    ASSERT_EQ(storage().Commit(Put(item)).code, TG_OK);
  }
};
TIDEGATE_EVERY_STORAGE(StorageQuery);

TEST_P(StorageQuery, Everything_ComesInKeyOrder) {
  EXPECT_THAT(Bodies({}), ElementsAre("7pa#1", "7pa#2", "7pb#1", "7qa#1", "7qa#2", "7qb#1", "8pa#1", "8pa#2", "8pb#1",
                                      "8qa#1", "8qa#2", "8qb#1"));
}

TEST_P(StorageQuery, OwnerAndHash_Select) {
  EXPECT_THAT(Bodies({.flags = TG_QUERY_OWNER, .owner = 8}),
              ElementsAre("8pa#1", "8pa#2", "8pb#1", "8qa#1", "8qa#2", "8qb#1"));
  EXPECT_THAT(Bodies({.flags = TG_QUERY_HASH, .hash = "q"}),
              ElementsAre("7qa#1", "7qa#2", "7qb#1", "8qa#1", "8qa#2", "8qb#1"));
  EXPECT_THAT(Bodies({.flags = TG_QUERY_OWNER | TG_QUERY_HASH, .owner = 7, .hash = "q"}),
              ElementsAre("7qa#1", "7qa#2", "7qb#1"));
  EXPECT_THAT(Bodies({.flags = TG_QUERY_OWNER, .owner = 9}), IsEmpty());
  EXPECT_THAT(Bodies({.flags = TG_QUERY_OWNER, .owner = UINT64_MAX}), IsEmpty());
}

TEST_P(StorageQuery, SortBounds_AreHalfOpenAndNeedAHash) {
  Query query{.flags = TG_QUERY_OWNER | TG_QUERY_HASH, .owner = 7, .hash = "p", .sort_from = "a#", .sort_to = "a$"};
  EXPECT_THAT(Bodies(query), ElementsAre("7pa#1", "7pa#2"));
  query.sort_from = "a#2";
  EXPECT_THAT(Bodies(query), ElementsAre("7pa#2"));
  query.sort_to = "";
  EXPECT_THAT(Bodies(query), ElementsAre("7pa#2", "7pb#1"));
  query.sort_from = "", query.sort_to = "a#2";
  EXPECT_THAT(Bodies(query), ElementsAre("7pa#1"));
  query.sort_from = "b", query.sort_to = "a";
  EXPECT_THAT(Bodies(query), IsEmpty());
  query.sort_from = "a#2", query.sort_to = "b";
  query.flags = TG_QUERY_HASH;
  EXPECT_THAT(Bodies(query), ElementsAre("7pa#2", "8pa#2"));
  query.flags = TG_QUERY_OWNER;
  EXPECT_EQ(Bodies(query).size(), 6u);
}

TEST_P(StorageQuery, ModelFilter_Selects) {
  EXPECT_THAT(Bodies({.model = "Other"}), ElementsAre("7pb#1", "7qb#1", "8pb#1", "8qb#1"));
  EXPECT_THAT(Bodies({.model = "None"}), IsEmpty());
}

TEST_P(StorageQuery, Reverse_TurnsTheOrder) {
  EXPECT_THAT(Bodies({.flags = TG_QUERY_REVERSE | TG_QUERY_HASH, .hash = "p"}),
              ElementsAre("8pb#1", "8pa#2", "8pa#1", "7pb#1", "7pa#2", "7pa#1"));
}

TEST_P(StorageQuery, Pages_JoinToTheWhole) {
  for (uint32_t flags : {0u, TG_QUERY_HASH, TG_QUERY_OWNER, TG_QUERY_OWNER | TG_QUERY_HASH})
    for (uint32_t reverse : {0u, TG_QUERY_REVERSE})
      for (const char* from : {"", "a#2"}) {
        Query query{.flags = flags | reverse, .owner = 7, .hash = "p", .sort_from = from};
        const std::vector<std::string> whole = Bodies(query);
        for (uint64_t limit = 1; limit <= whole.size() + 1; ++limit) {
          query.limit = limit;
          EXPECT_EQ(Paged(query), whole) << flags << " " << reverse << " " << limit;
        }
      }
  Query query{.model = "Other", .limit = 1};
  EXPECT_THAT(Paged(query), ElementsAre("7pb#1", "7qb#1", "8pb#1", "8qb#1"));
}

TEST_P(StorageQuery, DamagedCursor_IsInvalid) {
  for (const char* cursor : {"x", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}) {
    EXPECT_EQ(storage().RunQuery({.cursor = cursor}).code, TG_INVALID);
    EXPECT_EQ(storage().RunQuery({.index = "gs1", .cursor = cursor}).code, TG_INVALID);
  }
}

TEST_P(StorageQuery, Tombstones_ShowOnlyWhenAskedFor) {
  Item item = MakeItem("a#1");
  item.pk = "p";
  storage().Commit(Put(item.Deleted(5)));
  Query query{.flags = TG_QUERY_OWNER | TG_QUERY_HASH, .owner = 7, .hash = "p"};
  EXPECT_THAT(Bodies(query), ElementsAre("7pa#2", "7pb#1"));
  query.flags |= TG_QUERY_TOMBSTONES;
  const Page page = storage().RunQuery(query);
  EXPECT_THAT(page.Sks(), ElementsAre("a#1", "a#2", "b#1"));
  EXPECT_EQ(page.items[0].kind, TG_CHANGE_TOMBSTONE);
}

TEST_P(StorageQuery, KeysOnly_StillGivesKeysAndVersions) {
  const Page page = storage().RunQuery({.flags = TG_QUERY_KEYS_ONLY | TG_QUERY_HASH, .hash = "p"});
  ASSERT_EQ(page.items.size(), 6u);
  EXPECT_EQ(page.items[0].sk, "a#1");
  EXPECT_EQ(page.items[0].version.agent, 7u);
}

TEST_P(StorageQuery, Index_OrdersByHashSortOwnerKey) {
  PutIndexed(8, "k1", "x", "2");
  PutIndexed(7, "k2", "x", "2");
  PutIndexed(7, "k1", "x", "2");
  PutIndexed(7, "k3", "x", "1");
  PutIndexed(7, "k4", "w", "9");
  EXPECT_THAT(Bodies({.index = "gs1"}), ElementsAre("7k4", "7k3", "7k1", "7k2", "8k1"));
  EXPECT_THAT(Bodies({.flags = TG_QUERY_HASH, .index = "gs1", .hash = "x", .sort_from = "2"}),
              ElementsAre("7k1", "7k2", "8k1"));
  EXPECT_THAT(Bodies({.flags = TG_QUERY_HASH, .index = "gs1", .hash = "x", .sort_to = "2"}), ElementsAre("7k3"));
  EXPECT_THAT(Bodies({.flags = TG_QUERY_HASH | TG_QUERY_OWNER, .owner = 7, .index = "gs1", .hash = "x"}),
              ElementsAre("7k3", "7k1", "7k2"));
  EXPECT_THAT(Bodies({.flags = TG_QUERY_REVERSE, .index = "gs1"}), ElementsAre("8k1", "7k2", "7k1", "7k3", "7k4"));
  EXPECT_THAT(Bodies({.index = "unknown"}), IsEmpty());
  for (uint32_t reverse : {0u, TG_QUERY_REVERSE})
    for (uint32_t hash : {0u, TG_QUERY_HASH}) {
      Query query{.flags = hash | reverse, .index = "gs1", .hash = "x"};
      const std::vector<std::string> whole = Bodies(query);
      for (uint64_t limit = 1; limit <= 5; ++limit) {
        query.limit = limit;
        EXPECT_EQ(Paged(query), whole);
      }
    }
}

TEST_P(StorageQuery, Index_FollowsItsItem) {
  PutIndexed(7, "k1", "x", "1");
  PutIndexed(7, "k2", "x", "2");
  PutIndexed(7, "k3", "x", "3");
  PutIndexed(7, "k1", "y", "1");  // replaced with another key
  EXPECT_THAT(Bodies({.flags = TG_QUERY_HASH, .index = "gs1", .hash = "x"}), ElementsAre("7k2", "7k3"));
  EXPECT_THAT(Bodies({.flags = TG_QUERY_HASH, .index = "gs1", .hash = "y"}), ElementsAre("7k1"));
  Item tombstone = MakeItem("k2").Deleted(5);
  tombstone.index_keys = {{"gs1", "x", "2"}};
  storage().Commit(Put(tombstone));
  EXPECT_THAT(Bodies({.flags = TG_QUERY_HASH, .index = "gs1", .hash = "x"}), ElementsAre("7k3"));
  storage().Commit(Purge(MakeItem("k3")));
  EXPECT_THAT(Bodies({.flags = TG_QUERY_HASH, .index = "gs1", .hash = "x"}), IsEmpty());
  storage().Commit(Renumber(MakeItem("k1")));
  EXPECT_THAT(Bodies({.flags = TG_QUERY_HASH, .index = "gs1", .hash = "y"}), ElementsAre("7k1"));
  EXPECT_THAT(Bodies({.index = "gs2"}), ElementsAre("7k1"));
}

TEST_P(StorageQuery, BytesCompareAsUnsigned) {
  for (const char* sk : {"\xc3\xa9", "z", "Z"}) {
    Item item = MakeItem(sk);
    item.pk = "u";
    ASSERT_EQ(storage().Commit(Put(item)).code, TG_OK);
  }
  EXPECT_THAT(storage().RunQuery({.flags = TG_QUERY_HASH, .hash = "u"}).Sks(), ElementsAre("Z", "z", "\xc3\xa9"));
}

}  // namespace
}  // namespace tidegate::contract
