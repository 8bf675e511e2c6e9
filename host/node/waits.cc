#include "host/node/waits.h"

#include <algorithm>
#include <utility>

#include "host/base/views.h"
#include "host/node/held_state.h"
#include "host/sync/inbound.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

SyncException ExceptionOf(const wire::RefusedKey& name) {
  return {name.model, name.owner, name.pk, name.sk, name.version, name.held, name.reason, name.by};
}

SyncException NameOfState(const tg_change& change) {
  SyncException exception;
  exception.model = View(change.model);
  exception.owner = change.key.owner;
  exception.pk = View(change.key.pk);
  exception.sk = View(change.key.sk);
  exception.version = Version::From(change.version);
  return exception;
}

}  // namespace

bool Waits::Waiter::AsksFor(AgentId child) const {
  return std::find(children.begin(), children.end(), child) != children.end();
}

void Waits::Add(const SyncRequest& request, std::function<void(SyncAnswer)> done) {
  Waiter waiter{
      end_.position, request.wait, deps_.clock.monotonic_us() + request.timeout_ms * 1000, {}, std::move(done)};
  if (options_.role == TG_ROLE_SERVER && request.wait == SyncTarget::kHop) {
    for (const auto& [agent, link] : links_.all()) {
      if (Lacks(link.get())) waiter.children.push_back(agent);
    }
    waiter.unknown = WaitsForNobody();
  }
  waiter.reached = ReachedPosition(waiter);
  waiter.told = retention_.told();
  waiters_.push_back(std::move(waiter));
}

int64_t Waits::NextUs() const {
  int64_t next = INT64_MAX;
  for (const Waiter& waiter : waiters_) next = std::min(next, waiter.deadline_us);
  return next;
}

// What waits for a change to be delivered waits for its new position.
void Waits::Renumbered(uint64_t from, uint64_t to) {
  for (Waiter& waiter : waiters_) {
    if (waiter.position >= from) waiter.position = std::max(waiter.position, to);
  }
}

// Whether something of ours is on its way to a neighbour; one that is away may lack nothing.
bool Waits::Lacks(sync::Link* link) const {
  if (uncompared_.contains(link->agent())) return true;
  if (link->PassedHop(end_.position) >= end_.position) return false;
  if (link->up() && link->hop_position(end_.position) >= end_.position) return true;  // what it refused is not told
  return std::any_of(link->senders.begin(), link->senders.end(), [&](const sync::FeedSender& sender) {
    auto stat = deps_.storage.FeedStat(sender.Selector(), sender.hop_position(end_.position));
    return !stat.ok() || stat->count != 0;
  });
}

uint64_t Waits::ReachedPosition(const Waiter& waiter) const {
  if (options_.role == TG_ROLE_SERVER) {
    uint64_t lowest = end_.position;
    for (AgentId child : waiter.children) {
      sync::Link* link = links_.Find(child);
      if (link == nullptr) continue;
      if (uncompared_.contains(child)) return 0;
      lowest = std::min(lowest, link->PassedHop(end_.position));
    }
    return lowest;
  }
  sync::Link* parent = links_.parent();
  if (parent == nullptr || policy_changes_.keying())
    return 0;  // what has begun to go up is still getting its positions
  return waiter.target == SyncTarget::kServer ? parent->PassedDelivered(end_.position)
                                              : parent->PassedHop(end_.position);
}

uint64_t Waits::PendingChanges() const {
  uint64_t pending = 0;
  for (const auto& [agent, link] : links_.still()) {
    for (const sync::FeedSender& sender : link->senders) {
      auto stat = deps_.storage.FeedStat(sender.Selector(), sender.hop_position(end_.position));
      if (stat.ok()) pending += stat->count;
    }
  }
  return pending;
}

std::string Waits::WhenItGoesOn() const {
  const sync::Link* parent = links_.parent();
  if (parent == nullptr || parent->up()) return "in the background";
  const std::string agent = std::to_string(parent->agent());
  if (parent->record.off) return "when the link is on again: 'tidegate link on " + agent + "'";
  return "when the parent, agent " + agent + ", is connected; 'tidegate status' says why it is not";
}

void Waits::Answer() {
  int64_t now_us = deps_.clock.monotonic_us();
  for (size_t i = 0; i < waiters_.size();) {
    uint64_t position = ReachedPosition(waiters_[i]);
    bool reached = position >= waiters_[i].position && (position != 0 || options_.role == TG_ROLE_SERVER);
    if (!reached && waiters_[i].deadline_us > now_us) {
      ++i;
      continue;
    }
    Waiter waiter = std::move(waiters_[i]);
    waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(i));
    SyncAnswer answer;
    if (!reached) {
      answer.status = Status::Timeout("not there yet; nothing is lost, it goes on " + WhenItGoesOn());
      answer.pending_changes = PendingChanges();
    }
    NameExceptions(waiter, position, &answer);
    NameApart(waiter, &answer);
    answer.held = HeldOnTheWay(waiter);
    answer.unknown = std::move(waiter.unknown);
    if (answer.status.ok() && options_.role != TG_ROLE_SERVER) retention_.NoteTold();
    waiter.done(std::move(answer));
  }
}

// ---- what a wait excepts ----

std::vector<HoldStatus> Waits::HeldOnTheWay(const Waiter& waiter) const {
  std::vector<HoldStatus> held;
  const sync::Link* parent = links_.parent();
  if (parent == nullptr) {
    for (AgentId child : waiter.children) {
      const sync::Link* link = links_.Find(child);
      if (link == nullptr) continue;
      for (const auto& [model, hold] : link->held_there)
        held.push_back({hold.model, false, hold.by, wire::HoldReasonName(hold.reason), hold.message, false, 0});
    }
    return held;
  }
  for (const auto& [key, entry] : held_above_.entries()) {
    if (!entry.left_out || (entry.beyond() && waiter.target == SyncTarget::kHop)) continue;
    if (waiter.target == SyncTarget::kHop && entry.record.released && entry.record.ranges.empty()) continue;
    AgentId by = entry.record.hold.by != 0 ? entry.record.hold.by : parent->agent();
    held.push_back({key.first, false, by, wire::HoldReasonName(entry.record.hold.reason), entry.record.hold.message,
                    entry.record.released, entry.record.since_unix_ms});
  }
  return held;
}

void Waits::NoteReplaced(const core::Effect& effect) {
  const tg_change& change = *effect.change;
  Version replaced = Version::From(effect.outcome.held);
  Version version = Version::From(change.version);
  // A join may have the version of what it took the place of (shared.cc).
  const bool joined = change.seq == 0 && deps_.catalog.Get()->Joins(View(change.model));
  if (effect.outcome.held_kind == 0 || (replaced == version && !joined)) return;
  bool server = options_.role == TG_ROLE_SERVER;
  if ((change.direction & (server ? TG_DIRECTION_DOWN : TG_DIRECTION_UP)) == 0) return;
  for (Waiter& waiter : waiters_) {
    // Where it came from has it already.
    const sync::Link* parent = links_.parent();
    if (waiter.target == SyncTarget::kHop && parent != nullptr && change.via == parent->agent()) continue;
    SyncException exception = NameOfState(change);
    exception.version = replaced;
    exception.held = version;
    exception.by = change.via != 0 ? change.via : options_.agent;
    AddSuperseded(&waiter, std::move(exception));
  }
}

void Waits::NoteSuperseded(const sync::Link& told, const wire::RefusedKey& refused) {
  bool server = options_.role == TG_ROLE_SERVER;
  if (told.is_parent() == server) return;
  AgentId by = refused.by != 0 ? refused.by : told.agent();
  for (Waiter& waiter : waiters_) {
    if (waiter.target == SyncTarget::kHop && by != told.agent()) continue;
    if (server && !waiter.AsksFor(by)) continue;
    Held held = HeldOf(deps_.storage, KeyOf(refused));
    if (held.version == refused.version && held.seq > waiter.position) continue;  // not waited for
    SyncException exception = ExceptionOf(refused);
    exception.by = by;
    AddSuperseded(&waiter, std::move(exception));
  }
}

void Waits::NoteApart(const tg_change& change, uint64_t seq) {
  const sync::Link* parent = links_.parent();
  if (parent != nullptr && waiters_.empty())
    apart_.erase(apart_.begin(), apart_.upper_bound(parent->delivered_position(end_.position)));
  if (apart_.size() >= options_.sync_exceptions_max) {
    ++apart_not_named_;
    return;
  }
  SyncException exception = NameOfState(change);
  exception.by = parent != nullptr ? parent->agent() : 0;
  apart_[seq] = std::move(exception);
}

void Waits::NameApart(const Waiter& waiter, SyncAnswer* answer) {
  for (auto at = apart_.upper_bound(waiter.reached); at != apart_.end() && at->first <= waiter.position; ++at)
    answer->apart.push_back(at->second);
  answer->apart_count = answer->apart.size() + (apart_.empty() ? 0 : apart_not_named_);
  if (waiters_.empty() && ReachedPosition(waiter) >= end_.position) {
    apart_.clear();
    apart_not_named_ = 0;
  }
}

void Waits::AddSuperseded(Waiter* waiter, SyncException exception) {
  std::string key = std::to_string(exception.owner) + "/" + exception.pk + "\x1f" + exception.sk;
  auto found = waiter->superseded.find(key);
  if (found != waiter->superseded.end()) {
    // The state that was waited for stays the one that is named.
    if (exception.held > found->second.held) {
      found->second.held = exception.held;
      found->second.by = exception.by;
    }
  } else if (waiter->superseded.size() < options_.sync_exceptions_max) {
    waiter->superseded.emplace(std::move(key), std::move(exception));
  } else {
    ++waiter->superseded_not_named;
  }
}

// Whether something listed as refused is what was waited for: it ends when a newer state got there.
bool Waits::Excepts(const Waiter& waiter, const wire::QuarantineRecord& record, const wire::RefusedKey& name) const {
  AgentId by = record.by != 0 ? record.by : record.link;
  if (options_.role == TG_ROLE_SERVER) {
    if (by != record.link || !waiter.AsksFor(by)) return false;
  } else {
    // What a former parent refused, or refused above it, is not there either until a newer state is.
    const sync::Link* link = links_.Find(record.link);
    if (link != nullptr && !link->is_parent()) return false;
    if (waiter.target == SyncTarget::kHop && (link == nullptr || by != record.link)) return false;
  }
  Held held = HeldOf(deps_.storage, KeyOf(name));
  // Of its own it may have dropped what the next node had, before it was refused further up.
  if (held.version.none()) return name.version.agent == options_.agent;
  if (held.via == record.link) return false;
  return held.version <= name.version || held.seq > waiter.position;
}

void Waits::NameSuperseded(const Waiter& waiter, uint64_t reached, SyncAnswer* answer) const {
  const sync::Link* parent = links_.parent();
  for (const auto& [key, exception] : waiter.superseded) {
    Held held = HeldOf(deps_.storage, {exception.owner, Str(exception.pk), Str(exception.sk)});
    bool foreign = parent != nullptr && held.via == parent->agent();
    if (!foreign && held.version >= exception.held && held.seq <= reached) continue;  // the newer one got there
    answer->superseded.push_back(exception);
  }
  answer->superseded_count = answer->superseded.size() + waiter.superseded_not_named;
}

void Waits::NameQuarantined(const Waiter& waiter, SyncAnswer* answer) const {
  std::vector<std::pair<wire::QuarantineRecord, wire::RefusedKey>> listed;
  Status read = deps_.storage.MetaScan(sync::meta::kQuarantinePrefix, [&](std::string_view, std::string_view value) {
    wire::QuarantineRecord record;
    if (!wire::DecodeRecord(value, &record).ok() || !record.ours) return true;
    if (auto name = sync::NameOf(record)) listed.emplace_back(std::move(record), std::move(*name));
    return true;
  });
  if (!read.ok()) deps_.log.Write(3, "cannot read the quarantine: " + read.message());
  for (const auto& [record, name] : listed) {
    if (!Excepts(waiter, record, name)) continue;
    ++answer->quarantined_count;
    if (answer->quarantined.size() >= options_.sync_exceptions_max) continue;
    SyncException exception = ExceptionOf(name);
    if (exception.by == 0) exception.by = record.link;
    answer->quarantined.push_back(std::move(exception));
  }
}

void Waits::NameDropped(const Waiter& waiter, SyncAnswer* answer) const {
  const sync::Link* parent = links_.parent();
  given_up_.ForEach([&](GivenUp::Entry entry) {
    const bool meant = waiter.target == SyncTarget::kServer || (parent != nullptr && entry.name.by == parent->agent());
    // It may have taken the place of what was waited for.
    const bool instead =
        waiter.superseded.contains(std::to_string(entry.name.owner) + "/" + entry.name.pk + "\x1f" + entry.name.sk);
    if (!meant || (entry.position > waiter.position && !instead)) return;
    ++answer->dropped_count;
    if (answer->dropped.size() < options_.sync_exceptions_max) answer->dropped.push_back(std::move(entry.name));
  });
}

// What is here no more, by scope; once it was said by a wait that ended well, those that begin later do not say it.
void Waits::NameLost(const Waiter& waiter, SyncAnswer* answer) const {
  if (options_.role == TG_ROLE_SERVER) return;
  for (const LossStatus& loss : retention_.LostSince(waiter.told)) {
    answer->dropped_count += loss.items;
    SyncException scope;
    scope.model = loss.model;
    scope.owner = loss.owner;
    scope.reason = std::to_string(loss.items) + " dropped before they were delivered: " + loss.reason;
    scope.by = options_.agent;
    if (answer->dropped.size() < options_.sync_exceptions_max) answer->dropped.push_back(std::move(scope));
  }
}

void Waits::NameExceptions(const Waiter& waiter, uint64_t reached, SyncAnswer* answer) const {
  NameSuperseded(waiter, reached, answer);
  NameQuarantined(waiter, answer);
  NameDropped(waiter, answer);
  NameLost(waiter, answer);
  for (const auto& [agent, link] : links_.all()) {
    bool target = options_.role == TG_ROLE_SERVER ? waiter.AsksFor(agent) : link->is_parent();
    if (target) answer->not_listed += link->not_listed;
  }
  answer->unsettled_scopes = marks_.size();
  if (!answer->complete())
    deps_.metrics.Add("tidegate_sync_exceptions_total", answer->quarantined_count + answer->not_listed);
}

}  // namespace tidegate::node
