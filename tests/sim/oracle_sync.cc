// What sync --wait may say: that it is done, and of which states it is not.
#include <algorithm>

#include "host/base/views.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

namespace tidegate::sim {
namespace {

std::string KeyOf(const node::SyncException& exception) {
  return std::to_string(exception.owner) + "|" + exception.pk + "|" + exception.sk;
}

}  // namespace

std::function<void(const node::SyncAnswer&)> Oracle::ExpectSync(SimNode& node, node::SyncTarget target) {
  struct Expected {
    std::string pk, sk;
    AgentId owner;
    Version version;
    bool from_above;  // over a former parent
    std::string text;
  };
  std::vector<Expected> expected;
  tg_query query{};
  query.struct_size = sizeof query;
  query.flags = TG_QUERY_TOMBSTONES;
  (void)node.truth().Query(query, [&](const tg_change& change) {
    if ((change.direction & TG_DIRECTION_UP) == 0 || change.kind == TG_CHANGE_EVICT || change.via == node.parent())
      return true;
    // What goes up now may not go up any more when the answer comes.
    if (const ModelTruth* model = FindModel(View(change.model)); model != nullptr && model->changing) return true;
    SimNode* via = world_.Find(change.via);
    expected.push_back({std::string(View(change.key.pk)), std::string(View(change.key.sk)), change.key.owner,
                        Version::From(change.version), via != nullptr && via->level() < node.level(),
                        Describe(change)});
    return true;
  });
  const AgentId goal = target == node::SyncTarget::kServer ? kAgentServer : node.parent();
  return [this, target, agent = node.agent(), parent = node.parent(), goal,
          expected = std::move(expected)](const node::SyncAnswer& answer) {
    if (!answer.status.ok()) return;
    SimNode* here = world_.Find(agent);
    SimNode* there = world_.Find(goal);
    if (there == nullptr || !there->up() || here->parent() != parent) return;
    if (!rewound_.empty()) return;  // what was there may be gone before anybody can know
    CheckExceptions(*here, answer);
    std::map<std::string, Version> excepted;
    for (const node::SyncException& exception : answer.quarantined) excepted[KeyOf(exception)] = exception.version;
    for (const node::SyncException& exception : answer.dropped) excepted[KeyOf(exception)] = exception.version;
    std::set<std::string> superseded_keys;
    for (const node::SyncException& exception : answer.superseded) superseded_keys.insert(KeyOf(exception));
    std::set<std::string> held_models;
    for (const node::HoldStatus& hold : answer.held) held_models.insert(hold.model);
    for (const node::SyncException& exception : answer.dropped)
      if (exception.pk.empty() && exception.sk.empty()) told_losses_[agent].insert({exception.model, exception.owner});
    for (const Expected& one : expected) {
      // What a former parent gave is compared with the new one, and the answer says that this is not done yet.
      if (one.from_above && answer.unsettled_scopes != 0) continue;
      const tg_key key{one.owner, Str(one.pk), Str(one.sk)};
      const Written* written = Find(KeyText(key), one.version);
      if (rotted_.contains(KeyText(key))) continue;
      if (written != nullptr && held_models.contains(written->model)) continue;
      const bool lost = WasLost(KeyText(key), one.version);
      if (!lost && WasDropped(goal, KeyText(key), one.version)) continue;
      // What was given up above, or what took its place was: its writer names it when it waits for the server. A node
      // between may have forgotten it, and a new parent never had what a former one passed on.
      const bool names = one.version.agent == agent && target == node::SyncTarget::kServer;
      if (IsGivenUpSince(KeyText(key), one.version) && !names) continue;
      // The next node had it, said so, and lost it since; that is not known here yet.
      const auto ours = Held(*here, key);
      if (lost && written != nullptr && goal == here->parent() && EverHeld(goal, KeyText(key)) >= one.version &&
          !KnowsOfLoss(*here, key, Str(written->model), ours && ours->version == one.version ? ours->seq : 0))
        continue;
      if (lost && written != nullptr && IsLossNamed(*here, key, one.version, *written, answer)) continue;
      auto exception = excepted.find(KeyText(key));
      if (exception != excepted.end() && exception->second >= one.version) continue;
      bool superseded = superseded_keys.contains(KeyText(key));  // meanwhile, and it says so
      for (SimNode* above = world_.Find(here->parent()); above != nullptr; above = world_.Find(above->parent())) {
        auto on_the_way = above->up() ? Held(*above, key) : std::nullopt;
        superseded = superseded || (on_the_way && on_the_way->version > one.version);
      }
      if (superseded) continue;
      auto held = Held(*there, key);
      // What was delivered over a former parent is not told to the new one.
      SimNode& server = world_.node(kAgentServer);
      if (leftovers_ && !server.up()) continue;
      // Of a device that moved, what was refused is told where it is now.
      if (leftovers_ && written != nullptr && !KnowsBelow(*here, one.owner) && IsRefusable(*written)) continue;
      if (leftovers_ && (!held || held->version < one.version)) held = Held(server, key);
      if (purged_ && EverHeld(goal, KeyText(key)) >= one.version) continue;
      if (written != nullptr && HasExpired(*written) && EverHeld(goal, KeyText(key)) >= one.version) continue;
      if (purged_ && leftovers_ && EverHeld(kAgentServer, KeyText(key)) >= one.version) continue;
      if (!held || held->version < one.version) {
        world_.Fail("node " + std::to_string(agent) + " was told that node " + std::to_string(goal) +
                    " has what it has not: " + one.text);
        return;
      }
    }
  };
}

bool Oracle::IsRefusable(const Written& written) const {
  if (!world_.options().strict_server) return false;
  auto bad = [](const Written& one) {
    return one.direction == TG_DIRECTION_UP && one.kind == TG_CHANGE_ITEM && one.text_size > kStrictTextMax;
  };
  if (bad(written)) return true;
  auto members = transactions_.find(written.transaction);
  if (members == transactions_.end()) return false;
  return std::any_of(members->second.begin(), members->second.end(), [&](const Member& member) {
    const Written* other = Find(member.key, member.version);
    return other != nullptr && bad(*other);
  });
}

bool Oracle::IsRefusable(const std::string& key, const Written& written) const {
  if (!joined_.contains(key)) return IsRefusable(written);
  const auto& states = states_.find(key)->second;
  return std::any_of(states.begin(), states.end(), [&](const auto& state) { return IsRefusable(state.second); });
}

// Every exception has its reason.
void Oracle::CheckExceptions(const SimNode& node, const node::SyncAnswer& answer) {
  for (const node::SyncException& exception : answer.quarantined) {
    const Written* written = Find(KeyOf(exception), exception.version);
    const bool held = !world_.options().retain.empty() && exception.reason.starts_with("held with its transaction");
    if (held || MayBeDeleted(exception.version, exception.reason)) continue;
    if (written == nullptr || !IsRefusable(KeyOf(exception), *written))
      world_.Fail("node " + std::to_string(node.agent()) + " was told without a reason that " + KeyOf(exception) + " " +
                  exception.version.ToText() + " was refused: " + exception.reason);
  }
  for (const node::SyncException& exception : answer.superseded) {
    const auto joined = joined_.contains(KeyOf(exception));  // a join may have the version of what it joined
    if (exception.held < exception.version || (exception.held == exception.version && !joined))
      world_.Fail("node " + std::to_string(node.agent()) + " was told that " + KeyOf(exception) +
                  " was superseded by nothing newer");
  }
}

}  // namespace tidegate::sim
