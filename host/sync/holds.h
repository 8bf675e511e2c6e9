// Holds: models that wait as a whole (docs/replication.md, "Hold"). HoldsHere is the side that does not take
// them, HeldAbove the side whose models they are, towards its parent.
// Thread safety: the writer thread. Ownership: plain values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/core/stage.h"
#include "host/wire/frames.h"
#include "host/wire/records.h"
#include "tidegate/change.h"

namespace tidegate::sync {

// Whether a hold covers the change: a quota lets through what makes room.
inline bool Covers(const wire::Hold& hold, const tg_change& change) {
  return hold.reason != wire::HoldReason::kQuota || change.kind == TG_CHANGE_ITEM;
}

// Models of one neighbour that this node holds.
class HoldsHere {
 public:
  struct Entry {
    wire::HoldRecord record;
    bool durable = false;
    bool dirty = false;   // not written as it is
    bool staged = false;  // written by the commit under way
    bool ending = false;  // the reason is gone; waits until the neighbour knows what was left out
    uint64_t listed = 0;  // number of the list that first said what it says now
  };

  void Restore(wire::HoldRecord record);
  // A session begins: nothing is confirmed in it. Lists are numbered over all sessions of a start.
  void Open();

  bool empty() const { return entries_.empty(); }
  const Entry* Find(std::string_view model) const;
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  bool Holds(const tg_change& change) const;

  // Holds a model, or gives its hold another reason. Durable with the next Stage.
  void Put(wire::Hold hold, int64_t unix_ms);
  // A change of the model was left out of a batch that began here.
  void LeftOut(const std::string& model, uint32_t lane, const Watermark& before);
  // The reason is gone.
  void End(const std::string& model);

  // What is to be written, into the open group; then Staged with the outcome of the commit.
  bool Dirty() const;
  void Stage(AgentId link, core::Stage* stage);
  void Staged(bool ok);
  // Those that end and may be removed now. certain: what was left out is found without the neighbour.
  std::vector<std::string> Endable(bool certain) const;
  void Remove(const std::string& model);

  // What a node beyond this one holds, told along.
  void SetBeyond(std::vector<wire::Hold> beyond);

  // The full list, as the next hello or ack says it.
  std::vector<wire::Hold> List() const;
  uint64_t number() const { return number_; }
  // Returns true if a hold may end now.
  bool Confirmed(uint64_t number) {
    if (number <= confirmed_) return false;
    confirmed_ = number;
    return std::any_of(entries_.begin(), entries_.end(), [](const auto& entry) { return entry.second.ending; });
  }
  // Whether the neighbour knows that nothing is held that is not held any more.
  bool EndsConfirmed() const { return confirmed_ >= ended_; }
  bool AllConfirmed() const { return confirmed_ >= number_; }

 private:
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<wire::Hold> beyond_;
  uint64_t number_ = 1;
  uint64_t confirmed_ = 0;
  uint64_t ended_ = 0;  // number of the list that first lacked the last that ended
};

// Models of ours that the parent holds, or somebody beyond it, and the ranges of our up feeds in which
// something of them is still to be sent. Durable before a feed leaves a model out.
class HeldAbove {
 public:
  struct Entry {
    wire::HeldRecord record;
    bool durable = false;           // as it is
    mutable bool left_out = false;  // something of it did not get there
    bool beyond() const { return record.hold.by != 0; }
    bool open() const { return !record.released; }
  };
  using Key = std::pair<std::string, bool>;  // model, beyond

  void Restore(wire::HeldRecord record);
  bool empty() const { return entries_.empty(); }
  std::map<Key, Entry>& entries() { return entries_; }
  const std::map<Key, Entry>& entries() const { return entries_; }

  // Whether the feed to the parent leaves the change out. A transaction is sent as a whole: the parent
  // lists what its held items drag along.
  bool LeavesOut(const tg_change& change) const;
  // Whether an entry left something out since this was asked last.
  bool TakeLeftOut() const { return std::exchange(left_out_news_, false); }
  // Whether something of the model may not be there although watermarks have passed it.
  bool Excepts(std::string_view model, bool beyond_too) const;

  // By lane. taken: what the parent holds of our feed without having left anything out. read: up to where the feed will
  // not look again by itself, and so what is released has to be sent again. delivered: up to where what we have is
  // delivered; what an exception beyond the parent excepts lies behind that.
  struct Positions {
    std::vector<uint64_t> taken, read, delivered;
  };
  // The parent's list. Returns true if an entry changed (it is not durable then).
  bool Heard(const std::vector<wire::Hold>& list, const Positions& positions, int64_t unix_ms);
  // There is another parent now. What waits beyond the former one, "delivered" has passed over, and only the former
  // parent sends it on, if it ever can: here it waits from now on as if that one had held it, until the new one has it.
  void ParentLeft();

  // Whatever is not durable, into the open group; then Staged with the outcome.
  void Stage(core::Stage* stage) const;
  void Staged(bool ok);

  static std::string MetaKey(const Key& key);

 private:
  mutable bool left_out_news_ = false;
  std::map<Key, Entry> entries_;
  std::vector<Key> gone_;  // not entries any more, and on the disk still
};

}  // namespace tidegate::sync
