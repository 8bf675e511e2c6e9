#include "host/api/quota_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::api {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(QuotaMetrics, NothingLimited_OnlyTheDiskIsTold) {
  const std::string text = QuotaMetricsText({});
  EXPECT_THAT(text, HasSubstr("\ntidegate_disk_full 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("tidegate_quota")));
}

TEST(QuotaMetrics, LimitsAndLosses_AreToldByModel) {
  node::NodeStatus status;
  status.disk_full = true;
  status.quotas = {{"Reading", 7, 10, 300, 0, "refuse", false}, {"Fault", 5, 5, 90, 0, "drop_oldest", true}};
  status.losses = {{"Fault", 42, "age", 3, 30, "", "", 0}, {"Fault", 43, "age", 4, 40, "", "", 0}};
  const std::string text = QuotaMetricsText(status);
  for (const char* line :
       {"\ntidegate_disk_full 1\n", "\ntidegate_quota_items{model=\"Reading\"} 7\n",
        "\ntidegate_quota_items_max{model=\"Reading\"} 10\n", "\ntidegate_quota_bytes{model=\"Fault\"} 90\n",
        "\ntidegate_quota_full{model=\"Reading\"} 0\n", "\ntidegate_quota_full{model=\"Fault\"} 1\n",
        "\ntidegate_dropped_undelivered_items_total{model=\"Fault\",reason=\"age\"} 7\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace tidegate::api
