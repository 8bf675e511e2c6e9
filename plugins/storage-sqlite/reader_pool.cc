#include "reader_pool.h"

#include <chrono>

#include "schema.h"

namespace tidegate::sqlite {

ReaderPool::Lease::~Lease() {
  {
    std::lock_guard lock(pool_.mutex_);
    pool_.free_.push_back(std::move(reader_));
  }
  pool_.freed_.notify_one();
}

ReaderPool::Lease ReaderPool::Acquire() {
  std::unique_lock lock(mutex_);
  const bool ready = freed_.wait_for(lock, std::chrono::milliseconds(kBusyTimeoutMs),
                                     [&] { return !free_.empty() || opened_ < config_.readers; });
  if (!ready)
    throw sdk::Error(TG_UNAVAILABLE, config_.path + ": all " + std::to_string(config_.readers) +
                                         " readers are in use; raise readers in its configuration");
  if (!free_.empty()) {
    auto reader = std::move(free_.back());
    free_.pop_back();
    return {*this, std::move(reader)};
  }
  ++opened_;
  lock.unlock();
  try {
    return {*this, std::make_unique<Reader>(OpenReader(config_))};
  } catch (...) {
    lock.lock();
    --opened_;
    throw;
  }
}

}  // namespace tidegate::sqlite
