// ClockWatch: whether this node's wall clock may be believed when something is to be forgotten by it. It
// is in doubt after a jump, and after a start at a time that the replica does not expect, until a
// neighbour's clock agrees with it or it has run evenly for a lease.
// Thread safety: the writer thread. Ownership: plain value.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace tidegate::sync {

class ClockWatch {
 public:
  // last_unix_ms: the newest time that the replica knows; 0 = none.
  void Start(int64_t unix_ms, int64_t monotonic_us, int64_t last_unix_ms, int64_t drift_ms_max, int64_t lease_ms) {
    drift_ms_max_ = drift_ms_max;
    lease_ms_ = lease_ms;
    offset_ms_ = unix_ms - monotonic_us / 1000;
    int64_t ahead_ms = unix_ms - last_unix_ms;
    if (last_unix_ms != 0 && (ahead_ms < -drift_ms_max || ahead_ms > lease_ms)) Doubt(monotonic_us);
  }

  // Returns true if the clock has jumped since the last look.
  bool Look(int64_t unix_ms, int64_t monotonic_us) {
    int64_t offset_ms = unix_ms - monotonic_us / 1000;
    bool jumped = std::abs(offset_ms - offset_ms_) > drift_ms_max_;
    offset_ms_ = offset_ms;
    if (jumped) {
      Doubt(monotonic_us);
    } else if (doubt_ && monotonic_us - doubt_since_us_ >= lease_ms_ * 1000) {
      doubt_ = false;
    }
    return jumped;
  }

  // A neighbour whose word counts has the same time.
  void Agreed() { doubt_ = false; }
  bool in_doubt() const { return doubt_; }

 private:
  void Doubt(int64_t monotonic_us) {
    doubt_ = true;
    doubt_since_us_ = monotonic_us;
  }

  int64_t drift_ms_max_ = 0;
  int64_t lease_ms_ = 0;
  int64_t offset_ms_ = 0;  // of the wall clock against the monotonic one
  bool doubt_ = false;
  int64_t doubt_since_us_ = 0;
};

}  // namespace tidegate::sync
