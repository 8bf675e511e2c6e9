// Reconcile: what a feed cannot know is settled by comparison. The child asks, its parent answers.
#include <algorithm>

#include "host/base/views.h"
#include "host/core/expiry.h"
#include "host/node/held_state.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/sync/reconcile_answerer.h"

namespace tidegate::node {
namespace {

// What its owner may have forgotten, by key (answers_above.cc).
bool AsksForOwn(const wire::CompareAsk& ask) { return ask.direction_mask == TG_DIRECTION_UP && !ask.up_only; }

constexpr int64_t kAskAgainUs = 15'000'000;  // what waits for a parent that is not sure

}  // namespace

sync::ReconcileAsker::Now Node::Impl::AskerNow(int64_t now_us) const {
  sync::ReconcileAsker::Now now{now_us, options_.resend_ms * 2000, options_.resend_ms_max * 1000, DeliveredPositions()};
  const sync::Link* parent = links_.parent();
  for (uint32_t lane = 0; parent != nullptr && lane < TG_LANE_COUNT; ++lane)
    now.held[lane] = parent->senders[lane].hop_position(end_.position);
  return now;
}

void Node::Impl::RunReconcile(int64_t now_us) {
  sync::Link* parent = links_.parent();
  if (parent == nullptr || !parent->up()) return;
  sync::ReconcileAsker& asker = pass_.asker();
  if (asker.running() && !pass_.IsWith(*parent)) BreakOffPass();
  background_verify_.Yield(*parent, !marks_.empty() || asked_verify_.wanted());
  if (asker.done() && asker.look()) {
    EndPass(parent, now_us);
    asker.Stop();
  } else if (asker.done()) {
    EndPass(parent, now_us);
    uint64_t settled = asker.mark_number();
    asker.Stop();
    marks_.Settle(settled);
    stage_.Begin();
    marks_.Stage();
    if (marks_.empty() && parent->record.doubted_position != 0) {
      parent->record.doubted_position = 0;  // what it had lost was asked for
      sync::LinkTable::StageRecord(parent->record, &stage_);
    }
    stage_.End();
    if (marks_.empty()) parent->ack_due = true;  // it waits for that with its tombstones
    (void)links_.all();                          // and children for us to be sure
  }
  // The parent has to select an owner before its absence there can mean anything.
  // And it has to know which models are taken again: what it leaves out of the feed is found by no answer.
  const bool known = edges_told_.confirmed() && parent->holds.EndsConfirmed();
  bool free = !asker.running() || (asker.waiting(now_us) && asker.mark_number() < marks_.last_number());
  if (free && !marks_.empty() && known) {
    if (pass_.count() != nullptr) BreakOffPass();
    StartPass(parent, {deps_.random.Next() | 1, marks_.Owners(), marks_.last_number(), KnownHorizon()}, now_us);
  } else if (asked_verify_.wants_to_look() && pass_.count() == nullptr && known &&
             (!asker.running() || asker.waiting(now_us))) {
    // A pass that waits for a parent that is not sure begins again after it.
    StartPass(parent, {deps_.random.Next() | 1, marks_.AllOwners(), 0, KnownHorizon(), true, true}, now_us);
  } else if (known && marks_.empty() && !asked_verify_.wanted() && !asker.running()) {
    background_verify_.Run(parent, now_us);
  }
  // It is not the parent that we wait for. A comparison that nobody waits for does not hide a feed that stands still.
  const bool hides = background_verify_.looking() && parent->Waits(now_us);
  if (asker.running() && pass_.shelf().reading() && !hides) parent->moved_us = now_us;
  while (asker.running() && known && !parent->blocked && !parent->refusals.full()) {
    if (background_verify_.Waits(*parent, now_us)) return;
    auto ask = asker.Next(AskerNow(now_us));
    if (!ask.ok()) {
      deps_.log.Write(3, "cannot read for a reconcile: " + ask.status().message());
      return;
    }
    if (!ask->has_value()) return;
    background_verify_.Asked(now_us);
    const uint64_t before = parent->stats.bytes_sent;
    Send(parent, std::move(**ask));
    if (DifferenceCount* count = pass_.count()) count->NoteSent(parent->stats.bytes_sent - before);
  }
}

// ---- the parent's side ----

bool Node::Impl::IsBelow(const sync::Link& link, AgentId owner) const {
  return owner == kAgentAll || links_.Reaches(link, owner);
}

void Node::Impl::OnCompareAsk(sync::Link* link, const wire::CompareAsk& ask) {
  constexpr size_t kPendingMax = 1'000;
  AgentId child = link->agent();
  if (link->is_parent()) return;
  if (ask.prepare) {
    if (IsBelow(*link, ask.owner))
      (void)pass_.shelf().Find(ask.owner, sync::ClassOf(ask), sync::CutOf(ask), deps_.clock.monotonic_us(), ask.slow);
    return;
  }
  // The answer speaks of committed state: what is staged comes first.
  if (!CommitStage().ok()) return;
  link = links_.Find(child);
  if (link == nullptr) return;
  if (AsksForOwn(ask)) return AnswerOwn(link, ask);
  if (!IsBelow(*link, ask.owner)) {
    // Not (or no longer) below it, so nothing is to be settled; silence would keep its pass from ending.
    Send(link, sync::AnswerNothing(ask));
    return;
  }
  sync::RangeDigests* digests = nullptr;
  if (sync::NeedsDigests(ask)) {
    digests = pass_.shelf().Find(ask.owner, sync::ClassOf(ask), sync::CutOf(ask), deps_.clock.monotonic_us(), ask.slow);
    if (digests == nullptr) {
      std::erase_if(pending_asks_, [&](const PendingAsk& pending) {
        return pending.child == child && pending.session != link->session_id;
      });
      // Asked again: it hears that somebody is at work on it.
      const size_t again = std::erase_if(pending_asks_, [&](const PendingAsk& pending) {
        return pending.child == child && pending.ask.pass == ask.pass && pending.ask.ask == ask.ask;
      });
      if (again != 0 || pending_asks_.size() >= kPendingMax) {
        Send(link, sync::AnswerLater(ask));
      } else {
        pending_asks_.push_back({child, link->session_id, ask});
      }
      return;
    }
  }
  AnswerAsk(link, ask, digests);
}

void Node::Impl::AnswerAsk(sync::Link* link, const wire::CompareAsk& ask, sync::RangeDigests* digests) {
  const AgentId child = link->agent();
  core::ChangeArena arena;
  sync::AnswerLimits limits;
  limits.bytes_max = options_.frame_bytes_max;
  limits.joined = [this](const tg_change& change) { return change.direction == TG_DIRECTION_BOTH && IsJoined(change); };
  limits.sure = SureOf(*link, ask.owner);
  limits.purge_horizon = KnownHorizon();
  limits.removals_below = limits.purge_horizon;
  // Its newer state may come in a later session, when its marks do not say any more that it does not know ours.
  std::vector<std::pair<tg_change, Version>> outdone;
  std::vector<std::pair<tg_change, wire::KeyVersion>> of_lost_life;
  auto note_outdone = [&](const tg_change& ours, const wire::KeyVersion& theirs) {
    if (IsOfLostLife(ours, theirs.version)) {
      of_lost_life.emplace_back(arena.Copy(ours), theirs);
      return WillBeNewer(limits.sure, ours, theirs);
    }
    Version version = Version::From(ours.version);
    if (ours.kind != TG_CHANGE_ITEM || (version.agent == theirs.version.agent && version.epoch == theirs.version.epoch))
      return false;
    if (ours.via != child && !link->Knows(ours.lane, ours.key.owner, ours.seq))
      outdone.emplace_back(arena.Copy(ours), theirs.version);
    return false;
  };
  if (!ask.look) limits.outdone = note_outdone;
  if (!ask.look && options_.role != TG_ROLE_SERVER)
    limits.lacked = [&](const wire::KeyVersion& theirs) { return !TellLacked(child, limits.sure, ask.owner, theirs); };
  std::vector<tg_change> unsound;
  limits.alike = [&](const tg_change& ours, const wire::KeyVersion& theirs) {
    return JudgeAlike(link, ask.look, ours, theirs, &unsound, &arena);
  };
  limits.passed = [&](const tg_change& ours) {
    return ours.seq <= link->senders[std::min<uint32_t>(ours.lane, TG_LANE_COUNT - 1)].hop_position(end_.position);
  };
  if (!dropped_here_.empty()) {
    limits.given_up = [this, owner = ask.owner](const wire::KeyVersion& theirs) {
      return dropped_here_.Covers({owner, Str(theirs.pk), Str(theirs.sk)}, theirs.version);
    };
  }
  limits.drops = [this](std::string_view model) { return MayDrop(model); };
  // What was refused above as deleted, perhaps, is not given on: this node has it from a backup.
  sync::RouteFn route = [to = RouteTo(*link), this](const tg_change& change) {
    const sync::Link* parent = links_.parent();
    return to(change) && (parent == nullptr || change.version.hlc >= KnownHorizon() || !IsRefused(*parent, change));
  };
  auto answer = sync::AnswerCompare(deps_.storage, digests, ask, limits, route, &arena);
  if (!answer.ok()) {
    deps_.log.Write(3, "cannot answer a reconcile: " + answer.status().message());
    return;
  }
  KeepRefused(&answer.value());
  if (!ask.look && !ask.up_only) NoteMissing(child, ask, answer.value());
  for (const auto& [ours, theirs] : of_lost_life) HeedLostLife(link, limits.sure, ours, theirs);
  if (!outdone.empty() || !unsound.empty() || !of_lost_life.empty()) {
    stage_.Begin();
    for (const auto& [ours, theirs] : outdone)
      Journal(ours, theirs, child, "a newer state that did not know of it took its place");
    stage_.End();
    for (const tg_change& row : unsound) StageSound(row, row.via);
    if (!CommitStage().ok()) return;  // it asks again
    link = links_.Find(child);
    if (link == nullptr) return;
  }
  Send(link, std::move(answer).value());
}

// A portion of what is compared, after each commit; then those are answered who waited for it.
void Node::Impl::ReadDigests(int64_t now_us) {
  if (pass_.shelf().empty()) return;
  if (Status read = pass_.shelf().Read(now_us); !read.ok())
    deps_.log.Write(3, "cannot read for a reconcile: " + read.message());
  for (size_t i = pending_asks_.size(); i > 0 && stage_.empty(); --i) {
    PendingAsk pending = std::move(pending_asks_.front());
    pending_asks_.pop_front();
    sync::Link* link = links_.Find(pending.child);
    if (link == nullptr || !link->up() || link->session_id != pending.session) continue;
    sync::RangeDigests* digests = pass_.shelf().Find(pending.ask.owner, sync::ClassOf(pending.ask),
                                                     sync::CutOf(pending.ask), now_us, pending.ask.slow);
    if (digests == nullptr || link->blocked) {
      pending_asks_.push_back(std::move(pending));
    } else if (IsBelow(*link, pending.ask.owner)) {
      AnswerAsk(link, pending.ask, digests);
    } else {
      Send(link, sync::AnswerNothing(pending.ask));
    }
  }
  pass_.shelf().Forget(now_us);
}

// It gets a new seq, by which the feed sends it up: the version stays.
void Node::Impl::StageRenumbered(tg_change change) {
  stage_.Begin();
  change.via = 0;
  stage_.Renumber(change, Version::From(change.version));
  bool together = change.run_first < change.run_last;
  stage_.End([this, from = change.seq, together](const Status& status, std::span<const core::Effect> effects) {
    if (!status.ok() || effects.empty() || !effects[0].applied()) return;
    Renumbered(from, effects[0].outcome.seq);
    if (together) waits_.NoteApart(*effects[0].change, effects[0].outcome.seq);
  });
}

// What waits for a change to be delivered waits for its new position.
void Node::Impl::Renumbered(uint64_t from, uint64_t to) {
  for (const auto& [agent, link] : links_.all()) {
    for (sync::DeliveredPairs& pairs : link->pairs) pairs.Raise(from, to);
  }
  waits_.Renumbered(from, to);
}

void Node::Impl::OnCompareAnswer(sync::Link* link, wire::DecodedFrame frame, uint64_t bytes) {
  if (!link->is_parent()) return;
  auto& answer = std::get<wire::CompareAnswer>(frame.body);
  if (answer.own) return OnOwnAnswer(link, answer, frame.keep);
  sync::ReconcileAsker& asker = pass_.asker();
  DifferenceCount* counted = pass_.count();
  if (counted != nullptr) counted->NoteReceived(bytes);
  if (!asker.Answered(answer, deps_.clock.monotonic_us())) return;
  if (counted != nullptr) counted->Note(*link, answer, asker.HeldAt(answer.ask));
  if (asker.look()) {
    const int64_t now_us = deps_.clock.monotonic_us();
    if (!background_verify_.looking() || !link->Waits(now_us)) link->moved_us = now_us;
    return asker.Settled(answer.ask);
  }

  if (answer.purge_horizon > record_.taken_horizon) {
    record_.taken_horizon = answer.purge_horizon;  // stored with the mark that this pass takes away
    self_.purge_horizon = KnownHorizon();
  }

  // What is staged may turn out to be older than what is held, and then takes no new position.
  bool staged_too = std::any_of(answer.ranges.begin(), answer.ranges.end(), [&](const wire::RangeAnswer& range) {
    return std::any_of(range.wants.begin(), range.wants.end(), [&](const wire::KeyVersion& want) {
      return stage_.Touches({answer.owner, Str(want.pk), Str(want.sk)});
    });
  });
  if (staged_too) {
    AgentId source = link->agent();
    bool committed = CommitStage().ok();
    link = links_.Find(source);
    if (!committed || link == nullptr || asker.pass() != answer.pass) {
      if (asker.pass() == answer.pass) asker.Failed(answer.ask, deps_.clock.monotonic_us() + options_.resend_ms * 1000);
      return;
    }
  }
  // What this node has newer, or alone, goes up by the feed if its model goes up: same version, new seq.
  // Read before anything of this answer is staged.
  std::vector<tg_change> renumber, unsound;
  const sync::ReconcileAsker::Positions held_there = asker.HeldAt(answer.ask);
  core::ChangeArena& arena = stage_.arena();
  for (const wire::RangeAnswer& range : answer.ranges) {
    for (const wire::KeyVersion& want : range.wants) {
      tg_key key{answer.owner, Str(want.pk), Str(want.sk)};
      Status got = deps_.storage.Get(key, [&](const tg_change& held) {
        bool up = (held.direction & TG_DIRECTION_UP) != 0;
        // A delete that came from this parent is known there, unless it or the server lost it. One of a former parent
        // may have got no further than to us.
        if (held.kind != TG_CHANGE_ITEM && held.via == link->agent() && !link->never_sure && !IsDoubted(*link, held))
          return true;
        // It has expired since, and the parent removed it sooner.
        if (want.missing && core::IsExpired(held, deps_.clock.expiry_ms())) return true;
        // What was refused above is no loss there, nor what the parent had not acknowledged yet when it was asked.
        const bool item_lacked = want.missing && held.kind == TG_CHANGE_ITEM && !link->never_sure;
        // The feed takes nothing up that came from above: if that is lost there, only this brings it back.
        const bool by_feed = !CameFromAbove(held.via);
        const bool on_its_way = by_feed && held.seq > held_there[std::min<uint32_t>(held.lane, TG_LANE_COUNT - 1)];
        if (item_lacked && (on_its_way || IsRefused(*link, held))) return true;
        // Its writer went back behind it, and will give it another state: this one is not lost in silence.
        if (!up && !want.missing && Version::From(held.version) == want.version) NoteToldOlder(link, held);
        if (up && Version::From(held.version) == want.version)
          (want.missing || IsSound(held) ? renumber : unsound).push_back(arena.Copy(held));
        return true;
      });
      if (!got.ok() && got.code() != Code::kNotFound) deps_.log.Write(3, "cannot read: " + got.message());
    }
  }
  for (const tg_change& change : renumber) StageRenumbered(change);
  for (const tg_change& row : unsound) StageSound(row, 0);
  // Joined states are looked at as they are on disk, so what is renumbered has to be there.
  bool touched = std::any_of(answer.ranges.begin(), answer.ranges.end(),
                             [&](const wire::RangeAnswer& range) { return TouchesShared(range.changes); });
  if (touched) {
    AgentId source = link->agent();
    bool committed = CommitStage().ok();
    link = links_.Find(source);
    if (!committed || link == nullptr || asker.pass() != answer.pass) {
      if (asker.pass() == answer.pass) asker.Failed(answer.ask, deps_.clock.monotonic_us() + options_.resend_ms * 1000);
      return;
    }
  }
  sync::StagedChanges refused;
  bool whole = true;
  for (const wire::RangeAnswer& range : answer.ranges) {
    if (!StageRemovals(*link, answer, range.removals)) whole = false;
    for (const tg_change& change : range.changes) {
      const bool alike =
          asker.Named(answer.ask, View(change.key.pk), View(change.key.sk), Version::From(change.version));
      if (alike && !IsNearer(*link, change)) GiveWay(link, change);
    }
    sync::StagedChanges staged = sync::StageChanges(*link, range.changes, frame.keep, this, &stage_, answer.sure);
    if (!staged.waiting.empty()) whole = false;
    std::move(staged.refused.begin(), staged.refused.end(), std::back_inserter(refused.refused));
    std::move(staged.replacing.begin(), staged.replacing.end(), std::back_inserter(refused.replacing));
  }
  stage_.Begin(true);
  sync::QuarantineNotes notes =
      sync::StageQuarantine(link, refused, deps_.storage, QuarantineRoom(refused), deps_.clock.unix_ms(), &stage_);
  std::vector<AgentId> strays = strays_.StageAdmitted();
  link->holds.Stage(link->agent(), &stage_);
  size_t count = 0;
  for (const wire::RangeAnswer& range : answer.ranges) count += range.changes.size();
  stage_.End([this, agent = link->agent(), pass = answer.pass, number = answer.ask, count, whole,
              notes = std::move(notes),
              strays = std::move(strays)](const Status& status, std::span<const core::Effect>) {
    if (status.ok()) strays_.Note(strays);
    sync::Link* parent = links_.Find(agent);
    if (parent != nullptr) parent->holds.Staged(status.ok());
    if (!status.ok()) {
      if (parent != nullptr) links_.RestoreQuarantine(parent);
      if (pass_.asker().pass() == pass)
        pass_.asker().Failed(number, deps_.clock.monotonic_us() + options_.resend_ms * 1000);
      return;
    }
    // What has to be asked once more moves nothing: a feed that stands still may be why.
    if (parent != nullptr && whole) parent->moved_us = deps_.clock.monotonic_us();
    if (pass_.asker().pass() == pass && whole) pass_.asker().Settled(number);
    if (pass_.asker().pass() == pass && !whole) pass_.asker().Failed(number, deps_.clock.monotonic_us() + kAskAgainUs);
    if (parent == nullptr) return;
    parent->stats.last_progress_us = deps_.clock.monotonic_us();
    Tell(parent, notes);
    if (count != 0) TellReceived(*parent, TG_LANE_COUNT, count, notes);
  });
}

}  // namespace tidegate::node
