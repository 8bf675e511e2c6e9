// Answer: where a handler waits for what the node's writer thread will say.
// Thread safety: the callback from any thread, once; the rest from one thread. Ownership: shared with
// the callback, so that a handler may stop waiting.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "host/base/mutex.h"

namespace tidegate::api {

template <typename T>
class Answer {
 public:
  std::function<void(T)> Callback() {
    return [shared = shared_](T value) {
      MutexLock lock(shared->mutex);
      shared->value = std::move(value);
      shared->ready.NotifyAll();
    };
  }

  T Wait() {
    MutexLock lock(shared_->mutex);
    while (!shared_->value) shared_->ready.Wait(shared_->mutex);
    return *std::move(shared_->value);
  }

  // Empty when the time is over.
  std::optional<T> WaitFor(std::chrono::milliseconds time) {
    MutexLock lock(shared_->mutex);
    auto end = std::chrono::steady_clock::now() + time;
    while (!shared_->value) {
      auto left = std::chrono::duration_cast<std::chrono::microseconds>(end - std::chrono::steady_clock::now());
      if (left.count() <= 0) return std::nullopt;
      shared_->ready.WaitFor(shared_->mutex, left);
    }
    return std::exchange(shared_->value, std::nullopt);
  }

 private:
  struct Shared {
    Mutex mutex;
    CondVar ready;
    std::optional<T> value TG_GUARDED_BY(mutex);
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace tidegate::api
