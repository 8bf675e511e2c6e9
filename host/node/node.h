// Node: the single-threaded heart. Events go in (writes, frames, sessions, time), are staged, and take
// effect in one storage commit; only then do answers, acks and frames go out (design law 1).
// Everything outside comes in through interfaces, so that a whole tree runs in one process (law 12).
// Thread safety: one thread at a time, the writer. Ownership: refers to its dependencies, which outlive
// it; callbacks are called from Commit.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "host/core/clock.h"
#include "host/core/events.h"
#include "host/core/metrics.h"
#include "host/core/policy.h"
#include "host/core/storage.h"
#include "host/core/transport.h"
#include "host/node/options.h"
#include "host/node/service.h"
#include "host/replica/catalog.h"
#include "host/replica/preparer.h"
#include "host/replica/requests.h"
#include "host/replica/submission.h"
#include "host/wire/frames.h"

namespace tidegate::node {

// Where frames go. Sessions are numbered by the caller, uniquely over all transports.
class Outbox {
 public:
  virtual ~Outbox() = default;
  // kFull: Node::Writable follows; kUnavailable: Node::SessionClosed follows.
  virtual Status Send(core::TransportSession session, std::string_view frame) = 0;
  virtual void Close(core::TransportSession session, std::string_view reason) = 0;
};

struct Dependencies {
  core::Storage& storage;
  const core::Policy& policy;
  const replica::CatalogHolder& catalog;
  core::Clock& clock;
  core::Random& random;
  core::Log& log;
  core::Metrics& metrics;
  Outbox& outbox;
  core::Events* events = nullptr;  // null: nobody wants to be told
};

class Node {
 public:
  // Reads what the replica knows of itself and its neighbours. Fails with kInvalid if the replica was
  // created for another agent or role.
  static Result<std::unique_ptr<Node>> Open(const NodeOptions& options, const Dependencies& deps);
  ~Node();

  // ---- events; each only stages ----

  // done is called once, from a later Commit: after the commit that holds the transaction, or with the error.
  void Write(replica::Transaction transaction, std::function<void(replica::WriteAnswer)> done);
  // The same for what the caller keeps in place until its done is called.
  void Write(replica::Submission& submission);

  // What other threads may do for a write before it comes here; one at a time.
  std::unique_ptr<replica::Preparer> MakePreparer() const;

  void SessionOpened(core::TransportSession session, const core::Peer& peer);
  void SessionClosed(core::TransportSession session, std::string_view reason);
  void Writable(core::TransportSession session);
  // Frames are decoded outside (wire::Decode), so that it can be done by another thread.
  void Frame(core::TransportSession session, wire::DecodedFrame frame, uint64_t bytes);
  // A frame that did not decode; unknown_type is not 0 if its type is not known.
  void BadFrame(core::TransportSession session, const Status& status, uint32_t unknown_type);

  void Sync(const SyncRequest& request, std::function<void(SyncAnswer)> done);
  // Push, pull, compare: see LinkSyncRequest.
  void SyncLinks(const LinkSyncRequest& request, std::function<void(LinkSyncAnswer)> done);
  void Clear(const ClearRequest& request, std::function<void(ClearAnswer)> done);
  // Tries entries of the quarantine again, or drops them.
  void ActOnQuarantine(const QuarantineRequest& request, std::function<void(QuarantineAnswer)> done);
  // Switches the link to a neighbour off or on; it stays so over restarts.
  void SwitchLink(AgentId agent, bool on, std::function<void(Status)> done);
  void Adopt(AgentId agent, std::function<void(Status)> done);
  // At a server that was restored: what it lacks is taken for lost, and removed below. kNotFound: there is nothing to
  // confirm.
  void ConfirmLosses(std::function<void(Status)> done);
  Result<std::vector<LossEntry>> Losses() const;
  // The level of this router from now on, 2 to 65534; 0 = what the options say. Fails with kInvalid for another role
  // or number, with kConflict if the level of a known neighbour forbids it. The neighbours hear of it at once.
  void SetLevel(uint32_t level, std::function<void(Status)> done);
  // Writes the state of a conflict anew, and takes it off the journal.
  void RestoreConflict(uint64_t number, std::function<void(Status)> done);
  // The catalog was exchanged: tell the neighbours, retry what waits for a schema.
  void CatalogChanged();

  // ---- effect ----

  // Runs due timers, commits what is staged, then sends and answers. On an error nothing staged took
  // effect, each waiting callback got the error, and the node goes on.
  Status Commit();
  // The last call: nothing is on its way any more, and the replica notes that it was stopped in order.
  void Stop();
  // When Commit has to be called again at the latest, on Clock::monotonic_us; INT64_MAX = never.
  int64_t NextTimerUs() const;

  // Called for every committed change, in seq order, from Commit. Null: nobody watches.
  void SetWatcher(WatchFn watcher);

  NodeStatus GetStatus() const;
  Result<std::vector<QuarantineEntry>> Quarantine() const;
  Result<QuarantineEntry> Quarantined(const std::string& id) const;
  // States that lost against one that did not know of them; a single one with its item.
  Result<std::vector<ConflictEntry>> Conflicts() const;
  Result<ConflictEntry> Conflict(uint64_t number) const;
  // Commands of a model that are for this node and have no answer: their programs are to be run.
  Result<CommandList> Commands(const std::string& model) const;

 private:
  class Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::node
