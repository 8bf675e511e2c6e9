// How long to wait before the next attempt to reach the broker: doubling, jittered, bounded. Each
// client jitters by itself, so that a fleet does not return in step after the broker was away.
// Thread safety: one thread. Ownership: plain value.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace tidegate::mqtt {

class Backoff {
 public:
  explicit Backoff(uint64_t seed) : random_(static_cast<std::minstd_rand::result_type>(seed ^ (seed >> 32))) {}

  void Reset() { step_ms_ = kFirstMs; }

  // Between half of the step and the step; the step grows from 0.2 s to 15 s.
  std::chrono::milliseconds Next() {
    const int64_t wait = std::uniform_int_distribution<int64_t>(step_ms_ / 2, step_ms_)(random_);
    step_ms_ = std::min(step_ms_ * 2, kMaxMs);
    return std::chrono::milliseconds(wait);
  }

 private:
  static constexpr int64_t kFirstMs = 200;
  static constexpr int64_t kMaxMs = 15000;

  std::minstd_rand random_;
  int64_t step_ms_ = kFirstMs;
};

}  // namespace tidegate::mqtt
