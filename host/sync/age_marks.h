// AgeMarks: how far the replica was at which time, so that the age of a row follows from its seq. Coarse
// (a mark each lease/32) and bounded: a tombstone is kept at least one lease, and little longer.
// Thread safety: the writer thread. Ownership: plain value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "host/wire/records.h"

namespace tidegate::sync {

class AgeMarks {
 public:
  static constexpr int64_t kMarksInALease = 32;

  void Restore(wire::AgeRecord record) {
    marks_ = std::move(record.marks);
    noted_unix_ms_ = record.noted_unix_ms;
  }
  // To be stored now.
  wire::AgeRecord Record(int64_t unix_ms) {
    noted_unix_ms_ = unix_ms;
    return {marks_, unix_ms};
  }
  // When it was stored last, by the clock of then; 0 = not known.
  int64_t noted_unix_ms() const { return noted_unix_ms_; }

  void NotStored() { noted_unix_ms_ = 0; }

  // The clock says another time, and nothing is older for it.
  void Shift(int64_t by_ms) {
    for (wire::AgeMark& mark : marks_) mark.unix_ms += by_ms;
    if (noted_unix_ms_ != 0) noted_unix_ms_ += by_ms;
  }

  // position: the head of the replica now. Returns true if the record is to be stored.
  bool Note(int64_t unix_ms, uint64_t position, int64_t lease_ms) {
    bool changed = unix_ms - noted_unix_ms_ >= lease_ms / kMarksInALease;
    // Of before the clock was set back: what is true of then is true of now.
    for (wire::AgeMark& mark : marks_) {
      if (mark.unix_ms <= unix_ms) continue;
      mark.unix_ms = unix_ms;
      changed = true;
    }
    bool moved = marks_.empty() || marks_.back().position != position;
    if (moved && (marks_.empty() || unix_ms - marks_.back().unix_ms >= lease_ms / kMarksInALease)) {
      marks_.push_back({unix_ms, position});
      changed = true;
    }
    // Of those older than a lease the newest says it all.
    while (marks_.size() > 1 && marks_[1].unix_ms <= unix_ms - lease_ms) marks_.erase(marks_.begin());
    return changed;
  }

  // Every row with a seq up to this was here at that time already; 0 = none.
  uint64_t PositionAt(int64_t unix_ms) const {
    uint64_t position = 0;
    for (const wire::AgeMark& mark : marks_) {
      if (mark.unix_ms <= unix_ms) position = std::max(position, mark.position);
    }
    return position;
  }

 private:
  std::vector<wire::AgeMark> marks_;  // oldest first
  int64_t noted_unix_ms_ = 0;
};

}  // namespace tidegate::sync
