// KeySet: hashes of the keys that a commit writes. Open addressing in one block that is kept from commit
// to commit: a node of memory for each key would cost the writer thread more than the whole look-up.
// Thread safety: one thread at a time. Ownership: owns its block.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tidegate::core {

class KeySet {
 public:
  void Insert(size_t hash) {
    if ((size_ + 1) * 2 > slots_.size()) Grow();
    if (Place(Mark(hash))) ++size_;
  }

  bool Contains(size_t hash) const {
    if (size_ == 0) return false;
    size_t mark = Mark(hash);
    for (size_t at = mark & mask();; at = (at + 1) & mask()) {
      if (slots_[at] == mark) return true;
      if (slots_[at] == kEmpty) return false;
    }
  }

  void Clear() {
    if (size_ == 0) return;
    if (slots_.size() > kSlotsKept) slots_.resize(kSlotsKept);
    std::fill(slots_.begin(), slots_.end(), kEmpty);
    size_ = 0;
  }

 private:
  static constexpr size_t kEmpty = 0;
  static constexpr size_t kSlotsKept = 4096;  // of a commit of 1,000 and some

  static size_t Mark(size_t hash) { return hash == kEmpty ? 1 : hash; }
  size_t mask() const { return slots_.size() - 1; }

  bool Place(size_t mark) {
    size_t at = mark & mask();
    while (slots_[at] != kEmpty) {
      if (slots_[at] == mark) return false;
      at = (at + 1) & mask();
    }
    slots_[at] = mark;
    return true;
  }

  void Grow() {
    std::vector<size_t> old = std::move(slots_);
    slots_.assign(std::max<size_t>(64, old.size() * 2), kEmpty);
    for (size_t mark : old) {
      if (mark != kEmpty) Place(mark);
    }
  }

  std::vector<size_t> slots_;  // a power of two; hashes, kEmpty where there is none
  size_t size_ = 0;
};

}  // namespace tidegate::core
