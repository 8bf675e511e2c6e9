// Joined models. What a node holds never says less than what it held before; at rest every replica holds the join of
// what any of them holds, which is all that was ever written, but for what only a disk that went back had, and for
// deletes that all have forgotten.
#include "host/base/views.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

namespace tidegate::sim {

tg_change Oracle::Joined::Change() const {
  tg_change change{};
  change.struct_size = sizeof change;
  change.kind = written.kind;
  change.model = Str(model);
  change.version = written.version.To();
  change.body = Bytes(body);
  change.policy_meta = Bytes(meta);
  return change;
}

Oracle::Joined Oracle::JoinedOf(const std::string& key, const tg_change& change) const {
  Joined state;
  if (const Written* written = Find(key, Version::From(change.version))) state.written = *written;
  state.model = View(change.model);
  state.body = View(change.body);
  state.meta = View(change.policy_meta);
  state.written.kind = change.kind;
  state.written.body_hash = StateHash(change);
  return state;
}

// The join of both. False: the policy cannot.
bool Oracle::Add(Joined* truth, const tg_change& change) const {
  if (truth->body == View(change.body) && truth->meta == View(change.policy_meta) &&
      truth->written.version == Version::From(change.version))
    return true;
  auto joined = GoodPolicy().Merge({}, truth->Change(), change);
  if (!joined) return false;
  if (truth->written.version < Version::From(change.version))
    truth->written = JoinedOf(KeyText(change.key), change).written;
  truth->body = std::move(joined->body);
  truth->meta = std::move(joined->policy_meta);
  truth->written.kind = truth->body.empty() ? TG_CHANGE_TOMBSTONE : TG_CHANGE_ITEM;
  truth->written.body_hash = StateHash(truth->Change());
  return true;
}

void Oracle::Join(const std::string& key, const tg_change& change) {
  auto [found, fresh] = joined_.try_emplace(key);
  if (fresh) {
    found->second = JoinedOf(key, change);
  } else if (!Add(&found->second, change)) {
    world_.Fail("the policy cannot join " + Describe(change));
  }
}

// A joined state is made of written ones: the join of all of them has nothing to learn from it.
void Oracle::RemoteJoined(SimNode& node, const tg_change& change) {
  auto truth = joined_.find(KeyText(change.key));
  if (truth == joined_.end()) return Fail(node, "a joined state of nothing", change);
  auto joined = GoodPolicy().Merge({}, truth->second.Change(), change);
  if (!joined || joined->body != truth->second.body || joined->policy_meta != truth->second.meta)
    Fail(node, "a joined state that says what nobody wrote", change);
}

void Oracle::HoldsJoined(SimNode& node, const tg_change& change) {
  const std::string key = KeyText(change.key);
  auto [held, fresh] = known_[node.agent()].joined.try_emplace(key);
  Joined now = JoinedOf(key, change);
  if (!fresh && !rotted_.contains(key)) {  // its disk may have lost what it held
    auto joined = GoodPolicy().Merge({}, held->second.Change(), change);
    if (!joined || joined->body != now.body || joined->policy_meta != now.meta)
      Fail(node, "a joined state that lacks something of what was held here", change);
  }
  held->second = std::move(now);
  auto left = left_.find(key);
  if (left == left_.end() || !left->second) {
    left_.erase(key);
  } else {
    Add(&*left->second, change);
  }
}

// It is gone here. What is dropped because its owner has moved away, another node has.
void Oracle::LosesJoined(SimNode& node, const tg_change& change, const tg_outcome& outcome) {
  const std::string key = KeyText(change.key);
  auto& holds = known_[node.agent()].joined;
  auto held = holds.find(key);
  if (held == holds.end()) return;
  const Joined lost = std::move(held->second);
  holds.erase(held);
  left_.erase(key);
  if (outcome.held_kind != TG_CHANGE_ITEM || !rewound_.empty()) return;
  (void)NewestJoined(key);
  const std::optional<Joined>& left = left_[key];
  auto joined = left ? GoodPolicy().Merge({}, left->Change(), lost.Change()) : std::nullopt;
  if (!joined || joined->body != left->body || joined->policy_meta != left->meta)
    Fail(node, "a joined state is dropped, and no other node has all of it", change);
}

// The join of what the nodes hold; if none holds anything, what was there last.
const Written* Oracle::NewestJoined(const std::string& key) const {
  auto [left, fresh] = left_.try_emplace(key);
  if (fresh) {
    for (const auto& [agent, known] : known_) {
      auto held = known.joined.find(key);
      if (held == known.joined.end()) continue;
      if (!left->second) {
        left->second = held->second;
      } else {
        tg_change change = held->second.Change();
        change.key = KeyOf(key, held->second.written.owner);
        Add(&*left->second, change);
      }
    }
  }
  return left->second ? &left->second->written : nullptr;
}

}  // namespace tidegate::sim
