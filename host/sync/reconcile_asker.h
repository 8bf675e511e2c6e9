// ReconcileAsker: the child's side of a reconcile. It asks its parent about the ranges of its unsettled
// owners, splits where digests differ, and names its keys where few are left; what comes back is staged
// by the node. Live feeds go on meanwhile: versions make the overlap harmless.
// Thread safety: the writer thread. Ownership: refers to the storage.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "host/core/storage.h"
#include "host/wire/frames.h"

namespace tidegate::sync {

class ReconcileAsker {
 public:
  static constexpr size_t kListedKeysMax = 64;  // ranges with so few keys are listed
  static constexpr size_t kAsksInFlightMax = 4;

  explicit ReconcileAsker(const core::Storage& storage) : storage_(storage) {}

  // Begins a pass over these owners that settles the marks up to mark_number. cut: tombstones below this
  // time are left out.
  void Start(uint64_t pass, std::vector<AgentId> owners, uint64_t mark_number, uint64_t cut);
  // Also asks for items that this node wrote and may have forgotten, by their keys.
  void AskOwn(AgentId self, const std::vector<wire::KeyBound>& keys);
  // The session broke: the pass starts again with the next one. What was applied is equal by then.
  void Stop() { *this = ReconcileAsker(storage_); }
  ReconcileAsker& operator=(ReconcileAsker&& other) noexcept;

  bool running() const { return pass_ != 0; }
  bool done() const { return running() && work_.empty() && in_flight_.empty(); }
  // Nothing is left to be asked now: the parent is not sure yet.
  bool waiting(int64_t now_us) const;
  uint64_t mark_number() const { return mark_number_; }
  uint64_t pass() const { return pass_; }

  // Up to where this node's own feeds are delivered, by lane.
  using Delivered = std::array<uint64_t, TG_LANE_COUNT>;

  // The next ask, if there is room for one. delivered: as it is now, before the parent can answer.
  Result<std::optional<wire::CompareAsk>> Next(int64_t now_us, int64_t retry_us, const Delivered& delivered);
  // As it was when this was asked: what was delivered since may have crossed the answer. None: of an unknown ask.
  Delivered DeliveredAt(uint64_t ask) const;
  int64_t NextTimerUs(int64_t now_us) const;
  // Asks again what was not answered in time.
  void Tick(int64_t now_us);

  // Takes an answer apart: false if it is late and nothing of it may be used. What it resolves is
  // reported done by Settled, after the commit that holds it, or Failed.
  bool Answered(const wire::CompareAnswer& answer, int64_t now_us);
  void Settled(uint64_t ask) { in_flight_.erase(ask); }
  void Failed(uint64_t ask, int64_t retry_at_us);

 private:
  struct Work {
    AgentId owner = 0;
    wire::KeyRange range;
    bool list = false;  // name the keys, whatever their number
    int64_t not_before_us = 0;
    bool own = false;     // what this node wrote and that goes up
    int64_t wait_us = 0;  // how long to wait next for a parent that is not sure yet
  };
  struct InFlight {
    Work work;
    int64_t retry_at_us = 0;
    bool answered = false;
    Delivered delivered{};
  };

  Result<std::pair<uint64_t, uint64_t>> Digest(AgentId owner, const wire::KeyRange& range) const;
  Status ListKeys(Work* work, wire::RangeAsk* ask);
  Status Fill(Work* work, wire::RangeAsk* ask);

  const core::Storage& storage_;
  uint64_t pass_ = 0;
  uint64_t mark_number_ = 0;
  uint64_t cut_ = 0;
  uint64_t next_ask_ = 1;
  std::deque<Work> work_;
  std::map<uint64_t, InFlight> in_flight_;
};

// The storage's form of a range of one owner; only rows that also go down are compared.
tg_range RangeOf(AgentId owner, const wire::KeyRange& range, uint32_t direction_mask, uint64_t cut = 0);

}  // namespace tidegate::sync
