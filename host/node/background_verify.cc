#include "host/node/background_verify.h"

#include <algorithm>
#include <utility>

namespace tidegate::node {
namespace {

constexpr int64_t kLiveFirstUs = 1'000'000;    // a question waits so long for changes that are on their way
constexpr int64_t kStoreEveryUs = 60'000'000;  // how far it is

void AddUp(const wire::ModelDifference& from, bool mended_only, DifferenceCount::Models* to) {
  wire::ModelDifference& sum = (*to)[from.model];
  sum.model = from.model;
  sum.mended += from.mended;
  if (mended_only) return;
  sum.missing_here += from.missing_here;
  sum.missing_there += from.missing_there;
  sum.differing += from.differing;
}

}  // namespace

void BackgroundVerify::Start(bool clock_is_believed) {
  const int64_t now_us = deps_.clock.monotonic_us();
  const sync::Link* parent = links_.parent();
  const wire::VerifyRecord none;
  const wire::VerifyRecord& record = parent == nullptr ? none : parent->verify;
  const int64_t last_ms = record.last ? record.last->ended_unix_ms : 0;
  schedule_.Start(now_us, clock_is_believed ? last_ms : 0, deps_.clock.unix_ms(), deps_.random);
  if (parent == nullptr || !record.known) return;
  if (doubts_.About(*parent) != record.our_doubts) schedule_.Doubt(doubts_.LastAbout(*parent), now_us, deps_.random);
  if (!record.under_way) return;
  schedule_.Doubt(record.reason, now_us, deps_.random);
  resumes_ = true;
}

void BackgroundVerify::Stop() {
  sync::Link* parent = links_.parent();
  if (run_ && parent != nullptr) Store(parent, deps_.clock.monotonic_us());
}

void BackgroundVerify::Yield(const sync::Link& parent, bool needed) {
  if (!run_) return;
  if (run_->parent != parent.agent() || run_->replica != parent.record.replica) {
    if (run_->looking) pass_.asker().Stop();
    if (run_->looking || pass_.CountsFor(ComparePass::CountedFor::kItself)) pass_.StopCounting();
    schedule_.Ended(deps_.clock.monotonic_us(), deps_.random);
    doubts_.NotAnswered();
    run_.reset();
  } else if (run_->looking && needed) {
    pass_.asker().Stop();
    pass_.StopCounting();
    run_->looking = false;
  }
}

void BackgroundVerify::Run(sync::Link* parent, int64_t now_us) {
  if (!run_) {
    if (!schedule_.Due(now_us)) return;
    BeginRun(*parent, now_us);
  }
  std::optional<AgentId> next = NextOwner();
  if (!next) return EndRun(parent, now_us);
  run_->owner = *next;
  run_->looking = true;
  run_->asked_us = now_us;
  pass_.Count(ComparePass::CountedFor::kItself, false);
  sync::ComparePlan plan{deps_.random.Next() | 1, {*next}, 0, around_.KnownHorizon(), true, true};
  plan.slow = true;
  plan.cut.expired_ms = around_.ExpiredMs();
  pass_.Start(*parent, std::move(plan));
}

std::optional<AgentId> BackgroundVerify::NextOwner() {
  UnderWay& run = *run_;
  if (std::exchange(run.mending, false)) run.after = run.owner;
  std::optional<AgentId> next;
  run.owners_done = 0;
  std::vector<AgentId> owners = marks_.AllOwners();
  for (AgentId owner : owners) {
    const bool done = run.after && owner <= *run.after;
    if (done) ++run.owners_done;
    if (!done && !next) next = owner;
  }
  run.owners = owners.size();
  return next;
}

void BackgroundVerify::BeginRun(const sync::Link& parent, int64_t now_us) {
  sync::VerifySchedule::Why why = schedule_.Begun(now_us);
  UnderWay& run = run_.emplace();
  run.parent = parent.agent();
  run.replica = parent.record.replica;
  run.cause = static_cast<uint32_t>(why.cause);
  run.reason = why.reason;
  run.begun_us = run.stored_us = now_us;
  run.doubts = doubts_.Begin(parent);
  const wire::VerifyRecord& record = parent.verify;
  // One that a stop broke off goes on, unless there is a reason since then to begin anew.
  const bool same = Doubts::Counts{record.our_doubts_begun, record.their_doubts_begun} == run.doubts;
  if (std::exchange(resumes_, false) && record.under_way && same) {
    run.cause = record.cause;
    run.reason = record.reason;
    if (record.has_after) run.after = record.after;
  }
  deps_.log.Write(7, "compares itself with agent " + std::to_string(parent.agent()));
}

void BackgroundVerify::Store(sync::Link* parent, int64_t now_us) {
  run_->stored_us = now_us;
  wire::VerifyRecord& record = parent->verify;
  record.under_way = true;
  record.has_after = run_->after.has_value();
  record.after = run_->after.value_or(0);
  record.cause = run_->cause;
  record.reason = run_->reason;
  record.our_doubts_begun = run_->doubts.ours;
  record.their_doubts_begun = run_->doubts.theirs;
  stage_.Begin();
  sync::LinkTable::StageVerify(*parent, &stage_);
  stage_.End();
}

void BackgroundVerify::Begin(const sync::ComparePlan& plan) {
  if (!plan.look && run_ && run_->mending) pass_.Count(ComparePass::CountedFor::kItself, true);
}

void BackgroundVerify::EndOwner(sync::Link* parent, int64_t now_us) {
  UnderWay& run = *run_;
  const DifferenceCount& count = *pass_.count();
  const uint64_t found = DifferenceCount::Found(count.models());
  const bool mended = count.mends();
  for (const auto& [model, difference] : count.models()) AddUp(difference, mended, &run.models);
  run.report.bytes_sent += count.report().bytes_sent;
  run.report.bytes_received += count.report().bytes_received;
  run.report.questions += pass_.asker().questions();
  run.report.ranges += pass_.asker().ranges();
  if (!mended) run.report.dropped += count.report().dropped;
  pass_.StopCounting();
  if (mended) return;
  run.report.rows += pass_.shelf().RowsOf(run.owner, pass_.asker().cut());
  run.looking = false;
  if (found != 0) {
    stage_.Begin();
    marks_.Add(false, run.owner, true);
    marks_.Stage();
    stage_.End();
    run.mending = true;
  } else {
    run.after = run.owner;
  }
  if (found != 0 || now_us - run.stored_us >= kStoreEveryUs) Store(parent, now_us);
}

void BackgroundVerify::EndRun(sync::Link* parent, int64_t now_us) {
  wire::CompareReport& report = run_->report;
  const uint64_t found = DifferenceCount::Found(run_->models);
  uint64_t mended = 0;
  for (const auto& [model, difference] : run_->models) {
    report.models.push_back(difference);
    mended += difference.mended;
  }
  report.cause = run_->cause;
  report.reason = run_->reason;
  report.took_ms = static_cast<uint64_t>(now_us - run_->begun_us) / 1000;
  doubts_.Answered(parent);
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
  around_.NoteReport(parent, std::move(report));
  schedule_.Ended(now_us, deps_.random);
  run_.reset();
}

bool BackgroundVerify::Waits(const sync::Link& parent, int64_t now_us) const {
  return looking() && parent.Waits(now_us) && now_us < run_->asked_us + kLiveFirstUs;
}

int64_t BackgroundVerify::NextUs(int64_t now_us) const {
  const sync::Link* parent = links_.parent();
  if (parent == nullptr || !parent->up() || parent->blocked) return INT64_MAX;
  int64_t next = INT64_MAX;
  // What is due and was not begun waits for something else than time.
  if (!run_ && schedule_.due_us() > now_us) next = schedule_.due_us();
  if (looking() && run_->asked_us + kLiveFirstUs > now_us) next = std::min(next, run_->asked_us + kLiveFirstUs);
  return next;
}

void BackgroundVerify::Show(VerifyStatus* status) const {
  if (run_) {
    status->state = run_->looking ? "compares" : "mends";
    status->cause = run_->cause;
    status->reason = run_->reason;
    status->owners = run_->owners;
    status->owners_done = run_->owners_done;
    status->rows = run_->report.rows;
    if (run_->looking) status->rows += pass_.shelf().RowsOf(run_->owner, pass_.asker().cut());
  } else if (const int64_t due_us = schedule_.due_us(); due_us != INT64_MAX) {
    status->next_in_ms = std::max<int64_t>(0, due_us - deps_.clock.monotonic_us()) / 1000;
  }
}

}  // namespace tidegate::node
