// FeedReceiver: one lane of a neighbour's feed, as it arrives. A batch is applied only if it starts
// where the last one ended (law 2); what is held is durable before it is acknowledged (law 1).
// Thread safety: the writer thread. Ownership: plain value.
#pragma once

#include <array>
#include <cstdint>

#include "host/base/ids.h"
#include "host/wire/frames.h"

namespace tidegate::sync {

enum class BatchVerdict : uint8_t {
  kApply,      // stage it; then Staged, then Committed or Failed
  kDuplicate,  // applied before: acknowledge again
  kMismatch,   // does not fit: say what is held
};

class FeedReceiver {
 public:
  void Restore(const Watermark& held) { held_ = tentative_ = held; }
  // A session begins: begins are numbered anew.
  void Open() {
    begin_ = staged_begin_ = 0;
    tentative_ = held_;
  }

  BatchVerdict Judge(const wire::Batch& batch) const;
  void Staged(const wire::Batch& batch);
  // The commit that held the batch is durable.
  void Committed(const wire::Batch& batch);
  void Failed() {
    tentative_ = held_;
    staged_begin_ = begin_;
  }

  const Watermark& held() const { return held_; }
  uint32_t begin() const { return begin_; }

 private:
  Watermark held_;       // durable
  Watermark tentative_;  // after what is staged but not committed yet
  uint32_t begin_ = 0;
  uint32_t staged_begin_ = 0;
  std::array<Watermark, 16> recent_;  // ends of batches applied, to know a late copy
  size_t next_recent_ = 0;
};

}  // namespace tidegate::sync
