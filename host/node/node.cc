#include "host/node/node.h"

#include <algorithm>
#include <charconv>

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

replica::WriterOptions WriterOptionsOf(const NodeOptions& options) {
  replica::WriterOptions writer;
  writer.agent = options.agent;
  writer.role = options.role;
  writer.item_bytes_max = options.item_bytes_max;
  writer.transaction_bytes_max = options.transaction_bytes_max;
  writer.context_json = options.context_json;
  return writer;
}

}  // namespace

Node::Impl::Impl(const NodeOptions& options, const Dependencies& deps)
    : options_(options),
      deps_(deps),
      stage_(deps.storage),
      writer_(WriterOptionsOf(options), deps.storage, stage_, deps.catalog, deps.policy, deps.clock, deps.random,
              versions_, deps.events),
      links_(deps.storage, options_),
      marks_(deps.storage, stage_, links_, record_),
      clock_judge_(options_, deps_, links_),
      disk_gate_(options_, deps_, links_),
      given_up_(options_, deps_),
      loss_notes_(options_, deps_),
      quotas_(options_, deps_),
      retention_(options_, deps_, stage_, links_, clock_judge_, quotas_, *this),
      expiry_(options_, deps_, stage_, clock_judge_, *this),
      strays_(options_, deps_, stage_, links_, *this),
      policy_changes_(options_, deps_, stage_, links_, versions_, end_, parent_table_, *this),
      pass_(deps.storage, options_),
      verify_schedule_(options_),
      doubts_(options_, deps_, stage_, links_, record_, verify_schedule_),
      asked_verify_(deps_, stage_, links_, marks_, end_, pass_, *this),
      background_verify_(deps_, stage_, links_, marks_, doubts_, verify_schedule_, pass_, *this),
      waits_(options_, deps_, links_, end_, marks_, policy_changes_, held_above_, given_up_, retention_),
      errands_(options_, deps_, stage_, links_, end_, marks_, asked_verify_, answers_, *this),
      clearings_(options_, deps_, stage_, links_, end_, marks_, *this),
      conflicts_(deps.storage, options_) {
  writer_.set_over(
      [this](const tg_change& written, const Version& held) { policy_changes_.WritesOver(written, held); });
}

std::unique_ptr<replica::Preparer> Node::Impl::MakePreparer() const {
  return std::make_unique<replica::Preparer>(WriterOptionsOf(options_), deps_.catalog, deps_.clock, deps_.random);
}

Status Node::Impl::Open() {
  AgentId former = 0;  // it gets another agent id
  Result<std::string> bytes = deps_.storage.MetaGet(sync::meta::kNode);
  if (bytes.ok()) {
    TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes.value(), &record_));
    if (record_.role == options_.role && deps_.storage.MetaGet(sync::meta::kRenewed).ok()) former = record_.agent;
    if ((record_.agent != options_.agent && former == 0) || record_.role != options_.role) {
      return Status::Invalid("this replica was made for agent " + std::to_string(record_.agent) + ", " +
                             RoleName(record_.role) + "; the configuration says agent " +
                             std::to_string(options_.agent) + ", " + RoleName(options_.role) +
                             ": give the node a storage of its own, or put the old ids back");
    }
  } else if (bytes.status().code() != Code::kNotFound) {
    return bytes.status();
  }
  record_.agent = options_.agent;
  record_.role = options_.role;
  ChooseLevel();
  edges_number_ = record_.edges_number;

  Result<std::string> clock = deps_.storage.MetaGet(sync::meta::kClock);
  if (clock.ok()) {
    uint64_t last = 0;
    std::from_chars(clock->data(), clock->data() + clock->size(), last);
    versions_.Restore(last);
    stored_clock_ = last;
  }
  TG_RETURN_IF_ERROR(marks_.Restore());
  if (former != 0) TG_RETURN_IF_ERROR(Renew(former));
  TG_RETURN_IF_ERROR(links_.Restore());
  TG_RETURN_IF_ERROR(conflicts_.Restore());
  TG_RETURN_IF_ERROR(clones_.Restore(deps_.storage));
  if (const sync::Link* parent = links_.parent(); parent != nullptr && record_.attach_parent == 0) {
    record_.attach_parent = parent->agent();
    record_.attach_epoch = parent->record.attach_epoch;
  }
  attach_stored_ = record_.attach_epoch;
  TG_RETURN_IF_ERROR(strays_.Restore());
  if (const sync::Link* parent = links_.parent()) SetParentTable(parent->table);
  TG_RETURN_IF_ERROR(
      deps_.storage.MetaScan(sync::meta::kHeldAbovePrefix, [&](std::string_view, std::string_view value) {
        wire::HeldRecord record;
        if (wire::DecodeRecord(value, &record).ok()) held_above_.Restore(std::move(record));
        return true;
      }));
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    Result<std::string> delivered = deps_.storage.MetaGet(sync::meta::Delivered(lane));
    if (delivered.ok()) TG_RETURN_IF_ERROR(wire::DecodeRecord(delivered.value(), &delivered_[lane]));
  }
  TG_RETURN_IF_ERROR(
      deps_.storage.MetaScan(sync::meta::kFormerParentPrefix, [&](std::string_view key, std::string_view) {
        auto agent = ParseAgent(key.substr(sync::meta::kFormerParentPrefix.size()));
        if (agent.ok()) former_parents_.insert(agent.value());
        return true;
      }));
  TG_ASSIGN_OR_RETURN(end_, deps_.storage.Head());
  clock_judge_.Start(static_cast<int64_t>(stored_clock_ >> 16));
  TG_RETURN_IF_ERROR(RestorePurge());
  TG_RETURN_IF_ERROR(retention_.Restore());
  TG_RETURN_IF_ERROR(given_up_.Restore());
  TG_RETURN_IF_ERROR(loss_notes_.Restore());
  TG_RETURN_IF_ERROR(CountUsage());
  for (const auto& [agent, link] : links_.all()) {
    ApplyQuotas(link.get());
    if (!link->quarantined.empty()) listing_.insert(agent);
  }
  LoadFacts();
  if (options_.role == TG_ROLE_SERVER && record_.fall == 0) record_.fall = versions_.Tick(deps_.clock.unix_ms());
  CountGone();
  if (bytes.ok() && !deps_.storage.MetaGet(sync::meta::kStopped).ok()) doubts_.Note("it was not stopped in order");
  background_verify_.Start(!clock_judge_.Suspends());
  TakeRestoreNote();
  TG_RETURN_IF_ERROR(policy_changes_.Restore());
  LookAtPolicies();
  PlanQuarantineRetry();  // the schemas may be others than those of the last run
  stage_.Begin();
  DoubtAnswers();
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  if (deps_.storage.MetaGet(sync::meta::kStopped).ok()) stage_.MetaDelete(sync::meta::kStopped);
  stage_.End();
  FindAnswered();
  return CommitStage();
}

// In order: the next start has nothing to doubt.
void Node::Impl::Stop() {
  if (!CommitStage().ok()) return;
  background_verify_.Stop();
  stage_.Begin();
  stage_.MetaPut(sync::meta::kStopped, "");
  stage_.End();
  (void)CommitStage();  // else it was not stopped in order
}

// What the hello says of this node.
void Node::Impl::LoadFacts() {
  self_.agent = options_.agent;
  self_.role = options_.role;
  self_.level = record_.level;
  self_.links_off = record_.links_off;
  self_.replica = deps_.storage.info().replica;
  self_.epochs.clear();
  if (auto epochs = deps_.storage.Epochs(16); epochs.ok()) {
    for (const tg_epoch& epoch : epochs.value()) self_.epochs.push_back({epoch.epoch, epoch.first});
  }
  self_.models.clear();
  for (const replica::ModelRule& rule : deps_.catalog.Get()->rules()) {
    wire::ModelPolicy policy;
    policy.model = rule.name;
    policy.direction = rule.direction;
    policy.lane = rule.lane;
    policy.schema_digest = rule.model->digest();
    if (rule.merge) {
      policy.policy_id = rule.merge->policy;
      policy.policy_revision = rule.merge->revision;
    }
    self_.models.push_back(std::move(policy));
  }
}

void Node::Impl::CatalogChanged() {
  (void)CommitStage();  // what is staged was keyed by the former one
  LoadFacts();
  LookAtPolicies();
  if (Status counted = CountUsage(); !counted.ok())
    deps_.log.Write(3, "cannot count what is stored: " + counted.message());
  PlanQuarantineRetry();
  TableChanged();
  for (auto& [number, session] : sessions_) {
    if (session.peer.side != core::Side::kParent) continue;
    if (session.state != SessionState::kUp && session.state != SessionState::kHello) continue;
    if (session.state == SessionState::kHello) session.id = 0;  // the one on its way names what was true before
    StartHello(&session);
  }
}

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
  int64_t now_us = deps_.clock.monotonic_us();
  uint64_t applied = 0;
  const bool tells = Wants(core::Events::kChanged);
  bool takes_commands = options_.role != TG_ROLE_SERVER && deps_.catalog.Get()->has_commands();
  bool watches_answers = options_.role == TG_ROLE_SERVER && deps_.catalog.Get()->has_commands();
  for (const core::Effect& effect : effects) {
    if (effect.outcome.result == TG_OUTCOME_STALE && effect.change->via != 0) {
      // Refused as older: the neighbour is told which version is held.
      if (sync::Link* link = links_.Find(effect.change->via)) {
        wire::RefusedKey refused = sync::NameOf(*effect.change);
        refused.held = Version::From(effect.outcome.held);
        refused.held_kind = effect.outcome.held_kind;
        NoteToldOlder(link, *effect.change);
        link->refusals.Add(std::move(refused));  // bounded: no batch is taken in while they are full
        link->ack_due = true;
      }
      deps_.metrics.Add("tidegate_changes_superseded_total", 1);
    }
    if (effect.outcome.result == TG_OUTCOME_EQUAL && effect.change->via != 0) TellRefusedAbove(*effect.change);
    if (effect.outcome.result == TG_OUTCOME_EQUAL && effect.change->via != 0) TellLostAbove(*effect.change);
    if (effect.outcome.result == TG_OUTCOME_EQUAL && effect.change->via != 0) NoteSentAgain(*effect.change);
    if (effect.outcome.result == TG_OUTCOME_EQUAL && effect.change->via != 0) NoteGivenFromBelow(*effect.change);
    if (!effect.applied()) continue;
    ++applied;
    if (!quotas_.empty()) quotas_.NoteCommitted(effect);
    if (effect.change->expires_ms != 0 && effect.outcome.seq != 0) expiry_.Note(effect.change->expires_ms, now_us);
    // An answer is kept as long as its command.
    if (retention_.on() && effect.change->kind == TG_CHANGE_TOMBSTONE && effect.change->direction == TG_DIRECTION_DOWN)
      retention_.LookAgain();
    if (!pass_.shelf().empty()) pass_.shelf().Changed(effect.change->key);
    NoteUnsent(effect, now_us);
    if (watches_answers) NoteAnswered(*effect.change);
    if (takes_commands) NoteCommand(*effect.change);
    if (effect.change->direction == TG_DIRECTION_BOTH || !listing_.empty() || !links_.left_listed().empty())
      NoteOverwritten(effect);
    if (!waits_.empty()) waits_.NoteReplaced(effect);
    // A new seq for the same state is no news; what was joined has seq 0 here.
    bool same_version = Version::From(effect.outcome.held) == Version::From(effect.change->version);
    if (!(watcher_ || tells) || effect.outcome.seq == 0 || (same_version && effect.change->seq != 0)) continue;
    tg_change seen = *effect.change;
    seen.seq = effect.outcome.seq;
    if (watcher_) watcher_(seen);
    if (tells) TellChanged(seen);
  }
  deps_.metrics.Add("tidegate_changes_total", applied);
  deps_.metrics.Add("tidegate_commits_total", 1);
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

Status Node::Impl::Commit() {
  int64_t now_us = deps_.clock.monotonic_us();
  if (int64_t jumped_ms = clock_judge_.Look(now_us); jumped_ms != 0) ClockMoved(jumped_ms);
  Tick(now_us);
  policy_changes_.Run(now_us);
  RetryQuarantined();
  ReleaseOverwritten();
  RunByHand();
  EndHolds();
  RemoveAnswered();
  SendHeldAgain();
  SendLostAgain(now_us);
  clearings_.Run();
  retention_.Run(now_us);
  expiry_.Run(now_us);
  disk_gate_.TryAgain(now_us);
  if (disk_gate_.TakeOver()) doubts_.Note("the disk was full");
  StoreDelivered(now_us);
  KeepHouse(now_us);
  Purge(now_us);
  Status status = CommitStage();
  // It looks at what is committed: nothing that comes with the same commit may be missed.
  if (status.ok()) strays_.Sweep(now_us, end_.position);
  RunRetries();
  // Handlers may have staged more: the end of a reconcile pass, marks, a retry.
  for (int round = 0; round < 4 && status.ok() && !(stage_.empty() && take_up_.empty()); ++round) {
    TakeUp();
    status = CommitStage();
    RunRetries();
  }
  answers_.Give();
  if (held_above_.TakeLeftOut()) TellBeyond();
  ReadDigests(now_us);
  DeliverPairs();
  Pump();
  // What was pushed may be there already, and what was pulled is to be sent.
  for (int round = 0; round < 4 && errands_.Run(now_us); ++round) Pump();
  waits_.Answer();
  links_.Settle([&](const sync::Link& link) { return WakeUs(link, now_us); });
  return status;
}

// When the link has something to do by itself.
int64_t Node::Impl::WakeUs(const sync::Link& link, int64_t now_us) const {
  int64_t next = link.NextTimerUs(now_us);
  if (link.up() && link.waits_since_us >= 0)
    next = std::min(next, link.waits_since_us + options_.progress_timeout_ms * 1000);
  return next;
}

int64_t Node::Impl::NextTimerUs() const {
  int64_t now_us = deps_.clock.monotonic_us();
  if (!stage_.empty() || !answers_.empty() || !retry_quarantined_.empty() || !clearings_.empty()) return now_us;
  if (!by_hand_.empty() || !sent_again_entries_.empty()) return now_us;
  if (!answered_.empty() && !answered_again_) return now_us;
  if (send_again_now_ || !holds_ending_.empty() || !links_.settled()) return now_us;
  if (retention_.due() || !overwritten_.empty()) return now_us;
  const sync::Link* parent = links_.parent();
  bool to_parent = parent != nullptr && parent->up() && !parent->blocked;
  int64_t next = std::min(to_parent ? edges_retry_us_ : INT64_MAX, silence_us_);
  for (core::TransportSession number : uplinks_) {
    const Session& session = sessions_.at(number);
    next = std::min(next, session.hello_at_us);
    if (session.state != SessionState::kUp) continue;
    next = std::min(next, session.heard_us + options_.link_timeout_ms * 1000);
    next = std::min(next, session.sent_us + options_.keepalive_ms * 1000);
  }
  next = std::min(next, links_.NextWakeUs());
  if (pass_.asker().running() && to_parent) next = std::min(next, pass_.asker().NextTimerUs(now_us));
  next = std::min({next, waits_.NextUs(), strays_.NextUs()});
  if (!links_.routes().empty()) next = std::min(next, age_routes_at_us_);
  next = std::min({next, pass_.shelf().NextForgetUs(), std::max(now_us, pass_.shelf().NextReadUs()),
                   background_verify_.NextUs(now_us)});
  next = std::min({next, retention_.NextUs(), expiry_.NextUs()});
  if (!take_up_.empty()) next = std::min(next, std::max(now_us, take_up_at_us_));
  if (to_parent && given_up_.goes_again()) next = std::min(next, lost_again_.NextUs(now_us));
  return std::min({next, policy_changes_.NextUs(now_us), disk_gate_.try_us(), store_delivered_at_us_, purge_at_us_,
                   errands_.NextUs()});
}

// Every few seconds of activity: notes what the neighbours hold, forgets commit ends and epochs that none of those
// still waited for can name any more and from which no feed will begin, and moves the watermarks of idle lanes.
void Node::Impl::KeepHouse(int64_t now_us) {
  if (stage_.empty() || now_us < keep_house_at_us_) return;
  keep_house_at_us_ = now_us + 5'000'000;
  uint64_t lowest = end_.position;
  int64_t now_ms = deps_.clock.unix_ms();
  bool believed = !clock_judge_.Suspends();
  stage_.Begin();
  for (const auto& [agent, link] : links_.all()) {
    bool silent = believed && LeaseOver(*link, now_ms);
    for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
      sync::FeedSender& sender = link->senders[lane];
      if (!silent) lowest = std::min(lowest, sender.acked().position);
      if (link->acked_stored[lane] != sender.acked()) {
        link->acked_stored[lane] = sender.acked();
        stage_.MetaPut(sync::meta::Acked(agent, lane), wire::EncodeRecord(sender.acked()));
      }
      sender.Advance(end_.position, idle_behind_);
    }
  }
  // A parent yet to come begins at what is delivered.
  for (const Watermark& delivered : delivered_) {
    if (options_.role != TG_ROLE_SERVER) lowest = std::min(lowest, delivered.position);
  }
  if (lowest > 0) stage_.EndsTrim(lowest);
  stage_.End([this](const Status& status, std::span<const core::Effect>) {
    if (status.ok()) return;
    for (const auto& [agent, link] : links_.all()) link->acked_stored = {};
  });
}

}  // namespace tidegate::node
