// What the user asked of the benchmark.
// Thread safety: plain value. Ownership: owned.
#pragma once

#include <cstdint>
#include <string>

namespace tidegate::bench {

struct Options {
  std::string source_dir;         // the sources: data and schemas
  std::string root;               // an installation: bin/tidegated and the plugins
  std::string dir = "/var/tmp";   // where files of measurements lie: a disk
  std::string only;               // one group of figures; empty = all
  size_t items = 100'000;         // W
  size_t many_items = 1'000'000;  // of the figure on memory
  int rounds = 5;                 // of which the median counts
  int single_writes = 300;
  bool json = false;
  uint64_t seed = 20260101;
};

}  // namespace tidegate::bench
