#include "host/node/strays.h"

#include <algorithm>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"
#include "host/sync/reconcile_asker.h"

namespace tidegate::node {
namespace {

constexpr size_t kRowsInACommit = 256;

}  // namespace

std::string Strays::NoteOf(AgentId owner) { return sync::meta::Stray(owner); }

Status Strays::Restore() {
  return deps_.storage.MetaScan(sync::meta::kStrayPrefix, [&](std::string_view key, std::string_view) {
    if (auto owner = ParseAgent(key.substr(sync::meta::kStrayPrefix.size())); owner.ok()) Note({owner.value()});
    return true;
  });
}

std::vector<AgentId> Strays::StageAdmitted() {
  std::vector<AgentId> owners(admitted_.begin(), admitted_.end());
  admitted_.clear();
  for (AgentId owner : owners) {
    if (!owners_.contains(owner)) StageLeft(owner);
  }
  return owners;
}

void Strays::StageBack(AgentId owner) {
  if (owners_.contains(owner)) stage_.MetaDelete(NoteOf(owner));
}

void Strays::Note(const std::vector<AgentId>& owners) {
  for (AgentId owner : owners) owners_[owner] = 0;
  if (!owners.empty()) at_us_ = deps_.clock.monotonic_us();
}

void Strays::Sweep(int64_t now_us, uint64_t end_position) {
  if (owners_.empty()) return;
  sync::Link* parent = links_.parent();
  uint64_t delivered = parent == nullptr ? 0 : parent->PassedDelivered(end_position);
  if (at_us_ > now_us && delivered == swept_at_) return;
  swept_at_ = delivered;
  at_us_ = INT64_MAX;
  size_t budget = kRowsInACommit;
  for (const auto& [owner, waits_for] : owners_) {
    if (waits_for > delivered) continue;
    if (budget == 0 || !SweepOwner(owner, delivered, &budget)) {
      at_us_ = now_us;
      return;
    }
  }
}

// False: there is more to do at once.
bool Strays::SweepOwner(AgentId owner, uint64_t delivered, size_t* budget) {
  const sync::Link* parent = links_.parent();
  uint64_t waits_for = 0;
  bool more = false;
  std::vector<tg_change> drop;
  Status read = deps_.storage.RangeScan(sync::RangeOf(owner, {}, TG_DIRECTION_DOWN), [&](const tg_change& change) {
    bool up = (change.direction & TG_DIRECTION_UP) != 0;
    bool from_above = parent != nullptr && change.via == parent->agent();
    // What was refused or is held above is nowhere else: it stays, listed.
    if (up && !from_above && !way_up_.HasArrived(change, delivered, SyncTarget::kServer)) {
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
  if (waits_for == 0) stage_.MetaDelete(NoteOf(owner));
  stage_.End([this, owner, waits_for](const Status& status, std::span<const core::Effect>) {
    auto stray = owners_.find(owner);
    if (stray == owners_.end()) return;
    if (!status.ok()) {
      at_us_ = deps_.clock.monotonic_us() + options_.resend_ms * 1000;
    } else if (waits_for == 0) {
      owners_.erase(stray);
    } else {
      stray->second = waits_for;
    }
  });
  return true;
}

}  // namespace tidegate::node
