// What a live change of policy (policy_changes.h) does to the rest of the node.
#include "host/node/impl.h"

namespace tidegate::node {

void Node::Impl::LookAtPolicies() {
  NoteLacksFromAbove();
  policy_changes_.Look();
}

// What it has compared may go another way: who waits for the comparison gets another one.
void Node::Impl::PoliciesChanged() { BreakOffPass(); }

void Node::Impl::StageCompareAll() {
  marks_.Add(true, 0);
  marks_.Stage();
}

bool Node::Impl::IsAtServer(const tg_change& change) const {
  const uint32_t lane = std::min<uint32_t>(change.lane, TG_LANE_COUNT - 1);
  return options_.role == TG_ROLE_SERVER || CameFromAbove(change.via) ||
         HasArrived(change, delivered_[lane].position, SyncTarget::kServer);
}

void Node::Impl::KeyedAnew() {
  retention_.LookAgain();  // at what was spared meanwhile
  (void)links_.all();      // waits and sweeps may go on
}

}  // namespace tidegate::node
