#include "host/node/doubts.h"

#include <utility>

#include "host/sync/meta_keys.h"

namespace tidegate::node {

void Doubts::Note(const std::string& reason, sync::Link* link) {
  if (!options_.verify_on_doubt) return;
  const int64_t now_us = deps_.clock.monotonic_us();
  int64_t& noted_us = link == nullptr ? noted_us_ : link->doubted_us;
  if (noted_us >= 0 && now_us - noted_us < options_.verify_delay_ms * 1000) return;
  noted_us = now_us;
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
    sync::LinkTable::StageVerify(*link, &stage_);
    link->ack_due = true;
  }
  stage_.End();
  if (link == nullptr || link->is_parent()) schedule_.Doubt(reason, now_us, deps_.random);
}

void Doubts::NoteCommit(const Status& status) {
  if (status.ok() && !failed_commit_.empty()) Note("a commit failed: " + std::exchange(failed_commit_, {}));
  if (!status.ok() && status.code() != Code::kFull) failed_commit_ = status.message();
}

void Doubts::NoteBegin(sync::Link* link, bool first, const std::vector<wire::LaneWatermark>& held) {
  if (first) return;
  for (const wire::LaneWatermark& entry : held) {
    if (entry.watermark.none() || link->senders[entry.lane].begin() == 0) continue;
    return Note("what agent " + std::to_string(link->agent()) + " holds is not what it was given", link);
  }
}

void Doubts::Hear(sync::Link* parent, uint64_t number, const std::string& reason) {
  if (!options_.verify_on_doubt) return;
  heard_ = number;
  wire::VerifyRecord& record = parent->verify;
  if (!record.known) {
    // What is compared at first contact needs no comparison for that.
    record.known = true;
    record.our_doubts = About(*parent);
    record.their_doubts = number;
    stage_.Begin();
    sync::LinkTable::StageVerify(*parent, &stage_);
    stage_.End();
    return;
  }
  if (number == record.their_doubts || (compared_ && number == compared_->theirs)) return;
  schedule_.Doubt("agent " + std::to_string(parent->agent()) + (reason.empty() ? " has doubts" : ": " + reason),
                  deps_.clock.monotonic_us(), deps_.random);
}

Doubts::Counts Doubts::Begin(const sync::Link& parent) {
  compared_ = {About(parent), heard_};
  return *compared_;
}

void Doubts::Answered(sync::Link* parent) {
  if (compared_) {
    parent->verify.known = true;
    parent->verify.our_doubts = compared_->ours;
    parent->verify.their_doubts = compared_->theirs;
  }
  compared_.reset();
}

}  // namespace tidegate::node
