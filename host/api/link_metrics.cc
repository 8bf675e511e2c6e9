#include "host/api/link_metrics.h"

#include <algorithm>
#include <map>
#include <optional>

namespace tidegate::api {
namespace {

struct Metric {
  const char* name;
  const char* help;
  // Nothing: this link has no such value.
  std::optional<int64_t> (*value)(const node::LinkStatus& link);
  bool milliseconds = false;  // shown as seconds
};

std::optional<int64_t> LastVerify(const node::LinkStatus& link, int64_t (*value)(const wire::CompareReport&)) {
  if (!link.verify.last) return std::nullopt;
  return value(*link.verify.last);
}

int64_t Differences(const wire::CompareReport& report) {
  uint64_t found = 0;
  for (const wire::ModelDifference& model : report.models)
    found += model.missing_here + model.missing_there + model.differing;
  return static_cast<int64_t>(found);
}

int64_t Mended(const wire::CompareReport& report) {
  uint64_t mended = 0;
  for (const wire::ModelDifference& model : report.models) mended += model.mended;
  return static_cast<int64_t>(mended);
}

constexpr Metric kMetrics[] = {
    {"tidegate_link_up", "1 if the link carries",
     [](const node::LinkStatus& link) -> std::optional<int64_t> { return link.state == "up" ? 1 : 0; }},
    {"tidegate_link_pending_changes", "Changes that the neighbour has not stored yet",
     [](const node::LinkStatus& link) -> std::optional<int64_t> { return link.pending_changes; }},
    {"tidegate_link_pending_bytes", "Bytes of these changes",
     [](const node::LinkStatus& link) -> std::optional<int64_t> { return link.pending_bytes; }},
    {"tidegate_link_oldest_pending_age_seconds", "Age of the oldest of these changes",
     [](const node::LinkStatus& link) -> std::optional<int64_t> { return link.oldest_pending_age_ms; }, true},
    {"tidegate_link_last_progress_age_seconds",
     "Time since the neighbour acknowledged or sent something; absent if it never did",
     [](const node::LinkStatus& link) -> std::optional<int64_t> {
       if (link.last_progress_age_ms < 0) return std::nullopt;
       return link.last_progress_age_ms;
     },
     true},
    {"tidegate_link_stalled", "1 if the link is connected and does not move",
     [](const node::LinkStatus& link) -> std::optional<int64_t> { return link.stalled ? 1 : 0; }},
    {"tidegate_link_stalls_total", "How often it was opened anew for that",
     [](const node::LinkStatus& link) -> std::optional<int64_t> { return link.stalls; }},
    {"tidegate_link_connects_total", "Sessions with this neighbour since the start",
     [](const node::LinkStatus& link) -> std::optional<int64_t> { return link.connects; }},
    {"tidegate_link_sent_bytes_total", "Bytes sent, as they went out",
     [](const node::LinkStatus& link) -> std::optional<int64_t> { return link.bytes_sent; }},
    {"tidegate_link_sent_plain_bytes_total", "The same before compression",
     [](const node::LinkStatus& link) -> std::optional<int64_t> { return link.plain_bytes_sent; }},
    {"tidegate_link_received_bytes_total", "Bytes received, as they came in",
     [](const node::LinkStatus& link) -> std::optional<int64_t> { return link.bytes_received; }},
    {"tidegate_link_received_plain_bytes_total", "The same after expansion",
     [](const node::LinkStatus& link) -> std::optional<int64_t> { return link.plain_bytes_received; }},
    {"tidegate_link_verified_timestamp_seconds", "When the two ends were compared last; absent if they never were",
     [](const node::LinkStatus& link) {
       return LastVerify(link, [](const wire::CompareReport& report) { return report.ended_unix_ms; });
     },
     true},
    {"tidegate_link_verify_rows", "Rows that were read for that",
     [](const node::LinkStatus& link) {
       return LastVerify(link, [](const wire::CompareReport& report) { return static_cast<int64_t>(report.rows); });
     }},
    {"tidegate_link_verify_differences", "Items that differed then",
     [](const node::LinkStatus& link) { return LastVerify(link, Differences); }},
    {"tidegate_link_verify_mended", "Items of these that were mended",
     [](const node::LinkStatus& link) { return LastVerify(link, Mended); }},
    {"tidegate_link_verifying", "1 while this node compares itself with the neighbour",
     [](const node::LinkStatus& link) -> std::optional<int64_t> { return link.verify.state.empty() ? 0 : 1; }},
};

std::string Number(int64_t value, bool milliseconds) {
  if (!milliseconds) return std::to_string(value);
  std::string rest = std::to_string(value % 1000);
  return std::to_string(value / 1000) + "." + std::string(3 - rest.size(), '0') + rest;
}

std::string Labels(const node::LinkStatus& link) {
  return "agent=\"" + std::to_string(link.agent) + "\",side=\"" + (link.is_parent ? "parent" : "child") + "\"";
}

std::string Head(const char* name, const char* help) {
  const char* type = std::string_view(name).ends_with("_total") ? "counter" : "gauge";
  return std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

// One for each neighbour, the parent first. A child that has not said who it is has no name to be shown by.
std::vector<const node::LinkStatus*> Shown(const node::NodeStatus& status, size_t* left_out) {
  std::map<std::pair<bool, AgentId>, const node::LinkStatus*> links;
  for (const node::LinkStatus& link : status.links) {
    if (link.is_parent || link.agent != 0) links.try_emplace({!link.is_parent, link.agent}, &link);
  }
  std::vector<const node::LinkStatus*> shown;
  for (const auto& [name, link] : links) {
    if (shown.size() < kLinksShownMax) shown.push_back(link);
  }
  *left_out = links.size() - shown.size();
  return shown;
}

}  // namespace

std::string LinkMetricsText(const node::NodeStatus& status) {
  size_t left_out = 0;
  const std::vector<const node::LinkStatus*> shown = Shown(status, &left_out);
  std::string text;
  for (const Metric& metric : kMetrics) {
    std::string lines;
    for (const node::LinkStatus* link : shown) {
      const std::optional<int64_t> value = metric.value(*link);
      if (!value) continue;
      lines += std::string(metric.name) + "{" + Labels(*link) + "} " +
               Number(std::max<int64_t>(0, *value), metric.milliseconds) + "\n";
    }
    if (!lines.empty()) text += Head(metric.name, metric.help) + lines;
  }
  if (!shown.empty()) text += Head("tidegate_link_state", "The state of the link, as a label");
  for (const node::LinkStatus* link : shown) {
    text += "tidegate_link_state{" + Labels(*link) + ",state=\"" + link->state + "\"} 1\n";
  }
  text += Head("tidegate_links_left_out", "Links beyond those shown here") + "tidegate_links_left_out " +
          std::to_string(left_out) + "\n";
  return text;
}

}  // namespace tidegate::api
