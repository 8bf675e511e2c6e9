#include "host/api/node_metrics.h"

#include <algorithm>

namespace tidegate::api {
namespace {

struct Metric {
  const char* name;
  const char* help;
  int64_t (*value)(const node::NodeStatus& status);
};

int64_t Signed(uint64_t value) { return static_cast<int64_t>(value); }

constexpr Metric kMetrics[] = {
    {"tidegate_healthy", "1 if the status names no problem",
     [](const node::NodeStatus& status) -> int64_t { return status.healthy ? 1 : 0; }},
    {"tidegate_items", "Items in the replica", [](const node::NodeStatus& status) { return Signed(status.items); }},
    {"tidegate_tombstones", "Tombstones in the replica",
     [](const node::NodeStatus& status) { return Signed(status.tombstones); }},
    {"tidegate_storage_bytes", "What the replica takes",
     [](const node::NodeStatus& status) { return Signed(status.storage_bytes); }},
    {"tidegate_purge_horizon_seconds", "Tombstones of deletes before this time may be forgotten; 0 = none was",
     [](const node::NodeStatus& status) { return status.purge_horizon_unix_ms / 1000; }},
    {"tidegate_purge_suspended", "1 if the clock is in doubt: nothing is forgotten",
     [](const node::NodeStatus& status) -> int64_t { return status.purge_suspended ? 1 : 0; }},
    {"tidegate_quarantined", "Entries of the quarantine",
     [](const node::NodeStatus& status) { return Signed(status.quarantined); }},
    {"tidegate_conflicts", "Entries of the conflict journal",
     [](const node::NodeStatus& status) { return Signed(status.conflicts); }},
    {"tidegate_commands_asked", "Commands that wait to hear whether they were answered before",
     [](const node::NodeStatus& status) { return Signed(status.commands_asked); }},
    {"tidegate_losses_unconfirmed", "1 if the server's history was lost and no operator has confirmed the list",
     [](const node::NodeStatus& status) -> int64_t { return status.losses_unconfirmed ? 1 : 0; }},
    {"tidegate_clocks_off", "Neighbours whose clock differs too much",
     [](const node::NodeStatus& status) { return Signed(status.clocks_off); }},
    {"tidegate_links", "Links", [](const node::NodeStatus& status) { return Signed(status.links.size()); }},
    {"tidegate_links_up", "Links that carry",
     [](const node::NodeStatus& status) -> int64_t {
       return std::count_if(status.links.begin(), status.links.end(),
                            [](const node::LinkStatus& link) { return link.state == "up"; });
     }},
    {"tidegate_pending_changes", "Changes that some neighbour has not stored yet, over all links",
     [](const node::NodeStatus& status) {
       uint64_t pending = 0;
       for (const node::LinkStatus& link : status.links) pending += link.pending_changes;
       return Signed(pending);
     }},
};

}  // namespace

std::string NodeMetricsText(const node::NodeStatus& status) {
  std::string text;
  for (const Metric& metric : kMetrics) {
    const std::string name = metric.name;
    text += "# HELP " + name + " " + metric.help + "\n# TYPE " + name + " gauge\n" + name + " " +
            std::to_string(metric.value(status)) + "\n";
  }
  return text;
}

}  // namespace tidegate::api
