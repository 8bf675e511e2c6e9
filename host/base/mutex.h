// Mutex, MutexLock and CondVar: the standard ones with clang's thread-safety annotations, so that a
// build with clang proves that guarded state is touched under its mutex only.
// Thread safety: that is what they are for. Ownership: a lock and a wait refer to a mutex that outlives
// them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define TG_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define TG_THREAD_ANNOTATION(x)
#endif

#define TG_CAPABILITY(x) TG_THREAD_ANNOTATION(capability(x))
#define TG_SCOPED_CAPABILITY TG_THREAD_ANNOTATION(scoped_lockable)
#define TG_GUARDED_BY(x) TG_THREAD_ANNOTATION(guarded_by(x))
#define TG_REQUIRES(...) TG_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define TG_EXCLUDES(...) TG_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define TG_ACQUIRE(...) TG_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define TG_RELEASE(...) TG_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define TG_NO_THREAD_SAFETY_ANALYSIS TG_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace tidegate {

class TG_CAPABILITY("mutex") Mutex {
 public:
  void Lock() TG_ACQUIRE() { mutex_.lock(); }
  void Unlock() TG_RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class TG_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) TG_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() TG_RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits wake up without reason at times: callers loop over their condition.
class CondVar {
 public:
  void Wait(Mutex& mutex) TG_REQUIRES(mutex) TG_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False when the time is over.
  bool WaitFor(Mutex& mutex, std::chrono::microseconds time) TG_REQUIRES(mutex) TG_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    bool woken = condition_.wait_for(lock, time) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace tidegate
