#include "host/api/watch_buffer.h"

#include <utility>

#include "host/base/views.h"

namespace tidegate::api {

WatchedChange::WatchedChange(const tg_change& change)
    : fixed(change),
      model(tidegate::View(change.model)),
      pk(tidegate::View(change.key.pk)),
      sk(tidegate::View(change.key.sk)),
      body(tidegate::View(change.body)) {}

tg_change WatchedChange::View() const {
  tg_change change = fixed;
  change.model = Str(model);
  change.key.pk = Str(pk);
  change.key.sk = Str(sk);
  change.body = Bytes(body);
  change.policy_meta = {nullptr, 0};
  change.extra = {nullptr, 0};
  change.index_keys = nullptr;
  change.index_key_count = 0;
  return change;
}

void WatchBuffer::Push(const tg_change& change) {
  if (!model_.empty() && tidegate::View(change.model) != model_) return;
  if (owner_ && change.key.owner != *owner_) return;
  WatchedChange copy(change);
  MutexLock lock(mutex_);
  if (overrun_) return;
  if (waiting_.size() >= changes_max_ || bytes_ + copy.bytes() > bytes_max_) {
    overrun_ = true;
  } else {
    bytes_ += copy.bytes();
    waiting_.push_back(std::move(copy));
  }
  filled_.NotifyOne();
}

std::vector<WatchedChange> WatchBuffer::Pop(std::chrono::milliseconds time, bool* overrun) {
  MutexLock lock(mutex_);
  if (waiting_.empty() && !overrun_) filled_.WaitFor(mutex_, time);
  *overrun = overrun_;
  bytes_ = 0;
  return std::exchange(waiting_, {});
}

}  // namespace tidegate::api
