// HopDrops: how much was dropped here when the parent had it (`delivered: hop`, a quota, its age), and is not known to
// be at the server yet. If the parent loses what it held, that may be lost for good, and is said (law 6). Counted by
// model, owner and lane, in a few portions each; they end when all of a portion is delivered. Thread safety: the writer
// thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "host/core/stage.h"
#include "host/node/node.h"
#include "host/wire/records.h"

namespace tidegate::node {

class HopDrops {
 public:
  using Positions = std::array<uint64_t, TG_LANE_COUNT>;

  HopDrops(const Dependencies& deps, core::Stage& stage) : deps_(deps), stage_(stage) {}

  Status Restore();

  bool empty() const { return portions_.empty() && changed_.empty(); }
  // Its removal is staged. Stage puts it beside that.
  void Note(const tg_change& change, uint64_t bytes);
  void Stage();

  // All up to there is at the server.
  void Delivered(uint64_t position);
  // Into the open group: the parent holds no more than this of our lanes, and had more. Each portion that may be lost.
  void StageLost(const Positions& held, const Positions& delivered,
                 const std::function<void(const wire::LostRecord&)>& fn);

 private:
  const Dependencies& deps_;
  core::Stage& stage_;
  std::map<std::string, wire::LostRecord> portions_;  // by meta key
  std::set<std::string> changed_;                     // meta keys: to be stored, or removed if there is none any more
};

}  // namespace tidegate::node
