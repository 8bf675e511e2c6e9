// Delivered: how far changes got, and what is excepted of it, which is named to whom it came from (design section 6,
// "Ack"; docs/replication.md, "Delivered"). Who waits for it is in waits.cc.
#include <algorithm>

#include "host/base/views.h"
#include "host/node/held_state.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {
void Node::Impl::StoreDelivered(int64_t now_us) {
  if (now_us < store_delivered_at_us_) return;
  store_delivered_at_us_ = INT64_MAX;
  stage_.Begin();
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    if (delivered_[lane].none()) continue;
    stage_.MetaPut(sync::meta::Delivered(lane), wire::EncodeRecord(delivered_[lane]));
  }
  stage_.End();
}

// What our parent has delivered of ours may complete what a child sent; what all our children have delivered, what
// our parent sent.
void Node::Impl::DeliverPairs() {
  sync::Link* parent = links_.parent();
  links_.ForStirred([&](sync::Link* link) {
    if (link->up()) CompleteRefusals(link);
    if (!link->is_parent() && link->HasPairs()) pairs_wait_.insert(link->agent());
  });
  if (!pairs_due_ || parent == nullptr || !take_up_.empty()) return;
  pairs_due_ = false;
  if (options_.role != TG_ROLE_ROUTER) return;
  bool down = !parent->refusals.incomplete() &&
              std::any_of(parent->pairs.begin(), parent->pairs.end(), [](const auto& pairs) { return pairs.waits(); });
  uint64_t up_delivered = parent->PassedDelivered(end_.position);
  uint64_t down_delivered = down ? DeliveredByAll() : 0;
  std::erase_if(pairs_wait_, [&](AgentId agent) {
    sync::Link* link = links_.Look(agent);
    if (link == nullptr || link->is_parent()) return true;
    // What has to be excepted cannot be named yet: an end that comes before it is would find nothing to end.
    if (link->refusals.incomplete()) return !link->up();
    for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
      if (!link->pairs[lane].Deliver(up_delivered) || !link->up()) continue;
      (void)links_.Find(agent);
      link->AckLane(lane, false);
    }
    return !link->HasPairs();
  });
  for (uint32_t lane = 0; down && lane < TG_LANE_COUNT; ++lane) {
    if (parent->pairs[lane].Deliver(down_delivered) && parent->up()) parent->AckLane(lane, false);
  }
}

// What every child has. As long as the one that lacked most has not moved, the others need not be asked.
uint64_t Node::Impl::DeliveredByAll() {
  sync::Link* behind = behind_ == 0 ? nullptr : links_.Look(behind_);
  if (behind != nullptr && !behind->is_parent() && behind->PassedDelivered(end_.position) == behind_at_)
    return behind_at_;
  behind_ = 0;
  behind_at_ = end_.position;
  for (const auto& [agent, link] : links_.still()) {
    if (link->is_parent()) continue;
    uint64_t delivered = link->PassedDelivered(end_.position);
    if (delivered >= behind_at_) continue;
    behind_ = agent;
    behind_at_ = delivered;
  }
  return behind_at_;
}

// ---- refusals that are passed on ----

// The neighbour to tell of a refusal that `told` names: whom the state came from, one hop further from the node that
// refused it. Null: nobody, it is our own.
sync::Link* Node::Impl::SourceOf(const sync::Link& told, const wire::RefusedKey& refused) const {
  Held held = HeldOf(deps_.storage, KeyOf(refused));
  AgentId writer = refused.version.agent;
  sync::Link* source = held.version == refused.version && held.via != 0 ? links_.Find(held.via) : nullptr;
  // It is here by the way of the one that refuses it, who had it from somebody else below: a comparison was faster.
  if (source != nullptr && source->is_parent() && told.is_parent()) source = nullptr;
  // Overwritten, or renumbered: it came from where it was written. And who wrote it may have moved since.
  if (source == nullptr || (!source->is_parent() && links_.routes().IsBelow(writer))) {
    if (writer == options_.agent) return nullptr;
    source = links_.routes().IsBelow(writer) ? links_.Find(links_.routes().LinkOf(writer)) : links_.parent();
  }
  return source != nullptr && source->is_parent() != told.is_parent() ? source : nullptr;
}

// A child that was told once may list it for ever: the state may have another position by now, or a newer one may have
// come by another way, because its owner has moved. After a start each child is told the list as a whole.
void Node::Impl::ToldBelow(const wire::RefusedKey& refused, const sync::Link& child) {
  const sync::Link* parent = links_.parent();
  if (parent == nullptr || child.is_parent()) return;
  std::string_view pk = refused.pk, sk = refused.sk;
  if (!parent->refused_ours.contains(sync::meta::Quarantine(parent->agent(), true, refused.owner, pk, sk))) return;
  told_below_[sync::meta::Quarantine(0, true, refused.owner, pk, sk)].insert(child.agent());
}

bool Node::Impl::WasToldBelow(const sync::Link& told, const wire::RefusedKey& refused, const sync::Link& child) const {
  if (!told.is_parent() || child.is_parent()) return false;
  auto known = told_below_.find(sync::meta::Quarantine(0, true, refused.owner, refused.pk, refused.sk));
  return known != told_below_.end() && known->second.contains(child.agent());
}

// Whom to tell what `told` says: whom the state came from, and of an end, who of the children was told before.
std::set<AgentId> Node::Impl::ListenersOf(const sync::Link& told, const wire::RefusedKey& refused) const {
  std::set<AgentId> listeners;
  if (IsEnd(told, refused)) {
    auto known = told_below_.find(sync::meta::Quarantine(0, true, refused.owner, refused.pk, refused.sk));
    if (known != told_below_.end()) listeners = known->second;
  }
  if (const sync::Link* source = SourceOf(told, refused)) listeners.insert(source->agent());
  return listeners;
}

// Off the list here.
bool Node::Impl::IsEnd(const sync::Link& told, const wire::RefusedKey& refused) const {
  return told.is_parent() && refused.reason.empty() && refused.lost.empty() &&
         !told.refused_ours.contains(sync::meta::Quarantine(told.agent(), true, refused.owner, refused.pk, refused.sk));
}

void Node::Impl::PassOn(const sync::Link& told, wire::RefusedKey refused) {
  const std::set<AgentId> listeners = ListenersOf(told, refused);
  if (IsEnd(told, refused)) told_below_.erase(sync::meta::Quarantine(0, true, refused.owner, refused.pk, refused.sk));
  const sync::Link* source = refused.reason.empty() ? nullptr : SourceOf(told, refused);
  if (source != nullptr) ToldBelow(refused, *source);
  if (refused.by == 0) refused.by = told.agent();
  for (AgentId listener : listeners) {
    sync::Link* link = links_.Find(listener);
    if (link == nullptr) continue;
    if (!link->refusals.Forward(refused) && link->up()) deps_.metrics.Add("tidegate_refusals_delayed_total", 1);
    link->ack_due = true;
  }
}

// Reads from the lists what the neighbour is to be told: after a start of either, or when there was no room for it.
void Node::Impl::CompleteRefusals(sync::Link* link) {
  if (!link->refusals.incomplete() || !link->refusals.HasRoomForTheList()) return;
  const size_t waited = link->refusals.waiting();
  bool whole = deps_.storage.MetaGet(sync::meta::kQuarantineLeftOut).status().code() == Code::kNotFound;
  for (const std::string& key : link->quarantined) {
    auto name = sync::NameOfEntry(deps_.storage, key);
    whole = whole && name.has_value();
    if (name) link->refusals.Add(std::move(*name));
  }
  Status read =
      deps_.storage.MetaScan(sync::meta::DroppedOf(link->agent()), [&](std::string_view, std::string_view value) {
        wire::QuarantineRecord record;
        if (!wire::DecodeRecord(value, &record).ok()) return true;
        auto name = sync::NameOf(record);
        if (!name) return true;
        name->held = name->version;
        name->dropped = true;
        link->refusals.Add(std::move(*name));
        return true;
      });
  whole = whole && read.ok();
  read = loss_notes_.ForEachOf(link->agent(), [&](wire::RefusedKey name) { link->refusals.Add(std::move(name)); });
  whole = whole && read.ok();
  if (!link->is_parent()) {
    if (const sync::Link* parent = links_.parent()) AddRefusalsOf(*parent, link, &whole);
  } else {
    for (const auto& [agent, child] : links_.still()) {
      if (!child->is_parent()) AddRefusalsOf(*child, link, &whole);
    }
  }
  link->refusals.Completed(whole, waited);
  pairs_due_ = true;
}

// What `told` refused of what came from `link`.
void Node::Impl::AddRefusalsOf(const sync::Link& told, sync::Link* link, bool* whole) {
  const std::string prefix = sync::meta::QuarantineOf(told.agent(), true);
  for (auto at = told.refused_ours.begin(); at != told.refused_ours.end();) {
    std::string owner_text = at->substr(prefix.size(), at->find('/', prefix.size()) - prefix.size());
    Result<AgentId> owner = ParseAgent(owner_text);
    if (!link->is_parent() && owner.ok() && *owner != kAgentAll && !links_.Reaches(*link, *owner)) {
      // A router has thousands of children and few refusals: those of other owners are passed over at once.
      at = told.refused_ours.lower_bound(prefix + owner_text + static_cast<char>('/' + 1));
      continue;
    }
    auto name = sync::NameOfEntry(deps_.storage, *at);
    *whole = *whole && name.has_value();
    if (name && (SourceOf(told, *name) == link || WasToldBelow(told, *name, *link))) {
      if (name->by == 0) name->by = told.agent();
      if (told.is_parent()) ToldBelow(*name, *link);
      link->refusals.Add(std::move(*name));
    }
    ++at;
  }
}

}  // namespace tidegate::node
