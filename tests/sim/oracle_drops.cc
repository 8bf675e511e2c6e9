// What retention dropped: whether it might, and what the other checks have to know of it.
#include "host/base/views.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

namespace tidegate::sim {

// Retention may drop what goes up and is durable further up; the limits of the simulator drop nothing else.
void Oracle::Dropped(SimNode& node, const tg_change& change, const tg_outcome& outcome) {
  const std::string key = KeyText(change.key);
  const Version version = Version::From(outcome.held);
  world_.trace().Line(world_.now_us(), node.agent(), "drops %s", Describe(change).c_str());
  Version& dropped = known_[node.agent()].dropped[key];
  dropped = std::max(dropped, version);
  const ModelTruth* model = FindModel(View(change.model));
  if (world_.options().retain.empty() || model == nullptr || outcome.held_kind != TG_CHANGE_ITEM)
    return Fail(node, "a state was dropped that is due", change);
  if (model->direction != TG_DIRECTION_UP) return Fail(node, "what does not go up is dropped", change);
  for (SimNode* above = world_.Find(node.parent()); above != nullptr; above = world_.Find(above->parent())) {
    if (!above->up()) return;  // what its disk holds cannot be seen now
    auto held = Held(*above, change.key);
    if (held && held->version >= version) return;
  }
  Fail(node, "what nobody above has is dropped", change);
}

bool Oracle::WasDropped(AgentId agent, const std::string& key, const Version& version) const {
  auto known = known_.find(agent);
  if (known == known_.end()) return false;
  auto dropped = known->second.dropped.find(key);
  return dropped != known->second.dropped.end() && dropped->second >= version;
}

}  // namespace tidegate::sim
