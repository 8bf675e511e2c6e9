#include "host/config/quantity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/base/spelling.h"

namespace tidegate {
namespace {

using testing::HasSubstr;

TEST(Duration, Units_AreMilliseconds) {
  EXPECT_EQ(*ParseDurationMs("0"), 0);
  EXPECT_EQ(*ParseDurationMs("1500"), 1500);
  EXPECT_EQ(*ParseDurationMs("250ms"), 250);
  EXPECT_EQ(*ParseDurationMs("1.5s"), 1500);
  EXPECT_EQ(*ParseDurationMs("2min"), 120'000);
  EXPECT_EQ(*ParseDurationMs("3h"), 10'800'000);
  EXPECT_EQ(*ParseDurationMs("30d"), 2'592'000'000);
}

TEST(Duration, OtherTexts_AreRefused) {
  for (const char* text : {"", "s", "-5s", "5 s", "5m", "5S", "1e3s", "inf", "nan", "0x5", "99999999999999d"}) {
    EXPECT_FALSE(ParseDurationMs(text).ok()) << text;
  }
  EXPECT_THAT(ParseDurationMs("5m").status().message(), HasSubstr("'m' is not a unit of a duration"));
}

TEST(Size, Units_AreBytes) {
  EXPECT_EQ(*ParseBytes("7"), 7u);
  EXPECT_EQ(*ParseBytes("512B"), 512u);
  EXPECT_EQ(*ParseBytes("10KB"), 10'000u);
  EXPECT_EQ(*ParseBytes("64KiB"), 65'536u);
  EXPECT_EQ(*ParseBytes("1.5MiB"), 1'572'864u);
  EXPECT_EQ(*ParseBytes("2GB"), 2'000'000'000u);
  EXPECT_EQ(*ParseBytes("1GiB"), 1'073'741'824u);
  EXPECT_FALSE(ParseBytes("10kb").ok());
}

TEST(NearestName, Typos_AreFound) {
  std::vector<std::string> known = {"agent", "level", "role", "transports", "sync_delay"};
  EXPECT_EQ(NearestName("agnet", known), "agent");
  EXPECT_EQ(NearestName("transport", known), "transports");
  EXPECT_EQ(NearestName("syncDelay", known), "sync_delay");
  EXPECT_EQ(NearestName("trans", known), "transports");
  EXPECT_EQ(NearestName("x", known), "");
  EXPECT_EQ(NearestName("completely", known), "");
  EXPECT_EQ(EditDistance("ab", "ba"), 1u) << "neighbours swapped";
}

}  // namespace
}  // namespace tidegate
