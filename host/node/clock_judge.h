// ClockJudge: whether clocks may be believed, this node's own, which may jump, and the neighbours'. Versions never go
// back for a wrong one (host/base/hybrid_clock.h); what is done by the calendar waits until the clock is trusted.
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/node/node.h"
#include "host/sync/clock_watch.h"
#include "host/sync/link_table.h"

namespace tidegate::node {

class ClockJudge {
 public:
  ClockJudge(const NodeOptions& options, const Dependencies& deps, const sync::LinkTable& links)
      : options_(options), deps_(deps), links_(links) {}

  // last_unix_ms: the newest time that the replica knows; 0 = none.
  void Start(int64_t last_unix_ms);

  // At each commit, so it is cheap: the neighbours are asked about once a second. Returns by how much the clock was set
  // since the last look; 0 = it was not.
  int64_t Look(int64_t now_us);

  // From a hello or an ack: what the neighbour's clock says; 0 = nothing.
  void Hear(sync::Link* link, int64_t unix_ms);

  // The neighbour's clock differs from ours by more than clock_drift_ms_max.
  bool IsOff(const sync::Link& link) const;

  // True: nothing is to be expired, aged or purged by the calendar now, and no lease ends.
  bool Suspends() const;

  // What an operator has to set right, as sentences.
  void Tell(std::vector<std::string>* problems) const;

 private:
  bool NeighboursDisagree() const;
  std::string Problem(const sync::Link& link) const;

  const NodeOptions& options_;
  const Dependencies& deps_;
  const sync::LinkTable& links_;
  sync::ClockWatch watch_;
  int64_t offset_ms_ = 0;  // of the wall clock against the monotonic one, when last looked at
  int64_t jumped_ms_ = 0;
  int64_t looked_us_ = 0;
};

}  // namespace tidegate::node
