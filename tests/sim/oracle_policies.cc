// The oracle's view of a model that goes another way at each node, and in the end the same way at all of them.
#include <algorithm>

#include "host/base/views.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

namespace tidegate::sim {

// An item leaves a node because of a policy only if it came from above, goes down no longer, and is elsewhere.
void Oracle::Evicted(SimNode& node, const tg_change& change) {
  const std::string key = KeyText(change.key);
  const Version version = Version::From(change.version);
  world_.trace().Line(world_.now_us(), node.agent(), "evicts %s", Describe(change).c_str());
  const ModelTruth& model = *FindModel(View(change.model));
  if ((world_.Direction(node.agent(), model) & TG_DIRECTION_DOWN) != 0)
    Fail(node, "evicted, but the model goes down", change);
  if (change.key.owner == node.agent()) Fail(node, "evicted at its owner", change);
  const bool elsewhere = std::any_of(known_.begin(), known_.end(), [&](const auto& known) {
    return known.first != node.agent() && EverHeld(known.first, key) >= version;
  });
  if (!elsewhere) Fail(node, "evicted, but nobody else has it", change);
  Known& known = known_[node.agent()];
  known.newest.erase(key);
  known.evicted[key] = std::max(known.evicted[key], version);
}

void Oracle::StopsGoingUp(const SimNode& node) {
  node.ForEachRow([&](const tg_change& row) {
    if (View(row.model) == "Memo") known_[node.agent()].maybe_above.insert(KeyText(row.key));
    return true;
  });
}

namespace {

struct End {
  uint8_t kind = 0;  // 0 = nothing
  Version version;
  // A tombstone and nothing are the same to a program.
  bool Gone() const { return kind != TG_CHANGE_ITEM; }
};

End EndOf(const SimNode& node, const tg_key& key) {
  auto held = Held(node, key);
  return held ? End{held->kind, held->version} : End();
}

bool Lacks(const End& here, const End& there) {
  return here.version < there.version && !(here.kind == 0 && there.Gone());
}

}  // namespace

// No node has lost what it had, and where a state may travel it has travelled.
std::string Oracle::DifferenceOfPolicies() {
  if (!world_.options().policies) return {};
  const ModelTruth& model = *FindModel("Memo");
  const uint32_t direction = world_.Direction(kAgentServer, model);
  const bool same = std::all_of(world_.nodes().begin(), world_.nodes().end(),
                                [&](const auto& node) { return world_.Direction(node->agent(), model) == direction; });
  if (!same) return "the nodes do not agree yet which way the model goes";
  std::string first;
  auto differs = [&](const SimNode& node, const std::string& what, const std::string& key, const Version& version) {
    std::string text = "node " + std::to_string(node.agent()) + " " + what + " " + key + " " + version.ToText() +
                       ", the model goes " + std::to_string(direction);
    if (first.empty() || text < first) first = text;
  };
  for (const auto& [key, states] : states_) {
    if (states.empty() || states.begin()->second.model != model.name || maybe_deleted_.contains(key)) continue;
    const AgentId owner = states.begin()->second.owner;
    const tg_key name = KeyOf(key, owner);
    for (const auto& node : world_.nodes()) {
      End here = EndOf(*node, name);
      // A delete that is newer than all that comes from elsewhere, and was purged since.
      const Version ever = EverHeld(node->agent(), key);
      const Written* last = Find(key, ever);
      if (here.kind == 0 && purged_ && last != nullptr && last->kind == TG_CHANGE_TOMBSTONE)
        here = {TG_CHANGE_TOMBSTONE, ever};
      if (here.version < ever) differs(*node, "has lost", key, ever);
      SimNode* parent = world_.Find(node->parent());
      if (parent == nullptr) continue;
      if (owner != kAgentAll && !world_.IsAtOrAbove(node->agent(), owner)) continue;
      // What goes up now, and was deleted above before any of it had left its writer, is gone there too.
      const Version deleted = EverHeld(kAgentServer, key);
      const Written *delete_above = Find(key, deleted), *own = Find(key, here.version);
      if (direction == TG_DIRECTION_UP && node->agent() == owner && here.kind == TG_CHANGE_ITEM &&
          here.version.agent == owner && here.version < deleted && delete_above != nullptr &&
          delete_above->kind == TG_CHANGE_TOMBSTONE && own != nullptr && !own->left)
        differs(*node, "holds what was deleted above, in a state that never left it,", key, here.version);
      const End above = EndOf(*parent, name);
      // Up items are their owner's, down items the server's; whatever else is there from other times stays there.
      const bool goes_up =
          direction == TG_DIRECTION_BOTH || (direction == TG_DIRECTION_UP && here.version.agent == owner);
      const bool goes_down =
          direction == TG_DIRECTION_BOTH || (direction == TG_DIRECTION_DOWN && above.version.agent == kAgentServer);
      // What was delivered over a former parent does not go up again over the new one.
      // Nor what the parent once had, and gave up while the model went nowhere there: its writer may not have been told
      // of that time, and it is delivered.
      const auto& evicted = known_[parent->agent()].evicted;
      const auto given_up = evicted.find(key);
      const bool further_up = leftovers_ || (given_up != evicted.end() && given_up->second >= here.version);
      SimNode& there = further_up && direction == TG_DIRECTION_UP ? world_.node(kAgentServer) : *parent;
      // Deleted there, and that was purged since: what was delivered before stays at its writer (decision 0153).
      End at_the_end = EndOf(there, name);
      const Version ever_there = EverHeld(there.agent(), key);
      const Written* last_there = Find(key, ever_there);
      if (at_the_end.kind == 0 && purged_ && last_there != nullptr && last_there->kind == TG_CHANGE_TOMBSTONE)
        at_the_end = {TG_CHANGE_TOMBSTONE, ever_there};
      if (goes_up && there.up() && Lacks(at_the_end, here)) differs(there, "lacks", key, here.version);
      if (goes_down && Lacks(here, above)) differs(*node, "lacks", key, above.version);
    }
  }
  return first;
}

}  // namespace tidegate::sim
