#include "host/node/expiry_sweep.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "host/base/views.h"
#include "host/core/change_arena.h"

namespace tidegate::node {
namespace {

constexpr uint64_t kPortion = 500;
constexpr int64_t kNextPortionUs = 20'000;
constexpr int64_t kLookUsMin = 1'000'000;
constexpr int64_t kLookUsMax = 3'600'000'000;  // the clock may be set meanwhile
constexpr int64_t kWaitUsMin = 5'000'000;

int64_t Floor(int64_t ms, int64_t step_ms) { return ms - ms % step_ms; }

}  // namespace

int64_t ExpirySweep::StepMs() const { return std::clamp<int64_t>(options_.clock_drift_ms_max, 1'000, kStepMs); }

int64_t ExpirySweep::InstantMs() const { return clocks_.Suspends() ? 0 : Floor(deps_.clock.unix_ms(), StepMs()); }

int64_t ExpirySweep::SweptMs(int64_t now_ms) const { return Floor(now_ms - options_.clock_drift_ms_max, StepMs()); }

// When a row with this expiry may be swept.
int64_t ExpirySweep::LookUs(int64_t expires_ms, int64_t now_us) const {
  // Years that no clock reaches are as good as an hour.
  if (expires_ms > INT64_MAX / 4) return now_us + kLookUsMax;
  int64_t at_ms = Floor(expires_ms + StepMs() - 1, StepMs()) + options_.clock_drift_ms_max;
  return now_us + std::clamp((at_ms - deps_.clock.unix_ms()) * 1000, kLookUsMin, kLookUsMax);
}

void ExpirySweep::Note(int64_t expires_ms, int64_t now_us) {
  if (!able_) return;
  // It came late: the others of that time were looked at already.
  if (expires_ms <= after_ms_) {
    after_ms_ = expires_ms - 1;
    after_seq_ = UINT64_MAX;
  }
  look_us_ = std::min(look_us_, LookUs(expires_ms, now_us));
}

void ExpirySweep::Again(int64_t at_us) {
  again_us_ = std::min(again_us_, at_us);
  look_us_ = std::min(look_us_, again_us_);
}

bool ExpirySweep::Sweep(const tg_change& item, Verdict verdict) {
  if (verdict == Verdict::kUndelivered) return around_.LoseExpired(item);
  around_.NoteSwept(item);
  stage_.Begin();
  stage_.Purge(stage_.arena().Copy(item), Version::From(item.version));
  stage_.End([this](const Status& status, std::span<const core::Effect> effects) {
    if (!status.ok()) return Again(deps_.clock.monotonic_us() + kLookUsMin);
    if (!effects.empty() && effects[0].applied()) deps_.metrics.Add("tidegate_expired_total", 1);
  });
  return true;
}

void ExpirySweep::Run(int64_t now_us) {
  if (now_us < look_us_ || !able_) return;
  if (clocks_.Suspends()) {
    look_us_ = now_us + kStepMs * 1000;
    return;
  }
  if (now_us >= again_us_) {
    after_ms_ = 0;
    after_seq_ = 0;
    again_us_ = INT64_MAX;
  }
  const int64_t now_ms = deps_.clock.unix_ms(), swept_ms = SweptMs(now_ms);
  core::ChangeArena arena;
  std::vector<tg_change> rows;
  bool more = false;
  look_us_ = INT64_MAX;
  Status read = deps_.storage.Expiring(after_ms_, after_seq_, kPortion + 1, [&](const tg_change& row) {
    if (row.expires_ms > swept_ms) {
      look_us_ = LookUs(row.expires_ms, now_us);
      return false;
    }
    if (rows.size() == kPortion) {
      more = true;
      return false;
    }
    tg_change name = row;
    name.body = {};
    rows.push_back(arena.Copy(name));
    return true;
  });
  if (!read.ok()) {
    able_ = read.code() != Code::kUnsupported;
    if (able_) Again(now_us + kWaitUsMin);
    if (able_) deps_.log.Write(3, "cannot read what has expired: " + read.message());
    return;
  }
  bool waits = false, swept = false;
  for (const tg_change& row : rows) {
    after_ms_ = row.expires_ms;
    after_seq_ = row.seq;
    const Verdict verdict = stage_.Touches(row.key) ? Verdict::kWaits : around_.JudgeExpired(row, now_ms);
    (verdict != Verdict::kWaits && Sweep(row, verdict) ? swept : waits) = true;
  }
  if (more) look_us_ = now_us + kNextPortionUs;
  if (swept) wait_us_ = 0;
  if (waits && again_us_ == INT64_MAX) {
    const int64_t longest_us = std::clamp<int64_t>(options_.lease_ms * 1000 / 720, kWaitUsMin, kLookUsMax);
    wait_us_ = std::clamp(wait_us_ * 2, kWaitUsMin, longest_us);
    Again(now_us + wait_us_);
  }
  look_us_ = std::min(look_us_, again_us_);
}

}  // namespace tidegate::node
