#include "host/node/asked_verify.h"

#include <algorithm>
#include <utility>

namespace tidegate::node {

uint64_t AskedVerify::Want(bool mend) {
  if (mend) {
    stage_.Begin();
    marks_.Add(true, 0, true);
    marks_.Stage();
    stage_.End();
  }
  wanted_ = ++last_;
  mends_ = mends_ || mend;
  return wanted_;
}

bool AskedVerify::IsDone(uint64_t number) const {
  if (done_ < number) return false;
  const sync::Link* parent = links_.parent();
  // What was mended upwards travels by the feed.
  return !done_mended_ || (parent != nullptr && parent->hop_position(end_.position) >= done_position_);
}

bool AskedVerify::Begin(const sync::ComparePlan& plan, int64_t now_us) {
  if (wanted_ == 0 || (!plan.look && !mends_)) return false;
  number_ = std::exchange(wanted_, 0);
  pass_.Count(ComparePass::CountedFor::kAsked, std::exchange(mends_, false));
  begun_us_ = now_us;
  rows_before_ = pass_.shelf().rows_read();
  return true;
}

void AskedVerify::BreakOff() {
  wanted_ = std::max(wanted_, number_);
  mends_ = mends_ || pass_.count()->mends();
  pass_.StopCounting();
}

void AskedVerify::End(sync::Link* parent, int64_t now_us) {
  const DifferenceCount& count = *pass_.count();
  const uint64_t found = DifferenceCount::Found(count.models());
  report_ = count.report();
  for (const auto& [model, difference] : count.models()) report_.models.push_back(difference);
  report_.rows = rows();
  report_.questions = pass_.asker().questions();
  report_.ranges = pass_.asker().ranges();
  report_.took_ms = static_cast<uint64_t>(now_us - begun_us_) / 1000;
  done_ = number_;
  done_mended_ = count.mends();
  done_position_ = end_.position;
  pass_.StopCounting();
  around_.NoteReport(parent, report_);
  if (done_mended_) {
    for (sync::FeedSender& sender : parent->senders) sender.Flush();
  }
  deps_.metrics.Add("tidegate_verify_runs_total", 1);
  deps_.metrics.Add("tidegate_verify_differences_total", found);
  if (found != 0) {
    deps_.log.Write(4, "compared with agent " + std::to_string(parent->agent()) + ": " + std::to_string(found) +
                           (done_mended_ ? " items differed and are mended as far as their direction allows"
                                         : " items differ: 'tidegate verify --repair' mends them"));
  }
}

}  // namespace tidegate::node
