// What retention dropped: whether it might, and what the other checks have to know of it.
#include <algorithm>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"
#include "host/wire/records.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

namespace tidegate::sim {

// Retention may drop what goes up and is durable further up; where a limit drops anything else, the node counts it as
// lost in the same commit.
void Oracle::Dropped(SimNode& node, const tg_change& change, const tg_outcome& outcome, bool counted) {
  const std::string key = KeyText(change.key);
  const Version version = Version::From(outcome.held);
  world_.trace().Line(world_.now_us(), node.agent(), "drops %s", Describe(change).c_str());
  Version& dropped = known_[node.agent()].dropped[key];
  dropped = std::max(dropped, version);
  const ModelTruth* model = FindModel(View(change.model));
  if (world_.options().retain.empty() || model == nullptr || outcome.held_kind != TG_CHANGE_ITEM)
    return Fail(node, "a state was dropped that is due", change);
  if (model->direction != TG_DIRECTION_UP) return Fail(node, "what does not go up is dropped", change);
  if (counted) {
    const std::string& limits = world_.options().retain;
    if (limits.find("when_full") == std::string::npos && limits.find("age_max_ms") == std::string::npos)
      return Fail(node, "what no limit drops is dropped undelivered", change);
    lost_states_.insert({key, version});
    return;
  }
  for (SimNode* above = world_.Find(node.parent()); above != nullptr; above = world_.Find(above->parent())) {
    if (!above->up()) return;  // what its disk holds cannot be seen now
    auto held = Held(*above, change.key);
    if (held && held->version >= version) return;
  }
  // A former parent had it, or one above that: they have lower levels.
  const bool had = leftovers_ && std::any_of(world_.nodes().begin(), world_.nodes().end(), [&](const auto& other) {
                     return other->level() < node.level() && EverHeld(other->agent(), key) >= version;
                   });
  if (had && (!WasLost(key, version) || !KnowsOfLoss(node, change.key, change.model, change.seq))) return;
  // An operator gave it up above. At its writer it stays.
  const Written* written = Find(key, version);
  if (written != nullptr && written->writer != node.agent() && IsGivenUpSince(key, version)) return;
  // The next node had it, said so, and lost it since; that is not known here yet.
  const bool at_hop = world_.options().retain.find("\"" + std::string(View(change.model)) +
                                                   "\":{\"delivered\":\"hop\"") != std::string::npos;
  if (at_hop && WasLost(key, version) && EverHeld(node.parent(), key) >= version &&
      !KnowsOfLoss(node, change.key, change.model, change.seq))
    return;
  Fail(node, "what nobody above has is dropped", change);
}

// What it was told is about the state where it stood then: with another position it was sent again, and lost once more.
bool Oracle::KnowsOfLoss(const SimNode& node, const tg_key& key, tg_str model, uint64_t seq) {
  auto bytes = node.truth().MetaGet(sync::meta::GivenUp(key.owner, View(key.pk), View(key.sk)));
  wire::QuarantineRecord state;
  if (bytes.ok() && (!wire::DecodeRecord(*bytes, &state).ok() || seq == 0 || state.run == seq)) return true;
  bytes = node.truth().MetaGet(sync::meta::LostAbove(View(model)));
  wire::HeldRecord all;
  if (!bytes.ok()) return false;
  if (!wire::DecodeRecord(*bytes, &all).ok() || seq == 0) return true;
  return std::any_of(all.ranges.begin(), all.ranges.end(),
                     [&](const wire::SeqRange& range) { return range.from < seq && seq <= range.to; });
}

// Lost for good: a node dropped it, and nobody below the one that lacks it has it. Who has it sends it again.
bool Oracle::IsLostTo(SimNode& node, const std::string& key, const Written& written) {
  if (!WasLost(key, written.version)) return false;
  return std::none_of(world_.nodes().begin(), world_.nodes().end(), [&](const auto& below) {
    if (below->agent() == node.agent() || !world_.IsAtOrAbove(node.agent(), below->agent())) return false;
    auto held = Held(*below, KeyOf(key, written.owner));
    return held && held->version == written.version;
  });
}

// What a node lost, or somebody above it, is not delivered: a wait names it as long as the node has it, by model and
// owner once where it has it no more. A node between, without a copy, says nothing of what its children wrote.
bool Oracle::IsLossNamed(const SimNode& node, const tg_key& key, const Version& version, const Written& written,
                         const node::SyncAnswer& answer) {
  if (answer.dropped.size() < answer.dropped_count &&
      answer.dropped.size() >= world_.options().node.sync_exceptions_max)
    return true;  // more than are named
  const std::pair<std::string, AgentId> scope{written.model, written.owner};
  for (const node::SyncException& exception : answer.dropped) {
    if (exception.pk.empty() && exception.sk.empty() && exception.model == scope.first &&
        exception.owner == scope.second)
      return true;
    if (exception.owner == key.owner && exception.pk == View(key.pk) && exception.sk == View(key.sk) &&
        exception.version == version)
      return true;
  }
  auto held = Held(node, key);
  if (held && held->version == version) return false;
  auto told = told_losses_.find(node.agent());
  return written.writer != node.agent() || (told != told_losses_.end() && told->second.contains(scope));
}

std::string Oracle::WaitsToGoAgain() {
  if (world_.options().retain.empty()) return {};
  for (const auto& node : world_.nodes()) {
    if (!node->up()) continue;
    for (const node::LossStatus& loss : node->status().losses) {
      if (loss.reason.find("going again") != std::string::npos)
        return "node " + std::to_string(node->agent()) + " has still to send again what was lost above: " + loss.model +
               " of " + std::to_string(loss.owner);
    }
  }
  return {};
}

bool Oracle::WasDropped(AgentId agent, const std::string& key, const Version& version) const {
  auto known = known_.find(agent);
  if (known == known_.end()) return false;
  auto dropped = known->second.dropped.find(key);
  return dropped != known->second.dropped.end() && dropped->second >= version;
}

}  // namespace tidegate::sim
