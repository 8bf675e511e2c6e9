#include "host/sync/feed_receiver.h"

#include <algorithm>

namespace tidegate::sync {

BatchVerdict FeedReceiver::Judge(const wire::Batch& batch) const {
  if (batch.begin != 0) return batch.begin > staged_begin_ ? BatchVerdict::kApply : BatchVerdict::kDuplicate;
  // Where nothing is held a feed has to begin: "nothing" is no place that a batch could go on from.
  if (tentative_.none() && staged_begin_ == 0) return BatchVerdict::kMismatch;
  if (batch.before == tentative_) return BatchVerdict::kApply;
  bool seen = batch.after == tentative_ || std::find(recent_.begin(), recent_.end(), batch.after) != recent_.end();
  return seen ? BatchVerdict::kDuplicate : BatchVerdict::kMismatch;
}

void FeedReceiver::Staged(const wire::Batch& batch) {
  tentative_ = batch.after;
  if (batch.begin != 0) {
    staged_begin_ = batch.begin;
    recent_.fill({});
  }
}

void FeedReceiver::Committed(const wire::Batch& batch) {
  held_ = batch.after;
  if (batch.begin != 0) begin_ = batch.begin;
  recent_[next_recent_++ % recent_.size()] = batch.after;
}

}  // namespace tidegate::sync
