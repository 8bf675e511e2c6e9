// What /metrics says of the node as a whole, from its status at that moment.
// Thread safety: plain function. Ownership: none.
#pragma once

#include <string>

#include "host/node/status.h"

namespace tidegate::api {

std::string NodeMetricsText(const node::NodeStatus& status);

}  // namespace tidegate::api
