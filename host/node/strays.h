// Strays: items of owners that are not below this node any more. What goes down to them is dropped here, without a
// trace, for the new parent has it; what goes up is kept until it is delivered, since nobody else may have it. A
// note in the storage names such an owner until nothing is left to be dropped, or the owner is back.
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "host/core/stage.h"
#include "host/node/node.h"
#include "host/node/way_up.h"
#include "host/sync/link_table.h"

namespace tidegate::node {

class Strays {
 public:
  Strays(const NodeOptions& options, const Dependencies& deps, core::Stage& stage, const sync::LinkTable& links,
         const WayUp& way_up)
      : options_(options), deps_(deps), stage_(stage), links_(links), way_up_(way_up) {}

  // Reads the notes of former runs.
  Status Restore();

  // Something of an owner that is not below us is admitted with what is being staged.
  void Admitted(AgentId owner) { admitted_.insert(owner); }
  // In the open group: notes the owners of what was admitted so. Returns them, to be given to Note when durable.
  std::vector<AgentId> StageAdmitted();

  // In the open group: the owner has left; it is back.
  void StageLeft(AgentId owner) { stage_.MetaPut(NoteOf(owner), ""); }
  void StageBack(AgentId owner);

  // Their items are to be looked at.
  void Note(const std::vector<AgentId>& owners);
  void Back(AgentId owner) { owners_.erase(owner); }
  bool contains(AgentId owner) const { return owners_.contains(owner); }

  // Stages a bounded part of what may go; the rest with the next commits. Looks at what is committed.
  void Sweep(int64_t now_us, uint64_t end_position);
  int64_t NextUs() const { return owners_.empty() ? INT64_MAX : at_us_; }

 private:
  static std::string NoteOf(AgentId owner);
  bool SweepOwner(AgentId owner, uint64_t delivered, size_t* budget);

  const NodeOptions& options_;
  const Dependencies& deps_;
  core::Stage& stage_;
  const sync::LinkTable& links_;
  const WayUp& way_up_;
  // Each with the position that has to be delivered before more of it can go.
  std::map<AgentId, uint64_t> owners_;
  std::set<AgentId> admitted_;
  int64_t at_us_ = INT64_MAX;  // when to look at them, besides after an ack from above
  uint64_t swept_at_ = 0;
};

}  // namespace tidegate::node
