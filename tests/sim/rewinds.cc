// Disks that go back: a snapshot of a replica takes its place again, with and without a note that it was restored, in
// a new epoch and in the one that followed the snapshot before. What only the lost life knew is lost, and may appear
// again from a frame on its way or from another snapshot.
#include <algorithm>
#include <map>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"
#include "host/wire/records.h"
#include "tests/sim/faults.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

namespace tidegate::sim {

// ---- the node ----

void SimNode::Snapshot() {
  snapshot_ = box_->Copy();
  snapshot_epoch_ = 0;
  world_.trace().Line(world_.now_us(), agent(), "a snapshot of its disk is made");
}

void SimNode::RollBack(bool note, bool same_epoch) {
  Crash("to go back");
  world_.trace().Line(world_.now_us(), agent(), "its disk goes back to the snapshot%s%s", note ? ", noted" : "",
                      same_epoch && snapshot_epoch_ != 0 ? ", in the epoch of then" : "");
  auto disk = snapshot_->Copy();
  box_->Take(*disk);
  note_restored_ = note;
  if (same_epoch && snapshot_epoch_ != 0) next_epoch_ = std::exchange(snapshot_epoch_, 0);
  world_.oracle().Rewound(*this, note);
}

void SimNode::ForEachRow(const core::ChangeFn& fn) const {
  tg_query query{};
  query.struct_size = sizeof query;
  query.flags = TG_QUERY_TOMBSTONES;
  if (up()) {
    (void)truth_->Query(query, fn);
    return;
  }
  auto disk = box_->Copy();
  auto storage = disk->Open(new_replica_, 1);  // a copy: the epoch is never seen
  if (storage.ok()) (void)(*storage)->Query(query, fn);
}

int64_t SimNode::RestoredOnDisk() const {
  auto disk = box_->Copy();
  auto storage = disk->Open(new_replica_, 1);
  wire::NodeRecord record;
  if (storage.ok())
    if (auto bytes = (*storage)->MetaGet(sync::meta::kNode); bytes.ok()) (void)wire::DecodeRecord(*bytes, &record).ok();
  return record.restored_unix_ms;
}

// ---- the faults ----

void Faults::Rewind() {
  if (ended_) return;
  SimNode* node = Any(false, rewind_random_);
  if (node->role() != TG_ROLE_DEVICE && rewind_random_.PerMille(400)) node = Any(true, rewind_random_);
  ++happened_;
  // Who runs commands, and who is to know its answers, lose them together.
  SimNode* parent = world_.Find(node->parent());
  if (profile_.only_devices_rewind && node->role() != TG_ROLE_DEVICE) return;
  const bool both = profile_.parents_rewind_too && node->role() == TG_ROLE_DEVICE && parent != nullptr &&
                    parent->role() == TG_ROLE_ROUTER && rewind_random_.PerMille(600);
  Rewind(node);
  if (both) Rewind(parent);
}

void Faults::Rewind(SimNode* node) {
  if (!node->has_snapshot() || rewind_random_.PerMille(350)) {
    if (!node->up()) return;
    if (rewind_random_.PerMille(500)) return node->Snapshot();
    // A machine that goes on from its snapshot has the epoch that began behind it.
    node->SnapshotAtStart();
    node->Crash("to start anew");
    return world_.After(rewind_random_.Between(20, 2'000) * kMs, [node] { node->Start(); });
  }
  node->RollBack(rewind_random_.PerMille(300), rewind_random_.PerMille(400));
  world_.After(rewind_random_.Between(20, 5'000) * kMs, [node] { node->Start(); });
}

// ---- the oracle ----

void Oracle::Rewound(SimNode& node, bool note) {
  rewound_.insert(node.agent());
  rewound_us_[node.agent()] = world_.now_us();
  if (node.agent() == kAgentServer) {
    confirmed_ = false;
    taken_for_lost_.clear();
    unseen_restored_ms_ = note ? std::nullopt : std::optional(node.RestoredOnDisk());
    told_by_server_us_.clear();
    for (const auto& [agent, known] : known_)
      if (auto heard = known.heard_us.find(kAgentServer); heard != known.heard_us.end())
        told_by_server_us_[agent] = heard->second;
  }
  Known& known = known_[node.agent()];
  known.former_ms = std::max(known.former_ms, known.issued.unix_ms() + 1);
  // Versions of a life that is lost are behind it where the clock is, and it may not yet have been told of them.
  if (node.clock().unix_ms() <= known.issued.unix_ms()) known.issued = known.issued_before = {};
  known.newest.clear();
  known.joined.clear();
  left_.clear();
  known.reconciled.clear();
  known.companions.clear();
  std::map<std::string, Version> newest;
  for (const auto& one : world_.nodes()) {
    one->ForEachRow([&](const tg_change& change) {
      if (change.kind == TG_CHANGE_EVICT) return true;
      const std::string key = KeyText(change.key);
      const Version version = Version::From(change.version);
      Version& held = newest[key];
      held = std::max(held, version);
      if (one.get() == &node) {
        known.newest[key] = version;
        if (auto first = known.first_us.find({key, version}); first != known.first_us.end())
          known.since_us[key] = first->second;
        if (const ModelTruth* model = FindModel(View(change.model)); model != nullptr && model->joined)
          known.joined[key] = JoinedOf(key, change);
      }
      Found(key, version);
      return true;
    });
  }
  world_.network().monitor().Rewound(node.agent());
  for (auto& [key, states] : states_) {
    const Version held = std::max(newest[key], forgotten_[key]);
    for (auto state = states.rbegin(); state != states.rend() && held < state->first; ++state) {
      if (!state->second.lost) ++lost_;
      state->second.lost = true;
    }
  }
}

void Oracle::Found(const std::string& key, const Version& version) {
  auto states = states_.find(key);
  if (states == states_.end()) return;
  auto found = states->second.find(version);
  if (found != states->second.end() && !taken_for_lost_.contains({key, version})) found->second.lost = false;
}

// What goes down only has one writer, which is the server.
void Oracle::LossesConfirmed() {
  SimNode& server = world_.node(kAgentServer);
  confirmed_ = true;
  for (auto& [key, states] : states_) {
    const Written& any = states.begin()->second;
    const ModelTruth* model = FindModel(any.model);
    if (model == nullptr || model->changing || model->direction != TG_DIRECTION_DOWN) continue;
    const auto held = Held(server, KeyOf(key, any.owner));
    for (auto state = states.rbegin(); state != states.rend(); ++state) {
      if (held && !(held->version < state->first)) break;
      state->second.lost = true;
      taken_for_lost_.insert({key, state->first});
    }
  }
}

// The server went back, and after they had last heard from it so did all its children: nobody is left who can tell it.
bool Oracle::IsLossUnseen() const {
  if (!unseen_restored_ms_) return false;
  SimNode& server = world_.node(kAgentServer);
  if (!server.up() || server.status().restored_unix_ms != *unseen_restored_ms_) return false;
  return std::all_of(world_.nodes().begin(), world_.nodes().end(), [&](const auto& node) {
    if (node->parent() != kAgentServer) return true;
    auto told = told_by_server_us_.find(node->agent());
    auto rewound = rewound_us_.find(node->agent());
    return told == told_by_server_us_.end() || (rewound != rewound_us_.end() && rewound->second >= told->second);
  });
}

// What a node that went back need not have: its own up items do not come down to it again, and what went down only
// does not go up again to a server that went back, before an operator has said which of the two is the truth.
bool Oracle::MayLag(const SimNode& node, uint32_t direction) const {
  if (direction == TG_DIRECTION_UP) return node.role() != TG_ROLE_SERVER && rewound_.contains(node.agent());
  return direction == TG_DIRECTION_DOWN && rewound_.contains(kAgentServer) && !confirmed_;
}

}  // namespace tidegate::sim
