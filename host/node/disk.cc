// A full disk: nothing new is taken from neighbours, and everything that makes room goes on (design law 11).
#include <algorithm>
#include <utility>

#include "host/node/impl.h"

namespace tidegate::node {
namespace {

constexpr int64_t kTryAgainUs = 1'000'000;
constexpr int64_t kOpenAgainUs = 2'000'000;
constexpr int64_t kNobodySendsUs = 30'000'000;

}  // namespace

// After each commit. took_bulky: something that takes room became durable.
void Node::Impl::NoteCommit(const Status& status, bool took_bulky) {
  if (status.code() == Code::kFull) {
    const int64_t now_us = deps_.clock.monotonic_us();
    if (disk_ == Disk::kOpen) {
      // It may only be too much at once.
      disk_ = Disk::kTrying;
      disk_fits_ = true;
      disk_try_us_ = now_us + kNobodySendsUs;
    } else {
      if (disk_fits_) deps_.log.Write(3, "the disk is full: neighbours wait until there is space");
      disk_ = Disk::kShut;
      disk_fits_ = false;
      disk_try_us_ = now_us + kTryAgainUs;
    }
    for (const auto& [agent, link] : links_.all()) {
      if (link->up()) link->AckAll();
    }
  } else if (status.ok() && disk_ != Disk::kOpen && took_bulky) {
    // Frame by frame for a while: all that waits at once might fill it again.
    if (!std::exchange(disk_fits_, true)) deps_.log.Write(6, "there is space on the disk again");
    const int64_t open_us = deps_.clock.monotonic_us() + kOpenAgainUs;
    disk_try_us_ = disk_ == Disk::kTrying ? std::min(disk_try_us_, open_us) : open_us;
    if (std::exchange(disk_, Disk::kTrying) == Disk::kTrying) return;
    for (const auto& [agent, link] : links_.all()) {
      if (link->up()) link->AckAll();
    }
  }
}

void Node::Impl::TryDiskAgain(int64_t now_us) {
  if (now_us < disk_try_us_) return;
  if (disk_ == Disk::kTrying) {
    // What came fitted, or nobody had anything to send.
    if (!disk_fits_) deps_.log.Write(6, "nothing waits for space on the disk any more");
    disk_ = Disk::kOpen;
    disk_try_us_ = INT64_MAX;
  } else {
    disk_ = Disk::kTrying;
    disk_try_us_ = now_us + kNobodySendsUs;
  }
  for (const auto& [agent, link] : links_.all()) {
    if (link->up()) link->AckAll();
  }
}

bool Node::Impl::DiskIsFull() const { return disk_ != Disk::kOpen && !disk_fits_; }

// What a neighbour may send ahead on a lane.
uint64_t Node::Impl::WindowBytes() const {
  switch (disk_) {
    case Disk::kShut:
      return 0;
    case Disk::kTrying:
      return std::min<uint64_t>(options_.window_bytes, 1);  // a single frame
    default:
      return options_.window_bytes;
  }
}

}  // namespace tidegate::node
