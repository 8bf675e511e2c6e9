// Leases: how long a silent neighbour is waited for, and whether this node's clock may be believed when
// something is to be forgotten by it (design law 5; docs/replication.md, "Deletes").
#include <algorithm>
#include <cstdlib>

#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {

// It has been silent for a lease: nothing waits for it any more, and it is reconciled when it comes back.
// Only while the clock is believed.
bool Node::Impl::LeaseOver(const sync::Link& link, int64_t now_ms) {
  int64_t until_ms = link.record.lease_until_unix_ms;
  return !link.up() && until_ms != 0 && until_ms <= now_ms;
}

// Granted ahead in large steps, so that it is seldom stored and never too short. Returns true if it is to be stored.
bool Node::Impl::GrantLease(bool heard, int64_t now_ms, wire::LinkRecord* record) const {
  int64_t lease_ms = options_.lease_ms;
  int64_t granted_ms = now_ms + lease_ms + lease_ms / 8;
  int64_t until_ms = record->lease_until_unix_ms;
  bool runs_out = heard && until_ms < now_ms + lease_ms;
  if (until_ms != 0 && !runs_out && until_ms <= granted_ms) return false;
  record->lease_until_unix_ms = granted_ms;
  return true;
}

// In the open group.
void Node::Impl::StageLeases(int64_t now_ms) {
  for (const auto& [agent, link] : links_.all()) {
    if (GrantLease(link->up(), now_ms, &link->record)) sync::LinkTable::StageRecord(link->record, &stage_);
  }
}

// The clock was set, and no time has passed: what is counted by it is counted on from where it was. So neither does a
// tombstone get older for it, nor is the lease of a neighbour over sooner (design law 5).
void Node::Impl::ClockMoved(int64_t by_ms) {
  ages_.Shift(by_ms);
  stage_.Begin();
  stage_.MetaPut(sync::meta::kAges, wire::EncodeRecord(ages_.Record(deps_.clock.unix_ms())));
  for (const auto& [agent, link] : links_.all()) {
    wire::LinkRecord& record = link->record;
    for (int64_t* at_ms : {&record.lease_until_unix_ms, &record.heard_unix_ms, &record.last_hello_unix_ms})
      if (*at_ms != 0) *at_ms += by_ms;
    sync::LinkTable::StageRecord(record, &stage_);
  }
  stage_.End([this](const Status& status, std::span<const core::Effect>) {
    if (!status.ok()) ages_.NotStored();
  });
}

// A time of the hybrid clock: tombstones below it may be forgotten here, or above us.
uint64_t Node::Impl::KnownHorizon() const { return std::max(record_.purge_horizon, record_.taken_horizon); }

// In the open group. A replica without tombstones of its own judges by what its parent may have purged.
void Node::Impl::TakeHorizon(const wire::Hello& hello) {
  record_.taken_horizon = std::max(record_.taken_horizon, hello.purge_horizon);
  self_.purge_horizon = KnownHorizon();
}

}  // namespace tidegate::node
