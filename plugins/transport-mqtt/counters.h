// The figures of one instance: for stats, and for the host's metrics.
// Thread safety: every method from any thread. Ownership: the metrics table is the host's.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "tidegate/cpp/host.h"

namespace tidegate::mqtt {

class Counters {
 public:
  explicit Counters(sdk::Metrics metrics) : metrics_(metrics) {}

  std::atomic<bool> connected = false;
  std::atomic<uint64_t> bytes_sent = 0;
  std::atomic<uint64_t> bytes_received = 0;
  std::atomic<uint64_t> frames_sent = 0;
  std::atomic<uint64_t> frames_received = 0;
  std::atomic<uint64_t> connects = 0;

  // Rare events go to the metrics at once, by name.
  void Count(std::string_view name) const { metrics_.CounterAdd(name); }

  // The others in portions; from one thread at a time.
  void Report() {
    Advance("bytes_sent", bytes_sent, sent_);
    Advance("bytes_received", bytes_received, received_);
    Advance("frames_sent", frames_sent, frames_out_);
    Advance("frames_received", frames_received, frames_in_);
    Advance("connects", connects, connects_);
    metrics_.GaugeSet("connected", connected ? 1 : 0);
  }

  void SetError(const std::string& error) {
    const std::lock_guard lock(mutex_);
    error_ = error;
  }
  std::string error() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  void Advance(std::string_view name, uint64_t now, uint64_t& reported) const {
    if (now != reported) metrics_.CounterAdd(name, now - reported);
    reported = now;
  }

  const sdk::Metrics metrics_;
  mutable std::mutex mutex_;
  std::string error_;
  uint64_t sent_ = 0, received_ = 0, frames_out_ = 0, frames_in_ = 0, connects_ = 0;  // reported already
};

}  // namespace tidegate::mqtt
