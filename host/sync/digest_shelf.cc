#include "host/sync/digest_shelf.h"

#include <algorithm>
#include <utility>

namespace tidegate::sync {

DigestShelf::Place DigestShelf::Put(Shelved shelved) {
  shelved_.push_front(std::move(shelved));
  const Place place = shelved_.begin();
  of_owner_[place->owner].push_back(place);
  reading_.push_front(place);
  return place;
}

void DigestShelf::Take(Place place) {
  const auto of_owner = of_owner_.find(place->owner);
  std::erase(of_owner->second, place);
  if (of_owner->second.empty()) of_owner_.erase(of_owner);
  reading_.remove(place);
  shelved_.erase(place);
}

DigestShelf::Place DigestShelf::Of(AgentId owner, RowClass row_class, const Cut& cut) {
  const auto of_owner = of_owner_.find(owner);
  if (of_owner == of_owner_.end()) return shelved_.end();
  const auto found = std::find_if(of_owner->second.begin(), of_owner->second.end(), [&](const Place& place) {
    return place->row_class == row_class && place->cut == cut;
  });
  return found == of_owner->second.end() ? shelved_.end() : *found;
}

RangeDigests* DigestShelf::Find(AgentId owner, RowClass row_class, const Cut& cut, int64_t now_us, bool slow) {
  Place found = Of(owner, row_class, cut);
  if (found == shelved_.end()) {
    found = Put({owner, row_class, cut, now_us, slow, RangeDigests(storage_, owner, row_class, cut, leaf_items_)});
    // Of most owners that is all there is.
    if ((!slow || slow_at_us_ <= now_us) && !Read(now_us).ok()) return nullptr;
  } else {
    found->slow = found->slow && slow;
    shelved_.splice(shelved_.begin(), shelved_, found);
    if (!found->digests.whole()) {
      reading_.remove(found);
      reading_.push_front(found);
    }
  }
  found->used_us = now_us;
  grown_ = true;  // a question may split leaves
  return found->digests.whole() ? &found->digests : nullptr;
}

void DigestShelf::Changed(const tg_key& key) {
  const auto of_owner = of_owner_.find(key.owner);
  if (of_owner == of_owner_.end()) return;
  for (const Place& place : of_owner->second) place->digests.Changed(key);
}

int64_t DigestShelf::NextReadUs() const {
  int64_t next = INT64_MAX;
  for (const Place& place : reading_) next = std::min(next, place->slow ? slow_at_us_ : 0);
  return next;
}

Status DigestShelf::Read(int64_t now_us) {
  if (reading_.empty()) return {};
  // What somebody waits for goes first.
  const auto waited = std::find_if(reading_.begin(), reading_.end(), [](const Place& place) { return !place->slow; });
  if (waited == reading_.end() && slow_at_us_ > now_us) return {};
  const Place next = waited == reading_.end() ? reading_.front() : *waited;
  const uint64_t before = next->digests.rows_read();
  Status read = next->digests.Read(portion_rows_);
  const uint64_t rows = next->digests.rows_read() - before;
  rows_read_ += rows;
  if (next->slow && now_us != INT64_MAX) slow_at_us_ = now_us + static_cast<int64_t>(rows) * slow_row_us_;
  if (!read.ok()) {
    Take(next);
  } else if (next->digests.whole()) {
    reading_.remove(next);
  }
  return read;
}

uint64_t DigestShelf::RowsOf(AgentId owner, const Cut& cut) const {
  const auto of_owner = of_owner_.find(owner);
  if (of_owner == of_owner_.end()) return 0;
  uint64_t rows = 0;
  for (const Place& place : of_owner->second) {
    if (place->cut == cut) rows += place->digests.rows_read();
  }
  return rows;
}

void DigestShelf::Forget(int64_t now_us) {
  while (!shelved_.empty() && now_us - shelved_.back().used_us >= kUnusedUsMax) Take(std::prev(shelved_.end()));
  if (!std::exchange(grown_, false)) return;
  size_t leaves = 0;
  for (const Shelved& shelved : shelved_) leaves += shelved.digests.leaves() + 1;
  while (leaves > kLeavesMax && shelved_.size() > 1) {
    leaves -= shelved_.back().digests.leaves() + 1;
    Take(std::prev(shelved_.end()));
  }
}

int64_t DigestShelf::NextForgetUs() const {
  return shelved_.empty() ? INT64_MAX : shelved_.back().used_us + kUnusedUsMax;
}

}  // namespace tidegate::sync
