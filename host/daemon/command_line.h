// The options of tidegated.
// Thread safety: plain values. Ownership: all owned.
#pragma once

#include <string>
#include <vector>

#include "host/base/status.h"

namespace tidegate::daemon {

struct CommandLine {
  std::string config = "/etc/tidegate/tidegate.yaml";
  bool check = false;
  std::string restore;  // a backup
  std::string renew;    // an agent id, or "new"
  bool help = false;
  bool version = false;
};

// An error names the nearest known option.
Result<CommandLine> ParseCommandLine(const std::vector<std::string>& words);

const char* HelpText();

}  // namespace tidegate::daemon
