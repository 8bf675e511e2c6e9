#include "host/sync/handshake.h"

#include <algorithm>

#include "host/sync/routes.h"
#include "tidegate/version.h"

namespace tidegate::sync {
namespace {

constexpr size_t kEpochsInHelloMax = 16;

wire::Refuse Refusal(wire::RefuseReason reason, std::string message) {
  wire::Refuse refuse;
  refuse.reason = reason;
  refuse.message = std::move(message);
  return refuse;
}

std::string Name(AgentId agent) { return "agent " + std::to_string(agent); }

// What holds for either side: protocol, identity.
std::optional<wire::Refuse> JudgeAny(const SelfFacts& self, const core::Peer& peer, const wire::Hello& hello) {
  if (hello.protocol_min > wire::kProtocolMax || hello.protocol_max < wire::kProtocolMin) {
    return Refusal(wire::RefuseReason::kProtocol,
                   Name(hello.agent) + " speaks protocol " + std::to_string(hello.protocol_min) + " to " +
                       std::to_string(hello.protocol_max) + ", this node " + std::to_string(wire::kProtocolMin) +
                       " to " + std::to_string(wire::kProtocolMax) + ": upgrade the older one");
  }
  if (hello.agent == 0 || hello.replica.empty() || hello.epochs.empty()) {
    return Refusal(wire::RefuseReason::kMalformed, "a hello needs agent, replica id and epoch");
  }
  if (hello.agent == self.agent) {
    return Refusal(
        wire::RefuseReason::kAgentInUse,
        Name(hello.agent) + " is this node itself: two nodes have the same agent id; change node.agent of one");
  }
  if (peer.agent != 0 && peer.agent != hello.agent) {
    return Refusal(wire::RefuseReason::kIdentity,
                   "the transport knows the peer as " + Name(peer.agent) + ", but its hello says " + Name(hello.agent));
  }
  return std::nullopt;
}

}  // namespace

bool EpochReturned(const Link& known, const wire::Hello& hello) {
  const auto& seen = known.record.epochs;
  Epoch current = hello.epochs.front().epoch;
  if (seen.empty() || seen.front().epoch == current) return false;
  return std::any_of(seen.begin(), seen.end(), [&](const wire::EpochStart& e) { return e.epoch == current; });
}

wire::Hello MakeHello(const SelfFacts& self, const Link* link) {
  wire::Hello hello;
  hello.agent = self.agent;
  hello.role = self.role;
  hello.level = self.level;
  hello.replica = self.replica;
  hello.epochs = self.epochs;
  if (hello.epochs.size() > kEpochsInHelloMax) hello.epochs.resize(kEpochsInHelloMax);
  hello.models = self.models;
  hello.unix_ms = self.unix_ms;
  hello.purge_horizon = self.purge_horizon;
  hello.software = "tidegate " TG_VERSION_STRING;
  if (link == nullptr) return hello;
  hello.holds = link->holds.List();
  hello.holds_number = link->holds.number();
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    if (!link->receivers[lane].held().none()) hello.held.push_back({lane, link->receivers[lane].held()});
    if (!link->senders[lane].delivered().none()) hello.delivered.push_back({lane, link->senders[lane].delivered()});
  }
  return hello;
}

std::optional<wire::Refuse> JudgeChild(const SelfFacts& self, const core::Peer& peer, const wire::Hello& hello,
                                       const Link* known) {
  if (auto refuse = JudgeAny(self, peer, hello)) return refuse;
  if (self.role == TG_ROLE_DEVICE) {
    return Refusal(wire::RefuseReason::kRole, "this node is a device and has no children");
  }
  if (hello.role == TG_ROLE_SERVER) {
    return Refusal(wire::RefuseReason::kRole, Name(hello.agent) + " is a server; a server has no parent");
  }
  if (hello.level <= self.level) {
    return Refusal(wire::RefuseReason::kLevel, "the level of " + Name(hello.agent) + " is " +
                                                   std::to_string(hello.level) + ", it must be above " +
                                                   std::to_string(self.level) + ", the level of its parent " +
                                                   Name(self.agent) + ": change node.level of one");
  }
  if (hello.role != TG_ROLE_ROUTER && !hello.edges.empty()) {
    return Refusal(wire::RefuseReason::kRole,
                   Name(hello.agent) + " is a device, but names agents below it: only a router has children");
  }
  if (hello.attach_epoch > Routes::kAttachMax)
    return Refusal(wire::RefuseReason::kMalformed, "the attach epoch of " + Name(hello.agent) + " is nonsense");
  if (IsLoop(self, hello.edges)) return LoopRefusal(hello.agent);
  if (self.links_off) return Refusal(wire::RefuseReason::kSwitchedOff, SwitchedOffText(self.agent, kAgentAll));
  if (known == nullptr) return std::nullopt;
  if (known->is_parent()) {
    return Refusal(wire::RefuseReason::kLoop, Name(hello.agent) + " is the parent of this node");
  }
  const bool heard = !known->record.epochs.empty();  // else it was adopted: without a replica id whichever comes
  if (known->record.replica != hello.replica && (heard || !known->record.replica.empty())) {
    return Refusal(wire::RefuseReason::kReplica,
                   Name(hello.agent) + " was known with replica " + known->record.replica.ToText() +
                       " and now comes with " + hello.replica.ToText() +
                       ": a clone, or a replacement. If it replaces the old one, run 'tidegate agent adopt " +
                       std::to_string(hello.agent) + "' at " + Name(self.agent));
  }
  if (heard && known->record.role != hello.role) {
    return Refusal(wire::RefuseReason::kRole, Name(hello.agent) +
                                                  " has another role than before; a replica keeps its " +
                                                  "role: give the node a new storage, then run 'tidegate agent adopt " +
                                                  std::to_string(hello.agent) + "' at " + Name(self.agent));
  }
  if (known->record.off) return Refusal(wire::RefuseReason::kSwitchedOff, SwitchedOffText(self.agent, hello.agent));
  return std::nullopt;
}

wire::Refuse CloneRefusal(AgentId agent) {
  return Refusal(
      wire::RefuseReason::kClone,
      "an earlier epoch of " + Name(agent) +
          " has returned: two nodes run on copies of one replica. This is the newer: run 'tidegate agent renew' at "
          "it, or 'tidegate agent adopt " +
          std::to_string(agent) + "' at its parent if the other is gone");
}

wire::Refuse ReturnRefusal(AgentId agent) {
  return Refusal(wire::RefuseReason::kClone,
                 "an earlier epoch of " + Name(agent) +
                     " has returned: it was copied or rolled back while it ran, or this came late; it is judged when it "
                     "asks again, in a moment");
}

std::optional<wire::Refuse> JudgeParent(const SelfFacts& self, const core::Peer& peer, const wire::Hello& hello,
                                        const Link* known) {
  if (auto refuse = JudgeAny(self, peer, hello)) return refuse;
  if (known != nullptr && !known->is_parent()) {
    return Refusal(wire::RefuseReason::kLoop, Name(hello.agent) + " is a child of this node and cannot be its parent");
  }
  if (hello.role == TG_ROLE_DEVICE) {
    return Refusal(wire::RefuseReason::kRole, Name(hello.agent) + " is a device and cannot be a parent");
  }
  if (hello.level >= self.level) {
    return Refusal(wire::RefuseReason::kLevel, "the level of the parent " + Name(hello.agent) + " is " +
                                                   std::to_string(hello.level) + ", it must be below " +
                                                   std::to_string(self.level));
  }
  return std::nullopt;
}

bool IsLoop(const SelfFacts& self, const std::vector<wire::Edge>& table) {
  return std::any_of(table.begin(), table.end(), [&](const wire::Edge& edge) {
    return edge.agent == self.agent && edge.attach_epoch >= self.attach_epoch;
  });
}

wire::Refuse LoopRefusal(AgentId child) {
  return Refusal(wire::RefuseReason::kLoop, Name(child) + " is above and below this node");
}

std::string SwitchedOffText(AgentId self, AgentId child) {
  if (child == kAgentAll)
    return "all links are switched off at " + Name(self) + "; 'tidegate link on all' there switches them on";
  return "the link is switched off at " + Name(self) + "; 'tidegate link on " + std::to_string(child) +
         "' there switches it on";
}

wire::LinkRecord RecordFrom(const wire::Hello& hello, bool is_parent, const Link* known, int64_t unix_ms) {
  wire::LinkRecord record;
  if (known != nullptr) record = known->record;
  record.agent = hello.agent;
  record.is_parent = is_parent;
  record.role = hello.role;
  record.level = hello.level;
  record.replica = hello.replica;
  record.last_hello_unix_ms = unix_ms;
  record.rewind_epoch = hello.rewind_epoch;
  if (!is_parent) record.attach_epoch = hello.attach_epoch;
  constexpr size_t kEpochsKeptMax = 64;
  const wire::EpochStart& current = hello.epochs.front();
  record.lineage.clear();
  for (const wire::EpochStart& epoch : hello.epochs) record.lineage.push_back(epoch.epoch);
  if (record.epochs.empty() || record.epochs.front().epoch != current.epoch) {
    std::erase_if(record.epochs, [&](const wire::EpochStart& seen) { return seen.epoch == current.epoch; });
    record.epochs.insert(record.epochs.begin(), current);
    if (record.epochs.size() > kEpochsKeptMax) record.epochs.resize(kEpochsKeptMax);
  }
  return record;
}

}  // namespace tidegate::sync
