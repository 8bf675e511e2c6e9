#include "host/daemon/stop_guard.h"

#include <unistd.h>

#include <cstdio>

namespace tidegate::daemon {

StopGuard::StopGuard(std::chrono::milliseconds deadline)
    : thread_([this, deadline] {
        auto end = std::chrono::steady_clock::now() + deadline;
        MutexLock lock(mutex_);
        while (!done_) {
          auto left = std::chrono::duration_cast<std::chrono::microseconds>(end - std::chrono::steady_clock::now());
          if (left.count() <= 0) {
            std::fputs("tidegated: the stop took too long; ending now, what was acknowledged is on disk\n", stderr);
            _exit(1);
          }
          ended_.WaitFor(mutex_, left);
        }
      }) {}

StopGuard::~StopGuard() {
  {
    MutexLock lock(mutex_);
    done_ = true;
    ended_.NotifyAll();
  }
  thread_.join();
}

}  // namespace tidegate::daemon
