// VerifySchedule: when a node compares itself with its parent without being asked: by the clock, at a moment of its own
// in each period, and soon after something made it doubt, but not again and again.
// Thread safety: the writer thread. Ownership: owns its texts.
#pragma once

#include <cstdint>
#include <string>

#include "host/core/clock.h"
#include "host/sync/options.h"

namespace tidegate::sync {

enum class VerifyCause : uint8_t { kAsked = 0, kClock = 1, kDoubt = 2 };

class VerifySchedule {
 public:
  struct Why {
    VerifyCause cause = VerifyCause::kClock;
    std::string reason;  // of a doubt
  };

  explicit VerifySchedule(const SyncOptions& options) : options_(options) {}

  // last_unix_ms: when the last one ended, by a wall clock that says unix_ms now; 0 = not known.
  void Start(int64_t now_us, int64_t last_unix_ms, int64_t unix_ms, core::Random& random);
  void Doubt(const std::string& reason, int64_t now_us, core::Random& random);
  bool Due(int64_t now_us) const { return due_us() <= now_us; }
  int64_t due_us() const { return clock_us_ < doubt_us_ ? clock_us_ : doubt_us_; }
  // One begins: what is doubted from now on is for the next.
  Why Begun(int64_t now_us);
  void Ended(int64_t now_us, core::Random& random);

 private:
  const SyncOptions& options_;
  int64_t clock_us_ = INT64_MAX;
  int64_t doubt_us_ = INT64_MAX;
  int64_t rested_us_ = INT64_MIN;  // no doubt begins one before
  std::string reason_;
};

}  // namespace tidegate::sync
