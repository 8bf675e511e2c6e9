// What the handlers of requests work with.
// Thread safety: shared by the threads of all connections; all of it is usable from any. Ownership:
// refers to the server's.
#pragma once

#include <atomic>

#include "host/api/options.h"
#include "host/core/metrics.h"
#include "host/node/service.h"
#include "tidegate/services.h"

namespace tidegate::api {

struct Context {
  node::NodeService& node;
  core::Log& log;
  const ApiOptions& options;
  std::atomic<uint32_t>& streams;  // watchers now
  const std::atomic<bool>& stopping;
};

}  // namespace tidegate::api
