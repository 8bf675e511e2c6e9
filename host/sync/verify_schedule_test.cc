// When a comparison is due: spread over the period, soon after a doubt, never again and again.
#include "host/sync/verify_schedule.h"

#include <gtest/gtest.h>

namespace tidegate::sync {
namespace {

constexpr int64_t kHourUs = 3'600'000'000;

class VerifyScheduleTest : public ::testing::Test, public core::Random {
 protected:
  uint64_t Next() override {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return state_ >> 16;
  }
  SyncOptions options_;
  uint64_t state_ = 1;
};

TEST_F(VerifyScheduleTest, ManyNodesThatStartTogether_CompareAllOverThePeriod) {
  int quarters[4] = {};
  for (int i = 0; i < 400; ++i) {
    VerifySchedule schedule(options_);
    schedule.Start(1'000, 0, 1'000, *this);
    ASSERT_LT(schedule.due_us(), 1'000 + 24 * kHourUs);
    ++quarters[(schedule.due_us() - 1'000) / (6 * kHourUs)];
  }
  for (int quarter : quarters) EXPECT_GT(quarter, 50);
}

TEST_F(VerifyScheduleTest, Restart_GoesOnWhereThePeriodWas) {
  VerifySchedule schedule(options_);
  const int64_t now_ms = 1'700'000'000'000;
  schedule.Start(0, now_ms - 20 * 3'600'000, now_ms, *this);
  EXPECT_GE(schedule.due_us(), 4 * kHourUs);
  EXPECT_LE(schedule.due_us(), 7 * kHourUs);
  VerifySchedule late(options_);
  late.Start(0, now_ms - 100 * 3'600'000, now_ms, *this);
  EXPECT_LE(late.due_us(), 3 * kHourUs);
  VerifySchedule clock_back(options_);  // the wall clock says that it was tomorrow
  clock_back.Start(0, now_ms + 1'000, now_ms, *this);
  EXPECT_LE(clock_back.due_us(), 24 * kHourUs);
}

TEST_F(VerifyScheduleTest, Doubt_IsLookedAtSoon_AndNoSoonerThanItMayAgain) {
  VerifySchedule schedule(options_);
  schedule.Start(0, 0, 0, *this);
  schedule.Doubt("one", 0, *this);
  schedule.Doubt("two", 0, *this);
  EXPECT_GE(schedule.due_us(), options_.verify_delay_ms * 500);
  EXPECT_LE(schedule.due_us(), options_.verify_delay_ms * 1500);
  const int64_t begun_us = schedule.due_us();
  VerifySchedule::Why why = schedule.Begun(begun_us);
  EXPECT_EQ(why.cause, VerifyCause::kDoubt);
  EXPECT_EQ(why.reason, "one");
  EXPECT_FALSE(schedule.Due(begun_us + 100 * kHourUs)) << "it is under way";
  schedule.Doubt("three", begun_us, *this);
  schedule.Ended(begun_us + 1'000, *this);
  EXPECT_GE(schedule.due_us(), begun_us + options_.verify_rest_ms * 1000);
  EXPECT_LE(schedule.due_us(), begun_us + 2 * options_.verify_rest_ms * 1000);
}

TEST_F(VerifyScheduleTest, SwitchedOff_NothingIsDue) {
  options_.verify_period_ms = 0;
  options_.verify_on_doubt = false;
  VerifySchedule schedule(options_);
  schedule.Start(0, 0, 0, *this);
  schedule.Doubt("one", 0, *this);
  EXPECT_EQ(schedule.due_us(), INT64_MAX);
}

}  // namespace
}  // namespace tidegate::sync
