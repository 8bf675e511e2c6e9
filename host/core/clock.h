// Clock and Random: time and chance come in from outside, so that a whole tree of nodes runs in one
// process on virtual time (design law 12).
// Thread safety: every implementation is usable from any thread. Ownership: held by the caller.
#pragma once

#include <atomic>
#include <cstdint>

namespace tidegate::core {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t unix_ms() const = 0;       // wall clock; may jump
  virtual int64_t monotonic_us() const = 0;  // never goes back

  // The time by which items expire. While the node whose clock this is does not trust it, none does.
  int64_t expiry_ms() const { return suspect_.load(std::memory_order_relaxed) ? INT64_MIN : unix_ms(); }
  void SetSuspect(bool suspect) { suspect_.store(suspect, std::memory_order_relaxed); }

 private:
  std::atomic<bool> suspect_ = false;
};

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;  // 64 random bits
};

}  // namespace tidegate::core
