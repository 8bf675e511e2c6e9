// storage-sqlite over a disk that fails: what is refused, after what it goes on, and when it gives up.
#include <sqlite3.h>

#include <fstream>

#include "tests/contract/fault_vfs.h"
#include "tests/contract/storage_contract.h"

namespace tidegate::contract {
namespace {

using testing::HasSubstr;

class StorageSqliteFault : public testing::Test {
 protected:
  StorageSqliteFault() { disk_.Heal(); }
  ~StorageSqliteFault() override { disk_.Heal(); }

  std::unique_ptr<Driver> Start() {
    auto storage = std::make_unique<Driver>(table_, SqliteConfig(path_));
    EXPECT_EQ(storage->Start(++epoch_), TG_OK) << storage->error().message;
    return storage;
  }

  static bool Holds(Driver& storage, const std::string& sk) {
    Item item;
    return storage.Get(MakeItem(sk), &item) == TG_OK;
  }

  std::string IntegrityCheck() {
    sqlite3* db = nullptr;
    std::string verdict;
    EXPECT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    sqlite3_exec(
        db, "PRAGMA integrity_check",
        [](void* to, int, char** row, char**) { return *static_cast<std::string*>(to) += row[0], 0; }, &verdict,
        nullptr);
    sqlite3_close(db);
    return verdict;
  }

  // Enough for the log to be copied into the file.
  static std::vector<Group> Large(const std::string& name) {
    std::vector<Group> groups(100);
    for (size_t g = 0; g < groups.size(); ++g)
      groups[g] = {Put(MakeItem(name + std::to_string(g)).With(std::string(100'000, 'x')))};
    return groups;
  }

  FaultyDisk& disk_ = FaultyDisk::Get();
  const tg_storage_v1* table_ = LoadStorage("storage-sqlite");
  TempDir dir_;
  std::string path_ = dir_.File("replica.db");
  uint64_t epoch_ = 100;
};

TEST_F(StorageSqliteFault, WriteFails_IsRefusedAndTheNextSucceeds) {
  auto storage = Start();
  ASSERT_EQ(storage->Commit(Put(MakeItem("a"))).code, TG_OK);
  disk_.Fail(DiskCall::kWrite, "-wal", 1, 1, SQLITE_IOERR_WRITE);
  const Committed refused = storage->Commit(Put(MakeItem("b")));
  EXPECT_EQ(refused.code, TG_IO);
  EXPECT_EQ(refused.error.retryable, 1);
  EXPECT_THAT(refused.error.message, HasSubstr(path_));
  EXPECT_TRUE(refused.outcomes.empty());
  EXPECT_FALSE(Holds(*storage, "b"));
  const Committed next = storage->Commit(Put(MakeItem("c")));
  ASSERT_EQ(next.code, TG_OK) << next.error.message;
  EXPECT_EQ(next.outcomes[0].seq, 2u);  // the refused one took none
  storage = nullptr;
  storage = Start();
  EXPECT_TRUE(Holds(*storage, "a") && !Holds(*storage, "b") && Holds(*storage, "c"));
}

TEST_F(StorageSqliteFault, DiskFull_IsRefusedAndTheNextSucceeds) {
  auto storage = Start();
  disk_.Fail(DiskCall::kWrite, "-wal", 1, 1, SQLITE_FULL);
  const Committed refused = storage->Commit(Put(MakeItem("a")));
  EXPECT_EQ(refused.code, TG_FULL);
  EXPECT_EQ(refused.error.retryable, 1);
  EXPECT_EQ(storage->Commit(Put(MakeItem("b"))).code, TG_OK);
}

TEST_F(StorageSqliteFault, SyncFails_EveryLaterCommitIsRefusedAndReadsGoOn) {
  auto storage = Start();
  ASSERT_EQ(storage->Commit(Put(MakeItem("a"))).code, TG_OK);
  disk_.Fail(DiskCall::kSync, "-wal", 1, 1, SQLITE_IOERR_FSYNC);
  for (const char* sk : {"b", "c"}) {
    const Committed refused = storage->Commit(Put(MakeItem(sk)));
    EXPECT_EQ(refused.code, TG_IO) << sk;
    EXPECT_EQ(refused.error.retryable, 0) << sk;
    EXPECT_THAT(refused.error.message, HasSubstr("a sync failed"));
  }
  EXPECT_EQ(disk_.failures(), 1u);  // the second was not even tried
  EXPECT_TRUE(Holds(*storage, "a") && !Holds(*storage, "b") && !Holds(*storage, "c"));
  // Nor does the end write anything: the log stays as it is for the next start.
  disk_.Heal();
  storage = nullptr;
  EXPECT_EQ(disk_.calls(DiskCall::kWrite, ""), 0u);
  EXPECT_TRUE(std::filesystem::exists(path_ + "-wal"));
  storage = Start();
  EXPECT_TRUE(Holds(*storage, "a"));
  EXPECT_EQ(storage->Commit(Put(MakeItem("d"))).code, TG_OK);
}

TEST_F(StorageSqliteFault, CheckpointSyncFails_TheCommitHoldsAndTheNextIsRefused) {
  auto storage = Start();
  disk_.Fail(DiskCall::kSync, "replica.db", 1, 1, SQLITE_IOERR_FSYNC);
  ASSERT_EQ(storage->Commit(Large("a")).code, TG_OK);  // it was in the log before the log was copied
  ASSERT_EQ(disk_.failures(), 1u);
  const Committed refused = storage->Commit(Put(MakeItem("b")));
  EXPECT_EQ(refused.code, TG_IO);
  EXPECT_EQ(refused.error.retryable, 0);
  disk_.Heal();
  storage = nullptr;
  EXPECT_EQ(disk_.calls(DiskCall::kWrite, ""), 0u);
  storage = Start();
  EXPECT_EQ(storage->Stats().items, 100u);
  EXPECT_FALSE(Holds(*storage, "b"));
  storage = nullptr;
  EXPECT_EQ(IntegrityCheck(), "ok");
}

TEST_F(StorageSqliteFault, CheckpointHasNoSpace_CommitsGoOnInTheLog) {
  auto storage = Start();
  disk_.Fail(DiskCall::kWrite, "replica.db", 1, 1'000'000, SQLITE_FULL);
  ASSERT_EQ(storage->Commit(Large("a")).code, TG_OK);
  ASSERT_GT(disk_.failures(), 0u);
  EXPECT_EQ(storage->Commit(Put(MakeItem("b"))).code, TG_OK);
  disk_.Heal();
  EXPECT_EQ(storage->Commit(Large("c")).code, TG_OK);
  EXPECT_GT(disk_.calls(DiskCall::kSync, "replica.db"), 0u);  // now the log is copied
}

// Every call in turn fails once: what was acknowledged is there after a new start, what was refused may be.
TEST_F(StorageSqliteFault, AnyCallFails_WhatWasAcknowledgedIsThere) {
  struct Kind {
    DiskCall call;
    int code;
  };
  for (const Kind kind : {Kind{DiskCall::kWrite, SQLITE_IOERR_WRITE}, Kind{DiskCall::kWrite, SQLITE_FULL},
                          Kind{DiskCall::kSync, SQLITE_IOERR_FSYNC}}) {
    for (int nth = 1;; nth += nth < 12 ? 1 : 787) {
      const std::string name = std::to_string(kind.code) + "/" + std::to_string(nth) + "/";
      SCOPED_TRACE(name);
      std::vector<std::string> acknowledged;
      auto storage = Start();
      disk_.Fail(kind.call, "", nth, 1, kind.code);
      for (int i = 0; i < 8; ++i) {
        const std::string sk = name + std::to_string(i);
        std::vector<Group> groups = {{Put(MakeItem(sk)), Put(MakeItem(sk + "+"))}};
        if (i == 3) groups.front().push_back(Put(MakeItem(sk + "large").With(std::string(9'000'000, 'x'))));
        if (storage->Commit(groups).code == TG_OK) acknowledged.push_back(sk);
      }
      const bool happened = disk_.failures() != 0;
      disk_.Heal();
      storage = nullptr;
      storage = Start();
      for (int i = 0; i < 8; ++i) {
        const std::string sk = name + std::to_string(i);
        EXPECT_EQ(Holds(*storage, sk), Holds(*storage, sk + "+")) << "half of a group";
      }
      for (const std::string& sk : acknowledged) EXPECT_TRUE(Holds(*storage, sk)) << sk;
      if (!happened) {
        EXPECT_EQ(acknowledged.size(), 8u);
        break;
      }
      EXPECT_EQ(storage->Commit(Purge(MakeItem(name + "3large"))).code, TG_OK);
    }
  }
  EXPECT_EQ(IntegrityCheck(), "ok");
}

}  // namespace
}  // namespace tidegate::contract
