#include "host/daemon/watchers.h"

namespace tidegate::daemon {

uint64_t Watchers::Add(node::WatchFn fn) {
  MutexLock lock(mutex_);
  auto list = std::make_shared<List>(*list_);
  list->emplace_back(++last_id_, std::move(fn));
  list_ = std::move(list);
  return last_id_;
}

void Watchers::Remove(uint64_t id) {
  MutexLock lock(mutex_);
  auto list = std::make_shared<List>(*list_);
  std::erase_if(*list, [id](const auto& entry) { return entry.first == id; });
  list_ = std::move(list);
  // Calls begun from now on do not see it: it is enough to wait for those before.
  uint64_t begun = calls_begun_;
  while (calls_ended_ < begun) told_.Wait(mutex_);
}

bool Watchers::empty() const {
  MutexLock lock(mutex_);
  return list_->empty();
}

void Watchers::Tell(const tg_change& change) {
  std::shared_ptr<const List> list;
  {
    MutexLock lock(mutex_);
    list = list_;
    calls_begun_++;
  }
  for (const auto& [id, fn] : *list) fn(change);
  list.reset();
  MutexLock lock(mutex_);
  calls_ended_++;
  told_.NotifyAll();
}

}  // namespace tidegate::daemon
