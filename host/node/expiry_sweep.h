// ExpirySweep: removes the rows of items that have expired (docs/replication.md, "Expiry"). Nobody sees them from
// their instant on, so this is housekeeping: in bounded portions, behind the time, and never by a clock in doubt.
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <cstdint>

#include "host/core/stage.h"
#include "host/node/clock_judge.h"
#include "host/node/node.h"

namespace tidegate::node {

class ExpirySweep {
 public:
  // Of what has expired since the last whole minute (or clock_drift_ms_max, where that is less) all nodes still have the
  // rows: so they need not agree about the second, and the digests of one comparison serve the next.
  static constexpr int64_t kStepMs = 60'000;

  enum class Verdict : uint8_t {
    kNobodyNeedsIt,
    kWaits,        // as a tombstone would: an older state may be about, which it still has to end
    kUndelivered,  // what it ends above will not hear of it any more
  };

  // The node around it.
  class Around {
   public:
    virtual ~Around() = default;
    virtual Verdict JudgeExpired(const tg_change& item, int64_t now_ms) = 0;
    // Removes it, counted and listed among what was lost.
    virtual bool LoseExpired(const tg_change& item) = 0;
    // Its removal is staged.
    virtual void NoteSwept(const tg_change& item) = 0;
  };

  ExpirySweep(const NodeOptions& options, const Dependencies& deps, core::Stage& stage, const ClockJudge& clocks,
              Around& around)
      : options_(options), deps_(deps), stage_(stage), clocks_(clocks), around_(around) {}

  // What expired until then takes no part in comparisons; 0 = no clock to say so. No node whose clock is within
  // clock_drift_ms_max of this one's has swept anything later.
  int64_t InstantMs() const;

  // Stages the removal of a bounded number of rows.
  void Run(int64_t now_us);

  // A row with this expiry was committed.
  void Note(int64_t expires_ms, int64_t now_us);

  int64_t NextUs() const { return look_us_; }

 private:
  int64_t StepMs() const;
  int64_t SweptMs(int64_t now_ms) const;
  int64_t LookUs(int64_t expires_ms, int64_t now_us) const;
  void Again(int64_t at_us);
  bool Sweep(const tg_change& item, Verdict verdict);

  const NodeOptions& options_;
  const Dependencies& deps_;
  core::Stage& stage_;
  const ClockJudge& clocks_;
  Around& around_;
  int64_t look_us_ = 0;
  bool able_ = true;      // the storage lists what expires
  int64_t after_ms_ = 0;  // what was looked at, in the order of expiry
  uint64_t after_seq_ = 0;
  int64_t again_us_ = INT64_MAX;  // when those that had to wait are looked at once more
  int64_t wait_us_ = 0;
};

}  // namespace tidegate::node
