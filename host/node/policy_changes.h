// PolicyChanges: live changes of policy. A model goes another way than its rows were stored with: they are keyed anew
// in the background, in the order in which they were written, and keep their versions (docs/replication.md, "When a
// policy changes"). What begins to go somewhere gets new positions, in portions, and so travels by the feed. Thread
// safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "host/base/hybrid_clock.h"
#include "host/core/stage.h"
#include "host/node/node.h"
#include "host/sync/link_table.h"
#include "host/wire/records.h"

namespace tidegate::node {

// What a parent declared of its models, by name.
using ModelTable = std::map<std::string, wire::ModelPolicy, std::less<>>;

class PolicyChanges {
 public:
  // The node around it.
  class Around {
   public:
    virtual ~Around() = default;
    virtual Status CommitStage() = 0;
    virtual bool CameFromAbove(AgentId via) const = 0;
    // Some model goes another way: what was compared for a while may not be compared any more.
    virtual void PoliciesChanged() = 0;
    // In the open group: all that goes down is to be compared with the parent.
    virtual void StageCompareAll() = 0;
    // Whether the server has it, as far as this node knows.
    virtual bool IsAtServer(const tg_change& change) const = 0;
    // A row got another position.
    virtual void Renumbered(uint64_t from, uint64_t to) = 0;
    // What waited for rows to be keyed anew may go on.
    virtual void KeyedAnew() = 0;
  };

  // end: of the last commit. declared: by the parent; it counts at a router, for models that its schemas do not know.
  PolicyChanges(const NodeOptions& options, const Dependencies& deps, core::Stage& stage, const sync::LinkTable& links,
                const HybridClock& versions, const Watermark& end, const ModelTable& declared, Around& around)
      : options_(options),
        deps_(deps),
        stage_(stage),
        links_(links),
        versions_(versions),
        end_(end),
        declared_(declared),
        around_(around) {}

  // Reads how models went in the last run.
  Status Restore();

  // Compares how models go now with how their rows are keyed; after each change of the catalog or of what the parent
  // declared. Stages what is new.
  void Look();

  // Stages a portion of the rows; the next one when it has been taken.
  void Run(int64_t now_us);
  int64_t NextUs(int64_t now_us) const;

  // Look was called.
  bool known() const { return known_; }
  // How models go now is on the disk. Until then no feed passes over what goes no longer.
  bool stored() const { return stored_; }
  // Some rows may be keyed as their model went before.
  bool keying() const { return keying_; }
  bool IsBeingKeyed(std::string_view model) const;

  // Whether the model has ever gone another way here.
  bool HasChanged(std::string_view model) const;
  // Whether the state was written before its model went as it goes now.
  bool IsOfFormer(const tg_change& change) const;
  // What a program writes over a state from before its model stopped going up: the parent may hold that one, so a
  // delete of the item is not forgotten before it could be told.
  void WritesOver(const tg_change& written, const Version& held);
  bool IsUntold(const tg_change& trace) const;
  // Whether others than the writer of today might write, and delete, when it was written.
  bool WasShared(const tg_change& change) const;

  // Whether a model goes down now that went another way before: then states that were written below are keyed `none`,
  // here or further down, and no comparison names them.
  bool KeepsWhatGoesNowhere() const;

  // Whether a state may travel so: up items are written by their owner, down items by the server (design law 8).
  static bool IsLawful(uint32_t direction, const tg_change& change);

 private:
  // What becomes of a row whose model goes another way now: evicted, or keyed so, and new to the feeds that way.
  struct Rekeying {
    bool evict = false;
    uint8_t direction = 0;
    uint8_t lane = 0;
    bool up = false;
    bool down = false;
  };
  std::map<std::string_view, uint32_t> DirectionsNow(const replica::Catalog& catalog) const;
  void StageRecord();
  bool GoesUp(std::string_view model) const;
  bool IsToBeEvicted(uint32_t direction, const tg_change& change) const;
  std::optional<Rekeying> RekeyingOf(const tg_change& change) const;
  std::optional<uint32_t> LaneHere(std::string_view model) const;
  bool Waits(int64_t now_us) const;
  void StageRekeying(const tg_change& row, const Rekeying& rekeying);
  void End();

  const NodeOptions& options_;
  const Dependencies& deps_;
  core::Stage& stage_;
  const sync::LinkTable& links_;
  const HybridClock& versions_;
  const Watermark& end_;
  const ModelTable& declared_;
  Around& around_;

  std::map<std::string, wire::KeyedPolicy, std::less<>> policies_;  // how models go, and how far rows are keyed so
  bool changed_ = false;                                            // some model went another way before
  bool known_ = false;                                              // the replica has a record of them
  bool stored_ = true;                                              // it says what policies_ says
  bool widened_down_ = false;  // something goes down now that did not: to be compared
  bool keying_ = false;
  uint64_t keyed_at_ = 0;  // up to here rows are looked through
  uint64_t portion_ = 0;   // the highest new position of the last portion; 0 = it has none
  bool goes_up_ = false;   // where that goes
  bool goes_down_ = false;
  int64_t at_us_ = 0;  // when the next portion does not wait any longer
};

}  // namespace tidegate::node
