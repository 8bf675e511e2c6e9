// GivenUp: what is here, was passed by "delivered", and is nowhere above: an operator dropped there by hand what was
// refused, or a node dropped it before it had gone on, for want of room or for its age. It is not delivered (law 6). It
// stays so until it is written anew, removed, or sent again (docs/replication.md, "Retry and drop", "What is dropped
// before it has gone on"). What was dropped for want of room goes again by itself: by Portion.
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
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

  // Into the open group: who dropped this state by hand has taken it since.
  void Taken(const wire::RefusedKey& name, core::Stage* stage);

  // Whether this was heard of the state before, wherever it stood then.
  bool Knows(const wire::RefusedKey& refused) const;
  // Into the open group, of what is here: dropped above before it had gone on. More than may be listed are kept by
  // model: everything of it up to `end` may be lost, as when the name has no key. Returns whether anything is here.
  bool StageLost(const wire::RefusedKey& lost, AgentId by, uint64_t end, core::Stage* stage);

  // Whether something waits to go again.
  bool goes_again() const { return again_ != 0 || !models_.empty(); }
  // Some of what goes again, in no order; what is over is forgotten, into the open group. waits: models that do not;
  // stays: rows that never go up.
  using WaitsFn = std::function<bool(std::string_view model)>;
  using StaysFn = std::function<bool(const tg_change& row)>;
  std::vector<wire::RefusedKey> Portion(size_t items_max, const WaitsFn& waits, const StaysFn& stays,
                                        core::Stage* stage);

  bool empty() const { return states_.empty() && models_.empty(); }
  // Whether this very state of the item is one of them.
  bool Covers(const tg_change& change) const;

  struct Entry {
    SyncException name;
    uint64_t position = 0;  // of ours
    int64_t since_unix_ms = 0;
    bool again = false;  // it goes again
  };
  // All of them.
  void ForEach(const std::function<void(Entry)>& fn) const;

  // By model, owner and where they were dropped.
  void Show(NodeStatus* status) const;

 private:
  struct State {
    Version version;
    uint64_t position = 0;  // where it stood then: with another one it was sent again
    bool again = false;
  };
  // Of a model: what goes up and stands at positions from < seq <= to, by lane.
  struct ModelLoss {
    wire::HeldRecord record;
    bool Covers(uint32_t lane, uint64_t seq) const;
  };
  void StageModelLost(const wire::RefusedKey& lost, AgentId by, uint64_t end, core::Stage* stage);
  bool StageState(const wire::RefusedKey& name, AgentId by, std::string reason, bool again, core::Stage* stage);
  Status Rows(const ModelLoss& loss, const core::ChangeFn& fn) const;
  static State StateOf(const tg_change& change);
  std::vector<Entry> List() const;
  void ForgetOver(core::Stage* stage);

  const NodeOptions& options_;
  const Dependencies& deps_;
  std::map<std::string, State> states_;  // by meta key
  uint64_t again_ = 0;                   // of them go again
  std::map<std::string, ModelLoss, std::less<>> models_;
};

}  // namespace tidegate::node
