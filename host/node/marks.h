// Marks: what is unsettled towards the parent. A feed cannot know what differs in such a scope (one owner, or all), so
// it is compared. A mark is stored with what made it necessary, and goes when a pass that began after it has ended.
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "host/core/stage.h"
#include "host/sync/link_table.h"
#include "host/wire/records.h"

namespace tidegate::node {

class Marks {
 public:
  // record: has the number of the last mark, and is stored with them.
  Marks(const core::Storage& storage, core::Stage& stage, const sync::LinkTable& links, wire::NodeRecord& record)
      : storage_(storage), stage_(stage), links_(links), record_(record) {}

  Status Restore();

  // A newer mark takes the place of what it covers. up_only: what only goes up is compared, too.
  void Add(bool all_owners, AgentId owner, bool up_only = false);
  // Into the open group: as they are now.
  void Stage();
  // What a pass that began with the mark of this number has settled.
  void Settle(uint64_t number);

  bool empty() const { return scopes_.empty(); }
  size_t size() const { return scopes_.size(); }
  const std::vector<wire::Scope>& scopes() const { return scopes_; }
  uint64_t last_number() const { return record_.mark_number; }
  bool up_only() const;
  bool Covers(AgentId owner) const;
  // Whether the mark of this number, or one that took its place, is still to be settled.
  bool Waits(uint64_t number) const;

  // Whom they are about.
  std::vector<AgentId> Owners() const;
  // Whose items this node and its parent both hold.
  std::vector<AgentId> AllOwners() const;

 private:
  const core::Storage& storage_;
  core::Stage& stage_;
  const sync::LinkTable& links_;
  wire::NodeRecord& record_;
  std::vector<wire::Scope> scopes_;
};

}  // namespace tidegate::node
