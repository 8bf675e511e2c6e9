// Strays: items of owners that are not below this node any more. What goes down to them is dropped here, without a
// trace, for the new parent has it; what goes up is kept until it is delivered, since nobody else may have it. A
// note in the storage names such an owner until nothing is left to be dropped, or the owner is back.
#include <algorithm>

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/sync/reconcile_asker.h"

namespace tidegate::node {
namespace {

constexpr size_t kRowsInACommit = 256;

}  // namespace

// In the open group: notes the owners of what was admitted though they are not below us. Returns them.
std::vector<AgentId> Node::Impl::StageStrays() {
  std::vector<AgentId> owners(strays_seen_.begin(), strays_seen_.end());
  strays_seen_.clear();
  for (AgentId owner : owners) {
    if (!strays_.contains(owner)) stage_.MetaPut(sync::meta::Stray(owner), "");
  }
  return owners;
}

void Node::Impl::NoteStrays(const std::vector<AgentId>& owners) {
  for (AgentId owner : owners) strays_[owner] = 0;
  if (!owners.empty()) strays_at_us_ = deps_.clock.monotonic_us();
}

// A bounded part in each commit; the rest with the next ones.
void Node::Impl::SweepStrays(int64_t now_us) {
  if (strays_.empty()) return;
  sync::Link* parent = links_.parent();
  uint64_t delivered = parent == nullptr ? 0 : parent->PassedDelivered(end_.position);
  if (strays_at_us_ > now_us && delivered == strays_swept_at_) return;
  strays_swept_at_ = delivered;
  strays_at_us_ = INT64_MAX;
  size_t budget = kRowsInACommit;
  for (const auto& [owner, waits_for] : strays_) {
    if (waits_for > delivered) continue;
    if (budget == 0 || !SweepStray(owner, delivered, &budget)) {
      strays_at_us_ = now_us;
      return;
    }
  }
}

// False: there is more to do at once.
bool Node::Impl::SweepStray(AgentId owner, uint64_t delivered, size_t* budget) {
  const sync::Link* parent = links_.parent();
  uint64_t waits_for = 0;
  bool more = false;
  std::vector<tg_change> drop;
  Status read = deps_.storage.RangeScan(sync::RangeOf(owner, {}, TG_DIRECTION_DOWN), [&](const tg_change& change) {
    bool up = (change.direction & TG_DIRECTION_UP) != 0;
    bool from_above = parent != nullptr && change.via == parent->agent();
    // What was refused or is held above is nowhere else: it stays, listed.
    if (up && !from_above && !HasArrived(change, delivered, SyncTarget::kServer)) {
      waits_for = std::max({waits_for, change.seq, delivered + 1});
      return true;
    }
    more = drop.size() == *budget;
    if (!more) drop.push_back(stage_.arena().Copy(change));
    return !more;
  });
  if (!read.ok()) {
    deps_.log.Write(3, "cannot read the items of agent " + std::to_string(owner) + ": " + read.message());
    return true;  // with the next ack from above
  }
  for (const tg_change& change : drop) {
    stage_.Begin();
    stage_.Purge(change, Version::From(change.version));
    stage_.End();
  }
  *budget -= drop.size();
  if (more) return false;
  stage_.Begin();
  if (waits_for == 0) stage_.MetaDelete(sync::meta::Stray(owner));
  stage_.End([this, owner, waits_for](const Status& status, std::span<const core::Effect>) {
    auto stray = strays_.find(owner);
    if (stray == strays_.end()) return;
    if (!status.ok()) {
      strays_at_us_ = deps_.clock.monotonic_us() + options_.resend_ms * 1000;
    } else if (waits_for == 0) {
      strays_.erase(stray);
    } else {
      stray->second = waits_for;
    }
  });
  return true;
}

}  // namespace tidegate::node
