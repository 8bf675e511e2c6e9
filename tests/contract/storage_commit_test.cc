// Groups, conditions, runs of seq, refusals.
#include "tests/contract/storage_contract.h"

namespace tidegate::contract {
namespace {

using testing::ElementsAre;
using StorageCommit = StorageContract;
TIDEGATE_EVERY_STORAGE(StorageCommit);

TEST_P(StorageCommit, Group_TakesOneRunOfSeq) {
  storage().Commit(Put(MakeItem("first")));
  const Committed committed = storage().Commit(
      {{Put(MakeItem("a")), MetaPut("m", "1"), Put(MakeItem("b")), Put(MakeItem("c"))}, {Put(MakeItem("d"))}});
  ASSERT_EQ(committed.code, TG_OK) << committed.error.message;
  ASSERT_EQ(committed.outcomes.size(), 4u);  // one for each change, none for the meta
  EXPECT_EQ(committed.outcomes[1].mutation, 2u);
  EXPECT_EQ(committed.outcomes[3].group, 1u);
  for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(committed.outcomes[i].seq, i + 2);
  for (const char* sk : {"a", "b", "c"}) {
    Item item;
    ASSERT_EQ(storage().Get(MakeItem(sk), &item), TG_OK);
    EXPECT_EQ(item.run_first, 2u);
    EXPECT_EQ(item.run_last, 4u);
  }
  Item last;
  ASSERT_EQ(storage().Get(MakeItem("d"), &last), TG_OK);
  EXPECT_EQ(last.run_first, 5u);
  EXPECT_EQ(last.run_last, 5u);
  EXPECT_EQ(committed.end.position, 5u);
}

TEST_P(StorageCommit, RunWithStalePut_IsConsecutive) {
  storage().Commit(Put(MakeItem("b", 9)));
  storage().Commit({{PutNewer(MakeItem("a", 5)), PutNewer(MakeItem("b", 5)), PutNewer(MakeItem("c", 5))}});
  Item a, c;
  ASSERT_EQ(storage().Get(MakeItem("a"), &a), TG_OK);
  ASSERT_EQ(storage().Get(MakeItem("c"), &c), TG_OK);
  EXPECT_EQ(a.seq, 2u);
  EXPECT_EQ(c.seq, 3u);
  EXPECT_EQ(a.run_first, 2u);
  EXPECT_EQ(a.run_last, 3u);
  EXPECT_EQ(c.run_first, 2u);
  EXPECT_EQ(c.run_last, 3u);
}

TEST_P(StorageCommit, IfNewer_TellsNewEqualAndStale) {
  Item held = MakeItem("a", 10).With("held");
  ASSERT_THAT(storage().Commit(PutNewer(held)).Results(), ElementsAre(TG_OUTCOME_APPLIED));
  Item same = held.With("other");
  Item older = held.At(9);
  Item lower_agent = held;
  lower_agent.version.agent = 6;
  const Committed refused =
      storage().Commit({{PutNewer(same)}, {PutNewer(older), PutNewer(MakeItem("b"))}, {PutNewer(lower_agent)}});
  EXPECT_THAT(refused.Results(), ElementsAre(TG_OUTCOME_EQUAL, TG_OUTCOME_STALE, TG_OUTCOME_APPLIED, TG_OUTCOME_STALE));
  EXPECT_EQ(refused.outcomes[1].held.hlc, held.version.hlc);
  EXPECT_EQ(refused.outcomes[1].held_kind, TG_CHANGE_ITEM);
  EXPECT_EQ(refused.outcomes[1].seq, 0u);
  EXPECT_EQ(refused.outcomes[2].held_kind, 0);
  Item higher_epoch = held.With("newer");
  higher_epoch.version.epoch = 1ull << 63;  // compared as unsigned
  EXPECT_THAT(storage().Commit(PutNewer(higher_epoch)).Results(), ElementsAre(TG_OUTCOME_APPLIED));
  EXPECT_THAT(storage().Commit(PutNewer(held)).Results(), ElementsAre(TG_OUTCOME_STALE));
  Item far = held.With("far");
  far.version.hlc = UINT64_MAX;
  EXPECT_THAT(storage().Commit(PutNewer(far)).Results(), ElementsAre(TG_OUTCOME_APPLIED));
  EXPECT_THAT(storage().Commit(PutNewer(higher_epoch.At(99))).Results(), ElementsAre(TG_OUTCOME_STALE));
  Item read;
  ASSERT_EQ(storage().Get(held, &read), TG_OK);
  EXPECT_EQ(read.body, "far");
  EXPECT_EQ(read.version.hlc, UINT64_MAX);
}

TEST_P(StorageCommit, IfNewer_OverTombstone_KeepsTheTombstone) {
  storage().Commit(Put(MakeItem("a").Deleted(10)));
  const Committed committed = storage().Commit(PutNewer(MakeItem("a", 9)));
  EXPECT_THAT(committed.Results(), ElementsAre(TG_OUTCOME_STALE));
  EXPECT_EQ(committed.outcomes[0].held_kind, TG_CHANGE_TOMBSTONE);
  Item read;
  ASSERT_EQ(storage().Get(MakeItem("a"), &read), TG_OK);
  EXPECT_EQ(read.kind, TG_CHANGE_TOMBSTONE);
  EXPECT_EQ(read.body, "");
}

TEST_P(StorageCommit, IfVersion_CancelsItsGroupOnly) {
  storage().Commit(Put(MakeItem("x", 5)));
  const Committed committed = storage().Commit({{Put(MakeItem("before"))},
                                                {Put(MakeItem("a")), MetaPut("m", "cancelled"), OwnerAdd("set", 7),
                                                 PutIf(MakeItem("x", 6), MakeItem("x", 4).version)},
                                                {Put(MakeItem("after"))}});
  ASSERT_EQ(committed.code, TG_OK) << committed.error.message;
  EXPECT_THAT(committed.Results(),
              ElementsAre(TG_OUTCOME_APPLIED, TG_OUTCOME_CANCELLED, TG_OUTCOME_CANCELLED, TG_OUTCOME_APPLIED));
  EXPECT_EQ(committed.outcomes[2].held.hlc, MakeItem("x", 5).version.hlc);
  EXPECT_EQ(committed.outcomes[3].seq, 3u);  // a cancelled group takes no seq
  Item item;
  EXPECT_EQ(storage().Get(MakeItem("a"), &item), TG_NOT_FOUND);
  std::string value;
  EXPECT_EQ(storage().MetaGet("m", &value), TG_NOT_FOUND);
  ASSERT_EQ(storage().Get(MakeItem("x"), &item), TG_OK);
  EXPECT_EQ(item.version.hlc, MakeItem("x", 5).version.hlc);
}

TEST_P(StorageCommit, IfVersion_OfExactlyThatVersion_Applies) {
  const tg_version nothing{};
  EXPECT_THAT(storage().Commit(PutIf(MakeItem("a", 1), nothing)).Results(), ElementsAre(TG_OUTCOME_APPLIED));
  EXPECT_THAT(storage().Commit(PutIf(MakeItem("a", 2), nothing)).Results(), ElementsAre(TG_OUTCOME_CANCELLED));
  EXPECT_THAT(storage().Commit(PutIf(MakeItem("a", 2), MakeItem("a", 1).version)).Results(),
              ElementsAre(TG_OUTCOME_APPLIED));
  Op purge = Purge(MakeItem("a"));
  purge.condition = TG_IF_VERSION;
  purge.expected = MakeItem("a", 1).version;
  EXPECT_THAT(storage().Commit(purge).Results(), ElementsAre(TG_OUTCOME_CANCELLED));
  purge.expected = MakeItem("a", 2).version;
  EXPECT_THAT(storage().Commit(purge).Results(), ElementsAre(TG_OUTCOME_APPLIED));
}

TEST_P(StorageCommit, LaterGroups_SeeEarlierOnes) {
  const Committed committed = storage().Commit({{Put(MakeItem("a", 5))},
                                                {PutNewer(MakeItem("a", 4))},
                                                {PutIf(MakeItem("a", 6), MakeItem("a", 5).version)},
                                                {Purge(MakeItem("a"))},
                                                {Purge(MakeItem("a"))},
                                                {PutNewer(MakeItem("a", 1))}});
  EXPECT_THAT(committed.Results(), ElementsAre(TG_OUTCOME_APPLIED, TG_OUTCOME_STALE, TG_OUTCOME_APPLIED,
                                               TG_OUTCOME_APPLIED, TG_OUTCOME_MISSING, TG_OUTCOME_APPLIED));
  Item item;
  ASSERT_EQ(storage().Get(MakeItem("a"), &item), TG_OK);
  EXPECT_EQ(item.seq, 3u);
}

TEST_P(StorageCommit, SameKeyTwiceInAGroup_LeavesTheSecond) {
  storage().Commit({{PutNewer(MakeItem("a", 5)), PutNewer(MakeItem("a", 6).With("second"))}});
  Item item;
  ASSERT_EQ(storage().Get(MakeItem("a"), &item), TG_OK);
  EXPECT_EQ(item.body, "second");
  EXPECT_EQ(item.seq, 2u);
  EXPECT_EQ(storage().Stats().items, 1u);
  EXPECT_THAT(storage().Changes({}, 0).Sks(), ElementsAre("a"));
}

TEST_P(StorageCommit, Renumber_KeepsTheStateAndTakesASeq) {
  Item item = MakeItem("a", 5).With("state");
  item.via = 42;
  storage().Commit({{Put(item)}, {Put(MakeItem("b"))}});
  const Committed committed = storage().Commit({{Renumber(item), Renumber(MakeItem("unknown"))}});
  EXPECT_THAT(committed.Results(), ElementsAre(TG_OUTCOME_APPLIED, TG_OUTCOME_MISSING));
  Item read;
  ASSERT_EQ(storage().Get(item, &read), TG_OK);
  EXPECT_EQ(read.seq, 3u);
  EXPECT_EQ(read.run_first, 3u);
  EXPECT_EQ(read.run_last, 3u);
  EXPECT_EQ(read.via, 0u);
  EXPECT_EQ(read.body, "state");
  EXPECT_EQ(read.version.hlc, item.version.hlc);
  EXPECT_THAT(storage().Changes({}, 0).Sks(), ElementsAre("b", "a"));
}

TEST_P(StorageCommit, CommitWithoutPuts_StaysAtTheHead) {
  const Committed first = storage().Commit(Put(MakeItem("a")));
  const Committed second = storage().Commit(MetaPut("m", "1"));
  EXPECT_EQ(second.code, TG_OK);
  EXPECT_EQ(second.end.position, first.end.position);
  EXPECT_EQ(storage().Check(second.end), TG_WATERMARK_USABLE);
  EXPECT_EQ(storage().Commit(std::vector<Group>{}).code, TG_OK);
}

TEST_P(StorageCommit, EmptyTextsAndBytes_AreKept) {
  Item item = MakeItem("");
  item.pk = "";
  item.body = "";
  ASSERT_EQ(storage().Commit(Put(item)).code, TG_OK);
  Item read = MakeItem("other");
  ASSERT_EQ(storage().Get(item, &read), TG_OK);
  EXPECT_EQ(read.pk, "");
  EXPECT_EQ(read.sk, "");
  EXPECT_EQ(read.body, "");
  Item odd = MakeItem(std::string("a\0b\xff", 4));
  odd.body = std::string("\0\xfe{}", 4);
  ASSERT_EQ(storage().Commit(Put(odd)).code, TG_OK);
  ASSERT_EQ(storage().Get(odd, &read), TG_OK);
  EXPECT_EQ(read.sk, odd.sk);
  EXPECT_EQ(read.body, odd.body);
}

// What is wrong, and a mutation that has it.
struct Wrong {
  const char* what;
  Op op;
};

std::vector<Wrong> WrongMutations() {
  std::vector<Wrong> wrong;
  auto add = [&](const char* what, auto change) {
    Op op = Put(MakeItem("bad"));
    change(op);
    wrong.push_back({what, op});
  };
  add("operation", [](Op& op) { op.op = 99; });
  add("condition", [](Op& op) { op.condition = 9; });
  add("kind 0", [](Op& op) { op.item.kind = 0; });
  add("kind 4", [](Op& op) { op.item.kind = 4; });
  add("direction", [](Op& op) { op.item.direction = 4; });
  add("lane", [](Op& op) { op.item.lane = TG_LANE_COUNT; });
  add("model", [](Op& op) { op.item.model.clear(); });
  add("version", [](Op& op) { op.item.version = {}; });
  add("owner", [](Op& op) { op.item.owner = TG_AGENT_MAX + 1; });
  add("index name", [](Op& op) { op.item.index_keys = {{"", "h", "s"}}; });
  add("purge if newer", [](Op& op) { op.op = TG_OP_PURGE, op.condition = TG_IF_NEWER; });
  add("conditional meta", [](Op& op) { op.op = TG_OP_META_PUT, op.meta_key = "m", op.condition = TG_IF_VERSION; });
  return wrong;
}

TEST_P(StorageCommit, WrongMutation_RefusesTheWholeCommit) {
  for (const Wrong& wrong : WrongMutations()) {
    const Committed committed = storage().Commit({{Put(MakeItem("good"))}, {wrong.op}});
    EXPECT_EQ(committed.code, TG_INVALID) << wrong.what;
    EXPECT_NE(committed.error.message[0], '\0') << wrong.what;
    EXPECT_TRUE(committed.outcomes.empty()) << wrong.what;
  }
  Item item;
  EXPECT_EQ(storage().Get(MakeItem("good"), &item), TG_NOT_FOUND);
  EXPECT_EQ(storage().Head().position, 0u);
  EXPECT_THAT(storage().Commit(Put(MakeItem("good"))).Results(), ElementsAre(TG_OUTCOME_APPLIED));
}

TEST(StorageMemory, ItemsMax_RefusesTheCommitThatPassesIt) {
  Driver storage(LoadStorage("storage-memory"), R"({ "items_max" : 2 })");
  ASSERT_EQ(storage.create_code(), TG_OK);
  ASSERT_EQ(storage.Start(1), TG_OK);
  ASSERT_EQ(storage.Commit(Put(MakeItem("a"))).code, TG_OK);
  const Committed refused = storage.Commit({{Put(MakeItem("b")), Put(MakeItem("c"))}});
  EXPECT_EQ(refused.code, TG_FULL);
  EXPECT_EQ(refused.error.retryable, 1);
  EXPECT_EQ(storage.Stats().items, 1u);
  EXPECT_EQ(storage.Commit({{Put(MakeItem("b")), Put(MakeItem("a", 2))}}).code, TG_OK);
}

TEST(StorageMemory, ItemsMaxThatIsNoNumber_IsRefusedAtCreate) {
  Driver storage(LoadStorage("storage-memory"), R"({"items_max": "many"})");
  EXPECT_EQ(storage.create_code(), TG_INVALID);
}

}  // namespace
}  // namespace tidegate::contract
