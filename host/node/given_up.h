// GivenUp: what this node wrote, a node above refused, and an operator dropped there by hand. The refusal is over and
// nothing is sent again, but the item is here and nowhere above: it is not delivered (law 6). It stays so until it is
// written anew, removed, or sent again (docs/replication.md, "Retry and drop").
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "host/core/stage.h"
#include "host/node/node.h"
#include "host/wire/records.h"

namespace tidegate::node {

class GivenUp {
 public:
  GivenUp(const NodeOptions& options, const Dependencies& deps) : options_(options), deps_(deps) {}

  Status Restore();

  // Into the open group. refused: as it was listed, by: where it was dropped.
  void Stage(const wire::RefusedKey& refused, AgentId by, core::Stage* stage);

  // Whether this was heard of the state before, wherever it stood then.
  bool Knows(const wire::RefusedKey& refused) const;
  // Whether this very state of the item is one of them.
  bool Covers(const tg_change& change) const;

  struct Entry {
    SyncException name;
    uint64_t position = 0;  // of ours
    int64_t since_unix_ms = 0;
  };
  std::vector<Entry> List() const;

  // By model, owner and where they were dropped.
  void Show(NodeStatus* status) const;

 private:
  struct State {
    Version version;
    uint64_t position = 0;  // where it stood then: with another one it was sent again
  };
  static State StateOf(const tg_change& change);
  void ForgetOver(core::Stage* stage);

  const NodeOptions& options_;
  const Dependencies& deps_;
  std::map<std::string, State> states_;  // by meta key
};

}  // namespace tidegate::node
