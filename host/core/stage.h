// Stage: what one storage commit is going to hold. Events add groups, each with a handler that runs
// after the commit; on an error every handler learns it and nothing took effect.
// Thread safety: the writer thread. Ownership: owns the texts it is given, until Commit returns.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "host/core/change_arena.h"
#include "host/core/key_set.h"
#include "host/core/storage.h"

namespace tidegate::core {

// One put, purge or renumber of a commit and what became of it.
struct Effect {
  const tg_change* change;
  tg_outcome outcome;
  bool applied() const { return outcome.result == TG_OUTCOME_APPLIED; }
};

class Stage {
 public:
  // effects: of this group, in order; empty if status is not ok.
  using Handler = std::function<void(const Status& status, std::span<const Effect> effects)>;

  explicit Stage(Storage& storage) : storage_(storage) {}

  ChangeArena& arena() { return arena_; }

  // A group is open between Begin and End; groups do not nest. shared: it comes from a neighbour's feed, and all
  // such groups of a commit stand or fall together, since a watermark speaks of all before it.
  void Begin(bool shared = false);
  // The change's views must live until Commit returns: in arena(), or held by it.
  void Put(const tg_change& change, uint8_t condition, const Version& expected = {});
  void Purge(const tg_change& change, const Version& expected);
  void Renumber(const tg_change& change, const Version& expected);
  // Only the change's key, direction and lane count. again: the row takes a new seq.
  void Rekey(const tg_change& change, const Version& expected, bool again);
  void MetaPut(std::string_view key, std::string_view value);
  void MetaDelete(std::string_view key);
  void OwnerAdd(std::string_view set, AgentId owner);
  void OwnerRemove(std::string_view set, AgentId owner);
  void EndsTrim(uint64_t position);
  // First in its group.
  void BeginEpoch(Epoch epoch);
  void End(Handler handler = nullptr);

  // True if a group staged before writes this key: its state is known only after Commit.
  bool Touches(const tg_key& key) const;
  bool empty() const { return groups_.empty(); }
  size_t mutations() const { return mutations_.size(); }
  // Whether something takes real room: an item that does not go down.
  bool bulky() const;

  // Commits, runs the handlers in order, and empties the stage. Handlers may stage for the next commit.
  // committed is called before the handlers with every effect. When the storage is full, what makes room or
  // hardly takes any (removals, meta entries, what goes down) is committed without the rest, and what is left in
  // smaller parts, as far as they fit; the others learn that it is full, and so does the caller.
  using Committed = std::function<void(const Watermark& end, std::span<const Effect> effects)>;
  Status Commit(const Committed& committed);

 private:
  struct Group {
    size_t first;
    size_t count;
    Handler handler;
    bool shared = false;
    bool bulky = false;  // holds an item that does not go down
  };

  tg_mutation& Add(uint8_t op);
  void TakesNoRoom(uint8_t op, const tg_change& change, const Version& expected);
  static std::vector<std::vector<size_t>> Parts(const std::vector<Group>& groups);
  static size_t KeyHash(const tg_key& key);

  Storage& storage_;
  ChangeArena arena_;
  ChangeArena spare_;  // the memory of the commit before
  std::vector<tg_mutation> mutations_;
  std::vector<Group> groups_;
  KeySet touched_;
  size_t changes_ = 0;
};

}  // namespace tidegate::core
