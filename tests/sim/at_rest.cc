// The oracle's checks of replicas at rest.
#include <algorithm>

#include "host/base/views.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

namespace tidegate::sim {
namespace {

constexpr int64_t kClocksOffMs = 60'000;  // at most, where items expire

bool IsChanging(const Written& written) {
  const ModelTruth* model = FindModel(written.model);
  return model != nullptr && model->changing;
}

std::string KeyOf(const node::QuarantineEntry& entry) {
  return std::to_string(entry.owner) + "|" + entry.pk + "|" + entry.sk;
}

}  // namespace

// What arrived after its tombstone may have been purged is listed, at the node that refused it and at its writer.
void Oracle::FindMaybeDeleted() {
  maybe_deleted_.clear();
  if (!purged_) return;
  for (const auto& node : world_.nodes()) {
    if (!node->up()) continue;
    for (const node::QuarantineEntry& entry : node->quarantine()) {
      if (entry.reason.find("maybe_deleted") != std::string::npos) maybe_deleted_.insert(KeyOf(entry));
    }
  }
}

// A model that does not go up any more: what the node held when it stopped, or before, its parent may have, as far as
// the node can know. Then a delete is kept until the model goes up again.
bool Oracle::IsUntold(const SimNode& node, const tg_change& change) const {
  const ModelTruth* model = FindModel(View(change.model));
  if (model == nullptr || !model->changing || node.role() == TG_ROLE_SERVER || change.via == node.parent())
    return false;
  auto known = known_.find(node.agent());
  return (world_.Direction(node.agent(), *model) & TG_DIRECTION_UP) == 0 && known != known_.end() &&
         known->second.maybe_above.contains(KeyText(change.key));
}

void Oracle::CheckForgotten() {
  for (const auto& node : world_.nodes()) {
    tg_query query{};
    query.struct_size = sizeof query;
    query.flags = TG_QUERY_TOMBSTONES;
    (void)node->truth().Query(query, [&](const tg_change& change) {
      if (change.kind == TG_CHANGE_ITEM || maybe_deleted_.contains(KeyText(change.key))) return true;
      if (refused_keys_.contains(KeyText(change.key))) return true;  // it waits for a schema that fits
      if (IsUntold(*node, change)) return true;
      Fail(*node, "kept for more than two leases", change);
      return false;
    });
  }
}

void Oracle::FindRefused() {
  refused_keys_.clear();
  SimNode& server = world_.node(kAgentServer);
  if (!world_.options().strict_server || !server.up()) return;
  for (const node::QuarantineEntry& entry : server.quarantine()) {
    const std::string key = std::to_string(entry.owner) + "|" + entry.pk + "|" + entry.sk;
    const Written* newest = Newest(key);
    const bool refusable =
        newest != nullptr && (joined_.contains(key) ? IsRefusableEntry(entry) : IsRefusable(*newest));
    if (entry.ours || !refusable) continue;
    // An entry is about the states up to its version: that may be one that only a disk that went back had, beside it.
    const auto& states = states_.find(key)->second;
    const bool covers = std::any_of(states.lower_bound(newest->version), states.end(), [&](const auto& state) {
      return state.first.ToText() == entry.version && (state.first == newest->version || state.second.lost);
    });
    if (covers) {
      refused_keys_[key].written = newest;
      refused_keys_[key].listed = entry.version;
      refused_keys_[key].givers.insert(entry.link);
    }
  }
  // What was given up there by hand is refused too, and listed nowhere.
  for (const auto& [key, version] : given_up_) {
    const Written* newest = Newest(key);
    if (newest == nullptr || newest->version != version || refused_keys_.contains(key)) continue;
    auto held = Held(server, KeyOf(key, newest->owner));
    if (!held || held->version < version) refused_keys_[key].written = newest;
  }
}

void Oracle::GiveUp(const node::QuarantineEntry& entry) {
  const std::string key = KeyOf(entry);
  auto states = states_.find(key);
  if (states == states_.end()) return;
  for (const auto& [version, written] : states->second)
    if (version.ToText() == entry.version) given_up_.insert({key, version});
}

bool Oracle::IsRefusableEntry(const node::QuarantineEntry& entry) const {
  auto states = states_.find(std::to_string(entry.owner) + "|" + entry.pk + "|" + entry.sk);
  if (states == states_.end()) return false;
  // A joined state is refused with the transaction of any that is in it; its version is the newest one's.
  const bool joined = joined_.contains(states->first);
  return std::any_of(states->second.begin(), states->second.end(), [&](const auto& state) {
    return (joined || state.first.ToText() == entry.version) && IsRefusable(state.second);
  });
}

// From the server down to its writer every node holds a refused state, and lists it as long as the server does.
std::string Oracle::RefusedDifference() {
  for (const auto& node : world_.nodes()) {
    if (!node->up() || node->role() == TG_ROLE_SERVER) continue;
    std::set<std::string> listed;
    for (const node::QuarantineEntry& entry : node->quarantine()) {
      if (entry.ours && entry.by == kAgentServer) listed.insert(KeyOf(entry) + " " + entry.version);
    }
    for (const auto& [key, refused] : refused_keys_) {
      const Written* written = refused.written;
      if (maybe_deleted_.contains(key)) continue;  // refused on the way, for a reason of its own
      if (HasExpired(*written)) continue;
      const std::string who = "node " + std::to_string(node->agent());
      const std::string state = key + " " + written->version.ToText();
      const bool lists = listed.contains(state) || listed.contains(key + " " + refused.listed);
      // Of a joined state several are the writer: who gave it to the server lists it.
      const bool concerned = joined_.contains(key)
                                 ? node->parent() == kAgentServer && refused.givers.contains(node->agent())
                                 : world_.IsAtOrAbove(node->agent(), written->writer);
      if (!concerned) continue;
      if (replaced_nodes_.contains(node->agent())) continue;  // what its former life wrote is told to those above
      // What was given up there and is sent again over a way that its writer has left, where nobody knew that yet, is
      // listed on that way. Its writer knows it as given up.
      const bool on_the_way = std::any_of(refused.givers.begin(), refused.givers.end(),
                                          [&](AgentId giver) { return world_.IsAtOrAbove(giver, written->writer); });
      if (!refused.listed.empty() && !on_the_way && IsGivenUp(key, written->version)) continue;
      if (refused.listed.empty() && lists) return who + " does not know that " + state + " was dropped";
      if (!refused.listed.empty() && !lists) return who + " does not know that the server refused " + state;
      if (joined_.contains(key) || leftovers_ || !rewound_.empty()) continue;
      if (WasDropped(node->agent(), key, written->version)) continue;  // by a limit, and judged then
      auto held = Held(*node, KeyOf(key, written->owner));
      if (!held || held->version != written->version) return who + " has lost what the server refused: " + state;
    }
  }
  return {};
}

std::string Oracle::DifferenceAt(SimNode& node) {
  const std::string who = "node " + std::to_string(node.agent());
  std::string difference;
  std::set<std::string> present;
  tg_query query{};
  query.struct_size = sizeof query;
  query.flags = TG_QUERY_TOMBSTONES;
  auto scanned = node.truth().Query(query, [&](const tg_change& change) {
    const std::string key = KeyText(change.key);
    if (change.kind == TG_CHANGE_EVICT || forgiven_.contains(key) || refused_keys_.contains(key)) return true;
    if (maybe_deleted_.contains(key)) return true;
    if (const ModelTruth* model = FindModel(View(change.model)); model != nullptr && model->changing) return true;
    const Written* newest = Newest(key);
    // An old parent keeps history only: what goes down to its former child it has dropped.
    const bool may_be_left = leftovers_ && (change.direction & TG_DIRECTION_DOWN) == 0;
    const bool may_lag = MayLag(node, change.direction) || (newest != nullptr && LagsBehindCopy(node, key, *newest));
    if (newest == nullptr && confirmed_ && change.kind == TG_CHANGE_TOMBSTONE) {
      // Written and deleted in a life of the server that is lost.
    } else if (newest == nullptr) {
      difference = who + " holds what nobody wrote: " + Describe(change);
    } else if (newest->version != Version::From(change.version) && may_lag) {
      if (newest->version < Version::From(change.version))
        difference = who + " holds what is lost: " + Describe(change);
    } else if (newest->version > Version::From(change.version) && IsLostTo(node, key, *newest)) {
      // The newest was lost on its way.
    } else if (newest->version > Version::From(change.version) && HaveExpired(key, Version::From(change.version))) {
      // Neither is compared any more, and nobody sees either.
    } else if (newest->version != Version::From(change.version)) {
      const bool gone = change.kind == TG_CHANGE_TOMBSTONE && newest->kind == TG_CHANGE_TOMBSTONE;
      // Removed by a parent that had purged the newer one, or for want of it at the server: each by itself.
      if (gone && (purged_ || confirmed_)) return true;
      if (!may_be_left || IsDue(node, *newest))
        difference = who + " holds " + Describe(change) + ", the newest is " + newest->version.ToText() + " of node " +
                     std::to_string(newest->writer) + (newest->acknowledged ? ", acknowledged" : "");
    } else if (newest->kind != change.kind || newest->body_hash != StateHash(change) || newest->src != change.src ||
               newest->dst != change.dst) {
      difference = who + " holds another state than was written: " + Describe(change);
    } else if (!IsDue(node, *newest) && !may_be_left) {
      difference = who + " holds what is not due there: " + Describe(change);
    }
    present.insert(key);
    return difference.empty();
  });
  if (!scanned.ok()) return who + " cannot be read: " + scanned.status().message();
  if (!difference.empty()) return difference;
  std::vector<std::string> lacking;
  for (const auto& [key, states] : states_) {
    if (states.empty() || present.contains(key) || forgiven_.contains(key) || refused_keys_.contains(key)) continue;
    if (maybe_deleted_.contains(key)) continue;
    const Written* newest = Newest(key);
    if (newest != nullptr && HasExpired(*newest)) continue;  // swept, or ended before it got there
    if (newest != nullptr && newest->kind == TG_CHANGE_ITEM && !IsChanging(*newest) && IsDue(node, *newest) &&
        !MayLag(node, newest->direction) && !LagsBehindCopy(node, key, *newest) && !IsForgotten(node, *newest) &&
        !WasDropped(node.agent(), key, newest->version) && !IsLostTo(node, key, *newest))
      lacking.push_back(key + " " + newest->version.ToText() + " of node " + std::to_string(newest->writer) +
                        (newest->acknowledged ? ", acknowledged" : ""));
  }
  // The map has no order, a report has.
  if (!lacking.empty())
    return who + " lacks " + *std::min_element(lacking.begin(), lacking.end()) + " and " +
           std::to_string(lacking.size() - 1) + " more";
  return {};
}

std::string Oracle::Difference() {
  FindRefused();
  FindMaybeDeleted();
  if (IsLossUnseen()) return {};
  for (const auto& node : world_.nodes()) {
    if (!node->up()) continue;
    if (std::string difference = DifferenceAt(*node); !difference.empty()) return difference;
  }
  if (std::string difference = DifferenceOfPolicies(); !difference.empty()) return difference;
  if (std::string difference = RefusedDifference(); !difference.empty()) return difference;
  if (std::string waits = WaitsToGoAgain(); !waits.empty()) return waits;
  // The end of a refusal may be on its way, as the items are: rest is waited for.
  for (const auto& node : world_.nodes()) {
    if (!node->up()) continue;
    for (const node::QuarantineEntry& entry : node->quarantine()) {
      if ((world_.server_strict() && IsRefusableEntry(entry)) || maybe_deleted_.contains(KeyOf(entry))) continue;
      return "node " + std::to_string(node->agent()) + " has in quarantine " + entry.model + " " + KeyOf(entry) + ": " +
             entry.reason;
    }
  }
  return {};
}

// The node's own digests, as `verify` shows them: each scope that two neighbours both have to hold.
void Oracle::CheckDigests() {
  if (IsLossUnseen()) return;
  std::map<AgentId, std::map<std::pair<std::string, AgentId>, replica::ScopeDigest>> digests;
  for (const auto& node : world_.nodes()) {
    auto read = node->reader().Digests();
    if (!read.ok()) return world_.Fail("the digests cannot be read: " + read.status().message());
    for (const replica::ScopeDigest& digest : *read) digests[node->agent()][{digest.model, digest.owner}] = digest;
  }
  std::set<std::pair<std::string, AgentId>> refused;
  for (const auto& [key, one] : refused_keys_) refused.insert({one.written->model, one.written->owner});
  for (const auto& node : world_.nodes()) {
    if (node->parent() == 0) continue;
    for (const auto& [scope, digest] : digests[node->agent()]) {
      const ModelTruth* model = FindModel(scope.first);
      if (model == nullptr || model->direction == TG_DIRECTION_NONE || refused.contains(scope)) continue;
      if (scope.second != kAgentAll && !world_.IsAtOrAbove(node->agent(), scope.second)) continue;
      if (leftovers_ && model->direction == TG_DIRECTION_UP) continue;  // not told to a new parent
      if (model->direction == TG_DIRECTION_UP && node->agent() == scope.second &&
          taken_from_copies_.contains(scope.second))
        continue;
      if (replaced_nodes_.contains(node->agent()) && model->direction == TG_DIRECTION_UP) continue;
      // Each end purges by itself, and what may have been deleted is with its writer only.
      if (purged_ && !maybe_deleted_.empty()) continue;
      // And what was removed below for its lack at the server leaves no trace there.
      const bool removed = confirmed_ && model->direction == TG_DIRECTION_DOWN;
      if ((purged_ || removed) && digests[node->parent()][scope].items == digest.items) continue;
      if (!world_.options().retain.empty() && model->direction == TG_DIRECTION_UP) continue;  // not all is kept
      if (MayLag(*node, model->direction) ||
          (node->parent() != kAgentServer && MayLag(world_.node(node->parent()), model->direction)))
        continue;
      const replica::ScopeDigest& above = digests[node->parent()][scope];
      if (above.sum != digest.sum || above.count != digest.count || above.items != digest.items)
        world_.Fail("the digests of " + scope.first + " of " + std::to_string(scope.second) + " differ between nodes " +
                    std::to_string(node->agent()) + " and " + std::to_string(node->parent()) + ": " +
                    std::to_string(digest.items) + " and " + std::to_string(above.items) + " items, " +
                    std::to_string(digest.count) + " and " + std::to_string(above.count) + " rows");
    }
  }
}

void Oracle::KeepJournal(const SimNode& node) {
  for (const node::ConflictEntry& entry : node.conflicts()) {
    std::string key = std::to_string(entry.owner) + '|' + entry.pk + '|' + entry.sk;
    auto states = states_.find(key);
    if (states == states_.end()) continue;
    for (const auto& [version, written] : states->second)
      if (version.ToText() == entry.version) journaled_.insert({key, version});
  }
}

// Where the newest wins, a state that lost without having been seen by the winner is in somebody's journal.
void Oracle::CheckJournals() {
  for (const auto& node : world_.nodes()) KeepJournal(*node);
  std::string lost;
  for (const auto& [key, states] : states_) {
    const ModelTruth* model = FindModel(states.begin()->second.model);
    if (model == nullptr || model->direction != TG_DIRECTION_BOTH || model->joined) continue;
    if (maybe_deleted_.contains(key)) continue;  // it is with its writer, and listed
    if (rotted_.contains(key)) continue;         // where the two met it may have been gone
    for (const auto& [version, written] : states) {
      if (&written == &states.rbegin()->second || written.kind != TG_CHANGE_ITEM) continue;
      if (replaced_.contains({key, version}) || journaled_.contains({key, version})) continue;
      const auto winner = states.upper_bound(version);  // nobody misses what had expired by then
      if (written.expires_ms != 0 && written.expires_ms <= winner->first.unix_ms() + kClocksOffMs) continue;
      if (written.lost && IsOfCopy(key, version)) continue;  // nobody took it: the copy has it
      if (IsSomewhere(key, version)) continue;               // refused above, and so it never met the newest
      std::string text = key + " " + version.ToText() + " of node " + std::to_string(written.writer);
      if (lost.empty() || text < lost) lost = text;
    }
  }
  if (!lost.empty()) world_.Fail("lost to a state that did not know of it, and in no journal: " + lost);
}

void Oracle::CheckAtRest() {
  if (!leftovers_ && rewound_.empty()) CheckJournals();  // journals went back with their disks
  if (std::string difference = Difference(); !difference.empty()) world_.Fail(difference);
  // A transaction that nobody heard of is there as a whole or not at all; a failed one is not.
  for (const auto& [request, tags] : requests_) {
    size_t put = 0, durable = 0;
    for (uint64_t tag : tags) {
      put += tag != 0 ? 1 : 0;
      durable += tag != 0 && tags_.contains(tag) ? 1 : 0;
    }
    if (durable != 0 && refused_requests_.contains(request))
      world_.Fail("a write that was refused became durable, request " + std::to_string(request));
    if (durable != 0 && durable != put)
      world_.Fail("half of a transaction became durable, request " + std::to_string(request));
  }
  CheckDigests();
}

}  // namespace tidegate::sim
