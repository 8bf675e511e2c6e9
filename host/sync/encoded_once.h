// EncodedOnce: lists of changes that several neighbours get are encoded for the first of them.
// Thread safety: the writer thread. Ownership: owns the bytes; at most kListsMax lists of one frame each.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tidegate/change.h"

namespace tidegate::sync {

class EncodedOnce {
 public:
  // changes: as a feed of this replica gives them, so that a seq stands for one state for ever.
  std::shared_ptr<const std::string> Of(const std::vector<tg_change>& changes);
  // How often something was encoded.
  uint64_t encoded() const { return encoded_; }

 private:
  // A lane each would do for neighbours that are level; more, for those that drain in turns.
  static constexpr size_t kListsMax = 8;
  struct List {
    std::vector<uint64_t> seqs;
    std::shared_ptr<const std::string> bytes;
  };
  std::array<List, kListsMax> lists_;
  size_t oldest_ = 0;
  uint64_t encoded_ = 0;
};

}  // namespace tidegate::sync
