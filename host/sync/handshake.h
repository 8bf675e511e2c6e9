// The hello of a session: what a node says of itself, and whether it accepts what the other says
// (design section 6, "Hello"; law 9).
// Thread safety: pure functions. Ownership: results own their text.
#pragma once

#include <optional>
#include <string>

#include "host/core/transport.h"
#include "host/sync/link.h"
#include "host/sync/options.h"
#include "host/wire/frames.h"

namespace tidegate::sync {

// What this node says of itself in every hello.
struct SelfFacts {
  AgentId agent = 0;
  uint32_t role = 0;
  uint32_t level = 0;
  ReplicaId replica;
  std::vector<wire::EpochStart> epochs;  // newest first
  std::vector<wire::ModelPolicy> models;
  int64_t unix_ms = 0;
  bool links_off = false;     // all, by hand
  uint64_t attach_epoch = 0;  // of our own edge
  uint64_t purge_horizon = 0;
};

wire::Hello MakeHello(const SelfFacts& self, const Link* link);

// A child asks. known: the link of that agent, if it is registered.
std::optional<wire::Refuse> JudgeChild(const SelfFacts& self, const core::Peer& peer, const wire::Hello& hello,
                                       const Link* known);
// An epoch that was there before the newest one has come back.
bool EpochReturned(const Link& known, const wire::Hello& hello);
// A copy of another node: its epoch returned after another, or comes from one that did.
wire::Refuse CloneRefusal(AgentId agent);
// It has to ask again, to show that it lives.
wire::Refuse ReturnRefusal(AgentId agent);
// Our parent answers. known: the link of that agent, if there is one.
std::optional<wire::Refuse> JudgeParent(const SelfFacts& self, const core::Peer& peer, const wire::Hello& hello,
                                        const Link* known);

// Whether the table of a child says that this node is below it. An older edge of ours is no loop: the child is told
// the newer one.
bool IsLoop(const SelfFacts& self, const std::vector<wire::Edge>& table);
wire::Refuse LoopRefusal(AgentId child);

// What a child reads whose link is switched off at its parent; kAgentAll: all of them are.
std::string SwitchedOffText(AgentId self, AgentId child);

// The record of the neighbour that said this hello; known epochs stay behind the new one.
wire::LinkRecord RecordFrom(const wire::Hello& hello, bool is_parent, const Link* known, int64_t unix_ms);

}  // namespace tidegate::sync
