// LossNotes: what children gave, and was dropped here or further above before it had gone on. Each child is told, with
// its refusals, until it knows durably (law 6; docs/replication.md, "What is dropped before it has gone on"). So many
// states are named at most; beyond that a child learns that of a model some are lost, and takes that for all it has.
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "host/core/stage.h"
#include "host/node/node.h"
#include "host/sync/link.h"
#include "host/wire/frames.h"

namespace tidegate::node {

class LossNotes {
 public:
  LossNotes(const NodeOptions& options, const Dependencies& deps) : options_(options), deps_(deps) {}

  Status Restore();

  // Into the open group. `lost` says why. Returns false if the child is to read it from the list: it is not named.
  bool Stage(AgentId child, const wire::RefusedKey& lost, core::Stage* stage);

  // What a child is to be told as a whole list.
  Status ForEachOf(AgentId child, const std::function<void(wire::RefusedKey)>& fn) const;

  // The child knows these durably. Into the open group.
  void Forget(const sync::Link& child, const std::vector<wire::RefusedKey>& known, core::Stage* stage);

 private:
  static std::string KeyOfNote(AgentId child, const wire::RefusedKey& lost);

  const NodeOptions& options_;
  const Dependencies& deps_;
  std::map<AgentId, std::set<std::string>> notes_;  // meta keys
  uint64_t named_ = 0;
};

}  // namespace tidegate::node
