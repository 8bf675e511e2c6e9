// Start, stop, restart, backup; what every storage keeps over a restart.
#include "tests/contract/storage_contract.h"

namespace tidegate::contract {
namespace {

using testing::ElementsAre;
using StorageLifecycle = StorageContract;
TIDEGATE_EVERY_STORAGE(StorageLifecycle);

TEST_P(StorageLifecycle, FirstStart_TakesTheNewReplicaId) {
  EXPECT_EQ(storage().info().created, 1u);
  EXPECT_EQ(storage().info().head, 0u);
  EXPECT_EQ(storage().info().replica[0], 101);
  EXPECT_EQ(storage().info().durable, memory() ? 0u : 1u);
  const tg_watermark head = storage().Head();
  EXPECT_EQ(head.position, 0u);
  EXPECT_EQ(head.epoch, 101u);
}

TEST_P(StorageLifecycle, Restart_KeepsDataAndReplicaAndTakesAnEpoch) {
  const std::string replica(reinterpret_cast<const char*>(storage().info().replica), 16);
  Item item = MakeItem("a").With(R"({"v":1})");
  item.policy_meta = std::string("m\0n", 3);
  item.extra = "extra";
  item.expires_ms = 12345;
  item.via = 9;
  item.index_keys = {{"gs1", "h", "s"}};
  item.version.epoch = 0xfedcba9876543210;  // random 64 bits
  ASSERT_EQ(storage().Commit(Put(item)).code, TG_OK);
  ASSERT_EQ(storage().Commit({{MetaPut("clock", "17"), OwnerAdd("child", 7)}}).code, TG_OK);
  Restart();
  EXPECT_EQ(storage().info().created, 0u);
  EXPECT_EQ(storage().info().head, 1u);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(storage().info().replica), 16), replica);
  Item read;
  ASSERT_EQ(storage().Get(item, &read), TG_OK);
  EXPECT_EQ(read.body, item.body);
  EXPECT_EQ(read.policy_meta, item.policy_meta);
  EXPECT_EQ(read.extra, item.extra);
  EXPECT_EQ(read.model, item.model);
  EXPECT_EQ(read.expires_ms, 12345);
  EXPECT_EQ(read.via, 9u);
  EXPECT_EQ(read.src, 7u);
  EXPECT_EQ(read.dst, 1u);
  EXPECT_EQ(read.version.epoch, item.version.epoch);
  EXPECT_EQ(read.index_keys, item.index_keys);
  EXPECT_NE(read.digest, 0u);
  EXPECT_EQ(read.seq, 1u);
  std::string value;
  EXPECT_EQ(storage().MetaGet("clock", &value), TG_OK);
  EXPECT_EQ(value, "17");
  const std::vector<tg_epoch> epochs = storage().Epochs();
  ASSERT_EQ(epochs.size(), 2u);
  EXPECT_EQ(epochs[0].epoch, 102u);  // newest first
  EXPECT_EQ(epochs[0].first, 2u);
  EXPECT_EQ(epochs[1].epoch, 101u);
  EXPECT_EQ(epochs[1].first, 1u);
  EXPECT_EQ(storage().Epochs(1).size(), 1u);
}

TEST_P(StorageLifecycle, Head_AfterRestart_StandsInItsOwnEpoch) {
  const Committed committed = storage().Commit(Put(MakeItem("a")));
  Restart();
  const tg_watermark head = storage().Head();
  EXPECT_EQ(head.position, 1u);
  EXPECT_EQ(head.epoch, committed.end.epoch);
  EXPECT_EQ(storage().Check(head), TG_WATERMARK_USABLE);
}

TEST_P(StorageLifecycle, SeqOfAPurgedHead_IsNeverGivenAgain) {
  ASSERT_EQ(storage().Commit({{Put(MakeItem("a")), Put(MakeItem("b"))}}).code, TG_OK);
  ASSERT_EQ(storage().Commit({{Purge(MakeItem("a")), Purge(MakeItem("b"))}}).code, TG_OK);
  Restart();
  EXPECT_EQ(storage().info().head, 2u);
  const Committed committed = storage().Commit(Put(MakeItem("c")));
  ASSERT_EQ(committed.outcomes.size(), 1u);
  EXPECT_EQ(committed.outcomes[0].seq, 3u);
}

TEST_P(StorageLifecycle, StartTwice_IsAConflict) { EXPECT_EQ(storage().Start(999), TG_CONFLICT); }

TEST_P(StorageLifecycle, EpochUsedBefore_IsAConflict) {
  ASSERT_EQ(storage().Stop(), TG_OK);
  EXPECT_EQ(storage().Start(epoch()), TG_CONFLICT);
}

TEST_P(StorageLifecycle, CallsAfterStop_AreUnavailable) {
  ASSERT_EQ(storage().Commit(Put(MakeItem("a"))).code, TG_OK);
  ASSERT_EQ(storage().Stop(), TG_OK);
  Item item;
  EXPECT_EQ(storage().Get(MakeItem("a"), &item), TG_UNAVAILABLE);
  const Committed committed = storage().Commit(Put(MakeItem("b")));
  EXPECT_EQ(committed.code, TG_UNAVAILABLE);
  EXPECT_EQ(committed.error.retryable, 1);
  EXPECT_EQ(storage().Changes({}, 0).code, TG_UNAVAILABLE);
}

TEST_P(StorageLifecycle, Stop_WithoutStart_Works) {
  Driver other(table_, memory() ? "{}" : SqliteConfig(dir_.File("other.db")));
  EXPECT_EQ(other.Stop(), TG_OK);
}

TEST_P(StorageLifecycle, Stats_CountRows) {
  storage().Commit({{Put(MakeItem("a")), Put(MakeItem("b")), Put(MakeItem("c").Deleted(2))}});
  tg_storage_stats stats = storage().Stats();
  EXPECT_EQ(stats.items, 2u);
  EXPECT_EQ(stats.tombstones, 1u);
  EXPECT_GT(stats.bytes_used, 0u);
  storage().Commit({{Put(MakeItem("a").Deleted(3)), Purge(MakeItem("c"))}});
  stats = storage().Stats();
  EXPECT_EQ(stats.items, 1u);
  EXPECT_EQ(stats.tombstones, 1u);
}

TEST_P(StorageLifecycle, Metas_ScanByPrefixInOrder) {
  storage().Commit({{MetaPut("link/b", "2"), MetaPut("link/a", "1"), MetaPut("linkz", "3"), MetaPut("m", "")}});
  EXPECT_THAT(storage().MetaScan("link/"), ElementsAre("link/a=1", "link/b=2"));
  EXPECT_THAT(storage().MetaScan(""), ElementsAre("link/a=1", "link/b=2", "linkz=3", "m="));
  storage().Commit({{MetaPut("link/a", "9"), MetaDelete("link/b"), MetaDelete("unknown")}});
  EXPECT_THAT(storage().MetaScan("link/"), ElementsAre("link/a=9"));
  std::string value;
  EXPECT_EQ(storage().MetaGet("link/b", &value), TG_NOT_FOUND);
  EXPECT_EQ(storage().MetaGet("m", &value), TG_OK);
}

TEST(StorageMemory, ManyRestarts_KeepTheHeadUsableAndTheEpochsBounded) {
  Driver storage(LoadStorage("storage-memory"), "{}");
  ASSERT_EQ(storage.Start(1), TG_OK);
  const tg_watermark end = storage.Commit(Put(MakeItem("a"))).end;
  for (uint64_t epoch = 2; epoch < 1100; ++epoch) {
    ASSERT_EQ(storage.Stop(), TG_OK);
    ASSERT_EQ(storage.Start(epoch), TG_OK);
  }
  EXPECT_EQ(storage.Epochs().size(), 1024u);
  EXPECT_EQ(storage.Check(end), TG_WATERMARK_USABLE);
}

}  // namespace
}  // namespace tidegate::contract
