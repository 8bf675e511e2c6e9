// The command line of tidegate_sim.
// Thread safety: plain values. Ownership: owned.
#pragma once

#include <cstdint>
#include <string>

#include "host/base/status.h"
#include "tests/sim/defects.h"
#include "tests/sim/profile.h"

namespace tidegate::sim {

struct CommandLine {
  uint64_t first = 1, last = 1;  // seeds
  int jobs = 1;
  const Profile* profile = nullptr;
  Defect defect = Defect::kNone;
  bool trace = false;
  bool hash = false;         // print the trace's hash
  bool until_found = false;  // with a defect: 0 if a seed finds it
  bool quiet = false;
  bool help = false;
};

Result<CommandLine> ParseCommandLine(int count, char** arguments);
std::string HelpText();

}  // namespace tidegate::sim
