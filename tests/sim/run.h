// RunSeed: one whole world: a tree is made, works under faults, comes to rest and is judged.
// Thread safety: worlds are independent; each runs in one thread. Ownership: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/defects.h"
#include "tests/sim/profile.h"

namespace tidegate::sim {

struct RunOptions {
  uint64_t seed = 1;
  const Profile* profile = nullptr;
  Defect defect = Defect::kNone;
  bool print = false;
};

struct RunResult {
  std::vector<std::string> failures;  // empty = passed
  uint64_t trace_hash = 0;
  uint32_t nodes = 0, writes = 0, faults = 0;
  uint64_t acknowledged = 0, frames = 0, bytes = 0;
  int64_t virtual_us = 0;
  int64_t settle_us = 0;  // from the end of the faults to rest
};

RunResult RunSeed(const RunOptions& options);

// The command that shows a seed again.
std::string ReplayCommand(const RunOptions& options);

}  // namespace tidegate::sim
