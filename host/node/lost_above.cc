// What was dropped before it had gone on: who gave it is told, keeps what it has of it, and sends it again when the way
// is free (docs/replication.md, "What is dropped before it has gone on"; design section 6, "Delivered").
#include "host/base/views.h"
#include "host/node/held_state.h"
#include "host/node/impl.h"

namespace tidegate::node {

// The child that a state came from; 0 = none: it is our own, or its writer is not below any more.
AgentId Node::Impl::ChildOf(AgentId via, AgentId writer) const {
  const sync::Link* link = via == 0 ? nullptr : links_.Look(via);
  if (link == nullptr || link->is_parent())
    link = links_.routes().IsBelow(writer) ? links_.Look(links_.routes().LinkOf(writer)) : nullptr;
  return link == nullptr || link->is_parent() ? 0 : link->agent();
}

// Into the open group.
LossNews Node::Impl::NewsFor(AgentId child, const wire::RefusedKey& lost) {
  LossNews news;
  if (child == 0) return news;
  news.child = child;
  news.named = loss_notes_.Stage(child, lost, &stage_);
  if (news.named) news.name = lost;
  return news;
}

LossNews Node::Impl::StageLost(const tg_change& change, const char* why) {
  wire::RefusedKey lost;
  lost.model = View(change.model);
  lost.owner = change.key.owner;
  lost.pk = View(change.key.pk);
  lost.sk = View(change.key.sk);
  lost.version = lost.held = Version::From(change.version);
  lost.lost = why;
  return NewsFor(ChildOf(change.via, lost.version.agent), lost);
}

// After the commit, and before any ack that says more to be delivered: it goes with this one.
void Node::Impl::TellLost(const LossNews& news) {
  sync::Link* link = news.child == 0 ? nullptr : links_.Find(news.child);
  if (link == nullptr) return;
  if (!news.named) {
    link->refusals.ReadAnew();
  } else if (!link->refusals.incomplete()) {
    (void)link->refusals.Forward(news.name);  // no room: the list is read again
  }
  link->ack_due = true;
}

// Into the open group: what the parent says of something that came from here.
Node::Impl::HeardLoss Node::Impl::StageHeardLost(const sync::Link& parent, const wire::RefusedKey& said) {
  HeardLoss heard;
  wire::RefusedKey lost = said;
  if (lost.by == 0) lost.by = parent.agent();
  const bool named = !lost.pk.empty() || !lost.sk.empty();
  const Held held = named ? HeldOf(deps_.storage, KeyOf(lost)) : Held();
  const bool here = given_up_.StageLost(lost, lost.by, end_.position, &stage_);
  if (named && !here && held.version.none() && lost.version.agent == options_.agent) {
    // Retention took it for delivered to the hop, which had the only copy.
    tg_change gone{};
    gone.struct_size = sizeof gone;
    gone.model = Str(lost.model);
    gone.key = KeyOf(lost);
    gone.version = lost.version.To();
    heard.counted = retention_.StageLoss(gone, lost.lost + " at agent " + std::to_string(lost.by));
  }
  if (named) {
    if (lost.version.agent != options_.agent)
      heard.news.push_back(NewsFor(ChildOf(held.version == lost.version ? held.via : 0, lost.version.agent), lost));
  } else {
    for (const auto& [agent, link] : links_.still()) {
      if (!link->is_parent()) heard.news.push_back(NewsFor(agent, lost));
    }
  }
  if (here) lost_again_.Heard(end_.position);
  deps_.metrics.Add("tidegate_dropped_above_total", 1);
  return heard;
}

// Into the open group: the parent went back. What was dropped here since it had it, and is not known to be at the
// server, may be nowhere above; who wrote it, and may still have it, sends it again.
std::vector<LossNews> Node::Impl::StageLostAtHop(const wire::Hello& parent) {
  HopDrops::Positions held{}, delivered{};
  for (const wire::LaneWatermark& entry : parent.held)
    if (entry.lane < TG_LANE_COUNT) held[entry.lane] = entry.watermark.position;
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) delivered[lane] = delivered_[lane].position;
  std::vector<LossNews> news;
  uint64_t items = 0;
  retention_.StageLostAtHop(held, delivered, parent.agent, [&](const wire::LostRecord& gone) {
    items += gone.items;
    wire::RefusedKey some;
    some.model = gone.model;
    some.owner = gone.owner;
    some.lost = "it was dropped, and the next node lost it";
    if (gone.owner != options_.agent) news.push_back(NewsFor(ChildOf(0, gone.owner), some));
  });
  if (items == 0) return news;
  deps_.log.Write(4, std::to_string(items) + " items were dropped here when agent " + std::to_string(parent.agent) +
                         " had them, which went back since: what it had not given to the server is lost");
  deps_.metrics.Add("tidegate_dropped_above_total", items);
  return news;
}

// A child sends again what it was told is lost, and it is here, and lost further above: it is told once more, before
// what it has sent counts as delivered. It goes from here, too.
void Node::Impl::TellLostAbove(const tg_change& change) {
  if (given_up_.empty()) return;
  tg_change held{};
  bool found = false;
  (void)deps_.storage.Get(change.key, [&](const tg_change& row) {
    held.model = change.model;
    held.key = change.key;
    held.version = row.version;
    held.seq = row.seq;
    held.lane = row.lane;
    found = row.kind == TG_CHANGE_ITEM;
    return false;
  });
  const sync::Link* source = links_.Look(change.via);
  if (!found || source == nullptr || source->is_parent() || !given_up_.Covers(held)) return;
  stage_.Begin();
  held.via = change.via;
  LossNews news = StageLost(held, "it waits at the next node to go again");
  stage_.End();
  TellLost(news);
}

void Node::Impl::SendLostAgain(int64_t now_us) {
  if (!given_up_.goes_again() || policy_changes_.keying() || !marks_.empty()) return;
  sync::Link* parent = links_.parent();
  if (parent == nullptr || !parent->up()) return;
  const size_t portion = lost_again_.Portion(parent->PassedDelivered(end_.position), now_us);
  if (portion == 0) return;
  stage_.Begin();
  std::vector<wire::RefusedKey> names = given_up_.Portion(
      portion, [&](std::string_view model) { return held_above_.Excepts(model, true); },
      [&](const tg_change& row) { return CameFromAbove(row.via); }, &stage_);
  stage_.End();
  if (names.empty()) return lost_again_.Nothing(!given_up_.goes_again(), now_us);
  SendAgain(names, TG_DIRECTION_UP);
  lost_again_.Staged(names.size());
  stage_.Begin();
  stage_.End([this, now_us, before = end_.position](const Status& status, std::span<const core::Effect>) {
    lost_again_.Committed(status.ok());
    if (!status.ok()) return;
    if (end_.position == before) return lost_again_.Nothing(false, now_us);
    lost_again_.Moved(end_.position);
    sync::Link* above = links_.parent();
    for (uint32_t lane = 0; above != nullptr && lane < TG_LANE_COUNT; ++lane) above->senders[lane].Hurry(end_.position);
  });
}

}  // namespace tidegate::node
