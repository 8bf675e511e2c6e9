#include "host/api/link_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::api {
namespace {

using testing::HasSubstr;
using testing::Not;

node::LinkStatus Link(AgentId agent, bool is_parent, const char* state) {
  node::LinkStatus link;
  link.agent = agent;
  link.is_parent = is_parent;
  link.state = state;
  return link;
}

TEST(LinkMetrics, TwoLinks_AreToldByAgentAndSide) {
  node::NodeStatus status;
  status.links = {Link(101, false, "up"), Link(1, true, "refused")};
  status.links[1].pending_changes = 12;
  status.links[1].pending_bytes = 3456;
  status.links[1].oldest_pending_age_ms = 61'007;
  status.links[0].last_progress_age_ms = 40;
  const std::string text = LinkMetricsText(status);
  for (const char* line :
       {"# TYPE tidegate_link_up gauge\n", "\ntidegate_link_up{agent=\"1\",side=\"parent\"} 0\n",
        "\ntidegate_link_up{agent=\"101\",side=\"child\"} 1\n",
        "\ntidegate_link_pending_changes{agent=\"1\",side=\"parent\"} 12\n",
        "\ntidegate_link_pending_bytes{agent=\"1\",side=\"parent\"} 3456\n",
        "\ntidegate_link_oldest_pending_age_seconds{agent=\"1\",side=\"parent\"} 61.007\n",
        "\ntidegate_link_last_progress_age_seconds{agent=\"101\",side=\"child\"} 0.040\n",
        "\ntidegate_link_state{agent=\"1\",side=\"parent\",state=\"refused\"} 1\n", "\ntidegate_links_left_out 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("last_progress_age_seconds{agent=\"1\"")));  // never
}

TEST(LinkMetrics, NamesAreShownOnce_AndTheUnnamedNot) {
  node::NodeStatus status;
  status.links = {Link(7, false, "up"), Link(7, false, "down"), Link(0, false, "hello"), Link(0, true, "down")};
  const std::string text = LinkMetricsText(status);
  EXPECT_THAT(text, HasSubstr("tidegate_link_up{agent=\"7\",side=\"child\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("tidegate_link_up{agent=\"7\",side=\"child\"} 0\n")));
  EXPECT_THAT(text, Not(HasSubstr("agent=\"0\",side=\"child\"")));
  EXPECT_THAT(text, HasSubstr("tidegate_link_up{agent=\"0\",side=\"parent\"} 0\n"));  // not met yet
}

TEST(LinkMetrics, LargeFleet_IsBoundedAndSaysSo) {
  node::NodeStatus status;
  for (AgentId agent = 5000; agent >= 2; --agent) status.links.push_back(Link(agent, false, "up"));
  status.links.push_back(Link(1, true, "up"));
  const std::string text = LinkMetricsText(status);
  EXPECT_THAT(text, HasSubstr("tidegate_link_up{agent=\"1\",side=\"parent\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tidegate_link_up{agent=\"1000\",side=\"child\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("agent=\"1001\"")));
  EXPECT_THAT(text, HasSubstr("\ntidegate_links_left_out 4000\n"));
}

}  // namespace
}  // namespace tidegate::api
