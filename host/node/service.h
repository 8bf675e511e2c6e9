// NodeService: the node as other threads reach it. host/daemon implements it with the writer thread
// and its queue; host/api calls it.
// Thread safety: every function from any thread; callbacks come from the writer thread and must be
// quick. Ownership: the service outlives its callers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host/base/status.h"
#include "host/node/status.h"
#include "host/replica/reader.h"
#include "host/replica/requests.h"
#include "tidegate/change.h"

namespace tidegate::node {

// At the server, hop means the children that lack something at the time.
enum class SyncTarget : uint8_t { kNone, kHop, kServer };

struct SyncRequest {
  SyncTarget wait = SyncTarget::kNone;  // answer at once, when the neighbour has it, when the server has it
  int64_t timeout_ms = 60'000;
};

struct SyncAnswer {
  Status status;              // kTimeout: not there yet; nothing is lost
  uint64_t pending_changes = 0;  // still on their way at the end
};

// Sees every committed change, in seq order; the change is a view valid during the call.
using WatchFn = std::function<void(const tg_change& change)>;

class NodeService {
 public:
  virtual ~NodeService() = default;

  // done is called once, after the commit that holds the transaction is on disk, or with the error.
  // kFull when the queue (limits.queue_items_max) is full.
  virtual void Submit(replica::Transaction transaction, std::function<void(replica::WriteAnswer)> done) = 0;
  // Many independent transactions with one callback: answers in order.
  virtual void SubmitMany(std::vector<replica::Transaction> transactions,
                          std::function<void(std::vector<replica::WriteAnswer>)> done) = 0;

  virtual const replica::Reader& reader() const = 0;

  // Sends what waits for sync_delay at once; with wait, answers when all that was committed before the
  // call is at the target.
  virtual void Sync(SyncRequest request, std::function<void(SyncAnswer)> done) = 0;

  virtual NodeStatus GetStatus() = 0;
  virtual Result<std::vector<QuarantineEntry>> Quarantine() = 0;
  // Lets the replica that now calls itself `agent` take the place of the one known before.
  virtual Status Adopt(AgentId agent) = 0;
  virtual Status Backup(const std::string& path) = 0;

  // Returns a number for Unwatch, which waits until no call of fn is under way.
  virtual uint64_t Watch(WatchFn fn) = 0;
  virtual void Unwatch(uint64_t watch) = 0;

  // The text of /metrics (Prometheus exposition format).
  virtual std::string MetricsText() = 0;
};

}  // namespace tidegate::node
