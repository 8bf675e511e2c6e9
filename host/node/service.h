// NodeService: the node as other threads reach it. host/daemon implements it with the writer thread
// and its queue; host/api calls it.
// Thread safety: every function from any thread; callbacks come from the writer thread and must be
// quick. Ownership: the service outlives its callers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/base/status.h"
#include "host/node/status.h"
#include "host/replica/reader.h"
#include "host/replica/requests.h"
#include "host/wire/frames.h"
#include "tidegate/change.h"

namespace tidegate::node {

// At the server, hop means the children that lack something at the time.
enum class SyncTarget : uint8_t { kNone, kHop, kServer };

struct SyncRequest {
  SyncTarget wait = SyncTarget::kNone;  // answer at once, when the neighbour has it, when the server has it
  int64_t timeout_ms = 60'000;
};

// An item that was waited for and did not get there in the state it had.
struct SyncException {
  std::string model;
  AgentId owner = 0;
  std::string pk;
  std::string sk;
  Version version;     // of the state that did not get there
  Version held;        // superseded: the newer version
  std::string reason;  // quarantined: why
  AgentId by = 0;      // the node that refused it, or that has the newer state
};

// Items that go down to an agent whom nobody below has ever been, or is any more.
struct SyncUnknown {
  AgentId agent = 0;
  uint64_t items = 0;
};

struct SyncAnswer {
  Status status;                 // kTimeout: not there yet; nothing is lost
  uint64_t pending_changes = 0;  // still on their way at the end
  // Refused on the way, with a reason; kept here, and in the quarantine of the node that refused it.
  std::vector<SyncException> quarantined;
  // Refused, and then dropped by hand where it was refused: it is here and nowhere above, and is not sent again.
  std::vector<SyncException> dropped;
  // A newer state took its place: above (by tells where), or here meanwhile, and is on its way.
  std::vector<SyncException> superseded;
  // Sent apart from the transaction that it was written in, since a comparison asked for it alone: the rest of that may
  // show there first. No failure.
  std::vector<SyncException> apart;
  // All of them; more than are named when limits.sync_exceptions_max is reached.
  uint64_t quarantined_count = 0;
  uint64_t dropped_count = 0;
  uint64_t superseded_count = 0;
  uint64_t apart_count = 0;
  uint64_t not_listed = 0;        // refused, but the quarantine here was full: which ones is not known
  uint64_t unsettled_scopes = 0;  // still to be compared with the parent
  // Whether each item that was waited for, or a newer state of it, got there.
  bool complete() const {
    return quarantined_count + dropped_count + not_listed == 0 && held.empty() && unknown.empty();
  }
  // Models that wait on the way; what was written of them is kept here.
  std::vector<HoldStatus> held;
  // At the server, of what is to be at the neighbours: it waits here until such an agent connects.
  std::vector<SyncUnknown> unknown;
};

// Moves now what waits between this node and others.
struct LinkSyncRequest {
  AgentId agent = kAgentAll;  // one on the way up or down; all: every neighbour
  bool children = false;      // of all neighbours only those below
  bool subtree = false;       // and everything below it
  bool push = true;           // from here to there
  bool pull = false;          // from there to here
  uint32_t verify = 0;        // compare the link with this neighbour and report: 1 changes nothing, 2 mends
  bool compare = false;       // each child on the way compares everything with its parent, and mends
  bool wait = false;          // answer when it is done: durable where it was to go
  int64_t timeout_ms = 60'000;
};

struct LinkSyncAnswer {
  Status status;                                   // kTimeout: not done yet; nothing is lost
  std::vector<AgentId> waits_for;                  // the neighbours it hangs on
  std::optional<wire::CompareReport> report = {};  // of verify
};

// Drops here what has arrived above: items that go up, of one owner, perhaps of one model only.
struct ClearRequest {
  AgentId owner = kAgentAll;            // all: whosever they are
  std::string model;                    // empty = all
  SyncTarget at = SyncTarget::kServer;  // or kHop: the parent has it
};

struct ClearAnswer {
  Status status;
  uint64_t cleared = 0;
};

enum class QuarantineAction : uint8_t { kRetry, kDrop };

// What is to be done with which entries of the quarantine: one, those of a model, or all.
struct QuarantineRequest {
  QuarantineAction action = QuarantineAction::kRetry;
  std::string id;     // empty: not just one; of a transaction the rest is tried with it
  std::string model;  // empty = all
};

struct QuarantineAnswer {
  struct Failure {
    std::string id;
    std::string reason;
  };
  Status status;  // kNotFound: no such entry
  uint64_t done = 0;
  uint64_t failed_count = 0;
  std::vector<Failure> failed;  // the first of them
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

  virtual void SyncLinks(LinkSyncRequest request, std::function<void(LinkSyncAnswer)> done) = 0;
  virtual void Clear(ClearRequest request, std::function<void(ClearAnswer)> done) = 0;
  // kNotFound: no neighbour.
  virtual Status SwitchLink(AgentId agent, bool on) = 0;

  virtual NodeStatus GetStatus() = 0;
  virtual Result<std::vector<QuarantineEntry>> Quarantine() = 0;
  virtual Result<QuarantineEntry> Quarantined(const std::string& id) = 0;  // with its item
  virtual void ActOnQuarantine(QuarantineRequest request, std::function<void(QuarantineAnswer)> done) = 0;
  // States that lost against one that did not know of them; a single one comes with its item.
  virtual Result<std::vector<ConflictEntry>> Conflicts() = 0;
  virtual Result<ConflictEntry> Conflict(uint64_t number) = 0;
  // Commands of a model that are for this node and have no answer: their programs are to be run.
  virtual Result<CommandList> Commands(const std::string& model) = 0;
  // Writes the state of a conflict anew, and takes it off the journal.
  virtual Status RestoreConflict(uint64_t number) = 0;
  // Lets the replica that now calls itself `agent` take the place of the one known before.
  virtual Status Adopt(AgentId agent) = 0;
  // At a server that was restored: what it lacks is taken for lost, and removed below.
  virtual Status ConfirmLosses() = 0;
  // What it lacks, by what its children say.
  virtual Result<std::vector<LossEntry>> Losses() = 0;
  // The level of this router from now on; 0 = what the configuration says.
  virtual Status SetLevel(uint32_t level) = 0;
  virtual Status Backup(const std::string& path) = 0;

  // Returns a number for Unwatch, which waits until no call of fn is under way.
  virtual uint64_t Watch(WatchFn fn) = 0;
  virtual void Unwatch(uint64_t watch) = 0;

  // The text of /metrics (Prometheus exposition format).
  virtual std::string MetricsText() = 0;
};

}  // namespace tidegate::node
