// A commit, and what each of its effects means to the subjects of the node.
#include <algorithm>

#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {

void Node::Impl::StageClock() {
  if (versions_.last() == stored_clock_) return;
  stage_.Begin();
  stage_.MetaPut(sync::meta::kClock, std::to_string(versions_.last()));
  stage_.End();
}

Status Node::Impl::CommitStage() {
  if (stage_.empty()) return {};
  StageClock();
  uint64_t clock = versions_.last();
  bool took_bulky = stage_.bulky();
  Status status =
      stage_.Commit([&](const Watermark& end, std::span<const core::Effect> effects) { Committed(end, effects); });
  disk_gate_.NoteCommit(status, took_bulky);
  UpdateQuotas();
  doubts_.NoteCommit(status);
  if (status.ok()) {
    stored_clock_ = clock;
  } else {
    deps_.log.Write(3, "commit failed, nothing of it took effect: " + status.message());
    deps_.metrics.Add("tidegate_commit_errors_total", 1);
    if (Status read = conflicts_.Restore(); !read.ok())
      deps_.log.Write(3, "cannot read the conflicts: " + read.message());
  }
  return status;
}

void Node::Impl::Committed(const Watermark& end, std::span<const core::Effect> effects) {
  end_ = end;
  const int64_t now_us = deps_.clock.monotonic_us();
  const bool has_commands = deps_.catalog.Get()->has_commands();
  uint64_t applied = 0;
  for (const core::Effect& effect : effects) {
    if (effect.change->via != 0 && effect.outcome.result == TG_OUTCOME_STALE) NoteStale(effect);
    if (effect.change->via != 0 && effect.outcome.result == TG_OUTCOME_EQUAL) NoteAgain(*effect.change);
    if (!effect.applied()) continue;
    ++applied;
    NoteApplied(effect, has_commands, now_us);
    TellWatchers(effect);
  }
  deps_.metrics.Add("tidegate_changes_total", applied);
  deps_.metrics.Add("tidegate_commits_total", 1);
}

// Refused as older: the neighbour is told which version is held.
void Node::Impl::NoteStale(const core::Effect& effect) {
  deps_.metrics.Add("tidegate_changes_superseded_total", 1);
  sync::Link* link = links_.Find(effect.change->via);
  if (link == nullptr) return;
  wire::RefusedKey refused = sync::NameOf(*effect.change);
  refused.held = Version::From(effect.outcome.held);
  refused.held_kind = effect.outcome.held_kind;
  NoteToldOlder(link, *effect.change);
  link->refusals.Add(std::move(refused));  // bounded: no batch is taken in while they are full
  link->ack_due = true;
}

// A neighbour gave what is here already.
void Node::Impl::NoteAgain(const tg_change& change) {
  TellRefusedAbove(change);
  TellLostAbove(change);
  NoteSentAgain(change);
  NoteGivenFromBelow(change);
}

void Node::Impl::NoteApplied(const core::Effect& effect, bool has_commands, int64_t now_us) {
  const tg_change& change = *effect.change;
  if (!quotas_.empty()) quotas_.NoteCommitted(effect);
  if (!dropped_here_.empty() && dropped_here_.Taken(change)) TellTaken(change);
  if (change.expires_ms != 0 && effect.outcome.seq != 0) expiry_.Note(change.expires_ms, now_us);
  // An answer is kept as long as its command.
  if (retention_.on() && change.kind == TG_CHANGE_TOMBSTONE && change.direction == TG_DIRECTION_DOWN)
    retention_.LookAgain();
  if (!pass_.shelf().empty()) pass_.shelf().Changed(change.key);
  NoteUnsent(effect, now_us);
  if (has_commands) options_.role == TG_ROLE_SERVER ? NoteAnswered(change) : NoteCommand(change);
  if (change.direction == TG_DIRECTION_BOTH || !listing_.empty() || !links_.left_listed().empty())
    NoteOverwritten(effect);
  if (!waits_.empty()) waits_.NoteReplaced(effect);
}

// A new seq for the same state is no news; what was joined has seq 0 here.
void Node::Impl::TellWatchers(const core::Effect& effect) {
  const bool tells = Wants(core::Events::kChanged);
  if (!watcher_ && !tells) return;
  const bool same_version = Version::From(effect.outcome.held) == Version::From(effect.change->version);
  if (effect.outcome.seq == 0 || (same_version && effect.change->seq != 0)) return;
  tg_change seen = *effect.change;
  seen.seq = effect.outcome.seq;
  if (watcher_) watcher_(seen);
  if (tells) TellChanged(seen);
}

// Wakes the feeds that select this change.
void Node::Impl::NoteUnsent(const core::Effect& effect, int64_t now_us) {
  const tg_change& change = *effect.change;
  uint64_t bytes = change.body.size + change.key.pk.size + change.key.sk.size + 64;
  uint32_t lane = std::min<uint32_t>(change.lane, TG_LANE_COUNT - 1);
  bool renumbered = change.via == 0;
  sync::Link* parent = links_.parent();
  if ((change.direction & TG_DIRECTION_UP) != 0 && parent != nullptr && (renumbered || change.via != parent->agent()))
    parent->senders[lane].NoteUnsent(bytes, now_us);
  if ((change.direction & TG_DIRECTION_DOWN) == 0) return;
  for (sync::Link* child : links_.ChildrenOf(change.key.owner)) {
    if (change.via != child->agent()) child->senders[lane].NoteUnsent(bytes, now_us);
  }
}

}  // namespace tidegate::node
