// A storage without room: what is bulky is refused, what makes room or hardly takes any goes on, and space that is
// not used any more is given back.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/contract/storage_contract.h"

namespace tidegate::contract {
namespace {

using testing::HasSubstr;

Item Bulky(int n, size_t bytes = 3'000) {
  return MakeItem("a" + std::to_string(100'000 + n)).With(std::string(bytes, 'x'));
}

// Writes until it stays refused: a first refusal may find space in the log. How many were written.
int Fill(Driver& storage, int first = 0) {
  int refused = 0;
  for (int n = first; n < first + 100'000;) {
    const Committed committed = storage.Commit(Put(Bulky(n)));
    if (committed.code == TG_OK) {
      ++n;
      refused = 0;
      continue;
    }
    EXPECT_EQ(committed.code, TG_FULL) << committed.error.message;
    if (++refused == 3) return n - first;
  }
  ADD_FAILURE() << "it never becomes full";
  return 0;
}

// What has to work on a full storage: a removal, a watermark, a configuration; and draining it.
void ExpectSmallThingsGoOn(Driver& storage, int stored) {
  EXPECT_EQ(storage.Commit(MetaPut("watermark", "1")).code, TG_OK) << storage.error().message;
  EXPECT_EQ(storage.Commit(Put(Bulky(0).Deleted(5))).code, TG_OK) << storage.error().message;
  EXPECT_EQ(storage.Commit(Put(DownItem(7, "config"))).code, TG_OK) << storage.error().message;
  EXPECT_EQ(storage.Commit(Put(Bulky(stored, 300'000))).code, TG_FULL) << "what is bulky still waits";
  for (int n = 1; n < stored; ++n) {
    const Committed purged = storage.Commit({{Purge(Bulky(n)), MetaPut("watermark", std::to_string(n))}});
    ASSERT_EQ(purged.code, TG_OK) << n << ": " << purged.error.message;
  }
  EXPECT_EQ(storage.Commit(Put(Bulky(stored))).code, TG_OK) << "there is room again";
  std::string watermark;
  EXPECT_EQ(storage.MetaGet("watermark", &watermark), TG_OK);
  EXPECT_EQ(watermark, std::to_string(stored - 1));
  Item item;
  EXPECT_EQ(storage.Get(DownItem(7, "config"), &item), TG_OK);
}

TEST(StorageSpace, MemoryFull_SmallThingsGoOnAndItDrains) {
  Driver storage(LoadStorage("storage-memory"), R"({"items_max": 40})");
  ASSERT_EQ(storage.Start(1), TG_OK);
  const int stored = Fill(storage);
  EXPECT_EQ(stored, 40);
  ExpectSmallThingsGoOn(storage, stored);
}

TEST(StorageSpace, SqliteAtBytesMax_SmallThingsGoOnAndItDrains) {
  TempDir dir;
  Driver storage(LoadStorage("storage-sqlite"),
                 SqliteConfig(dir.File("replica.db"), R"(, "bytes_max": 2000000, "reserve_bytes": 200000)"));
  ASSERT_EQ(storage.Start(1), TG_OK) << storage.error().message;
  EXPECT_EQ(storage.Stats().bytes_reserved, 200'000u);
  const int stored = Fill(storage);
  EXPECT_GT(stored, 100);
  ExpectSmallThingsGoOn(storage, stored);
}

// A file system of its own, in memory.
class SmallDisk : public testing::Test {
 protected:
  void SetUp() override {
    disk_ = dir_.File("disk");
    mkdir(disk_.c_str(), 0700);
    mounted_ = mount("tmpfs", disk_.c_str(), "tmpfs", 0, "size=8m") == 0;
    if (!mounted_) GTEST_SKIP() << "no file system can be mounted here";
  }
  ~SmallDisk() override {
    if (mounted_) umount2(disk_.c_str(), MNT_DETACH);
  }
  uint64_t Size(const std::string& name) const {
    struct stat status;
    return stat((disk_ + "/" + name).c_str(), &status) == 0 ? static_cast<uint64_t>(status.st_blocks) * 512 : 0;
  }

  TempDir dir_;
  std::string disk_;
  bool mounted_ = false;
};

TEST_F(SmallDisk, SqliteOnAFullDisk_SmallThingsGoOnItDrainsAndSpaceComesBack) {
  Driver storage(LoadStorage("storage-sqlite"), SqliteConfig(disk_ + "/replica.db"));
  ASSERT_EQ(storage.Start(1), TG_OK) << storage.error().message;
  EXPECT_GT(Size("replica.db.reserve"), 0u);
  const int stored = Fill(storage);
  EXPECT_GT(stored, 500);
  const uint64_t full = Size("replica.db") + Size("replica.db-wal");
  ExpectSmallThingsGoOn(storage, stored);
  EXPECT_GT(Size("replica.db.reserve"), 0u) << "it is kept back again";
  EXPECT_LT(Size("replica.db") + Size("replica.db-wal"), full / 2) << "space is given back";
  EXPECT_GT(Fill(storage, 50'000), stored / 2) << "it can be filled again";
}

// One commit may be longer than the reserve: its log has to fit into the file, or nothing could be removed any more.
TEST_F(SmallDisk, SqliteFilledByLargeCommits_SmallThingsGoOnAndItDrains) {
  Driver storage(LoadStorage("storage-sqlite"), SqliteConfig(disk_ + "/replica.db"));
  ASSERT_EQ(storage.Start(1), TG_OK) << storage.error().message;
  int stored = 0;
  for (int at_once : {500, 200, 60, 1}) {
    for (int refused = 0; refused < 3;) {
      Group group;
      for (int i = 0; i < at_once; ++i) group.push_back(Put(Bulky(stored + i)));
      const Committed committed = storage.Commit({group});
      if (committed.code == TG_OK) {
        stored += at_once;
      } else {
        ASSERT_EQ(committed.code, TG_FULL) << committed.error.message;
        ++refused;
      }
    }
  }
  EXPECT_GT(stored, 500);
  ExpectSmallThingsGoOn(storage, stored);
}

TEST_F(SmallDisk, SqliteStartedOnAFullDisk_StartsWithItsReserve) {
  const std::string config = SqliteConfig(disk_ + "/replica.db");
  int stored = 0;
  {
    Driver storage(LoadStorage("storage-sqlite"), config);
    ASSERT_EQ(storage.Start(1), TG_OK);
    stored = Fill(storage) / 2;
    for (int n = 0; n < stored; ++n) ASSERT_EQ(storage.Commit(Purge(Bulky(n))).code, TG_OK);
    ASSERT_EQ(storage.Commit(Put(Bulky(0))).code, TG_OK);
  }
  {
    std::ofstream filler(disk_ + "/filler");
    const std::string block(4096, 'f');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
  }
  Driver storage(LoadStorage("storage-sqlite"), config);
  ASSERT_EQ(storage.Start(2), TG_OK) << storage.error().message;
  EXPECT_EQ(storage.Commit(MetaPut("a", "b")).code, TG_OK) << storage.error().message;
}

TEST(StorageSpace, SqliteReserveOfNothing_KeepsNoFile) {
  TempDir dir;
  Driver storage(LoadStorage("storage-sqlite"), SqliteConfig(dir.File("replica.db"), R"(, "reserve_bytes": 0)"));
  ASSERT_EQ(storage.Start(1), TG_OK);
  EXPECT_EQ(storage.Stats().bytes_reserved, 0u);
  EXPECT_NE(access(dir.File("replica.db.reserve").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace tidegate::contract
