// A log that keeps its lines, for the tests of this folder.
// Thread safety: one writer at a time. Ownership: the lines are its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host/core/metrics.h"

namespace tidegate::plugin {

class Lines : public core::Log {
 public:
  void Write(uint32_t, std::string_view message) override { lines.emplace_back(message); }
  std::vector<std::string> lines;
};

}  // namespace tidegate::plugin
