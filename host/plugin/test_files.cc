#include "host/plugin/test_files.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace tidegate::plugin {

std::string FixturePath(const std::string& variant) {
  return std::string(TIDEGATE_FIXTURE_DIR) + "/policy-" + variant + ".so";
}

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TestDirectory::TestDirectory() {
  path_ = std::string(TIDEGATE_FIXTURE_DIR) + "/testXXXXXX";
  EXPECT_NE(mkdtemp(path_.data()), nullptr) << path_;
}

TestDirectory::~TestDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TestDirectory::Write(const std::string& name, const std::string& content) const {
  std::string path = path_ + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  EXPECT_EQ(chmod(path.c_str(), 0644), 0);
  return path;
}

}  // namespace tidegate::plugin
