// Watchers: who sees committed changes. Callbacks run outside of the lock.
// Thread safety: Tell from the writer thread; the rest from any other. Ownership: owns the callbacks.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "host/base/mutex.h"
#include "host/node/service.h"

namespace tidegate::daemon {

class Watchers {
 public:
  uint64_t Add(node::WatchFn fn);
  // Returns when no call of it is under way and none follows.
  void Remove(uint64_t id);
  bool empty() const;

  void Tell(const tg_change& change);

 private:
  using List = std::vector<std::pair<uint64_t, node::WatchFn>>;

  mutable Mutex mutex_;
  CondVar told_;
  std::shared_ptr<const List> list_ TG_GUARDED_BY(mutex_) = std::make_shared<List>();
  uint64_t last_id_ TG_GUARDED_BY(mutex_) = 0;
  uint64_t calls_begun_ TG_GUARDED_BY(mutex_) = 0;
  uint64_t calls_ended_ TG_GUARDED_BY(mutex_) = 0;
};

}  // namespace tidegate::daemon
