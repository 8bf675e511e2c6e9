// What is done to a replica while no daemon runs on it: the note that it was restored, a new agent id. The next
// Node::Open acts on it.
// Thread safety: one thread at a time. Ownership: pure functions over a storage that is started.
#pragma once

#include <string_view>

#include "host/base/ids.h"
#include "host/core/storage.h"

namespace tidegate::node {

// After a backup took the place of the replica: kInvalid if it is not this node's. `from`: for people.
Status NoteRestored(core::Storage& storage, AgentId configured, uint32_t role, std::string_view from);

// The node is to be `renewed` from its next start on, whatever id the configuration gives it. kNotFound if the
// replica is of nobody yet, kInvalid for a server.
Status NoteRenewed(core::Storage& storage, AgentId configured, uint32_t role, AgentId renewed);

// Who the node is: the configured agent, or the id that it was given instead of that one.
Result<AgentId> AgentOfReplica(const core::Storage& storage, AgentId configured);

}  // namespace tidegate::node
