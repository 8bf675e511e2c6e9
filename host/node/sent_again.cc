// What goes once more, with a new position: what was refused and is not any more, what is tried again, and what a child
// gives that came from above before (docs/replication.md, "What delivered excepts").
#include <algorithm>
#include <utility>

#include "host/base/views.h"
#include "host/node/held_state.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {

// What a parent refused was passed by "delivered" as refused. Once that ends it counts as delivered no more: it gets a
// new position, goes up once more, and is delivered with that one (law 5 rests on it for tombstones). What was written
// together stays together.
void Node::Impl::SendAgain(const std::vector<wire::RefusedKey>& names, uint32_t direction, bool from_above) {
  std::map<uint64_t, std::vector<tg_change>> runs;
  for (const wire::RefusedKey& name : names) {
    tg_key key{name.owner, Str(name.pk), Str(name.sk)};
    if (stage_.Touches(key)) continue;  // it gets another one anyway
    std::optional<tg_change> held = StateOf(key);
    if (!held || Version::From(held->version) != name.version || (held->direction & direction) == 0) continue;
    if (direction == TG_DIRECTION_UP && CameFromAbove(held->via) != from_above) continue;
    runs[held->run_first < held->run_last ? held->run_first : held->seq].push_back(stage_.arena().Copy(*held));
  }
  for (auto& [first, changes] : runs) {
    if (direction == TG_DIRECTION_UP) AddHeldMembers(&changes);
    // In their order: the first one's time is the name of the run.
    std::sort(changes.begin(), changes.end(), [](const tg_change& a, const tg_change& b) { return a.seq < b.seq; });
    stage_.Begin();
    std::vector<uint64_t> from;
    for (tg_change& change : changes) {
      if (from_above) change.via = 0;  // it is news for the parent
      stage_.Renumber(change, Version::From(change.version));
      from.push_back(change.seq);
    }
    std::vector<wire::RefusedKey> again;  // if it fails
    for (size_t i = 0; from_above && i < changes.size(); ++i) again.push_back(sync::NameOf(changes[i]));
    stage_.End([this, again = std::move(again), from = std::move(from)](const Status& status,
                                                                        std::span<const core::Effect> effects) {
      if (!status.ok() && !again.empty()) {
        take_up_.insert(take_up_.end(), again.begin(), again.end());
        take_up_at_us_ = deps_.clock.monotonic_us() + options_.resend_ms * 1000;
      }
      for (size_t i = 0; status.ok() && i < std::min(from.size(), effects.size()); ++i) {
        if (effects[i].applied()) Renumbered(from[i], effects[i].outcome.seq);
      }
    });
  }
}

// What waits above because its model does is named nowhere. It goes with the rest of its transaction.
void Node::Impl::AddHeldMembers(std::vector<tg_change>* changes) {
  const sync::Link* parent = links_.parent();
  const tg_change first = changes->front();
  if (parent == nullptr || held_above_.empty() || first.run_first >= first.run_last) return;
  auto waits = [&](const tg_change& change) {
    return std::any_of(held_above_.entries().begin(), held_above_.entries().end(), [&](const auto& entry) {
      return entry.first.first == View(change.model) && sync::Covers(entry.second.record.hold, change);
    });
  };
  auto listed = [&](const tg_change& change) {
    return std::any_of(changes->begin(), changes->end(), [&](const tg_change& one) { return one.seq == change.seq; });
  };
  auto read = deps_.storage.Changes(
      parent->senders[first.lane].Selector(), first.run_first - 1, UINT32_MAX, options_.transaction_bytes_max,
      [&](const tg_change& change) {
        if (change.seq > first.run_last) return false;
        if (waits(change) && !listed(change) && !CameFromAbove(change.via) && !stage_.Touches(change.key))
          changes->push_back(stage_.arena().Copy(change));
        return true;
      });
  if (!read.ok()) deps_.log.Write(3, "cannot read a transaction: " + read.status().message());
}

// On their way again: they are listed until who refused them takes them, and says so.
void Node::Impl::RetryOurs(const std::vector<std::pair<AgentId, std::string>>& entries) {
  std::vector<wire::RefusedKey> up, down;
  for (const auto& [agent, key] : entries) {
    auto name = sync::NameOfEntry(deps_.storage, key);
    if (!name) continue;
    const sync::Link* link = links_.Find(agent);
    (link == nullptr || link->is_parent() ? up : down).push_back(std::move(*name));
  }
  SendAgain(up, TG_DIRECTION_UP);
  SendAgain(down, TG_DIRECTION_DOWN);
}

// A neighbour sent again what it had sent before: what was refused beyond it is tried there again.
void Node::Impl::NoteSentAgain(const tg_change& change) {
  const sync::Link* from = links_.Look(change.via);
  if (from == nullptr) return;
  auto look = [&](const sync::Link& link) {
    if (link.refused_ours.empty() || link.is_parent() == from->is_parent()) return;
    std::string key =
        sync::meta::Quarantine(link.agent(), true, change.key.owner, View(change.key.pk), View(change.key.sk));
    if (link.refused_ours.contains(key)) sent_again_entries_.emplace_back(link.agent(), std::move(key));
  };
  if (const sync::Link* parent = links_.parent()) look(*parent);
  if (!from->is_parent()) return;
  for (const sync::Link* child : links_.ChildrenOf(change.key.owner)) look(*child);
}

// A child gives a state that is here from above. Whether it is at the server, and whether it has been refused on the
// way, only this node's own feed can tell: until that has carried it, it does not count as delivered for the child.
void Node::Impl::NoteGivenFromBelow(const tg_change& given) {
  if (options_.role != TG_ROLE_ROUTER || given.direction != TG_DIRECTION_BOTH) return;
  const sync::Link* from = links_.Look(given.via);
  if (from == nullptr || from->is_parent()) return;
  Held held = HeldOf(deps_.storage, given.key);
  if (held.via == 0 || !CameFromAbove(held.via)) return;
  wire::RefusedKey name = sync::NameOf(given);
  name.version = held.version;
  take_up_.push_back(std::move(name));
}

void Node::Impl::TakeUp() {
  if (take_up_.empty() || deps_.clock.monotonic_us() < take_up_at_us_ || !CommitStage().ok()) return;
  SendAgain(std::exchange(take_up_, {}), TG_DIRECTION_UP, true);
}

}  // namespace tidegate::node
