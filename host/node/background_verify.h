// BackgroundVerify: a node compares itself with its parent without being asked, by the clock and after a doubt. It
// looks at one owner after the other at a low rate, and changes nothing; an owner of whom something differs is marked
// unsettled, and mended by the reconcile that settles it. docs/replication.md, "By itself"; decision 0143.
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "host/core/stage.h"
#include "host/node/compare_pass.h"
#include "host/node/doubts.h"
#include "host/node/marks.h"
#include "host/node/node.h"
#include "host/sync/link_table.h"
#include "host/sync/verify_schedule.h"

namespace tidegate::node {

class BackgroundVerify {
 public:
  BackgroundVerify(const Dependencies& deps, core::Stage& stage, const sync::LinkTable& links, Marks& marks,
                   Doubts& doubts, sync::VerifySchedule& schedule, ComparePass& pass, ComparePass::Around& around)
      : deps_(deps),
        stage_(stage),
        links_(links),
        marks_(marks),
        doubts_(doubts),
        schedule_(schedule),
        pass_(pass),
        around_(around) {}

  // At the start: what the replica knows of its last comparison, and of one that was under way.
  void Start(bool clock_is_believed);
  // At the end: how far it is, so that the next start goes on there.
  void Stop();

  // Before a pass is chosen. needed: somebody asks, or needs an owner settled, and goes first.
  void Yield(const sync::Link& parent, bool needed);
  // Nothing else is compared now: the next owner, if one is due.
  void Run(sync::Link* parent, int64_t now_us);
  // A pass that mends begins: it is counted if it mends what was found here.
  void Begin(const sync::ComparePlan& plan);
  // The pass that was counted has ended: an owner is looked through, or mended.
  void EndOwner(sync::Link* parent, int64_t now_us);

  // Its pass is the one under way.
  bool looking() const { return run_ && run_->looking; }
  // Changes that are on their way go before a question, for a while.
  bool Waits(const sync::Link& parent, int64_t now_us) const;
  void Asked(int64_t now_us) {
    if (run_) run_->asked_us = now_us;
  }
  int64_t NextUs(int64_t now_us) const;

  bool under_way() const { return run_.has_value(); }
  void Show(VerifyStatus* status) const;

 private:
  struct UnderWay {
    AgentId parent = 0;
    ReplicaId replica;
    uint32_t cause = 0;
    std::string reason;
    int64_t begun_us = 0;
    int64_t stored_us = 0;
    int64_t asked_us = 0;
    Doubts::Counts doubts;         // when it began
    std::optional<AgentId> after;  // owners up to this one are done
    AgentId owner = 0;             // the present one
    bool looking = false;          // at it; else something of it is mended, or the next one has not begun
    bool mending = false;
    uint64_t owners = 0;
    uint64_t owners_done = 0;
    wire::CompareReport report;
    DifferenceCount::Models models;
  };
  void BeginRun(const sync::Link& parent, int64_t now_us);
  void EndRun(sync::Link* parent, int64_t now_us);
  std::optional<AgentId> NextOwner();
  void Store(sync::Link* parent, int64_t now_us);

  const Dependencies& deps_;
  core::Stage& stage_;
  const sync::LinkTable& links_;
  Marks& marks_;
  Doubts& doubts_;
  sync::VerifySchedule& schedule_;
  ComparePass& pass_;
  ComparePass::Around& around_;

  std::optional<UnderWay> run_;
  bool resumes_ = false;  // one was under way when the node stopped
};

}  // namespace tidegate::node
