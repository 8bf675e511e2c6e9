#include "host/node/way_up.h"

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {

// What is passed upwards, at the hop and at the server.
Passed Node::Impl::PassedUpwards() {
  sync::Link* parent = links_.parent();
  if (parent == nullptr || !parent->up() || !marks_.empty()) return {};  // what is not compared may be missing there
  return {parent->PassedHop(end_.position), parent->PassedDelivered(end_.position)};
}

// Whether dropping it here loses nothing: a node above has it, as far as is known, or this is where it goes to. What
// the parent has said holds while it is away, too.
bool Node::Impl::IsAbove(const tg_change& change, const Passed& passed) const {
  if (options_.role == TG_ROLE_SERVER) return true;
  const sync::Link* parent = links_.parent();
  if (parent == nullptr) return false;
  const bool said = marks_.empty() && parent->Knows(change.lane, change.key.owner, change.seq);
  return HasArrived(change, said ? change.seq : passed.hop, SyncTarget::kHop);
}

// Whether a change that goes up is there, where everything up to `passed` is: all but what was refused, or is held,
// on the way.
bool Node::Impl::HasArrived(const tg_change& change, uint64_t passed, SyncTarget where) const {
  const sync::Link* parent = links_.parent();
  if (parent == nullptr || change.seq > passed) return false;
  if (held_above_.Excepts(View(change.model), where == SyncTarget::kServer)) return false;
  if (parent->not_listed != 0) return false;  // it may be one of these
  if (given_up_.Covers(change)) return false;
  if (policy_changes_.IsBeingKeyed(View(change.model))) return false;
  return parent->refused_ours.empty() ||
         !parent->refused_ours.contains(
             sync::meta::Quarantine(parent->agent(), true, change.key.owner, View(change.key.pk), View(change.key.sk)));
}

}  // namespace tidegate::node
