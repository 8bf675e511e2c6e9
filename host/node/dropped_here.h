// DroppedHere: states that an operator dropped from the quarantine of this node (docs/replication.md, "Retry and
// drop"). Who has them keeps them; a comparison that nobody asked for does not bring them back. As many are kept as may
// be in quarantine; beyond that the oldest by key is forgotten, and may come back so. Thread safety: the writer thread.
// Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "host/core/stage.h"
#include "host/node/node.h"

namespace tidegate::node {

class DroppedHere {
 public:
  DroppedHere(const NodeOptions& options, const Dependencies& deps) : options_(options), deps_(deps) {}

  Status Restore();

  // Into the open group.
  void Stage(const tg_change& dropped, core::Stage* stage);
  bool empty() const { return states_.empty(); }
  bool Covers(const tg_key& key, const Version& version) const;
  // It was taken after all, this state or a newer one. Returns whether it is this very one.
  bool Taken(const tg_change& change);

 private:
  const NodeOptions& options_;
  const Dependencies& deps_;
  std::map<std::string, Version> states_;  // by meta key
  std::vector<std::string> over_;          // meta keys that the next one takes away
};

}  // namespace tidegate::node
