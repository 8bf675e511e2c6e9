// The fixture of the contract suite: one test, every storage plugin.
// Thread safety: one test a process or thread. Ownership: removes what it made.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/contract/storage_driver.h"

namespace tidegate::contract {

// A directory for one test.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "tidegate-contract-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string SqliteConfig(const std::string& path, const std::string& more = "") {
  return R"({"path": ")" + path + "\"" + more + "}";
}

class StorageContract : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    table_ = LoadStorage(GetParam());
    ASSERT_NE(table_, nullptr);
    Make();
    ASSERT_EQ(storage_->Start(++epoch_), TG_OK) << storage_->error().message;
  }

  bool memory() const { return std::string_view(GetParam()) == "storage-memory"; }
  Driver& storage() { return *storage_; }
  uint64_t epoch() const { return epoch_; }

  // A new start of the same replica; of a durable one through a new instance.
  void Restart() {
    ASSERT_EQ(storage_->Stop(), TG_OK);
    if (!memory()) Make();
    ASSERT_EQ(storage_->Start(++epoch_), TG_OK) << storage_->error().message;
  }

  TempDir dir_;
  const tg_storage_v1* table_ = nullptr;

 private:
  void Make() {
    storage_.reset();
    storage_ = std::make_unique<Driver>(table_, memory() ? "{}" : SqliteConfig(dir_.File("replica.db")));
    ASSERT_EQ(storage_->create_code(), TG_OK) << storage_->error().message;
  }

  std::unique_ptr<Driver> storage_;
  uint64_t epoch_ = 100;
};

inline std::string PluginName(const testing::TestParamInfo<const char*>& info) {
  return std::string_view(info.param) == "storage-memory" ? "Memory" : "Sqlite";
}

// In every file of the suite, once for its own subclass of StorageContract.
#define TIDEGATE_EVERY_STORAGE(suite) \
  INSTANTIATE_TEST_SUITE_P(Storage, suite, testing::Values("storage-memory", "storage-sqlite"), PluginName)

}  // namespace tidegate::contract
