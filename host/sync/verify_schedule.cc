#include "host/sync/verify_schedule.h"

#include <algorithm>
#include <utility>

namespace tidegate::sync {
namespace {

// In [0, us).
int64_t Below(int64_t us, core::Random& random) {
  return us <= 0 ? 0 : static_cast<int64_t>(random.Next() % static_cast<uint64_t>(us));
}

}  // namespace

void VerifySchedule::Start(int64_t now_us, int64_t last_unix_ms, int64_t unix_ms, core::Random& random) {
  if (options_.verify_period_ms == 0) return;
  const int64_t period_us = options_.verify_period_ms * 1000;
  const int64_t since_ms = unix_ms - last_unix_ms;
  // Thousands of nodes that were switched on together do not compare together.
  if (last_unix_ms <= 0 || since_ms < 0) {
    clock_us_ = now_us + Below(period_us, random);
  } else {
    clock_us_ =
        now_us + std::max<int64_t>(0, options_.verify_period_ms - since_ms) * 1000 + Below(period_us / 8, random);
  }
}

void VerifySchedule::Doubt(const std::string& reason, int64_t now_us, core::Random& random) {
  if (!options_.verify_on_doubt || doubt_us_ != INT64_MAX) return;
  const int64_t delay_us = options_.verify_delay_ms * 1000;
  reason_ = reason;
  doubt_us_ = std::max(now_us + delay_us / 2 + Below(delay_us, random), rested_us_);
}

VerifySchedule::Why VerifySchedule::Begun(int64_t now_us) {
  Why why;
  if (doubt_us_ <= now_us) why = {VerifyCause::kDoubt, reason_};
  // One is as good as the other: what waits for its turn is answered by this one too.
  if (doubt_us_ != INT64_MAX && why.cause == VerifyCause::kClock) why.reason = reason_;
  clock_us_ = doubt_us_ = INT64_MAX;
  reason_.clear();
  return why;
}

void VerifySchedule::Ended(int64_t now_us, core::Random& random) {
  rested_us_ = now_us + options_.verify_rest_ms * 1000;
  if (doubt_us_ != INT64_MAX) doubt_us_ = std::max(doubt_us_, rested_us_);
  const int64_t period_us = options_.verify_period_ms * 1000;
  if (period_us != 0) clock_us_ = now_us + period_us - period_us / 8 + Below(period_us / 4, random);
}

}  // namespace tidegate::sync
