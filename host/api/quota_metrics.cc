#include "host/api/quota_metrics.h"

#include <map>
#include <utility>

namespace tidegate::api {
namespace {

constexpr size_t kLinesMax = 1'000;

struct Metric {
  const char* name;
  const char* help;
  uint64_t (*value)(const node::QuotaStatus& quota);
};

constexpr Metric kMetrics[] = {
    {"tidegate_quota_items", "Items here of a model with limits",
     [](const node::QuotaStatus& quota) { return quota.items; }},
    {"tidegate_quota_items_max", "As many as there may be; 0 = no limit",
     [](const node::QuotaStatus& quota) { return quota.items_max; }},
    {"tidegate_quota_bytes", "Bytes of their bodies and keys",
     [](const node::QuotaStatus& quota) { return quota.bytes; }},
    {"tidegate_quota_bytes_max", "As many as there may be; 0 = no limit",
     [](const node::QuotaStatus& quota) { return quota.bytes_max; }},
    {"tidegate_quota_full", "1 if there is no room for another item",
     [](const node::QuotaStatus& quota) { return uint64_t{quota.full}; }},
};

std::string Head(const char* name, const char* type, const char* help) {
  return std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

}  // namespace

std::string QuotaMetricsText(const node::NodeStatus& status) {
  std::string text = Head("tidegate_disk_full", "gauge", "1 if nothing new is taken until there is space") +
                     "tidegate_disk_full " + (status.disk_full ? "1\n" : "0\n");
  for (const Metric& metric : kMetrics) {
    if (!status.quotas.empty()) text += Head(metric.name, "gauge", metric.help);
    for (const node::QuotaStatus& quota : status.quotas) {
      text +=
          std::string(metric.name) + "{model=\"" + quota.model + "\"} " + std::to_string(metric.value(quota)) + "\n";
    }
  }
  std::map<std::pair<std::string, std::string>, uint64_t> losses;
  for (const node::LossStatus& loss : status.losses) {
    const std::pair<std::string, std::string> scope(loss.model, loss.reason);
    if (losses.size() < kLinesMax || losses.contains(scope)) losses[scope] += loss.items;
  }
  if (!losses.empty())
    text += Head("tidegate_dropped_undelivered_items_total", "counter", "Items dropped before they were delivered");
  for (const auto& [scope, items] : losses) {
    text += "tidegate_dropped_undelivered_items_total{model=\"" + scope.first + "\",reason=\"" + scope.second + "\"} " +
            std::to_string(items) + "\n";
  }
  return text;
}

}  // namespace tidegate::api
