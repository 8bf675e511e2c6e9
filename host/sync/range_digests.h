// RangeDigests: the digests of one owner's keys, read once and kept for as long as they are asked for: every question
// of a comparison is then answered from memory, up to a part of two leaves. Reading goes in portions, so that the
// writer is never away for long; a row that is committed meanwhile makes its leaf stale, which is read again when it
// is asked for. So each answer is that of the storage at that moment, and an ordinary write costs nothing but a look
// whether anybody compares. See docs/decisions/0140-digests-are-read-once.md.
// Thread safety: the writer thread. Ownership: refers to the storage.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "host/core/storage.h"
#include "host/wire/frames.h"

namespace tidegate::sync {

// What is compared apart: what may be above and not below, or the other way round, differs between them.
enum class RowClass : uint8_t {
  kDown,    // what goes down, or both ways
  kUpOnly,  // what only goes up
};

inline RowClass ClassOf(uint32_t direction) {
  return (direction & TG_DIRECTION_DOWN) != 0 ? RowClass::kDown : RowClass::kUpOnly;
}

// What neither end of a comparison looks at: the same for both, however far each has cleaned up.
struct Cut {
  // NOLINTNEXTLINE(google-explicit-constructor): most comparisons in tests have a horizon alone
  Cut(uint64_t tombstones_hlc = 0, int64_t items_ms = 0) : hlc(tombstones_hlc), expired_ms(items_ms) {}
  uint64_t hlc;        // tombstones below it
  int64_t expired_ms;  // items that expired until then; 0 = none
  bool operator==(const Cut&) const = default;
};

struct DigestSum {
  uint64_t count = 0;
  uint64_t sum = 0;
  bool operator==(const DigestSum&) const = default;
};

class RangeDigests {
 public:
  static constexpr uint64_t kLeafItems = 128;
  static constexpr size_t kLeavesMax = 65'536;  // then two become one

  RangeDigests(const core::Storage& storage, AgentId owner, RowClass row_class, const Cut& cut,
               uint64_t leaf_items = kLeafItems);

  bool whole() const { return whole_; }
  uint64_t rows_read() const { return rows_read_; }
  size_t leaves() const { return leaves_.size(); }
  // Reads about so many rows more.
  Status Read(uint64_t rows);
  // The row of this key is another one than before.
  void Changed(const tg_key& key);

  // Only when whole.
  Result<DigestSum> Of(const wire::KeyRange& range);
  // The range in parts of at least so many rows, each but the last; at least one.
  Result<std::vector<wire::RangePart>> Parts(const wire::KeyRange& range, uint64_t part_items);
  // What of the range holds rows: no larger than a leaf each.
  Result<std::vector<wire::KeyRange>> Filled(const wire::KeyRange& range);

 private:
  struct Leaf {
    wire::KeyBound from;
    DigestSum sum;
    bool stale = false;
  };
  // A part of a range that is no larger than a leaf.
  struct Piece {
    wire::KeyRange range;
    DigestSum sum;
  };

  void Add(const tg_digest& digest, DigestSum* sum) const;
  size_t LeafOf(const wire::KeyBound& key) const;
  Status Refresh(size_t leaf);
  Status ReadPieces(const wire::KeyRange& range, uint64_t chunk_items,
                    const std::function<bool(const tg_digest&)>& fn) const;
  Result<std::vector<Piece>> PiecesOf(const wire::KeyRange& range);
  void Coarsen();

  const core::Storage& storage_;
  AgentId owner_;
  RowClass row_class_;
  Cut cut_;
  uint64_t leaf_items_;
  std::vector<Leaf> leaves_;  // by key; the first begins before every key
  wire::KeyBound frontier_;   // what has not been read yet
  bool whole_ = false;
  uint64_t rows_read_ = 0;
};

// The storage's form of a range of one owner.
tg_range RangeOf(AgentId owner, const wire::KeyRange& range, uint32_t direction_mask, const Cut& cut = {});
bool Before(const wire::KeyBound& a, const wire::KeyBound& b);

}  // namespace tidegate::sync
