// CloneList: epochs of copies of replicas that this node has met, by agent. Whatever names one of them among its
// epochs comes from the copy and is refused, over any number of starts, until `agent adopt`. Kept in the storage.
// Thread safety: the writer thread. Ownership: plain value.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "host/base/ids.h"
#include "host/core/stage.h"
#include "host/core/storage.h"
#include "host/wire/frames.h"

namespace tidegate::sync {

class CloneList {
 public:
  static constexpr size_t kEpochsMax = 64;  // of one agent; the oldest are forgotten

  Status Restore(const core::Storage& storage);
  // Whether a hello with these epochs is a copy's.
  bool Knows(AgentId agent, const std::vector<wire::EpochStart>& epochs) const;
  bool Knows(AgentId agent) const { return epochs_.contains(agent); }
  // In the open group; then, when it is committed, Add.
  void StageAdd(AgentId agent, Epoch epoch, core::Stage* stage) const;
  // False: an older one is forgotten for it.
  bool Add(AgentId agent, Epoch epoch);
  void StageForget(AgentId agent, core::Stage* stage) const;
  void Forget(AgentId agent);

  // When a copy of the agent's replica was refused last; for people.
  void NoteRefused(AgentId agent, int64_t now_us) { refused_us_[agent] = now_us; }
  const std::map<AgentId, int64_t>& refused_us() const { return refused_us_; }

 private:
  std::map<AgentId, std::vector<Epoch>> epochs_;  // oldest first
  std::map<AgentId, int64_t> refused_us_;
};

}  // namespace tidegate::sync
