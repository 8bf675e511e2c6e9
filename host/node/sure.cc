// Sureness: whether what this node lacks is really gone, so that a child may remove it. The server knows;
// a router knows when it holds all that its parent had when it asked (design section 6, "Reconcile").
#include <algorithm>

#include "host/base/digest.h"
#include "host/base/views.h"
#include "host/node/held_state.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {

namespace {

bool AllBegun(const sync::Link& child) {
  return std::all_of(child.senders.begin(), child.senders.end(),
                     [](const sync::FeedSender& sender) { return sender.begun(); });
}

}  // namespace

using sync::Sureness;

Sureness Node::Impl::SureOf(const sync::Link& child, AgentId owner) const {
  // Before its feed begins it may not know that we went back, and what of ours it has to send again.
  const Sureness sure = AllBegun(child) ? Sureness::kSure : Sureness::kNotYet;
  if (options_.role == TG_ROLE_SERVER) return record_.restored_unix_ms != 0 ? Sureness::kNever : sure;
  const sync::Link* parent = links_.parent();
  if (parent == nullptr) return Sureness::kNotYet;
  if (parent->never_sure) return Sureness::kNever;
  // What waits here as a whole is lacked without being gone; a question names no models.
  if (!parent->holds.empty() || lacks_from_above_) return Sureness::kNotYet;
  // What was refused, and found no room to be listed, is lacked without being gone.
  if (!parent->quarantined.empty() && QuarantineRoom() == 0) return Sureness::kNotYet;
  bool selected = edges_told_.confirmed();
  return !marks_.Covers(owner) && selected && sure_answered_ >= child.sure_need ? sure : Sureness::kNotYet;
}

// What this node has in quarantine from its parent is not gone.
void Node::Impl::KeepRefused(wire::CompareAnswer* answer) const {
  const sync::Link* parent = links_.parent();
  if (parent == nullptr || parent->quarantined.empty()) return;
  for (wire::RangeAnswer& range : answer->ranges) {
    std::erase_if(range.removals, [&](const wire::KeyVersion& key) {
      return parent->quarantined.contains(
          sync::meta::Quarantine(parent->agent(), false, answer->owner, key.pk, key.sk));
    });
  }
}

// A child came, or asks: what it is told has to rest on a question asked from now on.
void Node::Impl::NeedSureness(sync::Link* child) {
  if (options_.role == TG_ROLE_SERVER) return;
  child->sure_need = ++sure_wanted_;
  if (sync::Link* parent = links_.parent()) parent->ack_due = true;
}

// A new session with a parent: it may be another one, or restored.
void Node::Impl::AskParentAnew() {
  for (const auto& [agent, link] : links_.all()) {
    if (!link->is_parent()) NeedSureness(link.get());
  }
}

void Node::Impl::FillSureness(const sync::Link& link, wire::Ack* ack) const {
  if (link.is_parent()) {
    ack->settled = marks_.empty();
    if (sure_wanted_ > sure_answered_ && edges_told_.confirmed()) ack->sure_ask = sure_wanted_;
    return;
  }
  ack->sure_answer = link.sure_said;
  ack->doubts = doubts_.About(link);
  ack->never_sure = SureOf(link, kAgentAll) == Sureness::kNever;
}

void Node::Impl::OnSureness(sync::Link* link, const wire::Ack& ack) {
  if (link->is_parent()) {
    link->never_sure = ack.never_sure;
    if (ack.sure_answer > sure_answered_ && ack.sure_answer <= sure_wanted_) {
      sure_answered_ = ack.sure_answer;
      (void)links_.all();  // the children may be answered now
    }
    return;
  }
  link->settled = ack.settled && AllBegun(*link);
  if (link->settled) waits_.Compared(link->agent());
  if (ack.sure_ask > link->sure_asked) {
    link->sure_asked = ack.sure_ask;
    link->sure_noted = false;
    NeedSureness(link);
  } else if (ack.sure_ask != 0 && ack.sure_ask <= link->sure_said) {
    link->ack_due = true;  // the answer was lost
  }
}

// Answers a child when it holds all that this node had, and was sure of, after it asked.
bool Node::Impl::AnswerSureness() {
  bool any = false;
  links_.ForStirred([&](sync::Link* link) {
    if (link->is_parent() || !link->up() || link->sure_asked <= link->sure_said) return;
    if (!link->sure_noted) {
      bool whole = options_.role == TG_ROLE_SERVER || marks_.empty();
      if (!whole || SureOf(*link, kAgentAll) != Sureness::kSure) return;
      link->sure_noted = true;
      link->sure_position = end_.position;
    }
    // Where a feed begins the child is taken to stand at its start, before it has heard that all is unsettled.
    if (!AllBegun(*link) || link->hop_position(end_.position) < link->sure_position) return;
    link->sure_said = link->sure_asked;
    link->ack_due = any = true;
  });
  return any;
}

// A server of which a child knows more than it does itself was restored or replaced: what it lacks may
// well be alive. What an operator has confirmed is not found again in a child that comes late.
void Node::Impl::NoteRestored(const wire::Hello& hello) {
  if (options_.role != TG_ROLE_SERVER || record_.restored_unix_ms != 0) return;
  if (record_.confirmed_fall == record_.fall) return;
  const bool other_server = hello.fall != 0 && hello.fall < record_.fall;
  if (!other_server && std::none_of(hello.held.begin(), hello.held.end(), [&](const wire::LaneWatermark& entry) {
        if (entry.watermark.none()) return false;
        auto verdict = deps_.storage.WatermarkCheck(entry.watermark);
        return verdict.ok() && verdict.value() != TG_WATERMARK_USABLE && verdict.value() != TG_WATERMARK_BELOW_FLOOR;
      }))
    return;
  record_.restored_unix_ms = std::max<int64_t>(deps_.clock.unix_ms(), 1);
  deps_.log.Write(3, "agent " + std::to_string(hello.agent) +
                         " knows more of this replica than is in it: it was restored or replaced. Nothing that it "
                         "lacks is removed below, until 'tidegate losses confirm'");
  stage_.Begin();
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  stage_.End();
}

// ---- removals ----

bool Node::Impl::CameFromAbove(AgentId via) const {
  const sync::Link* link = via == 0 ? nullptr : links_.Find(via);
  return link != nullptr ? link->is_parent() : former_parents_.contains(via);
}

sync::ReconcileAsker::Positions Node::Impl::DeliveredPositions() const {
  sync::ReconcileAsker::Positions positions{};
  const sync::Link* parent = links_.parent();
  for (uint32_t lane = 0; parent != nullptr && lane < TG_LANE_COUNT; ++lane) {
    positions[lane] = std::max(delivered_[lane].position, parent->senders[lane].delivered_position(end_.position));
  }
  return positions;
}

// It came from the parent, which may have lost it since, before it got to the server; or from a former one, which may
// not have given it to the server yet: above the purge horizon nobody has forgotten a delete of it. Once it is
// compared, that is over.
bool Node::Impl::IsDoubted(const sync::Link& parent, const tg_change& change) const {
  if ((change.direction & TG_DIRECTION_UP) == 0 || change.seq > parent.record.doubted_position) return false;
  return change.via == parent.agent() || (CameFromAbove(change.via) && change.version.hlc >= KnownHorizon());
}

// Whether the server may have lacked it, when the parent was asked, because it had never got it.
bool Node::Impl::IsUndelivered(const tg_change& change, const sync::ReconcileAsker::Positions& delivered) const {
  const sync::Link* parent = links_.parent();
  if ((change.direction & TG_DIRECTION_UP) == 0 || parent == nullptr) return false;
  if (CameFromAbove(change.via)) return false;
  return change.seq > delivered[std::min<uint32_t>(change.lane, TG_LANE_COUNT - 1)];
}

// A parent that does not give a model to its children lacks what it likes of it.
bool Node::Impl::GoesDownFrom(const sync::Link& parent, std::string_view model) const {
  if (parent.table.empty()) return true;  // it says nothing of models
  return std::any_of(parent.table.begin(), parent.table.end(), [&](const wire::ModelPolicy& policy) {
    return policy.model == model && (policy.direction & TG_DIRECTION_DOWN) != 0;
  });
}

// Whether something that goes down here does not come down from the parent: then lacking it means nothing.
void Node::Impl::NoteLacksFromAbove() {
  const sync::Link* parent = links_.parent();
  auto catalog = deps_.catalog.Get();
  const auto& rules = catalog->rules();
  lacks_from_above_ = parent != nullptr && std::any_of(rules.begin(), rules.end(), [&](const replica::ModelRule& rule) {
                        return (rule.direction & TG_DIRECTION_DOWN) != 0 && !GoesDownFrom(*parent, rule.name);
                      });
}

// A parent that is sure lacks these: they were deleted, and the tombstone is forgotten. The removal is a
// tombstone just above the state that it removes; it goes on to the children and never up. What the parent
// refused stays, listed. False: one of them is being written or delivered, so that the range has to be asked again.
bool Node::Impl::StageRemovals(const sync::Link& parent, const wire::CompareAnswer& answer,
                               const std::vector<wire::KeyVersion>& removals) {
  const sync::ReconcileAsker::Positions delivered = pass_.asker().DeliveredAt(answer.ask);
  bool all = true;
  for (const wire::KeyVersion& removal : removals) {
    tg_key key{answer.owner, Str(removal.pk), Str(removal.sk)};
    if (stage_.Touches(key)) {
      all = false;
      continue;
    }
    std::optional<tg_change> held;
    Status read = deps_.storage.Get(key, [&](const tg_change& change) {
      held = stage_.arena().Copy(change);
      return false;
    });
    if (!read.ok() && read.code() != Code::kNotFound) all = false;
    if (!held || held->kind != TG_CHANGE_ITEM || Version::From(held->version) != removal.version) continue;
    if ((held->direction & TG_DIRECTION_DOWN) == 0 || held->expires_ms != 0 || IsRefused(parent, *held)) continue;
    if (held_above_.Excepts(View(held->model), true)) continue;  // it waits above as a whole, and comes again
    if (!GoesDownFrom(parent, View(held->model))) continue;
    if (policy_changes_.IsBeingKeyed(View(held->model))) {
      all = false;  // it may have been passed over by a feed
      continue;
    }
    if (IsDoubted(parent, *held)) {
      StageRenumbered(*held);  // it goes up, to where it is decided
      all = false;
      continue;
    }
    if (IsUndelivered(*held, delivered)) {
      all = false;  // it is on its way, or news of its delivery is
      continue;
    }
    tg_change tombstone = *held;
    tombstone.kind = TG_CHANGE_TOMBSTONE;
    tombstone.version = sync::RemovalOf(removal.version).To();
    tombstone.via = parent.agent();
    tombstone.body = tombstone.policy_meta = {};
    tombstone.index_keys = nullptr;
    tombstone.index_key_count = 0;
    tombstone.digest = ChangeDigest(tombstone);
    stage_.Begin();
    stage_.Put(tombstone, TG_IF_VERSION, removal.version);
    stage_.End([this, name = std::string(View(held->model)) + " " + removal.pk + " / " + removal.sk](
                   const Status& status, std::span<const core::Effect> effects) {
      if (!status.ok() || effects.empty() || !effects[0].applied()) return;
      deps_.metrics.Add("tidegate_removed_by_parent_total", 1);
      deps_.log.Write(6, "removed " + name + ": it was deleted above while nothing was heard from there");
    });
  }
  return all;
}

}  // namespace tidegate::node
