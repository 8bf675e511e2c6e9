// StopGuard: ends the process when an orderly stop takes too long. Nothing acknowledged is lost by it:
// that is on disk.
// Thread safety: control thread. Ownership: owns its thread.
#pragma once

#include <chrono>
#include <thread>

#include "host/base/mutex.h"

namespace tidegate::daemon {

class StopGuard {
 public:
  explicit StopGuard(std::chrono::milliseconds deadline);
  ~StopGuard();

 private:
  Mutex mutex_;
  CondVar ended_;
  bool done_ TG_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tidegate::daemon
