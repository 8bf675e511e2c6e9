// Feeds: batches in, acks in and out, frames out.
#include <algorithm>

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {
namespace {

constexpr int64_t kStoreDeliveredUs = 1'000'000;

}  // namespace

void Node::Impl::OnBatch(sync::Link* link, wire::DecodedFrame frame) {
  auto& batch = std::get<wire::Batch>(frame.body);
  if (TouchesShared(batch.changes)) {
    AgentId source = link->agent();
    if (!CommitStage().ok()) return;
    link = links_.Find(source);
    if (link == nullptr || link->session_id != frame.session) return;
  }
  sync::FeedReceiver& receiver = link->receivers[batch.lane];
  switch (receiver.Judge(batch)) {
    case sync::BatchVerdict::kDuplicate:
      link->AckLane(batch.lane, false);
      return;
    case sync::BatchVerdict::kMismatch:
      link->AckLane(batch.lane, true);
      return;
    case sync::BatchVerdict::kApply:
      break;
  }
  if (link->refusals.full())  // it learns first what was refused before; the batch comes again
    return deps_.metrics.Add("tidegate_batches_put_off_total", 1);
  if (!quotas_.empty()) {
    quotas_.HoldWhatIsFull();
    HoldForRoom();
  }
  receiver.Staged(batch);
  const bool rewound = batch.begin != 0 && batch.rewound;
  if (rewound && link->is_parent()) {
    link->record.doubted_position = end_.position;  // it may have lost what it gave us before it got to the server
  } else if (rewound) {
    // From now on what it wrote before is doubtful where it is lacked: it may have been deleted since.
    link->record.rewound_hlc = static_cast<uint64_t>(deps_.clock.unix_ms()) << 16;
  }
  bool sure = link->is_parent() && link->record.role == TG_ROLE_SERVER && !link->never_sure;
  sync::StagedChanges staged = sync::StageChanges(*link, batch.changes, frame.keep, this, &stage_, sure);
  // The items, the watermark and the quarantine entries of a batch commit together (law 1).
  stage_.Begin(true);
  stage_.MetaPut(sync::meta::Held(link->agent(), batch.lane), wire::EncodeRecord(batch.after));
  sync::QuarantineNotes notes =
      sync::StageQuarantine(link, staged, deps_.storage, QuarantineRoom(staged), deps_.clock.unix_ms(), &stage_);
  for (const std::string& model : staged.left_out) link->holds.LeftOut(model, batch.lane, batch.before);
  link->holds.Stage(link->agent(), &stage_);
  if (batch.begin != 0 && batch.unsettled && link->is_parent()) {
    marks_.Add(true, 0);
    marks_.Stage();
  }
  if (!staged.waiting.empty()) {
    for (AgentId owner : staged.waiting) marks_.Add(false, owner);
    marks_.Stage();
  }
  if (rewound) sync::LinkTable::StageRecord(link->record, &stage_);
  std::vector<AgentId> strays = strays_.StageAdmitted();
  wire::Batch header;
  header.lane = batch.lane;
  header.before = batch.before;
  header.after = batch.after;
  header.begin = batch.begin;
  header.hurry = batch.hurry;
  stage_.End([this, agent = link->agent(), header, count = batch.changes.size(), notes = std::move(notes),
              strays = std::move(strays)](const Status& status, std::span<const core::Effect>) {
    if (status.ok()) strays_.Note(strays);
    sync::Link* source = links_.Find(agent);
    if (source == nullptr) return;
    sync::FeedReceiver& lane = source->receivers[header.lane];
    source->holds.Staged(status.ok());
    if (!status.ok()) {
      lane.Failed();  // not acknowledged: it comes again
      links_.RestoreQuarantine(source);
      return;
    }
    lane.Committed(header);
    if (header.hurry) PassHurry(*source, header.lane);
    source->stats.last_progress_us = deps_.clock.monotonic_us();
    Tell(source, notes);
    if (options_.role == TG_ROLE_ROUTER) {
      // What was delivered of a former feed says nothing of the one that begins: its sender may have been rolled back.
      if (header.begin != 0) source->pairs[header.lane].Clear();
      source->pairs[header.lane].Add(header.after, end_.position);
      pairs_due_ = true;
    }
    source->AckLane(header.lane, false);
    TellReceived(*source, header.lane, count, notes);
  });
}

// On in the direction it came: what somebody waits for does not wait for a sync_delay at each hop.
void Node::Impl::PassHurry(const sync::Link& from, uint32_t lane) {
  for (const auto& [agent, link] : links_.all()) {
    if (link->is_parent() != from.is_parent()) link->senders[lane].Hurry(end_.position);
  }
}

void Node::Impl::OnAck(sync::Link* link, const wire::Ack& ack) {
  int64_t now_us = deps_.clock.monotonic_us();
  // Before the acks move what is known to be taken: a hold says since when something was left out.
  if (ack.holds_number != 0) OnHolds(link, ack.holds, ack.holds_number, TakenPositions(*link, ack));
  if (link->holds.Confirmed(ack.holds_recorded)) holds_ending_.insert(link->agent());
  clock_judge_.Hear(link, ack.unix_ms);
  for (const wire::LaneAck& lane : ack.lanes) {
    Result<bool> progress = link->senders[lane.lane].Acked(lane, now_us);
    if (!progress.ok()) {
      deps_.log.Write(3, "cannot judge an ack: " + progress.status().message());
      continue;
    }
    if (!progress.value()) continue;
    link->stats.last_progress_us = link->moved_us = now_us;
    TellAcked(*link, lane.lane);
  }
  link->refusals.Heard(ack);
  std::vector<wire::RefusedKey> dropped;
  if (link->refusals.Confirmed(ack.refused_recorded, &dropped)) link->ack_due = true;
  ForgetDropped(*link, dropped);
  AgentId neighbour = link->agent();
  OnRefusals(link, ack);
  link = links_.Find(neighbour);  // it may have committed
  if (link == nullptr) return;
  pairs_due_ = true;
  if (link->is_parent()) {
    if (record_.reread_lanes != 0) NoteReread(*link);
    const bool knew_edges = edges_told_.confirmed();
    if (edges_told_.AckNames(ack.edges_number)) {
      if (!knew_edges) link->moved_us = now_us;
      if (sure_wanted_ > sure_answered_) link->ack_due = true;  // now it may be asked
    }
    for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
      const Watermark& delivered = link->senders[lane].delivered();
      if (delivered == delivered_[lane] || delivered.none()) continue;
      delivered_[lane] = delivered;
      // One that is stored late only makes a feed start earlier; a commit for each ack would slow every drain.
      store_delivered_at_us_ = std::min(store_delivered_at_us_, now_us + kStoreDeliveredUs);
    }
  }
  OnSureness(link, ack);
  if (link->is_parent()) doubts_.Hear(link, ack.doubts, "");
  if (ack.answer_wanted) link->AckAll();
}

void Node::Impl::Pump() {
  int64_t now_us = deps_.clock.monotonic_us();
  SendAcks();
  SendRoutes(now_us);
  RunReconcile(now_us);
  AskAnswers(now_us);
  links_.ForStirred([&](sync::Link* link) {
    if (link->up() && !link->blocked) PumpFeeds(link, now_us);
  });
  if (AnswerSureness()) SendAcks();
}

void Node::Impl::SendAcks() {
  links_.ForStirred([&](sync::Link* link) {
    if (!link->ack_due || !link->up() || link->blocked) return;
    CompleteRefusals(link);
    // Delivered is what the server has, and downwards what the addressees have: a router only passes it on.
    bool delivered_at_hop = options_.role != TG_ROLE_ROUTER;
    wire::Ack ack = link->TakeAck(delivered_at_hop, disk_gate_.WindowBytes());
    ack.unix_ms = deps_.clock.unix_ms();
    FillSureness(*link, &ack);
    if (!Send(link, std::move(ack))) link->AckAll();
  });
}

// Whether a neighbour gets a change: by the model's direction of today, and by the policies.
sync::RouteFn Node::Impl::RouteTo(const sync::Link& link) const {
  uint32_t needed = link.is_parent() ? TG_DIRECTION_UP : TG_DIRECTION_DOWN;
  bool holds = link.is_parent() ? !held_above_.empty() : !link.held_there.empty();
  return [this, catalog = deps_.catalog.Get(), needed, holds, neighbour = link.agent()](const tg_change& change) {
    if ((change.direction & needed) == 0) return false;  // what it is not keyed for was looked at by a comparison
    // What a former parent sent is known above, or was deleted there since: a reconcile tells which.
    if (needed == TG_DIRECTION_UP && CameFromAbove(change.via)) return false;
    const replica::ModelRule* rule = catalog->Find(View(change.model));
    std::optional<uint32_t> direction = rule != nullptr ? rule->direction : DirectionFromAbove(View(change.model));
    if (direction.has_value() && (*direction & needed) == 0) return false;
    if (policy_changes_.keying() && direction.has_value() && !PolicyChanges::IsLawful(*direction, change))
      return false;  // not keyed anew yet
    if (holds && LeavesOut(neighbour, change)) return false;
    auto verdict = deps_.policy.Route({options_.role, options_.agent}, change, neighbour);
    return verdict.value_or(TG_ROUTE_SEND) != TG_ROUTE_SKIP;
  };
}

void Node::Impl::PumpFeeds(sync::Link* link, int64_t now_us) {
  // A parent takes the changes of an owner only when it knows that the owner is below.
  if (link->is_parent() && !edges_told_.confirmed()) return;
  // What goes no longer is passed over: that it has to come again when it goes once more has to be known first.
  if (!policy_changes_.stored()) return;
  // Of thousands of children most have nothing to get.
  if (std::none_of(link->senders.begin(), link->senders.end(),
                   [&](const sync::FeedSender& sender) { return sender.MaySend(now_us); }))
    return;
  sync::RouteFn route = RouteTo(*link);
  std::array<bool, TG_LANE_COUNT> exhausted{};
  for (;;) {
    uint32_t lane = link->NextLane(exhausted);
    if (lane == TG_LANE_COUNT || link->blocked) return;
    core::ChangeArena arena;
    auto batch = link->senders[lane].Next(now_us, route, &arena);
    if (!batch.ok()) {
      deps_.log.Write(
          3, "cannot read the feed to agent " + std::to_string(link->agent()) + ": " + batch.status().message());
      return;
    }
    if (!batch.value().has_value()) {
      exhausted[lane] = true;
      continue;
    }
    // What goes down goes to many.
    if (!link->is_parent() && !batch.value()->changes.empty())
      batch.value()->encoded = encoded_once_.Of(batch.value()->changes);
    if (!Send(link, std::move(*batch.value()))) {
      link->senders[lane].Unsend();
      exhausted[lane] = true;
    } else if (link->waits_since_us < 0) {
      link->waits_since_us = now_us;
    }
  }
}

}  // namespace tidegate::node
