// Clock and Random: time and chance come in from outside, so that a whole tree of nodes runs in one
// process on virtual time (design law 12).
// Thread safety: every implementation is usable from any thread. Ownership: held by the caller.
#pragma once

#include <cstdint>

namespace tidegate::core {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t unix_ms() const = 0;       // wall clock; may jump
  virtual int64_t monotonic_us() const = 0;  // never goes back
};

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;  // 64 random bits
};

}  // namespace tidegate::core
