#include "bench/scratch.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "bench/die.h"

namespace tidegate::bench {

Scratch::Scratch(const std::string& below) {
  std::string name = below + "/tidegate-bench-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) Die(name + ": cannot make a folder: " + std::strerror(errno));
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Scratch::Folder(const std::string& name) const {
  std::string path = File(name);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) Die(path + ": cannot make it: " + std::strerror(errno));
  return path;
}

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) Die(path + ": cannot write it");
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) Die(path + ": cannot read it");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace tidegate::bench
