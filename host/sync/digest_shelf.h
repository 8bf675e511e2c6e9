// DigestShelf: the digests that comparisons of this node are using now, its own and those of its children.
// Thread safety: the writer thread. Ownership: owns them; refers to the storage.
#pragma once

#include <list>

#include "host/sync/range_digests.h"

namespace tidegate::sync {

class DigestShelf {
 public:
  static constexpr uint64_t kPortionRows = 4'096;       // some milliseconds of the writer
  static constexpr int64_t kUnusedUsMax = 120'000'000;  // then they are forgotten
  static constexpr size_t kLeavesMax = 262'144;         // of all of them; more are kept only while one is read

  explicit DigestShelf(const core::Storage& storage, uint64_t portion_rows = kPortionRows,
                       uint64_t leaf_items = RangeDigests::kLeafItems)
      : storage_(storage), portion_rows_(portion_rows), leaf_items_(leaf_items) {}

  // Those of an owner; null while they are being read, which this begins. What was asked for last is read first.
  // Valid until the next call of a function that is not const.
  RangeDigests* Find(AgentId owner, RowClass row_class, uint64_t cut, int64_t now_us);
  void Changed(const tg_key& key) {
    for (Shelved& shelved : shelved_) shelved.digests.Changed(key);
  }
  bool empty() const { return shelved_.empty(); }
  bool reading() const;
  // Reads a portion of what is wanted. An error forgets it: it is asked for again.
  Status Read();
  void Forget(int64_t now_us);
  int64_t NextForgetUs() const;
  uint64_t rows_read() const { return rows_read_; }

 private:
  struct Shelved {
    AgentId owner;
    RowClass row_class;
    uint64_t cut;
    int64_t used_us;
    RangeDigests digests;
  };

  const core::Storage& storage_;
  uint64_t portion_rows_;
  uint64_t leaf_items_;
  std::list<Shelved> shelved_;  // what was used last is first
  uint64_t rows_read_ = 0;
};

}  // namespace tidegate::sync
