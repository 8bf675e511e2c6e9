// What /metrics says of each link, from the status of the node. The labels are the neighbour's agent id and side, and
// the number of links shown is bounded: a server of a large fleet would drown its monitoring otherwise.
// Thread safety: plain function. Ownership: none.
#pragma once

#include <string>

#include "host/node/status.h"

namespace tidegate::api {

inline constexpr size_t kLinksShownMax = 1'000;

// Prometheus text; the parent and the children with the lowest agent ids, and how many links were left out.
std::string LinkMetricsText(const node::NodeStatus& status);

}  // namespace tidegate::api
