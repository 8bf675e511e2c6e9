// Doubts: what happened after which this node and a neighbour may differ without anybody knowing. They are counted,
// told to the children, and answered by the next comparison with the parent (docs/replication.md, "By itself"). Thread
// safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/core/stage.h"
#include "host/node/node.h"
#include "host/sync/link_table.h"
#include "host/sync/verify_schedule.h"
#include "host/wire/records.h"

namespace tidegate::node {

class Doubts {
 public:
  // How often both ends of a link had doubts.
  struct Counts {
    uint64_t ours = 0;
    uint64_t theirs = 0;
    bool operator==(const Counts&) const = default;
  };

  // record: counts those about all links. schedule: is told of what a comparison with the parent would answer.
  Doubts(const NodeOptions& options, const Dependencies& deps, core::Stage& stage, const sync::LinkTable& links,
         wire::NodeRecord& record, sync::VerifySchedule& schedule)
      : options_(options), deps_(deps), stage_(stage), links_(links), record_(record), schedule_(schedule) {}

  // In no open group. link: only towards this neighbour. A reason that comes again and again counts once in a while.
  void Note(const std::string& reason, sync::Link* link = nullptr);
  // One that failed is a reason when another one succeeds.
  void NoteCommit(const Status& status);
  // A feed begins; what the neighbour held of it is no reason if it is met for the first time.
  void NoteBegin(sync::Link* link, bool first, const std::vector<wire::LaneWatermark>& held);
  // The parent says how often it had doubts, and why the last time.
  void Hear(sync::Link* parent, uint64_t number, const std::string& reason);

  // So many about this link, and the last reason.
  uint64_t About(const sync::Link& link) const { return record_.doubts + link.verify.doubts; }
  const std::string& LastAbout(const sync::Link& link) const {
    return link.verify.doubt.empty() ? record_.doubt : link.verify.doubt;
  }

  // A comparison with the parent begins, and answers all that there are now.
  Counts Begin(const sync::Link& parent);
  // It ended: notes so in the link, to be staged. Or it did not.
  void Answered(sync::Link* parent);
  void NotAnswered() { compared_.reset(); }

 private:
  const NodeOptions& options_;
  const Dependencies& deps_;
  core::Stage& stage_;
  const sync::LinkTable& links_;
  wire::NodeRecord& record_;
  sync::VerifySchedule& schedule_;

  uint64_t heard_ = 0;              // of the parent
  std::optional<Counts> compared_;  // those that a comparison under way answers
  int64_t noted_us_ = -1;           // when something about all links was doubted last
  std::string failed_commit_;
};

}  // namespace tidegate::node
