// Purging tombstones, and refusing what a purged one would have refused (design law 5).
#include <algorithm>

#include "host/base/views.h"
#include "host/core/expiry.h"
#include "host/node/held_state.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

constexpr uint64_t kTracesInACommit = 256;
constexpr int64_t kNextPortionUs = 50'000;
constexpr int64_t kPurgeSoonUs = 5'000'000;
constexpr int64_t kPurgeMsMin = 1'000;
constexpr int64_t kPurgeMsMax = 3'600'000;

int64_t UnixMsOf(const tg_change& change) { return static_cast<int64_t>(change.version.hlc >> 16); }

}  // namespace

Status Node::Impl::RestorePurge() {
  Result<std::string> bytes = deps_.storage.MetaGet(sync::meta::kAges);
  if (bytes.ok()) {
    wire::AgeRecord ages;
    TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes.value(), &ages));
    ages_.Restore(std::move(ages));
  } else if (bytes.status().code() != Code::kNotFound) {
    return bytes.status();
  }
  // The time in which it did not run counts only if it can be believed.
  int64_t away_ms = deps_.clock.unix_ms() - ages_.noted_unix_ms();
  if (ages_.noted_unix_ms() != 0 && (away_ms < -options_.clock_drift_ms_max || away_ms > options_.lease_ms))
    ClockMoved(away_ms);
  int64_t now_us = deps_.clock.monotonic_us();
  purge_at_us_ = now_us + PurgeEveryUs();
  self_.purge_horizon = KnownHorizon();
  // Idle lanes hold the list of epochs too: one that has grown long is cut as soon as may be.
  constexpr size_t kEpochsMany = 32;
  TG_ASSIGN_OR_RETURN(std::vector<tg_epoch> epochs, deps_.storage.Epochs(0));
  if (epochs.size() > kEpochsMany) idle_behind_ = 1;
  return {};
}

int64_t Node::Impl::PurgeEveryUs() const {
  return std::clamp(options_.lease_ms / 720, kPurgeMsMin, kPurgeMsMax) * 1000;
}

// A neighbour is here, or about to confirm what is waited for.
void Node::Impl::PurgeSoon() { purge_at_us_ = std::min(purge_at_us_, deps_.clock.monotonic_us() + kPurgeSoonUs); }

// Keeps leases and ages, and forgets a bounded number of tombstones that nobody needs any more.
void Node::Impl::Purge(int64_t now_us) {
  if (now_us < purge_at_us_) return;
  purge_at_us_ = now_us + PurgeEveryUs();
  if (clock_judge_.Suspends()) return;
  int64_t now_ms = deps_.clock.unix_ms();
  stage_.Begin();
  StageLeases(now_ms);
  if (ages_.Note(now_ms, end_.position, options_.lease_ms))
    stage_.MetaPut(sync::meta::kAges, wire::EncodeRecord(ages_.Record(now_ms)));
  stage_.End();
  PurgePortion(now_us, now_ms);
}

void Node::Impl::PurgePortion(int64_t now_us, int64_t now_ms) {
  uint64_t last = ages_.PositionAt(now_ms - options_.lease_ms);
  std::vector<tg_change> traces;
  uint64_t reached = 0;
  Status read = deps_.storage.Traces(purge_after_, kTracesInACommit, [&](const tg_change& trace) {
    if (trace.seq > last) return false;
    reached = trace.seq;
    traces.push_back(stage_.arena().Copy(trace));
    return true;
  });
  if (!read.ok()) {
    if (read.code() != Code::kUnsupported) deps_.log.Write(3, "cannot read the tombstones: " + read.message());
    return;
  }
  bool more = traces.size() == kTracesInACommit;
  purge_after_ = more ? reached : 0;  // those that have to wait come round again
  if (more) purge_at_us_ = std::min(purge_at_us_, now_us + kNextPortionUs);
  std::erase_if(traces, [&](const tg_change& trace) { return !MayPurge(trace, now_ms); });
  if (traces.empty()) return;

  // The horizon is durable with, or before, what it speaks of; too high is harmless.
  for (const tg_change& trace : traces) {
    if (trace.kind == TG_CHANGE_TOMBSTONE)
      record_.purge_horizon = std::max(record_.purge_horizon, trace.version.hlc + 1);
  }
  self_.purge_horizon = KnownHorizon();
  stage_.Begin();
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  stage_.End();
  for (const tg_change& trace : traces) {
    stage_.Begin();
    stage_.Purge(trace, Version::From(trace.version));
    if (policy_changes_.HasChanged(View(trace.model)))
      stage_.MetaDelete(sync::meta::Untold(trace.key.owner, View(trace.key.pk), View(trace.key.sk)));
    stage_.End([this](const Status& status, std::span<const core::Effect> effects) {
      if (status.ok() && !effects.empty() && effects[0].applied())
        deps_.metrics.Add("tidegate_tombstones_purged_total", 1);
    });
  }
}

// Its seq says already that it was here for a lease.
bool Node::Impl::MayPurge(const tg_change& trace, int64_t now_ms) {
  // One ahead of the clock waits until the clock has passed it.
  if (UnixMsOf(trace) > now_ms - options_.lease_ms) return false;
  if (policy_changes_.IsBeingKeyed(View(trace.model))) return false;
  if (trace.direction == TG_DIRECTION_NONE) return !policy_changes_.IsUntold(trace);
  AgentId owner = trace.key.owner;
  if (marks_.Covers(owner)) return false;
  uint32_t lane = std::min<uint32_t>(trace.lane, TG_LANE_COUNT - 1);
  if ((trace.direction & TG_DIRECTION_UP) != 0 && options_.role != TG_ROLE_SERVER && !PassedUp(trace, lane))
    return false;
  if ((trace.direction & TG_DIRECTION_DOWN) == 0) return true;
  bool passed = true;
  for (sync::Link* child : links_.ChildrenOf(owner)) {
    if (!LeaseOver(*child, now_ms) && !PassedDown(child, trace, lane)) passed = false;
  }
  return passed;
}

bool Node::Impl::PassedUp(const tg_change& trace, uint32_t lane) {
  sync::Link* parent = links_.parent();
  if (parent == nullptr) return false;
  if (CameFromAbove(trace.via)) return true;
  if (HasArrived(trace, delivered_[lane].position, SyncTarget::kServer)) return true;
  if (parent->senders[lane].Advance(end_.position, 1)) PurgeSoon();
  return false;
}

bool Node::Impl::PassedDown(sync::Link* child, const tg_change& trace, uint32_t lane) {
  if (!child->settled) return false;
  if (IsRefused(*child, trace) || LeavesOut(child->agent(), trace)) return false;
  sync::FeedSender& sender = child->senders[lane];
  if (sender.acked().position >= trace.seq) return true;
  // Nothing may be left to be sent: then only its watermark lags.
  if (sender.Advance(end_.position, 1)) PurgeSoon();
  return false;
}

// An item that has expired is its own tombstone: as long as an older state of it may be about that it has to end, above
// where it is not delivered yet, or at a child that has not heard of it, its row stays, for a lease at the most. What
// is written by several comes late by many ways: there it stays a lease, and is behind the purge horizon then.
ExpirySweep::Verdict Node::Impl::JudgeExpired(const tg_change& item, int64_t now_ms) {
  using Verdict = ExpirySweep::Verdict;
  if (policy_changes_.IsBeingKeyed(View(item.model)) || KeepsAnswer(item)) return Verdict::kWaits;
  if (item.direction == TG_DIRECTION_NONE) return Verdict::kNobodyNeedsIt;
  const int64_t lease_ago_ms = now_ms - options_.lease_ms;
  const bool lease_over = item.expires_ms <= lease_ago_ms && item.seq <= ages_.PositionAt(lease_ago_ms);
  if (item.direction == TG_DIRECTION_BOTH) {
    return lease_over && MayPurge(item, now_ms) ? Verdict::kNobodyNeedsIt : Verdict::kWaits;
  }
  const uint32_t lane = std::min<uint32_t>(item.lane, TG_LANE_COUNT - 1);
  if (item.direction == TG_DIRECTION_UP) {
    if (options_.role == TG_ROLE_SERVER || PassedUp(item, lane)) return Verdict::kNobodyNeedsIt;
    const sync::Link* parent = links_.parent();
    if (parent != nullptr && IsRefused(*parent, item)) return Verdict::kWaits;  // somebody may yet have it tried again
    return lease_over ? Verdict::kUndelivered : Verdict::kWaits;
  }
  if (lease_over) return Verdict::kNobodyNeedsIt;
  for (sync::Link* child : links_.ChildrenOf(item.key.owner)) {
    if (!LeaseOver(*child, now_ms) && !PassedDown(child, item, lane)) return Verdict::kWaits;
  }
  return Verdict::kNobodyNeedsIt;
}

void Node::Impl::NoteSwept(const tg_change& item) {
  if (item.direction == TG_DIRECTION_DOWN) retention_.LookAgain();  // it may have kept an answer
  if (item.direction != TG_DIRECTION_BOTH || item.version.hlc < record_.purge_horizon) return;
  record_.purge_horizon = item.version.hlc + 1;
  self_.purge_horizon = KnownHorizon();
  stage_.Begin();
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  stage_.End();
}

// A put of what this node lacks may be older than its deletion, if the tombstone could be gone by now.
// kUnsure: it waits until the parent is sure of it.
Status Node::Impl::CheckHorizon(const sync::Inbound& from, const tg_change& change) const {
  if (change.kind != TG_CHANGE_ITEM || from.alive) return {};
  if (core::IsExpired(change, deps_.clock.expiry_ms())) return {};  // nobody sees it
  // What goes down never was deleted here, unless this very node forgot it. And what it lacks because it is not
  // settled yet says nothing of what was forgotten above.
  bool own = from.from_parent || marks_.Covers(change.key.owner);
  uint64_t horizon = own ? record_.purge_horizon : KnownHorizon();
  if (change.version.hlc >= horizon || stage_.Touches(change.key)) return {};
  Status held = deps_.storage.Get(change.key, [](const tg_change&) { return false; });
  if (held.code() != Code::kNotFound) return {};
  if (from.from_parent) {
    if (from.sure) return {};
    return Status(sync::kUnsure, "older than the purge horizon, from a parent that is not sure of it yet");
  }
  const sync::Link* link = links_.Find(from.neighbour);
  bool single_writer = change.direction == TG_DIRECTION_UP && !policy_changes_.WasShared(change);
  if (single_writer && link != nullptr && links_.Reaches(*link, change.key.owner) &&
      change.version.hlc >= link->record.rewound_hlc)
    return {};
  return Status::Refused(
      "maybe_deleted: this node lacks the item, which is older than its purge horizon, so that its "
      "tombstone may be forgotten; write it again if it is to live");
}

}  // namespace tidegate::node
