// LostAgain: when what a node above dropped for want of room is sent again, and how much of it at once. The way has to
// be free: all that stood before is delivered. What is dropped once more makes portions smaller and pauses longer, so
// that a router that is full for days is not asked all the time.
// Thread safety: the writer thread. Ownership: plain value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tidegate::node {

class LostAgain {
 public:
  // Something more was dropped. end: of the replica then.
  void Heard(uint64_t end) {
    heard_ = true;
    if (!waits_) after_ = std::max(after_, end);
    waits_ = true;
  }

  // How many to send now, when everything up to `delivered` is there; 0 = none yet.
  size_t Portion(uint64_t delivered, int64_t now_us) {
    if (under_way_ || delivered < after_ || now_us < at_us_) return 0;
    if (heard_) {
      heard_ = false;
      pause_us_ = std::clamp<int64_t>(pause_us_ * 2, kPauseMinUs, kPauseMaxUs);
      portion_ = sent_ ? std::max<size_t>(std::min(portion_, last_) / 2, 1) : portion_;
      sent_ = false;
      at_us_ = now_us + pause_us_;
      return 0;
    }
    if (sent_) {
      portion_ = std::min(portion_ * 2, kPortionMax);
      pause_us_ = 0;
    }
    return portion_;
  }

  // A portion is staged; then it is committed, or not.
  void Staged(size_t items) {
    under_way_ = true;
    last_ = items;
  }
  void Committed(bool ok) {
    under_way_ = false;
    sent_ = sent_ || ok;
  }
  // It got this position.
  void Moved(uint64_t to) { after_ = std::max(after_, to); }
  // Nothing could go: it waits for something else, or is over.
  void Nothing(bool over, int64_t now_us) {
    if (over) waits_ = sent_ = false;
    at_us_ = over ? 0 : now_us + kPauseMaxUs;
  }

  // The rest comes with an ack.
  int64_t NextUs(int64_t now_us) const { return at_us_ > now_us ? at_us_ : INT64_MAX; }

 private:
  static constexpr int64_t kPauseMinUs = 1'000'000;
  static constexpr int64_t kPauseMaxUs = 60'000'000;
  static constexpr size_t kPortionMax = 1'000;

  bool waits_ = false;
  bool heard_ = false;
  bool sent_ = false;
  bool under_way_ = false;
  uint64_t after_ = 0;
  int64_t at_us_ = 0;
  int64_t pause_us_ = 0;
  size_t portion_ = 100;
  size_t last_ = 0;  // so many went
};

}  // namespace tidegate::node
