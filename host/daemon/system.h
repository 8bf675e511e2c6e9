// The real clock, chance and log of a daemon.
// Thread safety: usable from any thread. Ownership: none.
#pragma once

#include <array>
#include <atomic>

#include "host/base/mutex.h"
#include "host/core/clock.h"
#include "host/core/metrics.h"

namespace tidegate::daemon {

class SystemClock : public core::Clock {
 public:
  int64_t unix_ms() const override;
  int64_t monotonic_us() const override;
};

// getrandom(2), a buffer at a time.
class SystemRandom : public core::Random {
 public:
  uint64_t Next() override;

 private:
  Mutex mutex_;
  std::array<uint64_t, 32> buffer_ TG_GUARDED_BY(mutex_){};
  size_t left_ TG_GUARDED_BY(mutex_) = 0;
};

// Lines on stderr: with a priority in front ("<6>") where the journal reads them, with the time elsewhere.
class StderrLog : public core::Log {
 public:
  StderrLog();
  // Of RFC 5424: 3 error .. 7 debug; lines above it are not written.
  void SetLevel(uint32_t level) { level_.store(level, std::memory_order_relaxed); }
  void Write(uint32_t level, std::string_view message) override;

 private:
  std::atomic<uint32_t> level_{6};
  bool journal_;
};

}  // namespace tidegate::daemon
