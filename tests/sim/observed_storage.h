// ObservedStorage: the true replica of a simulated node, next to the disk. It makes commits fail or the
// node die at a commit, and tells the world what really became durable. Planted defects sit above it, so
// that they cannot deceive the oracle.
// Thread safety: none. Ownership: refers to the inner storage and the sink.
#pragma once

#include <vector>

#include "tests/sim/forwarding_storage.h"

namespace tidegate::sim {

// What a commit did, told once it is durable.
class CommitSink {
 public:
  virtual ~CommitSink() = default;
  virtual void Durable(std::span<const tg_group> groups, std::span<const tg_outcome> outcomes) = 0;
  // A commit did not fit.
  virtual void Full() = 0;
};

class ObservedStorage : public ForwardingStorage {
 public:
  ObservedStorage(core::Storage& inner, CommitSink& sink) : ForwardingStorage(inner), sink_(sink) {}

  // The next `count` commits fail with `code` and change nothing.
  void FailCommits(int count, Code code) {
    failing_ = count;
    failing_code_ = code;
  }
  // Commits that bring more are refused as full while the replica has so many rows; 0 = no limit. What takes hardly
  // any room goes on, as with a storage that keeps a reserve.
  void LimitRows(uint64_t rows) { rows_max_ = rows; }
  // From now on nothing is written any more: the process is dead, though its code still unwinds.
  void Freeze() { frozen_ = true; }
  bool frozen() const { return frozen_; }

  Result<Watermark> Commit(std::span<const tg_group> groups, const core::OutcomeFn& outcome) override;

 private:
  CommitSink& sink_;
  int failing_ = 0;
  uint64_t rows_max_ = 0;
  Code failing_code_ = Code::kIo;
  bool frozen_ = false;
};

}  // namespace tidegate::sim
