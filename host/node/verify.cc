// Verify: a link is compared because somebody asks, with everything that each side should hold, and what was found is
// counted. It is the reconcile of reconcile.cc: to look, its asker changes nothing; to mend, it settles a mark.
#include <algorithm>

#include "host/base/views.h"
#include "host/node/impl.h"

namespace tidegate::node {
namespace {

constexpr size_t kCountedMax = 100'000;  // keys that are kept so as to count none twice

}  // namespace

// Returns the number by which IsVerified knows it.
uint64_t Node::Impl::WantVerified(bool mend) {
  if (mend) {
    stage_.Begin();
    AddMark(true, 0, true);
    StageMarks();
    stage_.End();
  }
  verify_wanted_ = ++last_verify_;
  verify_mends_ = verify_mends_ || mend;
  return verify_wanted_;
}

bool Node::Impl::IsVerified(uint64_t number) const {
  if (verified_ < number) return false;
  const sync::Link* parent = links_.parent();
  // What was mended upwards travels by the feed.
  return !verified_mends_ || (parent != nullptr && parent->hop_position(end_.position) >= verified_position_);
}

// Begins what is wanted, if nothing else is being compared.
void Node::Impl::StartVerify(sync::Link* parent, sync::ComparePlan plan, int64_t now_us) {
  if (verify_wanted_ != 0 && (plan.look || verify_mends_)) {
    plan.up_only = true;
    verifying_.emplace();
    verifying_->number = std::exchange(verify_wanted_, 0);
    verifying_->mends = std::exchange(verify_mends_, false);
    verifying_->begun_us = now_us;
    verifying_->rows_before = shelf_.rows_read();
  } else if (!plan.look && background_ && background_->mending) {
    verifying_.emplace();
    verifying_->background = verifying_->mends = true;
  }
  for (const wire::Scope& mark : marks_) plan.up_only = plan.up_only || mark.up_only;
  asker_.Start(std::move(plan));
  asked_parent_ = parent->agent();
  asked_replica_ = parent->record.replica;
}

// The pass ended without an end: another parent, or another replica of it.
void Node::Impl::StopVerify() {
  asker_.Stop();
  if (!verifying_) return;
  if (verifying_->background) return verifying_.reset();
  verify_wanted_ = std::max(verify_wanted_, verifying_->number);
  verify_mends_ = verify_mends_ || verifying_->mends;
  verifying_.reset();
}

void Node::Impl::EndVerify(sync::Link* parent, int64_t now_us) {
  if (!verifying_) return;
  if (verifying_->background) return EndBackgroundOwner(parent, verifying_->mends, now_us);
  wire::CompareReport& report = verifying_->report;
  uint64_t found = 0;
  for (const auto& [model, difference] : verifying_->models) {
    report.models.push_back(difference);
    found += difference.missing_here + difference.missing_there + difference.differing;
  }
  report.rows = shelf_.rows_read() - verifying_->rows_before;
  report.questions = asker_.questions();
  report.ranges = asker_.ranges();
  report.took_ms = static_cast<uint64_t>(now_us - verifying_->begun_us) / 1000;
  verified_ = verifying_->number;
  verified_mends_ = verifying_->mends;
  verified_position_ = end_.position;
  verified_report_ = std::move(report);
  verifying_.reset();
  NoteReport(parent, verified_report_);
  if (verified_mends_) {
    for (sync::FeedSender& sender : parent->senders) sender.Flush();
  }
  deps_.metrics.Add("tidegate_verify_runs_total", 1);
  deps_.metrics.Add("tidegate_verify_differences_total", found);
  if (found != 0) {
    deps_.log.Write(4, "compared with agent " + std::to_string(parent->agent()) + ": " + std::to_string(found) +
                           (verified_mends_ ? " items differed and are mended as far as their direction allows"
                                            : " items differ: 'tidegate verify --repair' mends them"));
  }
}

// What an answer says of differences, each key once. Nothing of the answer is staged yet.
void Node::Impl::CountDifferences(const sync::Link& link, const wire::CompareAnswer& answer) {
  if (!verifying_) return;
  const sync::ReconcileAsker::Positions held_there = asker_.HeldAt(answer.ask);
  auto count = [&](std::string_view pk, std::string_view sk, auto fn) {
    std::optional<tg_change> ours;
    core::ChangeArena arena;
    (void)deps_.storage.Get({answer.owner, Str(pk), Str(sk)}, [&](const tg_change& change) {
      ours = arena.Copy(change);
      return false;
    });
    if (ours && IsRefused(link, *ours)) return;  // it is listed, and stays where it is
    std::string key = std::to_string(answer.owner) + '\0' + std::string(pk) + '\0' + std::string(sk);
    if (verifying_->counted.size() < kCountedMax && !verifying_->counted.insert(std::move(key)).second) return;
    fn(ours);
  };
  auto of = [&](std::string_view model) -> wire::ModelDifference& {
    wire::ModelDifference& difference = verifying_->models[std::string(model)];
    difference.model = model;
    return difference;
  };
  const uint64_t mended = verifying_->mends ? 1 : 0;
  auto lacking = [&](std::string_view model, const std::optional<tg_change>& ours) {
    wire::ModelDifference& difference = of(model);
    ++(ours ? difference.differing : difference.missing_here);
    difference.mended += mended;
  };
  auto offered = [&](const std::optional<tg_change>& ours, bool missing, bool removed) {
    // What the parent had not acknowledged when it was asked is on its way.
    if (!ours || ours->seq > held_there[std::min<uint32_t>(ours->lane, TG_LANE_COUNT - 1)]) return;
    wire::ModelDifference& difference = of(View(ours->model));
    ++(missing ? difference.missing_there : difference.differing);
    if (removed || (ours->direction & TG_DIRECTION_UP) != 0) difference.mended += mended;
  };
  for (const wire::RangeAnswer& range : answer.ranges) {
    for (const wire::KeyVersion& key : range.lacks)
      count(key.pk, key.sk, [&](const auto& ours) { lacking(key.model, ours); });
    for (const tg_change& change : range.changes)
      count(View(change.key.pk), View(change.key.sk), [&](const auto& ours) { lacking(View(change.model), ours); });
    for (const wire::KeyVersion& key : range.wants)
      count(key.pk, key.sk, [&](const auto& ours) { offered(ours, key.missing, false); });
    for (const wire::KeyVersion& key : range.removals)
      count(key.pk, key.sk, [&](const auto& ours) { offered(ours, true, true); });
    verifying_->report.dropped += range.dropped;
  }
}

// At a parent: whether items of a model may be dropped here without a delete.
bool Node::Impl::MayDrop(std::string_view model) const {
  const replica::ModelRule* rule = deps_.catalog.Get()->Find(model);
  if (rule == nullptr) return false;
  const tg_retain& retain = rule->retain;
  return retain.drop_when_delivered != 0 || retain.age_ms_max != 0 || retain.items_max != 0 || retain.bytes_max != 0;
}

}  // namespace tidegate::node
