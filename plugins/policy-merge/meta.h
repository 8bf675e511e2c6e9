// policy_meta of field merge: which write each field is of. README.md gives the form; it is canonical, so that
// equal states have equal bytes, and empty where one write made the whole item, which is the usual case.
// Thread safety: pure functions. Ownership: results own their text.
#pragma once

#include <optional>
#include <string>

#include "plugins/policy-merge/state.h"

namespace policy_merge {

// Empty if the body is no JSON object. A meta that cannot be read counts as none: the same at every node.
std::optional<State> ReadState(const tg_change& change);

std::string WriteBody(const State& state);  // empty for a tombstone
std::string WriteMeta(const State& state);

}  // namespace policy_merge
