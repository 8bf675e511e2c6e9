// DiskGate: on a full disk nothing new is taken from neighbours, and everything that makes room goes on (design
// law 11). What they may send opens again step by step.
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <cstdint>
#include <utility>

#include "host/node/node.h"
#include "host/sync/link_table.h"

namespace tidegate::node {

class DiskGate {
 public:
  DiskGate(const NodeOptions& options, const Dependencies& deps, sync::LinkTable& links)
      : options_(options), deps_(deps), links_(links) {}

  // After each commit. took_bulky: something that takes room was in it.
  void NoteCommit(const Status& status, bool took_bulky);

  // When it is time, lets neighbours send a little to see whether it fits.
  void TryAgain(int64_t now_us);
  // True once when nothing of that is left.
  bool TakeOver() { return state_ == State::kOpen && std::exchange(was_full_, false); }
  int64_t try_us() const { return try_us_; }  // when that is; INT64_MAX = the disk is not full

  bool IsFull() const { return state_ != State::kOpen && !fits_; }

  // What a neighbour may send ahead on a lane.
  uint64_t WindowBytes() const;

 private:
  enum class State : uint8_t {
    kOpen,
    kShut,    // full: neighbours are told to send nothing
    kTrying,  // they may send a little, to see
  };
  void TellNeighbours();

  const NodeOptions& options_;
  const Dependencies& deps_;
  sync::LinkTable& links_;
  State state_ = State::kOpen;
  bool was_full_ = false;
  bool fits_ = false;  // something that takes room was stored since it was full
  int64_t try_us_ = INT64_MAX;
};

}  // namespace tidegate::node
