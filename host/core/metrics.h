// Metrics and Log: what the node counts and says.
// Thread safety: usable from any thread. Ownership: held by the caller.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidegate::core {

class Metrics {
 public:
  virtual ~Metrics() = default;
  virtual void Add(std::string_view counter, uint64_t delta) = 0;
  virtual void Set(std::string_view gauge, int64_t value) = 0;
};

// Levels are numbers of RFC 5424: 3 error, 4 warning, 6 info, 7 debug.
class Log {
 public:
  virtual ~Log() = default;
  virtual void Write(uint32_t level, std::string_view message) = 0;
};

}  // namespace tidegate::core
