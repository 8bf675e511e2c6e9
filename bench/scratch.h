// A folder for the files of one measurement, removed at its end. It lies on a disk, not in memory:
// durable has to cost here what it costs.
// Thread safety: one thread. Ownership: owns the folder.
#pragma once

#include <string>

namespace tidegate::bench {

class Scratch {
 public:
  // below: the folder in which it is made.
  explicit Scratch(const std::string& below);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }
  // A folder below it, of mode 0700.
  std::string Folder(const std::string& name) const;

 private:
  std::string path_;
};

void WriteFile(const std::string& path, const std::string& text);
std::string ReadFile(const std::string& path);

}  // namespace tidegate::bench
