#include "host/node/disk_gate.h"

#include <algorithm>
#include <utility>

namespace tidegate::node {
namespace {

constexpr int64_t kTryAgainUs = 1'000'000;
constexpr int64_t kOpenAgainUs = 2'000'000;
constexpr int64_t kNobodySendsUs = 30'000'000;

}  // namespace

void DiskGate::NoteCommit(const Status& status, bool took_bulky) {
  if (status.code() == Code::kFull) {
    const int64_t now_us = deps_.clock.monotonic_us();
    if (state_ == State::kOpen) {
      // It may only be too much at once.
      state_ = State::kTrying;
      fits_ = true;
      try_us_ = now_us + kNobodySendsUs;
    } else {
      if (fits_) deps_.log.Write(3, "the disk is full: neighbours wait until there is space");
      state_ = State::kShut;
      was_full_ = true;
      fits_ = false;
      try_us_ = now_us + kTryAgainUs;
    }
    TellNeighbours();
  } else if (status.ok() && state_ != State::kOpen && took_bulky) {
    // Frame by frame for a while: all that waits at once might fill it again.
    if (!std::exchange(fits_, true)) deps_.log.Write(6, "there is space on the disk again");
    const int64_t open_us = deps_.clock.monotonic_us() + kOpenAgainUs;
    try_us_ = state_ == State::kTrying ? std::min(try_us_, open_us) : open_us;
    if (std::exchange(state_, State::kTrying) == State::kTrying) return;
    TellNeighbours();
  }
}

void DiskGate::TryAgain(int64_t now_us) {
  if (now_us < try_us_) return;
  if (state_ == State::kTrying) {
    // What came fitted, or nobody had anything to send.
    if (!fits_) deps_.log.Write(6, "nothing waits for space on the disk any more");
    state_ = State::kOpen;
    try_us_ = INT64_MAX;
  } else {
    state_ = State::kTrying;
    try_us_ = now_us + kNobodySendsUs;
  }
  TellNeighbours();
}

void DiskGate::TellNeighbours() {
  for (const auto& [agent, link] : links_.all()) {
    if (link->up()) link->AckAll();
  }
}

uint64_t DiskGate::WindowBytes() const {
  switch (state_) {
    case State::kShut:
      return 0;
    case State::kTrying:
      return std::min<uint64_t>(options_.window_bytes, 1);  // a single frame
    default:
      return options_.window_bytes;
  }
}

}  // namespace tidegate::node
