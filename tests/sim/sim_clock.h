// SimClock: the clock of one simulated node. The wall clock runs with the world but may be off and may
// jump; the monotonic clock is the world's.
// Thread safety: none. Ownership: refers to the world's time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "host/core/clock.h"

namespace tidegate::sim {

inline constexpr int64_t kStartUnixMs = 1'800'000'000'000;  // when every world begins

class SimClock : public core::Clock {
 public:
  explicit SimClock(const int64_t* now_us) : now_us_(now_us) {}
  int64_t unix_ms() const override {
    const int64_t ms = kStartUnixMs + *now_us_ / 1000 + skew_ms_;
    latest_ms_ = std::max(latest_ms_, ms);
    return ms;
  }
  int64_t monotonic_us() const override { return *now_us_; }

  // The latest that it ever said.
  int64_t latest_ms() const { return latest_ms_; }
  int64_t skew_ms() const { return skew_ms_; }
  void SetSkew(int64_t ms) { skew_ms_ = ms; }

 private:
  const int64_t* now_us_;
  int64_t skew_ms_ = 0;
  mutable int64_t latest_ms_ = 0;
};

}  // namespace tidegate::sim
