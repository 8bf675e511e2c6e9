#include "tests/sim/monitor.h"

#include <algorithm>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"
#include "host/sync/routes.h"
#include "host/wire/records.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/world.h"

namespace tidegate::sim {
namespace {

std::string Text(const Watermark& watermark) { return std::to_string(watermark.position); }

}  // namespace

Monitor::Monitor(World& world) : world_(world), random_(world.options().seed ^ 0x6d6f6e69746f72ull) {}

std::string Monitor::Describe(const wire::DecodedFrame& frame) {
  struct Visitor {
    std::string operator()(const wire::Hello& hello) const {
      std::string text = "hello";
      for (const auto& held : hello.held) text += " holds " + std::to_string(held.lane) + ":" + Text(held.watermark);
      for (const auto& delivered : hello.delivered)
        text += " delivered " + std::to_string(delivered.lane) + ":" + Text(delivered.watermark);
      return text + " unsettled " + std::to_string(hello.unsettled.size());
    }
    std::string operator()(const wire::Refuse& refuse) const {
      return std::string("refuse ") + wire::RefuseReasonName(refuse.reason) + " " + refuse.message;
    }
    std::string operator()(const wire::Batch& batch) const {
      return "batch " + std::to_string(batch.lane) + ":" + Text(batch.before) + ".." + Text(batch.after) + " of " +
             std::to_string(batch.changes.size()) + (batch.begin != 0 ? " begin " + std::to_string(batch.begin) : "") +
             (batch.unsettled ? " unsettled" : "");
    }
    std::string operator()(const wire::Ack& ack) const {
      std::string text = "ack";
      for (const wire::LaneAck& lane : ack.lanes)
        text += " " + std::to_string(lane.lane) + ":" + Text(lane.held) + "/" + Text(lane.delivered);
      for (const wire::RefusedKey& refused : ack.refused)
        text += " refused " + refused.model + " " + refused.pk + " " + refused.sk + " " + refused.reason;
      if (ack.holds_number != 0) text += " holds #" + std::to_string(ack.holds_number);
      for (const wire::Hold& hold : ack.holds) text += " " + hold.model + " by " + std::to_string(hold.by);
      return text;
    }
    std::string operator()(const wire::Routes& routes) const { return "routes " + std::to_string(routes.edges.size()); }
    std::string operator()(const wire::SyncAsk& ask) const {
      return "sync ask " + std::to_string(ask.number) + " about " + std::to_string(ask.agent) +
             (ask.subtree ? " and below" : "") + (ask.push ? " push" : "") + (ask.pull ? " pull" : "") +
             (ask.compare ? " compare" : "");
    }
    std::string operator()(const wire::SyncDone& done) const {
      return "sync done " + std::to_string(done.number) + " " + done.failure;
    }
    std::string operator()(const wire::CompareAsk& ask) const {
      return "compare ask " + std::to_string(ask.pass) + "." + std::to_string(ask.ask) + " owner " +
             std::to_string(ask.owner) + " " + ask.model;
    }
    std::string operator()(const wire::CompareAnswer& answer) const {
      std::string text = "compare answer " + std::to_string(answer.pass) + "." + std::to_string(answer.ask);
      for (const wire::RangeAnswer& range : answer.ranges)
        text += " " + std::to_string(static_cast<int>(range.verdict)) + ":" + std::to_string(range.changes.size()) +
                "/" + std::to_string(range.wants.size()) + "/" + std::to_string(range.removals.size());
      return text;
    }
  };
  return std::visit(Visitor{}, frame.body);
}

void Monitor::CheckChange(SimNode& from, AgentId to, const tg_change& change, bool feed) {
  const ModelTruth* model = FindModel(View(change.model));
  // What a model that goes another way left behind is its owner's, and may differ from what the parent gives in each
  // comparison: it is not taken.
  if (feed || model == nullptr || !model->changing) ++changes_sent_;
  auto fail = [&](const std::string& what) {
    world_.Fail("node " + std::to_string(from.agent()) + " sends to " + std::to_string(to) + " " + what + ": " +
                sim::Describe(change));
  };
  const bool up = from.parent() == to;
  if (model == nullptr) return fail("an unknown model");
  // An answer may go back to who gave it, and may have forgotten it; a node on the way need not hold it.
  const bool given_back = !up && !feed && std::string_view(model->name) == "Done";
  const bool passed_on = given_back && from.role() == TG_ROLE_ROUTER;
  if (!given_back && (world_.Direction(from.agent(), *model) & (up ? TG_DIRECTION_UP : TG_DIRECTION_DOWN)) == 0)
    return fail("against its direction");
  if (change.key.owner != kAgentAll && change.kind != TG_CHANGE_EVICT && !world_.oracle().leftovers() &&
      !world_.IsAtOrAbove(up ? from.agent() : to, change.key.owner))
    return fail("what is not on its way");
  if (change.kind == TG_CHANGE_EVICT) return;
  const Version version = Version::From(change.version);
  const Written* written = world_.oracle().Find(KeyText(change.key), version);
  if (written == nullptr) return fail("what is durable nowhere");
  // What is joined, its receiver's storage tells.
  if (!model->joined && (written->body_hash != StateHash(change) || written->kind != change.kind))
    return fail("another state than was written");
  auto held = Held(from, change.key);
  if (!passed_on && (!held || held->version < version)) return fail("what it does not hold");
  if (feed && held->version == version && held->via == to) return fail("back over the link it came from");
}

namespace {

// Whether a node knows that this owner still has to be compared with its parent: then a batch it took for
// a copy may hold what an owner set gained meanwhile.
bool IsUnsettled(const SimNode& node, AgentId owner) {
  auto bytes = node.truth().MetaGet(sync::meta::kMarks);
  wire::ScopeRecord marks;
  if (!bytes.ok() || !wire::DecodeRecord(*bytes, &marks).ok()) return false;
  return std::any_of(marks.scopes.begin(), marks.scopes.end(),
                     [&](const wire::Scope& mark) { return mark.all_owners || mark.owner == owner; });
}

// A disk that went back gives the positions of one epoch twice.
bool IsOfALostLife(const SimNode& source, const Watermark& held) {
  auto verdict = source.truth().WatermarkCheck(held);
  return verdict.ok() && *verdict != TG_WATERMARK_USABLE && *verdict != TG_WATERMARK_BELOW_FLOOR;
}

}  // namespace

namespace {

// Held with its transaction, which is listed.
bool IsHeld(const std::string& entry) {
  wire::QuarantineRecord record;
  return wire::DecodeRecord(entry, &record).ok() && record.held;
}

bool HoldsModel(const SimNode& node, AgentId neighbour, const std::string& model, bool ours) {
  for (const node::LinkStatus& link : node.status().links) {
    if (link.agent != neighbour) continue;
    for (const node::HoldStatus& hold : link.holds) {
      if (hold.ours == ours && hold.model == model) return true;
    }
  }
  return false;
}

}  // namespace

// Whoever says that it holds a feed up to a watermark has durably what was sent up to there.
void Monitor::CheckClaim(SimNode& holder, AgentId sender, uint32_t lane, const Watermark& held) {
  auto found = sent_.find({sender, holder.agent(), lane});
  SimNode* source = world_.Find(sender);
  if (found == sent_.end() || source == nullptr) return;
  if (rewound_ && source->up() && IsOfALostLife(*source, held)) return;
  // Of a sender that went back a feed begins below what the receiver holds of the one before.
  if (rewound_ && begins_.contains({sender, holder.agent(), lane})) return;
  auto& batches = found->second;
  auto settled = std::stable_partition(batches.begin(), batches.end(), [&](const SentBatch& batch) {
    if (rewound_ && batch.after.epoch != held.epoch) return true;  // its positions may be other ones
    return batch.after.replica != held.replica || batch.after.position > held.position;
  });
  for (auto batch = settled; batch != batches.end() && source->up(); ++batch) {
    for (const SentChange& change : batch->changes) {
      const tg_key key{change.owner, Str(change.pk), Str(change.sk)};
      auto there = Held(*source, key);
      if (!there || there->version != change.version || there->seq > held.position) continue;  // a newer one follows
      const Written* written = world_.oracle().Find(KeyText(key), change.version);
      if (written == nullptr || !world_.oracle().IsDue(holder, *written)) continue;  // its owner has moved away
      if (change.owner != kAgentAll && !KnowsBelow(holder, change.owner)) continue;  // or was away
      // Or the sender has it elsewhere by now, and what was sent before does not come again.
      if (source->level() < holder.level() && change.owner != kAgentAll && change.owner != holder.agent() &&
          !source->truth().MetaGet(sync::Routes::Key(holder.agent(), change.owner)).ok())
        continue;
      if (world_.oracle().WasDropped(holder.agent(), KeyText(key), change.version)) continue;
      // A held model is passed over, and sent again when it is not held any more.
      if (!world_.options().retain.empty() && (HoldsModel(holder, sender, written->model, true) ||
                                               HoldsModel(*source, holder.agent(), written->model, false)))
        continue;
      auto here = Held(holder, key);
      // What the holder refused is not there: law 7. It has to be listed, and for a reason.
      auto listed = holder.truth().MetaGet(sync::meta::Quarantine(sender, false, change.owner, change.pk, change.sk));
      wire::QuarantineRecord entry;
      const bool known = listed.ok() && wire::DecodeRecord(*listed, &entry).ok();
      if (FindModel(written->model)->changing) continue;  // it may be held, or evicted since
      if (world_.oracle().IsGivenUp(KeyText(key), change.version)) continue;
      if (known && (world_.oracle().IsRefusable(KeyText(key), *written) || IsHeld(*listed))) continue;
      if (known && world_.oracle().MayBeDeleted(change.version, entry.reason)) continue;
      if (world_.oracle().EverHeld(holder.agent(), KeyText(key)) >= change.version) continue;  // and purged, perhaps
      if ((!here || here->version < change.version) && !IsUnsettled(holder, change.owner))
        world_.Fail("node " + std::to_string(holder.agent()) + " says that it holds lane " + std::to_string(lane) +
                    " of node " + std::to_string(sender) + " up to " + Text(held) + ", but not " + KeyText(key) + " " +
                    change.version.ToText());
    }
  }
  batches.erase(settled, batches.end());
}

void Monitor::Sent(SimNode& from, AgentId to, const wire::DecodedFrame& frame) {
  if (const auto* batch = std::get_if<wire::Batch>(&frame.body)) {
    SentBatch sent{batch->after, {}};
    for (const tg_change& change : batch->changes) {
      CheckChange(from, to, change, true);
      if (change.kind != TG_CHANGE_EVICT)
        sent.changes.push_back({std::string(View(change.key.pk)), std::string(View(change.key.sk)), change.key.owner,
                                Version::From(change.version)});
    }
    if (SimNode* receiver = world_.Find(to)) world_.oracle().Batched(from, *receiver, batch->changes);
    auto& batches = sent_[{from.agent(), to, batch->lane}];
    if (batch->begin != 0) batches.clear();
    if (batch->begin != 0) begins_[{from.agent(), to, batch->lane}] = batch->begin;
    batches.push_back(std::move(sent));
  } else if (const auto* answer = std::get_if<wire::CompareAnswer>(&frame.body)) {
    SimNode* receiver = world_.Find(to);
    for (const wire::RangeAnswer& range : answer->ranges) {
      for (const tg_change& change : range.changes) {
        CheckChange(from, to, change, false);
        if (receiver != nullptr) world_.oracle().Reconciled(*receiver, change);
      }
    }
  } else if (const auto* ack = std::get_if<wire::Ack>(&frame.body)) {
    for (const wire::LaneAck& lane : ack->lanes) {
      auto begin = begins_.find({to, from.agent(), lane.lane});
      if (begin != begins_.end() && lane.begin == begin->second) begins_.erase(begin);
      CheckClaim(from, to, lane.lane, lane.held);
    }
  } else if (const auto* hello = std::get_if<wire::Hello>(&frame.body)) {
    for (const wire::LaneWatermark& held : hello->held) CheckClaim(from, to, held.lane, held.watermark);
  }
}

}  // namespace tidegate::sim
