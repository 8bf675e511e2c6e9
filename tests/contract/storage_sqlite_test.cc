// What only a durable file can show: kills, locks, foreign and damaged files, a full disk, a backup.
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/contract/storage_contract.h"

namespace tidegate::contract {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class StorageSqlite : public testing::Test {
 protected:
  const tg_storage_v1* table_ = LoadStorage("storage-sqlite");
  TempDir dir_;
  std::string path_ = dir_.File("replica.db");

  // The code of a start, and its message.
  std::pair<tg_code, std::string> TryStart(const std::string& path) {
    Driver storage(table_, SqliteConfig(path));
    EXPECT_EQ(storage.create_code(), TG_OK);
    const tg_code code = storage.Start(77);
    return {code, storage.error().message};
  }

  // Runs SQL on the file, as another program would.
  static void Sql(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
};

TEST_F(StorageSqlite, Config_WrongValueIsRefusedAtCreate) {
  for (const char* config : {"{}", "nonsense", R"({"path": "relative.db"})", R"({"path": 7})", R"({"path": "/tmp/"})",
                             R"({"path": "/tmp/x", "cache_kib": 1})", R"({"path": "/tmp/x", "readers": 0})",
                             R"({"path": "/tmp/x", "readers": "4"})", R"({"path": "/tmp/x", "synchronous": "off"})",
                             R"({"path": "/tmp/x", "bytes_max": -1})"}) {
    Driver storage(table_, config);
    EXPECT_EQ(storage.create_code(), TG_INVALID) << config;
    EXPECT_EQ(storage.self(), nullptr);
  }
}

TEST_F(StorageSqlite, Create_DoesNoInputOrOutput) {
  Driver storage(table_, SqliteConfig(path_));
  EXPECT_EQ(storage.create_code(), TG_OK);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(StorageSqlite, Files_AreTheOwnersOnlyAndTheDirectoryIsMade) {
  const std::string path = dir_.File("state/replica.db");
  Driver storage(table_, SqliteConfig(path));
  ASSERT_EQ(storage.Start(1), TG_OK) << storage.error().message;
  ASSERT_EQ(storage.Commit(Put(MakeItem("a"))).code, TG_OK);
  struct stat status;
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    ASSERT_EQ(stat((path + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
  }
  ASSERT_EQ(stat(dir_.File("state").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0750u);
}

TEST_F(StorageSqlite, MissingParentOfTheDirectory_IsAnError) {
  const auto [code, message] = TryStart(dir_.File("no/such/replica.db"));
  EXPECT_EQ(code, TG_IO);
  EXPECT_THAT(message, HasSubstr("no/such"));
}

TEST_F(StorageSqlite, SecondOpener_IsRefusedAndTold) {
  Driver first(table_, SqliteConfig(path_));
  ASSERT_EQ(first.Start(1), TG_OK);
  const auto [code, message] = TryStart(path_);
  EXPECT_EQ(code, TG_CONFLICT);
  EXPECT_THAT(message, HasSubstr(path_));
  EXPECT_THAT(message, HasSubstr(std::to_string(getpid())));
  ASSERT_EQ(first.Stop(), TG_OK);
  EXPECT_EQ(TryStart(path_).first, TG_OK);
}

TEST_F(StorageSqlite, NewerFormat_IsRefused) {
  ASSERT_EQ(TryStart(path_).first, TG_OK);
  Sql(path_, "PRAGMA user_version = 2");
  const auto [code, message] = TryStart(path_);
  EXPECT_EQ(code, TG_UNSUPPORTED);
  EXPECT_THAT(message, HasSubstr("format 2"));
}

TEST_F(StorageSqlite, ForeignDatabase_IsRefusedAndLeftAlone) {
  Sql(path_, "CREATE TABLE item (mine)");
  const auto [code, message] = TryStart(path_);
  EXPECT_EQ(code, TG_INVALID);
  EXPECT_THAT(message, HasSubstr("another program"));
  Sql(path_, "INSERT INTO item (mine) VALUES (1)");
}

TEST_F(StorageSqlite, FileThatIsNoDatabase_IsRefusedAndLeftAlone) {
  for (const std::string& content : {std::string(10000, 'x'), std::string()}) {
    std::ofstream(path_, std::ios::trunc) << content;
    const auto [code, message] = TryStart(path_);
    EXPECT_EQ(code, TG_CORRUPT);
    EXPECT_THAT(message, HasSubstr(path_));
    EXPECT_THAT(message, HasSubstr("restore a backup"));
    EXPECT_EQ(std::filesystem::file_size(path_), content.size());
  }
}

TEST_F(StorageSqlite, Directory_IsRefused) {
  std::filesystem::create_directory(path_);
  EXPECT_EQ(TryStart(path_).first, TG_INVALID);
}

TEST_F(StorageSqlite, DamagedPages_AreAnErrorNotACrash) {
  {
    Driver storage(table_, SqliteConfig(path_));
    ASSERT_EQ(storage.Start(1), TG_OK);
    Group group;
    for (int i = 0; i < 500; ++i) group.push_back(Put(MakeItem(std::to_string(i)).With(std::string(200, 'x'))));
    ASSERT_EQ(storage.Commit({group}).code, TG_OK);
  }
  const auto size = std::filesystem::file_size(path_);
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    for (uintmax_t page = 4; page < size / 4096; ++page) {
      file.seekp(static_cast<std::streamoff>(page * 4096));
      file << std::string(4096, '\xa5');
    }
  }
  Driver storage(table_, SqliteConfig(path_));
  const tg_code code = storage.Start(2);
  EXPECT_TRUE(code == TG_CORRUPT || storage.Changes({}, 0).code == TG_CORRUPT);
  EXPECT_GE(std::filesystem::file_size(path_), size);
}

TEST_F(StorageSqlite, KilledWriter_LosesNothingAcknowledged) {
  for (int round = 0; round < 3; ++round) {
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
      Driver storage(table_, SqliteConfig(path_));
      if (storage.Start(static_cast<uint64_t>(1000 + round)) != TG_OK) _exit(1);
      for (uint64_t i = 0;; ++i) {
        const Committed committed = storage.Commit({{Put(MakeItem("a" + std::to_string(round) + std::to_string(i))),
                                                     Put(MakeItem("b" + std::to_string(round) + std::to_string(i)))}});
        if (committed.code != TG_OK || write(pipes[1], &committed.end, sizeof committed.end) < 0) _exit(1);
      }
    }
    close(pipes[1]);
    tg_watermark end{};
    int acknowledged = 0;
    while (acknowledged < 50 * (round + 1) && read(pipes[0], &end, sizeof end) == sizeof end) ++acknowledged;
    kill(child, SIGKILL);
    while (read(pipes[0], &end, sizeof end) == sizeof end) ++acknowledged;
    close(pipes[0]);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    ASSERT_GE(acknowledged, 50 * (round + 1));
    Driver storage(table_, SqliteConfig(path_));
    ASSERT_EQ(storage.Start(static_cast<uint64_t>(2000 + round)), TG_OK) << storage.error().message;
    EXPECT_EQ(storage.Check(end), TG_WATERMARK_USABLE);
    EXPECT_GE(storage.Head().position, end.position);
    for (int i = 0; i < acknowledged; ++i) {
      Item item;
      for (const char* half : {"a", "b"})
        EXPECT_EQ(storage.Get(MakeItem(half + std::to_string(round) + std::to_string(i)), &item), TG_OK);
    }
    const Page page = storage.Changes({}, 0);
    EXPECT_EQ(page.items.size() % 2, 0u);  // no half of a group
    EXPECT_EQ(page.items.size(), page.reached.position);
  }
}

TEST_F(StorageSqlite, BytesMax_RefusesAndStaysUsable) {
  Driver storage(table_, SqliteConfig(path_, R"(, "bytes_max": 1000000)"));
  ASSERT_EQ(storage.Start(1), TG_OK);
  Committed committed;
  uint64_t stored = 0;
  for (; stored < 1000; ++stored) {
    committed = storage.Commit({{Put(MakeItem("a" + std::to_string(stored)).With(std::string(5000, 'x')))},
                                {MetaPut("last", std::to_string(stored))}});
    if (committed.code != TG_OK) break;
  }
  EXPECT_EQ(committed.code, TG_FULL);
  EXPECT_EQ(committed.error.retryable, 1);
  EXPECT_THAT(committed.error.message, HasSubstr(path_));
  EXPECT_TRUE(committed.outcomes.empty());
  EXPECT_GT(stored, 100u);
  EXPECT_LT(stored, 250u);
  // Nothing of the refused commit is there, and everything before it is.
  EXPECT_EQ(storage.Head().position, stored);
  EXPECT_EQ(storage.Stats().items, stored);
  std::string last;
  EXPECT_EQ(storage.MetaGet("last", &last), TG_OK);
  EXPECT_EQ(last, std::to_string(stored - 1));
  Item item;
  EXPECT_EQ(storage.Get(MakeItem("a" + std::to_string(stored)), &item), TG_NOT_FOUND);
  // Deleting makes room again; the seq of the refused commit was not lost.
  for (int i = 0; i < 5; ++i) ASSERT_EQ(storage.Commit(Purge(MakeItem("a" + std::to_string(i)))).code, TG_OK);
  committed = storage.Commit(Put(MakeItem("new").With(std::string(5000, 'x'))));
  ASSERT_EQ(committed.code, TG_OK) << committed.error.message;
  EXPECT_EQ(committed.outcomes[0].seq, stored + 1);
}

TEST_F(StorageSqlite, ManyEpochs_KeepTheHeadUsableAndTheListBounded) {
  tg_watermark end{};
  {
    Driver storage(table_, SqliteConfig(path_));
    ASSERT_EQ(storage.Start(1), TG_OK);
    end = storage.Commit(Put(MakeItem("a"))).end;
  }
  // As many starts without a write, made quickly.
  Sql(path_,
      "WITH n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)"
      " INSERT INTO epoch (epoch, first) SELECT i, 2 FROM n");
  Driver storage(table_, SqliteConfig(path_));
  ASSERT_EQ(storage.Start(5000), TG_OK) << storage.error().message;
  EXPECT_EQ(storage.Epochs().size(), 1024u);
  EXPECT_EQ(storage.Epochs(1)[0].epoch, 5000u);
  EXPECT_EQ(storage.Check(end), TG_WATERMARK_USABLE);
  const tg_watermark next = storage.Commit(Put(MakeItem("b"))).end;
  EXPECT_EQ(storage.Check(next), TG_WATERMARK_USABLE);
}

TEST_F(StorageSqlite, Backup_IsTheSameReplica) {
  Driver storage(table_, SqliteConfig(path_));
  ASSERT_EQ(storage.Start(1), TG_OK);
  const tg_watermark end = storage.Commit({{Put(MakeItem("a")), Put(MakeItem("b"))}}).end;
  const std::string backup = dir_.File("backup.db");
  ASSERT_EQ(storage.Backup(backup), TG_OK) << storage.error().message;
  ASSERT_EQ(storage.Commit(Put(MakeItem("c"))).code, TG_OK);  // the writer goes on
  EXPECT_EQ(storage.Backup(backup), TG_CONFLICT);             // never over a file
  Driver restored(table_, SqliteConfig(backup));
  ASSERT_EQ(restored.Start(2), TG_OK) << restored.error().message;
  EXPECT_EQ(restored.info().created, 0u);
  EXPECT_EQ(restored.Check(end), TG_WATERMARK_USABLE);
  EXPECT_EQ(restored.Check(storage.Head()), TG_WATERMARK_PAST_EPOCH);  // rewound, and it shows
  EXPECT_THAT(restored.Changes({}, 0).Sks(), ElementsAre("a", "b"));
}

TEST_F(StorageSqlite, Restore_TakesTheBackupAndKeepsTheReplicaBefore) {
  const std::string backup = dir_.File("backup.db");
  {
    Driver storage(table_, SqliteConfig(path_));
    ASSERT_EQ(storage.Start(1), TG_OK);
    ASSERT_EQ(storage.Commit(Put(MakeItem("a"))).code, TG_OK);
    ASSERT_EQ(storage.Backup(backup), TG_OK);
    ASSERT_EQ(storage.Commit(Put(MakeItem("b"))).code, TG_OK);
    EXPECT_EQ(storage.Restore(backup, ".before"), TG_CONFLICT) << "in use";
    Driver other(table_, SqliteConfig(path_));
    EXPECT_EQ(other.Restore(backup, ".before"), TG_CONFLICT) << "in use by another";
  }
  Driver restored(table_, SqliteConfig(path_));
  ASSERT_EQ(restored.Restore(backup, ".before"), TG_OK) << restored.error().message;
  EXPECT_EQ(restored.Restore(backup, ".before"), TG_CONFLICT) << "what is kept is not written over";
  ASSERT_EQ(restored.Start(2), TG_OK) << restored.error().message;
  EXPECT_EQ(restored.info().created, 0u);
  EXPECT_THAT(restored.Changes({}, 0).Sks(), ElementsAre("a"));
  ASSERT_EQ(restored.Commit(Put(MakeItem("c"))).code, TG_OK);
  Driver before(table_, SqliteConfig(path_ + ".before"));
  ASSERT_EQ(before.Start(3), TG_OK) << before.error().message;
  EXPECT_THAT(before.Changes({}, 0).Sks(), ElementsAre("a", "b"));
}

TEST_F(StorageSqlite, Restore_OverAReplicaWithALog_DoesNotReplayIt) {
  const std::string backup = dir_.File("backup.db");
  Driver storage(table_, SqliteConfig(path_));
  ASSERT_EQ(storage.Start(1), TG_OK);
  ASSERT_EQ(storage.Commit(Put(MakeItem("a"))).code, TG_OK);
  ASSERT_EQ(storage.Backup(backup), TG_OK);
  ASSERT_EQ(storage.Commit(Put(MakeItem("b"))).code, TG_OK);
  // As after a power loss: the file and its log, without anybody who has them open.
  const std::string lost = dir_.File("lost.db");
  for (const char* end : {"", "-wal"}) std::filesystem::copy_file(path_ + end, lost + end);
  Driver restored(table_, SqliteConfig(lost));
  ASSERT_EQ(restored.Restore(backup, ".before"), TG_OK) << restored.error().message;
  ASSERT_EQ(restored.Start(2), TG_OK);
  EXPECT_THAT(restored.Changes({}, 0).Sks(), ElementsAre("a"));
  ASSERT_EQ(restored.Stop(), TG_OK);
  ASSERT_EQ(restored.Restore("", ".before"), TG_OK) << restored.error().message;
  ASSERT_EQ(restored.Start(3), TG_OK);
  EXPECT_THAT(restored.Changes({}, 0).Sks(), ElementsAre("a", "b")) << "what was only in the log is back too";
}

TEST_F(StorageSqlite, Restore_OfWhatIsNoReplica_LeavesAllAsItWas) {
  Driver storage(table_, SqliteConfig(path_));
  ASSERT_EQ(storage.Start(1), TG_OK);
  ASSERT_EQ(storage.Commit(Put(MakeItem("a"))).code, TG_OK);
  ASSERT_EQ(storage.Stop(), TG_OK);
  const std::string text = dir_.File("text");
  std::ofstream(text) << "no replica at all, but longer than the header of a database: " << std::string(200, 'x');
  EXPECT_NE(storage.Restore(text, ".before"), TG_OK);
  EXPECT_EQ(storage.Restore(dir_.File("nothing"), ".before"), TG_NOT_FOUND);
  EXPECT_EQ(storage.Restore(path_, ".before"), TG_INVALID) << "itself";
  EXPECT_EQ(storage.Restore("", ".before"), TG_NOT_FOUND);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".before"));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".restoring"));
  ASSERT_EQ(storage.Start(2), TG_OK);
  EXPECT_THAT(storage.Changes({}, 0).Sks(), ElementsAre("a"));
}

TEST_F(StorageSqlite, Log_StaysBoundedUnderSteadyWrites) {
  Driver storage(table_, SqliteConfig(path_, R"(, "synchronous": "normal")"));
  ASSERT_EQ(storage.Start(1), TG_OK);
  for (int i = 0; i < 300; ++i) {
    std::vector<Group> groups(50);
    for (size_t g = 0; g < groups.size(); ++g)
      groups[g] = {Put(MakeItem(std::to_string(i) + "/" + std::to_string(g)).With(std::string(2000, 'x')))};
    ASSERT_EQ(storage.Commit(groups).code, TG_OK);
  }
  EXPECT_GT(storage.Stats().bytes_used, 30u << 20);
  EXPECT_LT(std::filesystem::file_size(path_ + "-wal"), 16u << 20);
}

TEST_F(StorageSqlite, AllReadersInUse_IsUnavailableNotAHang) {
  Driver storage(table_, SqliteConfig(path_, R"(, "readers": 1)"));
  ASSERT_EQ(storage.Start(1), TG_OK);
  ASSERT_EQ(storage.Commit(Put(MakeItem("a"))).code, TG_OK);
  struct Context {
    Driver* storage;
    tg_code inner = TG_OK;
  } context{&storage};
  tg_change_sink sink{&context, [](void* ctx, const tg_change*) -> int32_t {
                        Item item;
                        auto* c = static_cast<Context*>(ctx);
                        c->inner = c->storage->Get(MakeItem("a"), &item);
                        return 0;
                      }};
  tg_range range{};
  range.struct_size = sizeof range;
  range.owner = 7;
  tg_error error{};
  EXPECT_EQ(table_->range_scan(storage.self(), &range, &sink, &error), TG_OK);
  EXPECT_EQ(context.inner, TG_UNAVAILABLE);
}

}  // namespace
}  // namespace tidegate::contract
