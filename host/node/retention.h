// Retention: what a node drops of items that go up (docs/replication.md, "Retention"): when delivered, by age, or the
// oldest when there is no more room. Nothing undelivered is dropped without being counted and listed (law 6).
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "host/core/stage.h"
#include "host/node/clock_judge.h"
#include "host/node/hop_drops.h"
#include "host/node/node.h"
#include "host/node/quotas.h"
#include "host/node/way_up.h"
#include "host/sync/link_table.h"
#include "host/wire/records.h"

namespace tidegate::node {

class Retention {
 public:
  Retention(const NodeOptions& options, const Dependencies& deps, core::Stage& stage, const sync::LinkTable& links,
            const ClockJudge& clocks, Quotas& quotas, WayUp& way_up)
      : options_(options),
        deps_(deps),
        stage_(stage),
        links_(links),
        clocks_(clocks),
        quotas_(quotas),
        way_up_(way_up),
        hop_drops_(deps, stage) {}

  // Reads what was lost before.
  Status Restore();

  // Takes the rules of the catalog; after Quotas::Count.
  void Plan();

  // Stages a bounded part of what is to be dropped.
  void Run(int64_t now_us);

  // Some model is dropped when delivered, or by age.
  bool on() const { return on_; }
  // A model that drops its oldest has more than it may.
  void Hurry() { due_ = true; }
  // What was spared may not be any more.
  void LookAgain() { look_again_ = on_ || !quotas_.empty(); }

  bool due() const { return due_ || look_again_; }
  int64_t NextUs() const { return on_ || !quotas_.empty() ? age_look_us_ : INT64_MAX; }

  // An item that has expired, and never arrived.
  bool LoseExpired(const tg_change& change) { return Drop(change, true, "expired"); }

  void Show(NodeStatus* status) const;

  // Counts among what was lost what is not here any more and was dropped above; in the open group. TakeBack, if that
  // is not committed. Returns the key of the record.
  std::string StageLoss(const tg_change& change, const std::string& reason);
  void TakeBack(const std::string& key, uint64_t bytes);

  // Into the open group: the parent went back, and holds no more than this. Of what was dropped here when it had it,
  // what may be lost is counted so, and named by model and owner. If that is not committed: Restore.
  void StageLostAtHop(const HopDrops::Positions& held, const HopDrops::Positions& delivered, AgentId parent,
                      const std::function<void(const wire::LostRecord&)>& fn);

  // How much of what was lost a wait has said, by key of the record; what was lost beyond that.
  using Told = std::map<std::string, uint64_t>;
  Told told() const;
  std::vector<LossStatus> LostSince(const Told& told) const;
  // Stages that all of it was said.
  void NoteTold();

 private:
  void ResetSkipped();
  void LookAgainFrom(uint32_t lane, uint64_t seq);
  bool DropsWhenAt(const replica::ModelRule& rule, const tg_change& change, bool server) const;
  void DropDelivered(uint32_t lane, bool server, uint64_t to);
  void DropAged(const Passed& passed);
  void DropOldest(const std::string& model, Usage* usage, const Passed& passed);
  bool IsLatest(const tg_change& change) const;
  bool Drop(const tg_change& change, bool lost, const char* reason);
  static LossStatus StatusOf(const wire::LostRecord& record, uint64_t items);

  const NodeOptions& options_;
  const Dependencies& deps_;
  core::Stage& stage_;
  const sync::LinkTable& links_;
  const ClockJudge& clocks_;
  Quotas& quotas_;
  WayUp& way_up_;

  bool on_ = false;
  bool due_ = false;
  bool look_again_ = false;
  std::array<bool, 2> drops_at_{};  // some model is dropped when at the hop, when at the server
  std::array<std::array<DropCursor, TG_LANE_COUNT>, 2> delivered_{};              // likewise
  std::map<std::string, std::array<uint64_t, TG_LANE_COUNT>, std::less<>> aged_;  // by model
  uint64_t refusals_ended_ = 0;
  Passed passed_before_;
  int64_t age_look_us_ = 0;
  uint64_t drops_left_ = 0;  // in this commit
  HopDrops hop_drops_;
  std::map<std::string, wire::LostRecord> lost_;
};

}  // namespace tidegate::node
