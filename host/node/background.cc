// Background verify: a node compares itself with its parent without being asked, by the clock and after a doubt. It
// looks at one owner after the other at a low rate, and changes nothing; an owner of whom something differs is marked
// unsettled, and mended by the reconcile that settles it. docs/replication.md, "By itself"; decision 0143.
#include <algorithm>

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

constexpr int64_t kLiveFirstUs = 1'000'000;    // a question waits so long for changes that are on their way
constexpr int64_t kStoreEveryUs = 60'000'000;  // how far it is

void AddUp(const wire::ModelDifference& from, bool mended_only, std::map<std::string, wire::ModelDifference>* to) {
  wire::ModelDifference& sum = (*to)[from.model];
  sum.model = from.model;
  sum.mended += from.mended;
  if (mended_only) return;
  sum.missing_here += from.missing_here;
  sum.missing_there += from.missing_there;
  sum.differing += from.differing;
}

uint64_t Found(const wire::ModelDifference& model) {
  return model.missing_here + model.missing_there + model.differing;
}

}  // namespace

// At the start: what the replica knows of its last comparison, and of one that was under way.
void Node::Impl::StartBackground() {
  const int64_t now_us = deps_.clock.monotonic_us();
  const sync::Link* parent = links_.parent();
  const wire::VerifyRecord none;
  const wire::VerifyRecord& record = parent == nullptr ? none : parent->verify;
  const int64_t last_ms = record.last ? record.last->ended_unix_ms : 0;
  schedule_.Start(now_us, clock_judge_.Suspends() ? 0 : last_ms, deps_.clock.unix_ms(), deps_.random);
  if (parent == nullptr || !record.known) return;
  if (DoubtsAbout(*parent) != record.our_doubts) schedule_.Doubt(LastDoubt(*parent), now_us, deps_.random);
  if (!record.under_way) return;
  schedule_.Doubt(record.reason, now_us, deps_.random);
  resumes_background_ = true;
}

// ---- doubts ----

// Something happened after which the replicas may differ without anybody knowing. link: only towards this neighbour.
void Node::Impl::Doubt(const std::string& reason, sync::Link* link) {
  if (!options_.verify_on_doubt) return;
  const int64_t now_us = deps_.clock.monotonic_us();
  int64_t& doubted_us = link == nullptr ? doubted_us_ : link->doubted_us;
  if (doubted_us >= 0 && now_us - doubted_us < options_.verify_delay_ms * 1000) return;
  doubted_us = now_us;
  deps_.log.Write(5, "the replicas are going to be compared: " + reason);
  deps_.metrics.Add("tidegate_doubts_total", 1);
  stage_.Begin();
  if (link == nullptr) {
    ++record_.doubts;
    record_.doubt = reason;
    stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
    for (const auto& [agent, other] : links_.all()) other->ack_due = true;
  } else {
    ++link->verify.doubts;
    link->verify.doubt = reason;
    stage_.MetaPut(sync::meta::Verify(link->agent()), wire::EncodeRecord(link->verify));
    link->ack_due = true;
  }
  stage_.End();
  if (link == nullptr || link->is_parent()) schedule_.Doubt(reason, now_us, deps_.random);
}

// A feed that begins anew though the neighbour held some of it.
void Node::Impl::DoubtBegins(sync::Link* link, bool first, const std::vector<wire::LaneWatermark>& held) {
  if (first) return;
  for (const wire::LaneWatermark& entry : held) {
    if (entry.watermark.none() || link->senders[entry.lane].begin() == 0) continue;
    return Doubt("what agent " + std::to_string(link->agent()) + " holds is not what it was given", link);
  }
}

uint64_t Node::Impl::DoubtsAbout(const sync::Link& link) const { return record_.doubts + link.verify.doubts; }

std::string Node::Impl::LastDoubt(const sync::Link& link) const {
  return link.verify.doubt.empty() ? record_.doubt : link.verify.doubt;
}

// The parent says how often it doubted. What is compared at first contact needs no comparison for that.
void Node::Impl::HearDoubts(sync::Link* parent, uint64_t number, const std::string& reason) {
  if (!options_.verify_on_doubt) return;
  heard_doubts_ = number;
  wire::VerifyRecord& record = parent->verify;
  if (!record.known) {
    record.known = true;
    record.our_doubts = DoubtsAbout(*parent);
    record.their_doubts = number;
    StageVerify(*parent);
    return;
  }
  if (number == record.their_doubts || (background_ && number == background_->their_doubts)) return;
  schedule_.Doubt("agent " + std::to_string(parent->agent()) + (reason.empty() ? " has doubts" : ": " + reason),
                  deps_.clock.monotonic_us(), deps_.random);
}

void Node::Impl::StageVerify(const sync::Link& link) {
  stage_.Begin();
  stage_.MetaPut(sync::meta::Verify(link.agent()), wire::EncodeRecord(link.verify));
  stage_.End();
}

// ---- a comparison ----

// Whoever asks, or needs an owner settled, goes first.
void Node::Impl::YieldBackground(const sync::Link& parent) {
  if (!background_) return;
  if (background_->parent != parent.agent() || background_->replica != parent.record.replica) {
    if (background_->looking) asker_.Stop();
    if (background_->looking || (verifying_ && verifying_->background)) verifying_.reset();
    schedule_.Ended(deps_.clock.monotonic_us(), deps_.random);
    background_.reset();
  } else if (background_->looking && (!marks_.empty() || verify_wanted_ != 0 || !doubted_answers_.empty())) {
    asker_.Stop();
    verifying_.reset();
    background_->looking = false;
  }
}

// Nothing else is compared now.
void Node::Impl::RunBackground(sync::Link* parent, int64_t now_us) {
  if (!background_) {
    if (!schedule_.Due(now_us)) return;
    BeginBackground(*parent, now_us);
  }
  Background& background = *background_;
  if (std::exchange(background.mending, false)) background.after = background.owner;
  std::optional<AgentId> next;
  std::vector<AgentId> owners = AllOwners();
  for (AgentId owner : owners) {
    if (!next && (!background.after || owner > *background.after)) next = owner;
  }
  background.owners = owners.size();
  background.owners_done = static_cast<uint64_t>(std::count_if(
      owners.begin(), owners.end(), [&](AgentId owner) { return background.after && owner <= *background.after; }));
  if (!next) return EndBackground(parent, now_us);
  background.owner = *next;
  background.looking = true;
  background.asked_us = now_us;
  verifying_.emplace();
  verifying_->background = true;
  verifying_->begun_us = now_us;
  sync::ComparePlan plan{deps_.random.Next() | 1, {*next}, 0, KnownHorizon(), true, true};
  plan.slow = true;
  asker_.Start(std::move(plan));
  asked_parent_ = parent->agent();
  asked_replica_ = parent->record.replica;
}

void Node::Impl::BeginBackground(const sync::Link& parent, int64_t now_us) {
  sync::VerifySchedule::Why why = schedule_.Begun(now_us);
  Background& background = background_.emplace();
  background.parent = parent.agent();
  background.replica = parent.record.replica;
  background.cause = static_cast<uint32_t>(why.cause);
  background.reason = why.reason;
  background.begun_us = background.stored_us = now_us;
  background.our_doubts = DoubtsAbout(parent);
  background.their_doubts = heard_doubts_;
  const wire::VerifyRecord& record = parent.verify;
  // One that a stop broke off goes on, unless there is a reason since then to begin anew.
  const bool same =
      record.our_doubts_begun == background.our_doubts && record.their_doubts_begun == background.their_doubts;
  if (std::exchange(resumes_background_, false) && record.under_way && same) {
    background.cause = record.cause;
    background.reason = record.reason;
    if (record.has_after) background.after = record.after;
  }
  deps_.log.Write(7, "compares itself with agent " + std::to_string(parent.agent()));
}

// How far it is, so that a restart goes on there.
void Node::Impl::StoreBackground(sync::Link* parent, int64_t now_us) {
  Background& background = *background_;
  background.stored_us = now_us;
  wire::VerifyRecord& record = parent->verify;
  record.under_way = true;
  record.has_after = background.after.has_value();
  record.after = background.after.value_or(0);
  record.cause = background.cause;
  record.reason = background.reason;
  record.our_doubts_begun = background.our_doubts;
  record.their_doubts_begun = background.their_doubts;
  StageVerify(*parent);
}

// An owner is looked through, or mended.
void Node::Impl::EndBackgroundOwner(sync::Link* parent, bool mended, int64_t now_us) {
  Background& background = *background_;
  uint64_t found = 0;
  for (const auto& [model, difference] : verifying_->models) {
    AddUp(difference, mended, &background.models);
    found += Found(difference);
  }
  const wire::CompareReport& part = verifying_->report;
  background.report.bytes_sent += part.bytes_sent;
  background.report.bytes_received += part.bytes_received;
  background.report.questions += asker_.questions();
  background.report.ranges += asker_.ranges();
  if (!mended) background.report.dropped += part.dropped;
  verifying_.reset();
  if (mended) return;
  background.report.rows += shelf_.RowsOf(background.owner, KnownHorizon());
  background.looking = false;
  if (found != 0) {
    stage_.Begin();
    AddMark(false, background.owner, true);
    StageMarks();
    stage_.End();
    background.mending = true;
  } else {
    background.after = background.owner;
  }
  if (found != 0 || now_us - background.stored_us >= kStoreEveryUs) StoreBackground(parent, now_us);
}

void Node::Impl::EndBackground(sync::Link* parent, int64_t now_us) {
  Background& background = *background_;
  wire::CompareReport& report = background.report;
  uint64_t found = 0, mended = 0;
  for (const auto& [model, difference] : background.models) {
    report.models.push_back(difference);
    found += Found(difference);
    mended += difference.mended;
  }
  report.cause = background.cause;
  report.reason = background.reason;
  report.took_ms = static_cast<uint64_t>(now_us - background.begun_us) / 1000;
  parent->verify.our_doubts = background.our_doubts;
  parent->verify.their_doubts = background.their_doubts;
  parent->verify.known = true;
  parent->verify.under_way = parent->verify.has_after = false;
  parent->verify.after = 0;
  deps_.metrics.Add("tidegate_verify_rows_total", report.rows);
  deps_.metrics.Add("tidegate_verify_runs_total", 1);
  deps_.metrics.Add("tidegate_verify_differences_total", found);
  deps_.metrics.Add("tidegate_verify_mended_total", mended);
  if (found != 0) {
    deps_.log.Write(4, "compared with agent " + std::to_string(parent->agent()) + " by itself" +
                           (report.reason.empty() ? "" : " (" + report.reason + ")") + ": " + std::to_string(found) +
                           " items differed, " + std::to_string(mended) + " are mended");
  }
  NoteReport(parent, std::move(report));
  schedule_.Ended(now_us, deps_.random);
  background_.reset();
}

// Changes that are on their way go before a question, for a while.
bool Node::Impl::BackgroundWaits(const sync::Link& parent, int64_t now_us) const {
  return background_ && background_->looking && parent.Waits(now_us) && now_us < background_->asked_us + kLiveFirstUs;
}

int64_t Node::Impl::NextBackgroundUs(int64_t now_us) const {
  const sync::Link* parent = links_.parent();
  if (parent == nullptr || !parent->up() || parent->blocked) return INT64_MAX;
  int64_t next = INT64_MAX;
  // What is due and was not begun waits for something else than time.
  if (!background_ && schedule_.due_us() > now_us) next = schedule_.due_us();
  if (background_ && background_->looking && background_->asked_us + kLiveFirstUs > now_us)
    next = std::min(next, background_->asked_us + kLiveFirstUs);
  return next;
}

// ---- what is told of it ----

// The result of a comparison of the link to the parent, which is told too.
void Node::Impl::NoteReport(sync::Link* parent, wire::CompareReport report) {
  report.ended_unix_ms = deps_.clock.unix_ms();
  parent->verify.last = report;
  StageVerify(*parent);
  wire::SyncDone told;  // of nothing that the parent has asked
  told.report = std::move(report);
  Send(parent, told);
}

// A child compared itself with this node.
void Node::Impl::HearReport(sync::Link* child, wire::CompareReport report) {
  for (wire::ModelDifference& model : report.models) std::swap(model.missing_here, model.missing_there);
  std::swap(report.bytes_sent, report.bytes_received);
  child->verify.last = std::move(report);
  StageVerify(*child);
}

VerifyStatus Node::Impl::ShowVerify(const sync::Link& link) const {
  VerifyStatus status;
  if (link.is_parent()) {
    const int64_t due_us = schedule_.due_us();
    if (background_) {
      status.state = background_->looking ? "compares" : "mends";
      status.cause = background_->cause;
      status.reason = background_->reason;
      status.owners = background_->owners;
      status.owners_done = background_->owners_done;
      status.rows = background_->report.rows;
      if (background_->looking) status.rows += shelf_.RowsOf(background_->owner, KnownHorizon());
    } else if (verifying_) {
      status.state = verifying_->mends ? "mends" : "compares";
      status.rows = shelf_.rows_read() - verifying_->rows_before;
    } else if (due_us != INT64_MAX) {
      status.next_in_ms = std::max<int64_t>(0, due_us - deps_.clock.monotonic_us()) / 1000;
    }
  }
  status.last = link.verify.last;
  return status;
}

}  // namespace tidegate::node
