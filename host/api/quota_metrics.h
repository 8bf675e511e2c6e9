// What /metrics says of room: the use of each model with limits, what was dropped undelivered, a full disk.
// Thread safety: plain function. Ownership: none.
#pragma once

#include <string>

#include "host/node/status.h"

namespace tidegate::api {

// Prometheus text. Of what was dropped at most 1,000 lines, by model and reason: owners are in the status.
std::string QuotaMetricsText(const node::NodeStatus& status);

}  // namespace tidegate::api
