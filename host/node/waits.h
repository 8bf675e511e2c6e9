// Waits: `sync --wait`. Who waits for what has been delivered, and what the answer names as not having got there
// (docs/replication.md, "Delivered").
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it; owns the callbacks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "host/core/stage.h"
#include "host/node/given_up.h"
#include "host/node/marks.h"
#include "host/node/node.h"
#include "host/node/policy_changes.h"
#include "host/node/retention.h"
#include "host/sync/holds.h"
#include "host/sync/link_table.h"

namespace tidegate::node {

class Waits {
 public:
  // end: of the last commit.
  Waits(const NodeOptions& options, const Dependencies& deps, const sync::LinkTable& links, const Watermark& end,
        const Marks& marks, const PolicyChanges& policy_changes, const sync::HeldAbove& held_above,
        const GivenUp& given_up, Retention& retention)
      : options_(options),
        deps_(deps),
        links_(links),
        end_(end),
        marks_(marks),
        policy_changes_(policy_changes),
        held_above_(held_above),
        given_up_(given_up),
        retention_(retention) {}

  // Somebody waits for all that is committed.
  void Add(const SyncRequest& request, std::function<void(SyncAnswer)> done);
  // Tells those whose waiting is over.
  void Answer();
  bool empty() const { return waiters_.empty(); }
  int64_t NextUs() const;

  // A state was committed while somebody waits: what it took the place of may never have been sent.
  void NoteReplaced(const core::Effect& effect);
  // A neighbour, or one beyond it, refused a state as older than what it holds.
  void NoteSuperseded(const sync::Link& told, const wire::RefusedKey& refused);
  // A comparison asked for one change of a transaction alone: it is sent with this position. That is known as long as
  // it is on its way, and not after a restart.
  void NoteApart(const tg_change& change, uint64_t seq);
  // At the server: an operator confirmed what was lost, and this child has yet to be compared; now it was.
  void Uncompared(AgentId child) { uncompared_.insert(child); }
  void Compared(AgentId child) { uncompared_.erase(child); }
  // A change got another position.
  void Renumbered(uint64_t from, uint64_t to);

 private:
  struct Waiter {
    uint64_t position;
    SyncTarget target;
    int64_t deadline_us;
    std::vector<AgentId> children;  // at the server: those that lacked something when it was asked
    std::function<void(SyncAnswer)> done;
    uint64_t reached = 0;  // when it began
    // What a newer state took the place of meanwhile, by key; as many as options.sync_exceptions_max.
    std::map<std::string, SyncException> superseded = {};
    uint64_t superseded_not_named = 0;
    std::vector<SyncUnknown> unknown = {};
    Retention::Told told = {};  // of what was lost here, when it began

    bool AsksFor(AgentId child) const;
  };

  bool Lacks(sync::Link* link) const;
  std::vector<SyncUnknown> WaitsForNobody() const;
  uint64_t ReachedPosition(const Waiter& waiter) const;
  uint64_t PendingChanges() const;
  std::string WhenItGoesOn() const;
  void AddSuperseded(Waiter* waiter, SyncException exception);
  bool Excepts(const Waiter& waiter, const wire::QuarantineRecord& record, const wire::RefusedKey& name) const;
  std::vector<HoldStatus> HeldOnTheWay(const Waiter& waiter) const;
  void NameApart(const Waiter& waiter, SyncAnswer* answer);
  void NameSuperseded(const Waiter& waiter, uint64_t reached, SyncAnswer* answer) const;
  void NameQuarantined(const Waiter& waiter, SyncAnswer* answer) const;
  void NameLost(const Waiter& waiter, SyncAnswer* answer) const;
  void NameDropped(const Waiter& waiter, SyncAnswer* answer) const;
  void NameExceptions(const Waiter& waiter, uint64_t reached, SyncAnswer* answer) const;

  const NodeOptions& options_;
  const Dependencies& deps_;
  const sync::LinkTable& links_;
  const Watermark& end_;
  const Marks& marks_;
  const PolicyChanges& policy_changes_;
  const sync::HeldAbove& held_above_;
  const GivenUp& given_up_;
  Retention& retention_;

  std::vector<Waiter> waiters_;
  std::map<uint64_t, SyncException> apart_;  // by position: on its way up without the rest of its transaction
  uint64_t apart_not_named_ = 0;
  std::set<AgentId> uncompared_;
};

}  // namespace tidegate::node
