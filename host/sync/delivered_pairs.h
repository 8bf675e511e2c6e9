// DeliveredPairs: what a router knows of "delivered" for one lane of one neighbour. A pair says: a child's
// changes up to `child` are ours up to position `own`; once our parent has delivered `own`, the child's are
// delivered too. The other way round for what came from the parent: once every child has delivered `own`
// (design section 6, "Ack").
// Thread safety: the writer thread. Ownership: plain value.
#pragma once

#include <cstdint>
#include <deque>

#include "host/base/ids.h"

namespace tidegate::sync {

class DeliveredPairs {
 public:
  static constexpr size_t kPairsMax = 256;

  void Clear() {
    pairs_.clear();
    delivered_ = {};
  }

  // own: the head of this replica after the commit that held the child's changes.
  void Add(const Watermark& child, uint64_t own) {
    if (!pairs_.empty() && pairs_.back().own == own) {
      pairs_.back().child = child;
      return;
    }
    pairs_.push_back({child, own});
    if (pairs_.size() <= kPairsMax) return;
    // Coarsen: every second pair is enough, only later than it could be.
    std::deque<Pair> kept;
    for (size_t i = 1; i < pairs_.size(); i += 2) kept.push_back(pairs_[i]);
    if (kept.back().own != pairs_.back().own) kept.push_back(pairs_.back());
    pairs_.swap(kept);
  }

  // A change at own position `from` got a new one: it is delivered with that one only.
  void Raise(uint64_t from, uint64_t to) {
    for (Pair& pair : pairs_) {
      if (pair.own >= from && pair.own < to) pair.own = to;
    }
  }

  // Returns true if more of the child's changes are now delivered.
  bool Deliver(uint64_t own_delivered) {
    bool moved = false;
    while (!pairs_.empty() && pairs_.front().own <= own_delivered) {
      delivered_ = pairs_.front().child;
      pairs_.pop_front();
      moved = true;
    }
    return moved;
  }

  const Watermark& delivered() const { return delivered_; }
  bool waits() const { return !pairs_.empty(); }

 private:
  struct Pair {
    Watermark child;
    uint64_t own;
  };
  std::deque<Pair> pairs_;
  Watermark delivered_;
};

}  // namespace tidegate::sync
