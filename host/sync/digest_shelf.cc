#include "host/sync/digest_shelf.h"

#include <algorithm>

namespace tidegate::sync {

RangeDigests* DigestShelf::Find(AgentId owner, RowClass row_class, uint64_t cut, int64_t now_us, bool slow) {
  auto found = std::find_if(shelved_.begin(), shelved_.end(), [&](const Shelved& shelved) {
    return shelved.owner == owner && shelved.row_class == row_class && shelved.cut == cut;
  });
  if (found == shelved_.end()) {
    shelved_.push_front(
        {owner, row_class, cut, now_us, slow, RangeDigests(storage_, owner, row_class, cut, leaf_items_)});
    found = shelved_.begin();
    // Of most owners that is all there is.
    if ((!slow || slow_at_us_ <= now_us) && !Read(now_us).ok()) return nullptr;
  } else {
    found->slow = found->slow && slow;
    shelved_.splice(shelved_.begin(), shelved_, found);
  }
  found->used_us = now_us;
  return found->digests.whole() ? &found->digests : nullptr;
}

bool DigestShelf::reading() const {
  return std::any_of(shelved_.begin(), shelved_.end(), [](const Shelved& s) { return !s.digests.whole(); });
}

int64_t DigestShelf::NextReadUs() const {
  int64_t next = INT64_MAX;
  for (const Shelved& shelved : shelved_) {
    if (!shelved.digests.whole()) next = std::min(next, shelved.slow ? slow_at_us_ : 0);
  }
  return next;
}

Status DigestShelf::Read(int64_t now_us) {
  // What somebody waits for goes first.
  auto next =
      std::find_if(shelved_.begin(), shelved_.end(), [](const Shelved& s) { return !s.digests.whole() && !s.slow; });
  if (next == shelved_.end() && slow_at_us_ <= now_us) {
    next = std::find_if(shelved_.begin(), shelved_.end(), [](const Shelved& s) { return !s.digests.whole(); });
  }
  if (next == shelved_.end()) return {};
  const uint64_t before = next->digests.rows_read();
  Status read = next->digests.Read(portion_rows_);
  const uint64_t rows = next->digests.rows_read() - before;
  rows_read_ += rows;
  if (next->slow && now_us != INT64_MAX) slow_at_us_ = now_us + static_cast<int64_t>(rows) * slow_row_us_;
  if (!read.ok()) shelved_.erase(next);
  return read;
}

uint64_t DigestShelf::RowsOf(AgentId owner, uint64_t cut) const {
  uint64_t rows = 0;
  for (const Shelved& shelved : shelved_) {
    if (shelved.owner == owner && shelved.cut == cut) rows += shelved.digests.rows_read();
  }
  return rows;
}

void DigestShelf::Forget(int64_t now_us) {
  size_t leaves = 0;
  for (auto shelved = shelved_.begin(); shelved != shelved_.end();) {
    leaves += shelved->digests.leaves() + 1;
    const bool too_many = leaves > kLeavesMax && shelved != shelved_.begin();
    const bool unused = now_us - shelved->used_us >= kUnusedUsMax;
    shelved = too_many || unused ? shelved_.erase(shelved) : std::next(shelved);
  }
}

int64_t DigestShelf::NextForgetUs() const {
  return shelved_.empty() ? INT64_MAX : shelved_.back().used_us + kUnusedUsMax;
}

}  // namespace tidegate::sync
