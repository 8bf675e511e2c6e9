// Disks that lose a row, or spoil its digest, while a node is down, and links that are compared by hand. What is lost
// is always still at a neighbour from where it may come back: nothing but a comparison can find it.
#include <algorithm>

#include "host/base/views.h"
#include "host/core/change_arena.h"
#include "tests/sim/faults.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/world.h"

namespace tidegate::sim {

// ---- the node ----

// Between two lives: the disk is what it was, but for one row.
void SimNode::RotAtStart(const Rot& rot) { rots_.push_back(rot); }

void SimNode::ApplyRots() {
  for (const Rot& rot : std::exchange(rots_, {})) {
    core::ChangeArena arena;
    std::optional<tg_change> row;
    const tg_key key = KeyOf(rot.key, rot.owner);
    (void)storage_->Get(key, [&](const tg_change& change) {
      row = arena.Copy(change);
      return false;
    });
    if (!row || Version::From(row->version) != rot.version) continue;
    world_.trace().Line(world_.now_us(), agent(), rot.lose ? "its disk loses %s" : "its disk spoils the digest of %s",
                        Describe(*row).c_str());
    tg_mutation mutation{};
    mutation.struct_size = sizeof mutation;
    mutation.op = rot.lose ? TG_OP_PURGE : TG_OP_PUT;
    if (!rot.lose) ++row->digest;
    mutation.change = &*row;
    const tg_group group{&mutation, 1};
    if (!storage_->Commit(std::span(&group, 1), [](const tg_outcome&) {}).ok())
      world_.Fail("the storage does not commit");
  }
}

// ---- the faults ----

// Whether a neighbour of the node has this very state, and may give it back.
bool Faults::HasWitness(const SimNode& node, const tg_change& row) const {
  for (const auto& other : world_.nodes()) {
    const bool above = node.parent() == other->agent(), below = other->parent() == node.agent();
    if (!other->up() || !(above || below)) continue;
    if ((row.direction & (above ? TG_DIRECTION_DOWN : TG_DIRECTION_UP)) == 0) continue;
    if (below && row.key.owner != kAgentAll && !world_.IsAtOrAbove(other->agent(), row.key.owner)) continue;
    if (auto held = Held(*other, row.key); held && held->kind == row.kind &&
                                           held->version == Version::From(row.version) &&
                                           held->body_hash == StateHash(row))
      return true;
  }
  return false;
}

void Faults::RotOnce() {
  if (ended_) return;
  SimNode* node = Any(false, verify_random_);
  if (!node->up()) return;
  const bool lose = verify_random_.PerMille(700);
  std::vector<SimNode::Rot> rows;
  node->ForEachRow([&](const tg_change& row) {
    std::string key = KeyText(row.key);
    // Who has a witness now may have none when the model has gone another way.
    // Likewise when a quota has dropped it there.
    const ModelTruth* model = FindModel(View(row.model));
    if (model == nullptr || model->changing) return true;
    if (model->joined && !lose) return true;  // docs/reliability.md, known limits
    if (model->direction == TG_DIRECTION_UP && !world_.options().retain.empty()) return true;
    if (row.kind == TG_CHANGE_ITEM && !rotted_.contains(key) && HasWitness(*node, row))
      rows.push_back({std::move(key), row.key.owner, Version::From(row.version), lose});
    return true;
  });
  if (rows.empty()) return;
  ++happened_;
  const SimNode::Rot& rot = rows[verify_random_.Below(rows.size())];
  rotted_.insert(rot.key);
  world_.oracle().Rotted(rot.key);
  node->RotAtStart(rot);
  node->Crash("and its disk rots");
  world_.After(verify_random_.Between(20, 2'000) * kMs, [node] { node->Start(); });
}

// By hand, at one end of a link; often the link breaks meanwhile.
void Faults::VerifyOnce() {
  if (ended_) return;
  SimNode* node = Any(true, verify_random_);
  SimNode* parent = world_.Find(node->parent());
  const bool from_above = verify_random_.PerMille(400);
  const bool breaks = verify_random_.PerMille(500);
  node::LinkSyncRequest request;
  request.agent = from_above ? node->agent() : node->parent();
  request.push = false;
  request.verify = verify_random_.PerMille(500) ? 2 : 1;
  request.wait = true;
  request.timeout_ms = 120'000;
  const int64_t break_ms = verify_random_.Between(1, 400);
  SimNode* asked = from_above ? parent : node;
  if (!asked->up() || world_.options().defect == Defect::kVerifyMissing) return;
  ++happened_;
  asked->SyncLinks(request, [this, agent = asked->agent()](const node::LinkSyncAnswer& answer) {
    world_.trace().Line(world_.now_us(), agent, "verify answered: %s, %zu models differ",
                        answer.status.ok() ? "ok" : answer.status.message().c_str(),
                        answer.report ? answer.report->models.size() : size_t{0});
  });
  if (breaks) {
    world_.After(break_ms * kMs, [this, child = node->agent()] {
      if (!ended_) world_.network().BreakSession(child, Break::kBoth);
    });
  }
}

void Faults::PlanVerifies(int64_t us) {
  for (uint32_t i = 0; i < profile_.verifies; ++i)
    world_.After(verify_random_.Between(0, us), [this] { VerifyOnce(); });
  for (uint32_t i = 0; i < profile_.rots; ++i) world_.After(verify_random_.Between(us / 4, us), [this] { RotOnce(); });
}

}  // namespace tidegate::sim
