// LinkTable: every neighbour this node knows, and the routes below its children.
// Thread safety: the writer thread. Ownership: owns the links; refers to the storage.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "host/core/stage.h"
#include "host/sync/link.h"
#include "host/sync/routes.h"

namespace tidegate::sync {

class LinkTable {
 public:
  LinkTable(const core::Storage& storage, const SyncOptions& options)
      : storage_(storage), options_(options), routes_(options.agent) {}

  // Reads links, held watermarks, edges and quarantined keys.
  Status Restore();

  Link* Find(AgentId agent) const;
  Link* parent() const { return parent_; }
  const std::map<AgentId, std::unique_ptr<Link>>& all() const { return links_; }
  const Routes& routes() const { return routes_; }

  // The children that get down changes of this owner (0 = all of them).
  std::vector<Link*> ChildrenOf(AgentId owner) const;
  // True if an owner lies at this link's side: the child itself or below it.
  bool Reaches(const Link& link, AgentId owner) const;

  // Adds the link if it is new, else takes over the record. After the commit that holds StageRecord.
  Link* Put(const wire::LinkRecord& record);
  static void StageRecord(const wire::LinkRecord& record, core::Stage* stage);
  // Forgets a neighbour: its record and what we held of it.
  void StageForget(const Link& link, core::Stage* stage) const;
  void Forget(AgentId agent);
  // Reads what is listed as refused on this link; also after a commit that failed.
  void RestoreQuarantine(Link* link) const;

  // A child's edge table: stage what it changes (edges and owner sets), then apply it after the commit.
  void StageRoutes(const Routes::Difference& difference, core::Stage* stage) const;
  void ApplyRoutes(const Routes::Difference& difference) { routes_.Apply(difference); }
  static void StageFirstOwners(AgentId child, core::Stage* stage);

 private:
  Status RestoreLink(Link* link);

  const core::Storage& storage_;
  const SyncOptions& options_;
  std::map<AgentId, std::unique_ptr<Link>> links_;
  Link* parent_ = nullptr;
  Routes routes_;
};

}  // namespace tidegate::sync
