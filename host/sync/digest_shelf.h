// DigestShelf: the digests that comparisons of this node are using now, its own and those of its children.
// Thread safety: the writer thread. Ownership: owns them; refers to the storage.
#pragma once

#include <list>
#include <unordered_map>
#include <vector>

#include "host/sync/range_digests.h"

namespace tidegate::sync {

class DigestShelf {
 public:
  static constexpr uint64_t kPortionRows = 4'096;       // some milliseconds of the writer
  static constexpr int64_t kUnusedUsMax = 120'000'000;  // then they are forgotten
  static constexpr size_t kLeavesMax = 262'144;         // of all of them; more are kept only while one is read

  explicit DigestShelf(const core::Storage& storage, uint64_t portion_rows = kPortionRows,
                       uint64_t leaf_items = RangeDigests::kLeafItems, uint64_t slow_rows_per_s = 20'000)
      : storage_(storage),
        portion_rows_(portion_rows),
        leaf_items_(leaf_items),
        slow_row_us_(static_cast<int64_t>(1'000'000 / (slow_rows_per_s == 0 ? 1 : slow_rows_per_s))) {}

  // Those of an owner; null while they are being read, which this begins. What was asked for last is read first.
  // Valid until the next call of a function that is not const. slow: nobody waits; it is read at the low rate, unless
  // somebody else is in a hurry.
  RangeDigests* Find(AgentId owner, RowClass row_class, const Cut& cut, int64_t now_us, bool slow = false);
  // For each row that is committed, while anything is kept: costs nothing that grows with what others compare.
  void Changed(const tg_key& key);
  bool empty() const { return shelved_.empty(); }
  // Something is being read; of what is read at the low rate the next portion may not be due yet.
  bool reading() const { return !reading_.empty(); }
  // When the next portion is due; INT64_MAX = nothing is being read.
  int64_t NextReadUs() const;
  // Reads a portion of what is wanted. An error forgets it: it is asked for again.
  Status Read(int64_t now_us = INT64_MAX);
  // So many were read of this owner with this cut.
  uint64_t RowsOf(AgentId owner, const Cut& cut) const;
  void Forget(int64_t now_us);
  int64_t NextForgetUs() const;
  uint64_t rows_read() const { return rows_read_; }

 private:
  struct Shelved {
    AgentId owner;
    RowClass row_class;
    Cut cut;
    int64_t used_us;
    bool slow;
    RangeDigests digests;
  };

  using Place = std::list<Shelved>::iterator;

  Place Put(Shelved shelved);
  void Take(Place place);
  Place Of(AgentId owner, RowClass row_class, const Cut& cut);

  const core::Storage& storage_;
  uint64_t portion_rows_;
  uint64_t leaf_items_;
  int64_t slow_row_us_;         // at the low rate
  int64_t slow_at_us_ = 0;      // when the next portion may be read at it
  std::list<Shelved> shelved_;  // what was used last is first
  std::unordered_map<AgentId, std::vector<Place>> of_owner_;
  std::list<Place> reading_;  // what is not whole; what was asked for last is first
  bool grown_ = false;        // since their size was looked at
  uint64_t rows_read_ = 0;
};

}  // namespace tidegate::sync
