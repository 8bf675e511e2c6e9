// The join of two states of one item, and what a write makes of the state before it.
// Thread safety: pure functions. Ownership: results own their text.
#pragma once

#include "plugins/policy-merge/state.h"

namespace policy_merge {

// Commutative, associative, idempotent: whoever has seen the same writes, in whatever order and however often,
// has the same state. Its version is the higher of the two.
State Join(const State& a, const State& b);

// What a write leaves behind at the node that makes it. written: its stamps are all its version. held may be null.
State Written(const State* held, State written);

}  // namespace policy_merge
