// What a live change of policy (policy_changes.h) does to the rest of the node.
#include "host/node/impl.h"

namespace tidegate::node {

void Node::Impl::LookAtPolicies() {
  NoteLacksFromAbove();
  policy_changes_.Look();
}

// What it has compared may go another way.
void Node::Impl::PoliciesChanged() { pass_.asker().Stop(); }

void Node::Impl::StageCompareAll() {
  marks_.Add(true, 0);
  marks_.Stage();
}

void Node::Impl::KeyedAnew() {
  retention_.LookAgain();  // at what was spared meanwhile
  (void)links_.all();      // waits and sweeps may go on
}

}  // namespace tidegate::node
