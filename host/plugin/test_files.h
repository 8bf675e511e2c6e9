// Files for the tests of this folder: the fixture plugins of the build, copies of them, patched bytes.
// Thread safety: one thread. Ownership: a TestDirectory removes itself.
#pragma once

#include <string>

namespace tidegate::plugin {

// The file of a fixture, such as "good".
std::string FixturePath(const std::string& variant);

std::string ReadAll(const std::string& path);

// A fresh directory, mode 0700, below the build tree: unlike /tmp, its parents may be fine.
class TestDirectory {
 public:
  TestDirectory();
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  ~TestDirectory();

  const std::string& path() const { return path_; }
  // Writes a file of mode 0644 and returns its path.
  std::string Write(const std::string& name, const std::string& content) const;
  std::string Copy(const std::string& from, const std::string& name) const { return Write(name, ReadAll(from)); }

 private:
  std::string path_;
};

}  // namespace tidegate::plugin
