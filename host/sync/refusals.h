// Refusals: what one side of a link refuses of the other's changes, on its way to the one who sent them.
// Frames are lost at times, so each is told with every ack until the neighbour says that it is durable
// there. Numbers count within a session.
// Thread safety: the writer thread. Ownership: plain value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

#include "host/wire/frames.h"

namespace tidegate::sync {

class Refusals {
 public:
  // So many wait at most; then no more is taken in that could be refused (law 11).
  static constexpr size_t kWaitingMax = 10'000;

  bool full() const { return waiting_.size() >= kWaitingMax; }
  void Add(wire::RefusedKey refused) { waiting_.push_back(std::move(refused)); }

  // A session begins: what was not confirmed in the last one is told again, and numbered anew.
  void Open() { confirmed_ = recorded_ = 0; }

  // Into an ack: the oldest that wait, and what is durable here of the neighbour's.
  void Fill(wire::Ack* ack) const {
    constexpr size_t kTellMax = 500;
    constexpr size_t kTellBytes = 64u << 10;
    size_t bytes = 0;
    for (size_t i = 0; i < std::min(waiting_.size(), kTellMax) && bytes < kTellBytes; ++i) {
      ack->refused.push_back(waiting_[i]);
      bytes += waiting_[i].pk.size() + waiting_[i].sk.size() + waiting_[i].reason.size() + 64;
    }
    ack->refused_number = confirmed_ + ack->refused.size();
    ack->refused_recorded = recorded_;
  }

  // The neighbour has them up to this number. Returns true if more are to be told.
  bool Confirmed(uint64_t number) {
    while (confirmed_ < number && !waiting_.empty()) {
      waiting_.pop_front();
      ++confirmed_;
    }
    return !waiting_.empty();
  }

  // Of the refusals in an ack, how many at its beginning are durable here already.
  size_t Known(const wire::Ack& ack) const {
    uint64_t before = ack.refused_number - std::min<uint64_t>(ack.refused_number, ack.refused.size());
    return static_cast<size_t>(std::min<uint64_t>(recorded_ - std::min(recorded_, before), ack.refused.size()));
  }
  void Recorded(uint64_t number) { recorded_ = std::max(recorded_, number); }

 private:
  std::deque<wire::RefusedKey> waiting_;  // the first has the number confirmed_ + 1
  uint64_t confirmed_ = 0;
  uint64_t recorded_ = 0;
};

}  // namespace tidegate::sync
