// The oracle's view of copies: two nodes of one agent id. What a copy writes is nobody's until somebody of the tree has
// taken it; that may happen only as long as nobody can know that there are two.
#include <algorithm>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

namespace tidegate::sim {

void Oracle::CopyStarted(SimNode& copy) {
  Copy& known = copies_[copy.place()];
  known.agent = copy.agent();
  known.parent = copy.parent();
  known.epochs.insert(copy.epoch());
  // What was sent to that agent, or by it, may have been the other one.
  world_.network().monitor().Rewound(copy.agent());
}

void Oracle::CopyDurable(SimNode& copy, std::span<const tg_group> groups, std::span<const tg_outcome> outcomes) {
  Copy& known = copies_[copy.place()];
  known.epochs.insert(copy.epoch());
  // What came before it was told so may be committed with what came after.
  const bool refused = known.told_us != 0 && world_.now_us() - known.told_us > kSecond;
  for (const tg_outcome& outcome : outcomes) {
    const tg_mutation& mutation = groups[outcome.group].mutations[outcome.mutation];
    if (outcome.result != TG_OUTCOME_APPLIED) continue;
    // A tombstone is forgotten after its lease, as everywhere.
    if (mutation.op == TG_OP_PURGE && outcome.held_kind == TG_CHANGE_TOMBSTONE)
      known.written.erase(KeyText(mutation.change->key));
    if (mutation.op == TG_OP_PURGE && outcome.held_kind == TG_CHANGE_ITEM) LostAtCopy(copy, *mutation.change, refused);
    if (mutation.op != TG_OP_PUT) continue;
    const tg_change& change = *mutation.change;
    const std::string key = KeyText(change.key);
    const Version version = Version::From(change.version);
    if (change.via != 0) {
      if (refused) Fail(copy, "a refused copy is given something", change);
      if (auto own = known.written.find(key); own != known.written.end() && own->second < version)
        known.written.erase(own);
      continue;
    }
    world_.trace().Line(world_.now_us(), copy.place(), "commits %s at %llu", Describe(change).c_str(),
                        static_cast<unsigned long long>(outcome.seq));
    if (outcome.held_kind != 0) replaced_.insert({key, Version::From(outcome.held)});
    known.written[key] = version;
    // Whoever is of that agent id has to be above it.
    int64_t& former_ms = known_[copy.agent()].former_ms;
    former_ms = std::max(former_ms, version.unix_ms() + 1);
    if (Find(key, version) != nullptr) continue;  // sent again
    Written& written = states_[key][version];
    written.version = version;
    written.kind = change.kind;
    written.direction = change.direction;
    written.lane = change.lane;
    written.model = View(change.model);
    written.owner = change.key.owner;
    written.src = change.src;
    written.dst = change.dst;
    written.body_hash = StateHash(change);
    written.writer = copy.agent();
    written.transaction = next_transaction_++;
    written.lost = true;
    transactions_[written.transaction].push_back({key, version});
    copied_[{key, version}] = copy.place();
  }
}

// A node that is refused may still do what its configuration asks of it.
void Oracle::LostAtCopy(SimNode& copy, const tg_change& change, bool refused) {
  const std::string key = KeyText(change.key);
  const ModelTruth* model = FindModel(View(change.model));
  const bool evicts = model != nullptr && model->changing && change.key.owner != copy.agent();
  const bool drops = model != nullptr && model->direction == TG_DIRECTION_UP && !world_.options().retain.empty();
  const bool expires = change.expires_ms != 0 && change.expires_ms <= copy.clock().unix_ms();
  if (drops || expires) copies_[copy.place()].written.erase(key);
  if (refused && !evicts && !drops && !expires) Fail(copy, "a refused copy loses an item", change);
}

// Who refuses whom, as it is on the disk of who refuses.
void Oracle::NoteClones(const SimNode& node, std::span<const tg_group> groups) {
  for (const tg_group& group : groups) {
    for (const tg_mutation& m : std::span(group.mutations, group.count)) {
      if (m.op != TG_OP_META_PUT || !View(m.meta_key).starts_with(sync::meta::kClonePrefix)) continue;
      for (auto& [place, copy] : copies_) {
        for (Epoch epoch : copy.epochs)
          if (View(m.meta_key) == sync::meta::Clone(copy.agent, epoch)) copy.refused_by.insert(node.agent());
        if (View(m.meta_key) == sync::meta::Clone(copy.agent, world_.node(copy.agent).epoch()))
          world_.Fail("node " + std::to_string(node.agent()) + " takes node " + std::to_string(copy.agent) +
                      " for the copy of its copy");
      }
    }
  }
}

void Oracle::TakenFromCopy(SimNode& node, const tg_change& change) {
  const std::string key = KeyText(change.key);
  const Version version = Version::From(change.version);
  const Copy& copy = copies_[copied_[{key, version}]];
  taken_from_copies_.insert(copy.agent);
  if (!states_[key][version].lost) return;                      // it is passed on
  if (copy.renewed != 0 && change.via == copy.renewed) return;  // an edit of what is everybody's
  if (node.agent() != copy.parent || change.via != copy.agent)
    Fail(node, "what a copy wrote comes from elsewhere", change);
  if (copy.refused_by.contains(node.agent())) Fail(node, "what a refused copy wrote is taken", change);
}

bool Oracle::LagsBehindCopy(const SimNode& node, const std::string& key, const Written& newest) const {
  return newest.direction == TG_DIRECTION_UP && newest.kind == TG_CHANGE_ITEM && newest.owner == node.agent() &&
         IsOfCopy(key, newest.version);
}

void Oracle::CopyHears(const SimNode& copy, const wire::DecodedFrame& frame) {
  const auto* refuse = std::get_if<wire::Refuse>(&frame.body);
  Copy& known = copies_[copy.place()];
  if (refuse != nullptr && known.told_us == 0 && known.refused_by.contains(known.parent) &&
      refuse->reason == wire::RefuseReason::kClone)
    known.told_us = world_.now_us();
}

void Oracle::CopyTalks(const SimNode& from, const SimNode& to, const wire::DecodedFrame& frame) {
  const auto* hello = std::get_if<wire::Hello>(&frame.body);
  if (hello == nullptr) return;
  if (from.is_copy()) ++hellos_of_copies_;
  if (!to.is_copy()) return;
  // But that it has to attach above another edge, or that a life of it is lost.
  const bool taken = hello->newest_epoch == 0 && hello->edges.empty();
  if (taken && copies_[to.place()].refused_by.contains(from.agent()))
    world_.Fail("node " + std::to_string(from.agent()) + " takes a copy of node " + std::to_string(to.agent()) +
                " that it has refused before");
}

void Oracle::CheckRefused(SimNode& copy, SimNode& original) {
  const std::string who = "the copy of node " + std::to_string(original.agent());
  auto fail = [&](const std::string& what) {
    world_.Fail(who + " below node " + std::to_string(copy.parent()) + " " + what);
  };
  if (!copy.up()) return fail("is down");
  bool refused = false;
  for (const node::LinkStatus& link : copy.status().links) {
    if (!link.is_parent) continue;
    // It may be asking once more right now.
    refused = link.state != "up" && link.last_error.find("copies of one replica") != std::string::npos;
    if (!refused) fail("is not refused: " + link.state + " " + link.last_error);
  }
  if (!refused) return fail("has no refused link");
  SimNode& parent = world_.node(copy.parent());
  const std::string named = "copies of the replica of agent " + std::to_string(original.agent());
  const auto problems = parent.status().problems;
  const bool said = std::any_of(problems.begin(), problems.end(),
                                [&](const std::string& one) { return one.find(named) != std::string::npos; });
  if (!said) fail("is not reported by its parent");
  if (parent.clones_refused() == 0) fail("is not counted by its parent");
  for (const auto& [key, version] : copies_[copy.place()].written) {
    const Written* written = Find(key, version);
    auto held = written == nullptr ? std::nullopt : Held(copy, KeyOf(key, written->owner));
    if (!held || held->version != version) fail("has lost " + key + " " + version.ToText());
  }
}

// Everything of its own has to be there as the new agent's.
void Oracle::CopyRenewed(SimNode& copy, AgentId agent) {
  copies_[copy.place()].renewed = agent;
  copy.ForEachRow([&](const tg_change& row) {
    const bool own = row.kind == TG_CHANGE_ITEM && row.key.owner == copy.agent() && row.direction != TG_DIRECTION_DOWN;
    if (!own) return true;
    tg_key key = row.key;
    key.owner = agent;
    renewed_.push_back({KeyText(key), agent, row.direction});
    int64_t& former_ms = known_[agent].former_ms;  // it gives it anew, above what it has
    former_ms = std::max(former_ms, Version::From(row.version).unix_ms() + 1);
    return true;
  });
}

void Oracle::CheckRenewed() {
  for (const Renewed& one : renewed_) {
    const SimNode& holder = world_.node((one.direction & TG_DIRECTION_UP) != 0 ? kAgentServer : one.agent);
    if (refused_keys_.contains(one.key)) continue;  // as all who write what the server refuses
    auto held = Held(holder, KeyOf(one.key, one.agent));
    if (!held || held->kind != TG_CHANGE_ITEM)
      world_.Fail("node " + std::to_string(holder.agent()) + " lacks what a renewed copy had: " + one.key);
  }
}

}  // namespace tidegate::sim
