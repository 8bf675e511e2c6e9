// A replica that is not what it was: restored from a backup, rolled back with its virtual machine, copied. Recognised
// at hello; docs/replication.md, "Restored, rolled back, copied, replaced", tells it with an example.
#include <algorithm>

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/sync/reconcile_asker.h"

namespace tidegate::node {
namespace {

// What the lost life had overwritten its feeds passed over, and it is here again, below what the parent holds by a
// watermark that is good.
constexpr uint32_t kRereadAll = (1u << TG_LANE_COUNT) - 1;
constexpr uint64_t kEpochsAll = 1024;

bool TellsOfARewind(uint32_t verdict) {
  return verdict == TG_WATERMARK_UNKNOWN_EPOCH || verdict == TG_WATERMARK_PAST_EPOCH ||
         verdict == TG_WATERMARK_NOT_AN_END || verdict == TG_WATERMARK_OTHER_VERSION;
}

Watermark Of(const std::vector<wire::LaneWatermark>& entries, uint32_t lane) {
  for (const wire::LaneWatermark& entry : entries) {
    if (entry.lane == lane) return entry.watermark;
  }
  return {};
}

}  // namespace

// Whether the neighbour knows of something that this replica never did, or did otherwise. What was found once is not
// found again: the neighbour goes on naming it until our feed has begun anew.
bool Node::Impl::IsRewound(const wire::Hello& hello) {
  if (options_.role == TG_ROLE_SERVER && hello.fall < record_.fall) {
    LiftClock(hello);  // it has not heard of the newest loss, which may be why: it is told of it
    return false;
  }
  auto& judged = judged_[hello.agent];
  bool rewound = false;
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    Watermark held = Of(hello.held, lane);
    if (held.none() || held == judged[lane]) continue;
    if (found_rewound_ && held.epoch != deps_.storage.epoch()) {
      LiftClock(hello);  // of the same lost life as another neighbour told
      continue;
    }
    auto verdict = deps_.storage.WatermarkCheck(held);
    if (!verdict.ok() || !TellsOfARewind(verdict.value())) continue;
    judged[lane] = held;
    rewound = true;
  }
  if (options_.role != TG_ROLE_SERVER) return rewound;
  if (hello.fall > record_.fall) return true;
  // The server acknowledged more than it holds.
  const sync::Link* link = links_.Find(hello.agent);
  if (link == nullptr || link->record.replica != hello.replica) return rewound;
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    const Watermark& held = link->receivers[lane].held();
    if (!held.none() && Of(hello.delivered, lane).position > held.position) return true;
  }
  return rewound;
}

// A new epoch, so that no position names two commits; the clock above what the neighbour holds of us; nothing counts
// as delivered; all that is shared with the parent is compared. One commit, before anything is sent.
Status Node::Impl::BecomeRewound(const wire::Hello& told) {
  if (Status before = CommitStage(); !before.ok()) {  // what was written belongs to the epoch that ends
    judged_.erase(told.agent);
    return before;
  }
  LiftClock(told);
  record_.rewound = options_.role != TG_ROLE_SERVER;
  record_.restored_unix_ms = std::max<int64_t>(deps_.clock.unix_ms(), 1);
  if (options_.role == TG_ROLE_SERVER)
    record_.fall = std::max({versions_.Tick(deps_.clock.unix_ms()), record_.fall + 1, told.fall + 1});
  record_.reread_lanes = kRereadAll;
  Epoch epoch = deps_.random.Next();
  record_.rewind_epoch = FirstEpochAfter(told.known_epoch, epoch);
  stage_.Begin();
  stage_.BeginEpoch(epoch);
  if (options_.role != TG_ROLE_SERVER) marks_.Add(true, 0);
  marks_.Stage();
  StageNothingDelivered();
  stage_.End([this, by = told.agent](const Status& status, std::span<const core::Effect>) {
    if (!status.ok()) {
      judged_.erase(by);
      return;
    }
    deps_.log.Write(4, "agent " + std::to_string(by) +
                           " holds more of this replica than there is: it was restored from a backup, rolled back or "
                           "copied; it goes on in a new epoch, and sends and compares everything");
    deps_.metrics.Add("tidegate_rewinds_total", 1);
    found_rewound_ = true;
    doubts_.Note("agent " + std::to_string(options_.agent) + " was restored or rolled back");
    NothingDelivered();
    LoadFacts();
    for (auto& [number, session] : sessions_) {
      if (session.agent != by) HelloAgain(&session);
    }
  });
  return CommitStage();
}

// Above what the neighbour holds of us.
void Node::Impl::LiftClock(const wire::Hello& told) {
  for (const wire::LaneWatermark& entry : told.held) {
    const Version& version = entry.watermark.version;
    if (version.agent == options_.agent) {
      versions_.Restore(version.hlc);
    } else {
      versions_.Observe(version.hlc, deps_.clock.unix_ms(), options_.clock_drift_ms_max);
    }
  }
}

// The epochs that the neighbour never heard of are those since the rewind. It knows the present one where a machine
// went back while it ran: then nobody knows which of its states are since.
Epoch Node::Impl::FirstEpochAfter(Epoch known, Epoch next) const {
  Epoch first = next;
  for (const wire::EpochStart& epoch : self_.epochs) {
    if (epoch.epoch == known) return first;
    first = epoch.epoch;
  }
  return next;
}

bool Node::Impl::KnowsEpoch(Epoch epoch) const {
  auto epochs = deps_.storage.Epochs(kEpochsAll);
  return epochs.ok() && std::any_of(epochs.value().begin(), epochs.value().end(),
                                    [&](const tg_epoch& known) { return known.epoch == epoch; });
}

// The child's list lacks the epoch in which it said hello last: that life of it is lost, though its watermarks may be
// good. The hello is not taken before the child has noted that; then it says another.
bool Node::Impl::TellOfLostLife(Session* session, wire::SessionId id, const wire::Hello& hello, sync::Link* known,
                                Epoch clone) {
  if (known == nullptr || known->is_parent() || known->record.epochs.empty() || hello.rewound) return false;
  Epoch newest = known->record.epochs.front().epoch;
  if (std::any_of(hello.epochs.begin(), hello.epochs.end(),
                  [&](const wire::EpochStart& epoch) { return epoch.epoch == newest; }))
    return false;
  if (clone != 0) {
    stage_.Begin();
    StageClone(hello.agent, clone);
    stage_.End([this, agent = hello.agent, clone](const Status& status, std::span<const core::Effect>) {
      if (status.ok()) NoteClone(agent, clone);
    });
    RefuseClone(known, clone);
  }
  wire::Hello answer = sync::MakeHello(self_, known);
  answer.newest_epoch = newest;
  answer.known_epoch = KnownEpoch(known, id, hello);
  Send(session, id, answer);
  return true;
}

// Whether this node made the version after it was last found rewound; without a rewind, since it was started.
bool Node::Impl::IsSinceRewind(const Version& version) const {
  return version.agent == options_.agent && IsSinceRewind(version.epoch);
}

bool Node::Impl::IsSinceRewind(Epoch epoch) const {
  if (record_.rewind_epoch == 0) return epoch == deps_.storage.epoch();
  auto epochs = deps_.storage.Epochs(kEpochsAll);
  if (!epochs.ok()) return false;
  for (const tg_epoch& known : epochs.value()) {  // the newest first
    if (known.epoch == epoch) return true;
    if (known.epoch == record_.rewind_epoch) return false;
  }
  return false;
}

// After `restore`: it is known before any neighbour says so.
void Node::Impl::TakeRestoreNote() {
  Result<std::string> note = deps_.storage.MetaGet(sync::meta::kRestored);
  if (!note.ok()) return;
  record_.restored_unix_ms = std::max<int64_t>(deps_.clock.unix_ms(), 1);
  record_.rewound = options_.role != TG_ROLE_SERVER;
  record_.rewind_epoch = deps_.storage.epoch();
  record_.reread_lanes = kRereadAll;
  found_rewound_ = true;
  if (options_.role == TG_ROLE_SERVER) record_.fall = std::max(versions_.Tick(deps_.clock.unix_ms()), record_.fall + 1);
  stage_.Begin();
  stage_.MetaDelete(sync::meta::kRestored);
  if (options_.role != TG_ROLE_SERVER) marks_.Add(true, 0);
  marks_.Stage();
  StageNothingDelivered();
  stage_.End();
  delivered_ = {};
  doubts_.Note("agent " + std::to_string(options_.agent) + " was restored");
  deps_.log.Write(4, "this replica was restored from a backup (" + note.value() + ")");
}

// ---- the server has lost something ----

// In the open group.
void Node::Impl::StageNothingDelivered() {
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) stage_.MetaDelete(sync::meta::Delivered(lane));
}

// The feeds that have begun since this node went back go on from where the parent is.
void Node::Impl::NoteReread(const sync::Link& parent) {
  uint32_t left = record_.reread_lanes;
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane)
    if (parent.senders[lane].begun()) left &= ~(1u << lane);
  if (left == record_.reread_lanes) return;
  record_.reread_lanes = left;
  stage_.Begin();
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  stage_.End();
}

void Node::Impl::NothingDelivered() {
  delivered_ = {};
  if (sync::Link* parent = links_.parent()) {
    for (sync::FeedSender& sender : parent->senders) sender.ForgetDelivered();
  }
}

// In the open group: nothing counts as delivered any more, here and below. The children are asked to send again what
// this node may have dropped since, by naming no watermark to them.
void Node::Impl::StageFall(uint64_t fall) {
  record_.fall = std::max(record_.fall, fall);
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  StageNothingDelivered();
  for (const auto& [agent, link] : links_.all()) {
    if (link->is_parent()) continue;
    for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) stage_.MetaDelete(sync::meta::Held(agent, lane));
  }
}

// before: the newest loss known until now; 0 = this is the first server that is heard of.
void Node::Impl::Fallen(uint64_t before) {
  NothingDelivered();
  if (before != 0) deps_.metrics.Add("tidegate_server_losses_total", 1);
  for (const auto& [agent, link] : links_.all()) {
    if (link->is_parent()) continue;
    for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
      link->receivers[lane].Restore({});
      link->pairs[lane].Clear();
    }
    if (Session* session = SessionOf(*link)) HelloAgain(session);
  }
}

// A child knows of a loss that we have not heard of: it was told by another parent, or we are restored ourselves.
Status Node::Impl::HearFall(uint64_t fall) {
  uint64_t before = record_.fall;
  stage_.Begin();
  StageFall(fall);
  stage_.End([this, before](const Status& status, std::span<const core::Effect>) {
    if (!status.ok()) {
      record_.fall = before;
      return;
    }
    Fallen(before);
    for (auto& [number, session] : sessions_) {
      if (session.peer.side == core::Side::kParent) HelloAgain(&session);
    }
  });
  return CommitStage();
}

// A session that is up begins anew.
void Node::Impl::HelloAgain(Session* session) {
  if (session->state != SessionState::kUp) return;
  if (session->peer.side == core::Side::kParent) return StartHello(session);
  AskAgain(session);
  EndSession(session);
}

// Of the versions that this agent made, the newest that is here.
uint64_t Node::Impl::NewestOf(AgentId agent) const {
  uint64_t newest = 0;
  Status read = deps_.storage.RangeScan(sync::RangeOf(agent, {}, 0), [&](const tg_change& change) {
    if (change.version.agent == agent) newest = std::max(newest, change.version.hlc);
    return true;
  });
  if (!read.ok()) deps_.log.Write(3, "cannot read the items of agent " + std::to_string(agent) + ": " + read.message());
  return newest;
}

}  // namespace tidegate::node
