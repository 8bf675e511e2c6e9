// What the tests of the configuration share: a folder with main.yaml, loaded.
// Thread safety: one thread. Ownership: the folder is removed with the test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "host/config/config.h"

namespace tidegate {

inline constexpr const char* kLeast = "node: {role: device}\nstorage: {plugin: storage-memory}\n";

// A folder of its own for each test, with main.yaml and what else a test writes.
class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::string pattern = testing::TempDir() + "config_test_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(folder_ + "/" + name).parent_path());
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
  }

  Result<Config> Load(const std::string& text) {
    Write("main.yaml", text);
    return LoadConfig(folder_ + "/main.yaml", "/plugins");
  }

  Config Good(const std::string& text) {
    auto config = Load(text);
    EXPECT_TRUE(config.ok()) << config.status().message();
    return config.ok() ? *config : Config{};
  }

  // The message, with the folder taken off.
  std::string Error(const std::string& text) { return WithoutFolder(Load(text).status()); }

  std::string WithoutFolder(const Status& status) {
    std::string message = status.message();
    for (size_t at; (at = message.find(folder_ + "/")) != std::string::npos;) message.erase(at, folder_.size() + 1);
    return message;
  }

  std::string folder_;
};

}  // namespace tidegate
