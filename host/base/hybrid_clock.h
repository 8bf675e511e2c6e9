// The hybrid logical clock that versions are made with: 48 bits of Unix milliseconds, then a 16-bit
// counter (Kulkarni et al., "Logical Physical Clocks", 2014). It never goes back, also over restarts:
// the owner stores last() with every commit and restores it.
// Thread safety: one thread at a time. Ownership: none.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tidegate {

class HybridClock {
 public:
  uint64_t last() const { return last_; }
  void Restore(uint64_t last) { last_ = std::max(last_, last); }

  // A time above every one made or observed before, above `floor`, and not below the wall clock.
  uint64_t Tick(int64_t unix_ms, uint64_t floor = 0) {
    uint64_t wall = static_cast<uint64_t>(std::max<int64_t>(unix_ms, 0)) << 16;
    last_ = std::max({wall, last_ + 1});
    return floor >= last_ ? floor + 1 : last_;
  }

  // Takes over the time of an incoming version, unless it is further ahead than drift_ms_max.
  // Returns false in that case: the neighbour's clock, or ours, is off.
  bool Observe(uint64_t hlc, int64_t unix_ms, int64_t drift_ms_max) {
    int64_t ahead_ms = static_cast<int64_t>(hlc >> 16) - unix_ms;
    if (hlc <= last_) return true;
    if (ahead_ms > drift_ms_max) return false;
    last_ = hlc;
    return true;
  }

 private:
  uint64_t last_ = 0;
};

}  // namespace tidegate
