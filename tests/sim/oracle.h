// Oracle: knows every state that ever became durable anywhere, who was told what, and so what every
// replica has to hold in the end. It is told by the true storages, beneath planted defects.
// Thread safety: none. Ownership: refers to the world.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/base/ids.h"
#include "host/node/service.h"
#include "host/replica/requests.h"
#include "host/wire/codec.h"
#include "tidegate/storage.h"

namespace tidegate::sim {

class SimNode;
class World;

// Key of an item as one text: owner, pk, sk.
std::string KeyText(const tg_key& key);
// The key of such a text; views into it.
tg_key KeyOf(const std::string& text, AgentId owner);
std::string Describe(const tg_change& change);
// What tells two states of one version apart: the body, and of joined models the policy_meta too.
uint64_t StateHash(const tg_change& change);

// One state of one item, as its writer committed it.
struct Written {
  Version version;
  uint8_t kind = 0, direction = 0, lane = 0;
  std::string model;
  AgentId owner = 0, src = 0, dst = 0;
  uint64_t body_hash = 0;
  AgentId writer = 0;
  uint64_t transaction = 0;  // number of the commit group it came in; 0 = none
  uint64_t tag = 0;          // the number in its body; 0 = a tombstone
  bool acknowledged = false;
  size_t text_size = 0;
  bool lost = false;  // a disk went back: nobody had it any more then
  int64_t expires_ms = 0;
  bool left = false;  // it was committed at another node than its writer's
};

class Oracle {
 public:
  explicit Oracle(World& world) : world_(world) {}

  void Started(SimNode& node);
  // The node has done what it had to do until now.
  void Stepped(const SimNode& node);
  void Durable(SimNode& node, std::span<const tg_group> groups, std::span<const tg_outcome> outcomes);

  // A write is on its way; tags: the numbers in its bodies, 0 for a remove.
  void Asked(uint64_t request, std::vector<uint64_t> tags);
  void Answered(SimNode& node, uint64_t request, const replica::WriteAnswer& answer);

  // Changes that a batch to `node` carries; those of one transaction have to arrive together.
  void Batched(const SimNode& from, SimNode& node, const std::vector<tg_change>& changes);
  // A reconcile told `node` of this state, which may come without the rest of its transaction.
  void Reconciled(const SimNode& node, const tg_change& change);

  // Sync(kServer) or Sync(kHop) was called now at the node: what must be there when it says so.
  std::function<void(const node::SyncAnswer&)> ExpectSync(SimNode& node, node::SyncTarget target);

  const Written* Find(const std::string& key, const Version& version) const;
  // The newest state of a key that was ever durable.
  const Written* Newest(const std::string& key) const;
  // The newest version of a key that was ever durable at a node, purged since or not.
  Version EverHeld(AgentId agent, const std::string& key) const;
  // Whether a state may have been refused because its tombstone may be forgotten: one as new was purged somewhere.
  bool MayBeDeleted(const Version& version, std::string_view reason) const;
  // A frame of one node was delivered to the other.
  void Heard(AgentId from, AgentId to);
  // Whether a node has to hold the key in the end.
  bool IsDue(SimNode& node, const Written& written);

  // Whether the schema of a strict server refuses the state: itself, or one of its transaction.
  bool IsRefusable(const Written& written) const;
  // An operator wants this entry, of what a node refused, dropped there.
  void GiveUp(const node::QuarantineEntry& entry);
  bool IsGivenUp(const std::string& key, const Version& version) const { return given_up_.contains({key, version}); }
  // Or a newer state of it.
  bool IsGivenUpSince(const std::string& key, const Version& version) const {
    auto from = given_up_.lower_bound({key, version});
    return from != given_up_.end() && from->first == key;
  }
  // Of a joined item: whether any of the states that may be in it is.
  bool IsRefusable(const std::string& key, const Written& written) const;

  // The first difference between what replicas hold and what they have to; empty = none.
  std::string Difference();
  // All checks at rest; failures go to the world.
  void CheckAtRest();
  // oracle_expiry.cc: long after the last end of an item its row is nowhere, but for those that stand for a delete.
  void CheckExpired();
  // Two leases after the last write: no tombstone is left anywhere.
  void CheckForgotten();
  // Nothing may change any more from now on, as long as nobody writes.
  void ExpectStillness(bool still) { still_ = still; }

  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t refused() const { return refused_; }
  // Keys that no replica needs to agree on: planned losses of a scenario.
  void Forgive(const std::string& key) { forgiven_.insert(key); }
  // A node lost its disk when all had come to rest: what it had written is elsewhere, and need not come back.
  void Replaced(SimNode& node);
  // Notes what is in its journal, which it is about to lose.
  void KeepJournal(const SimNode& node);
  // Whether retention dropped this state, or a newer one, at the node.
  bool WasDropped(AgentId agent, const std::string& key, const Version& version) const;
  // Whether a node dropped this state, and counted it as lost: before anybody above had it.
  bool WasLost(const std::string& key, const Version& version) const { return lost_states_.contains({key, version}); }
  // A disk lost this key, or spoiled it. Until it is found nobody can know.
  void Rotted(const std::string& key) { rotted_.insert(key); }
  // The disk of a node went back. rewinds.cc
  void Rewound(SimNode& node, bool note);
  // An operator takes for lost what the server, which went back, does not have: from now on its state is the truth.
  void LossesConfirmed();
  uint64_t lost() const { return lost_; }
  // oracle_copies.cc: what copies of nodes do, and what is done with them.
  void CopyStarted(SimNode& copy);
  void CopyDurable(SimNode& copy, std::span<const tg_group> groups, std::span<const tg_outcome> outcomes);
  void LostAtCopy(SimNode& copy, const tg_change& change, bool refused);
  void CopyTalks(const SimNode& from, const SimNode& to, const wire::DecodedFrame& frame);
  void CopyHears(const SimNode& copy, const wire::DecodedFrame& frame);
  // All has come to rest: the copy is refused for good, both ends say so, and it still has what it wrote.
  void CheckRefused(SimNode& copy, SimNode& original);
  void CopyRenewed(SimNode& copy, AgentId agent);  // it will be; now it is down
  void CheckRenewed();
  uint64_t hellos_of_copies() const { return hellos_of_copies_; }
  // Old parents may keep what they got while they were one.
  void AllowLeftovers() { leftovers_ = true; }
  bool leftovers() const { return leftovers_; }
  // Of the model whose direction changes: from now on, at this node.
  void StopsGoingUp(const SimNode& node);

 private:
  struct Member {
    std::string key;
    Version version;
    bool operator==(const Member&) const = default;
  };
  // A state of a joined model, which is made of several written ones.
  struct Joined {
    Written written;
    std::string model, body, meta;
    tg_change Change() const;
  };
  struct Known {                                                  // of one node
    std::unordered_map<std::string, Version> newest;              // ever held
    std::unordered_map<std::string, Joined> joined;               // what it holds
    std::unordered_map<std::string, int64_t> since_us;            // since when it holds what it holds of a key
    std::map<std::pair<std::string, Version>, int64_t> first_us;  // when it first got a tombstone
    std::map<AgentId, int64_t> heard_us;                          // when it last heard from a node
    std::map<AgentId, int64_t> returned_us;                       // when it last did so after a lease of silence
    Version issued;                                               // its last own version
    Version issued_before;                                        // before its present step
    int64_t former_ms = 0;                                        // the latest time it gave in lives that are lost
    std::map<uint64_t, std::pair<std::string, Version>> by_seq;   // own writes
    std::set<std::pair<std::string, Version>> reconciled;
    std::unordered_map<std::string, Version> dropped;  // by retention
    std::set<std::pair<std::string, Version>> swept;   // after they had expired
    std::unordered_map<std::string, Version> evicted;  // by a change of policy
    std::set<std::string> maybe_above;                 // what it held when its model last stopped going up
    // With what a state was in each batch that had it.
    std::map<std::pair<std::string, Version>, std::vector<std::vector<Member>>> companions;
  };

  void Local(SimNode& node, const tg_change& change, const tg_outcome& outcome, uint64_t transaction);
  void Remote(SimNode& node, const tg_change& change);
  void Join(const std::string& key, const tg_change& change);
  void RemoteJoined(SimNode& node, const tg_change& change);
  // What a node holds of it from now on.
  void HoldsJoined(SimNode& node, const tg_change& change);
  void LosesJoined(SimNode& node, const tg_change& change, const tg_outcome& outcome);
  Joined JoinedOf(const std::string& key, const tg_change& change) const;
  bool Add(Joined* truth, const tg_change& change) const;
  const Written* NewestJoined(const std::string& key) const;
  void CheckJournals();
  void Swept(SimNode& node, const tg_change& change, const Written& written);
  // By the latest of all clocks.
  bool HasExpired(const Written& written) const;
  bool HaveExpired(const std::string& key, const Version& version) const;
  bool AnyInDoubt() const;
  // Whether every child that was heard within a lease has heard of it, or of a newer state.
  void CheckPassed(SimNode& node, const tg_change& change, const Version& version, const std::string& what);
  void Dropped(SimNode& node, const tg_change& change, const tg_outcome& outcome, bool counted);
  bool IsLostTo(SimNode& node, const std::string& key, const Written& written);
  bool IsLossNamed(const SimNode& node, const tg_key& key, const Version& version, const Written& written,
                   const node::SyncAnswer& answer);
  // seq: where the state stands there; 0 = it is not there any more.
  static bool KnowsOfLoss(const SimNode& node, const tg_key& key, tg_str model, uint64_t seq);
  std::string WaitsToGoAgain();
  // Its copy wrote it, and it was taken: what goes up does not come down to the original.
  bool LagsBehindCopy(const SimNode& node, const std::string& key, const Written& newest) const;
  void NoteClones(const SimNode& node, std::span<const tg_group> groups);
  void TakenFromCopy(SimNode& node, const tg_change& change);
  bool IsOfCopy(const std::string& key, const Version& version) const { return copied_.contains({key, version}); }
  void Found(const std::string& key, const Version& version);
  void Forget(const std::string& key, const Version& version);
  bool MayLag(const SimNode& node, uint32_t direction) const;
  bool IsLossUnseen() const;
  void CheckWhole(SimNode& node, const tg_change& change);
  // A tombstone that removes what a parent that is sure lacks; its state is registered. False: it is none.
  bool IsRemoval(SimNode& node, const tg_change& change);
  // Law 5: kept a lease, delivered, passed by every child that was heard within a lease.
  void Purged(SimNode& node, const tg_change& change);
  // Of the model whose direction changes.
  void Evicted(SimNode& node, const tg_change& change);
  std::string DifferenceOfPolicies();
  void FindMaybeDeleted();
  std::string DifferenceAt(SimNode& node);
  // Of a strict server: the keys whose newest state it refused; then who has to know it.
  void FindRefused();
  // Whether some node still holds it.
  bool IsSomewhere(const std::string& key, const Version& version) const;
  std::string RefusedDifference();
  bool IsRefusableEntry(const node::QuarantineEntry& entry) const;
  void CheckExceptions(const SimNode& node, const node::SyncAnswer& answer);
  void CheckDigests();
  bool IsUntold(const SimNode& node, const tg_change& change) const;
  void Fail(const SimNode& node, const std::string& what, const tg_change& change);

  World& world_;
  std::unordered_map<std::string, std::map<Version, Written>> states_;
  std::unordered_map<uint64_t, std::vector<Member>> transactions_;
  std::unordered_map<uint64_t, std::vector<uint64_t>> requests_;  // asked, not answered with ok
  std::set<uint64_t> refused_requests_;
  std::set<uint64_t> tags_;  // durable somewhere
  // Of joined models: the join of all that was ever written, and that of what the nodes hold of it.
  std::unordered_map<std::string, Joined> joined_;
  mutable std::unordered_map<std::string, std::optional<Joined>> left_;  // read anew where it is missing
  std::set<std::pair<std::string, Version>> journaled_;
  std::set<std::pair<std::string, Version>> replaced_;  // by a writer who saw them
  std::map<AgentId, Known> known_;
  std::set<std::string> forgiven_;
  struct Refused {
    const Written* written = nullptr;  // the newest
    std::string listed;                // the version that is, at the server; empty = it was dropped there by hand
    std::set<AgentId> givers;          // of whom the server has it listed
  };
  std::map<std::string, Refused> refused_keys_;  // by the last FindRefused
  std::set<std::pair<std::string, Version>> given_up_;
  uint64_t next_transaction_ = 1;
  std::set<AgentId> rewound_;
  bool confirmed_ = false;                                    // the losses of the server, since it last went back
  std::set<std::pair<std::string, Version>> taken_for_lost_;  // then
  std::map<AgentId, int64_t> rewound_us_;                     // when it last was
  std::map<AgentId, int64_t> told_by_server_us_;  // of nodes: when they last heard from the server that went back since
  std::optional<int64_t> unseen_restored_ms_;  // what it said then of its last restore, if it was not told of this one
  std::set<std::string> rotted_;
  struct Copy {
    AgentId agent = 0, parent = 0, renewed = 0;
    std::set<Epoch> epochs;
    std::set<AgentId> refused_by;            // who has noted one of them as a copy's
    int64_t told_us = 0;                     // when it first heard so from its parent then
    std::map<std::string, Version> written;  // by it, the newest of each key
  };
  std::map<AgentId, Copy> copies_;                             // by place
  std::map<std::pair<std::string, Version>, AgentId> copied_;  // what they wrote: by whom
  std::set<AgentId> taken_from_copies_;  // agents of whom some of that was taken: they do not get it back
  uint64_t hellos_of_copies_ = 0;
  struct Renewed {
    std::string key;
    AgentId agent;
    uint32_t direction;
  };
  std::vector<Renewed> renewed_;
  uint64_t acknowledged_ = 0, refused_ = 0, lost_ = 0;
  bool still_ = false, leftovers_ = false;
  std::set<AgentId> replaced_nodes_;
  std::set<std::pair<std::string, Version>> lost_states_;
  std::map<AgentId, std::set<std::pair<std::string, AgentId>>> told_losses_;  // model and owner, by waits that ended
  bool IsForgotten(const SimNode& node, const Written& written) const;
  bool purged_ = false;      // a tombstone was, somewhere
  uint64_t purged_hlc_ = 0;  // the newest time of those
  std::unordered_map<std::string, Version>
      forgotten_;                        // tombstones that were purged somewhere: nobody has to hold them
  std::set<std::string> maybe_deleted_;  // keys that are listed so in a quarantine
};

// The state that a storage holds for a key: kind and version, or nothing.
struct HeldState {
  uint8_t kind = 0;
  Version version;
  AgentId via = 0;
  uint64_t seq = 0, run_first = 0;
  uint64_t body_hash = 0;
};
std::optional<HeldState> Held(const SimNode& node, const tg_key& key);
// Whether a node is that agent, or knows it to be below.
bool KnowsBelow(const SimNode& node, AgentId owner);

}  // namespace tidegate::sim
