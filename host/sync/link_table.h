// LinkTable: every neighbour this node knows, and the routes below its children. A router may have thousands of
// children, of which few have something to do at a time: those are the stirred. Whoever asks for a link may change it,
// so asking stirs it; who only reads asks with Look and still().
// Thread safety: the writer thread. Ownership: owns the links; refers to the storage.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
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

  using Links = std::map<AgentId, std::unique_ptr<Link>>;

  Link* Find(AgentId agent) const;
  const Links& all() const;
  Link* parent() const { return parent_; }  // counts as stirred always
  Link* Look(AgentId agent) const;
  const Links& still() const { return links_; }

  // ---- the stirred ----

  // Those whose timer is due are stirred too.
  void StirDue(int64_t now_us);
  // The stirred, each once, also those that are stirred meanwhile.
  void ForStirred(const std::function<void(Link*)>& look);
  // From now on nobody is stirred; wake_us says when a link wants to be.
  void Settle(const std::function<int64_t(const Link&)>& wake_us);
  bool settled() const { return stirred_.empty(); }
  int64_t NextWakeUs() const { return wakes_.empty() ? INT64_MAX : wakes_.begin()->first; }

  const Routes& routes() const { return routes_; }

  // The children that get down changes of this owner (0 = all of them).
  std::vector<Link*> ChildrenOf(AgentId owner) const;
  // True if an owner lies at this link's side: the child itself or below it.
  bool Reaches(const Link& link, AgentId owner) const;

  // Adds the link if it is new, else takes over the record. After the commit that holds StageRecord.
  Link* Put(const wire::LinkRecord& record);
  static void StageRecord(const wire::LinkRecord& record, core::Stage* stage);
  // What is known of its comparisons.
  static void StageVerify(const Link& link, core::Stage* stage);
  // Forgets a neighbour: its record and what we held of it.
  void StageForget(const Link& link, core::Stage* stage) const;
  void Forget(AgentId agent);
  // What was refused of neighbours that are forgotten stays listed: meta keys by agent.
  const std::map<AgentId, std::set<std::string>>& left_listed() const { return left_listed_; }
  void DropLeft(AgentId agent, const std::string& key);
  // Reads what is listed as refused on this link; also after a commit that failed.
  void RestoreQuarantine(Link* link) const;

  // A child's edge table: stage what it changes (edges and owner sets), then apply it after the commit.
  void StageRoutes(const Routes::Difference& difference, core::Stage* stage) const;
  void ApplyRoutes(const Routes::Difference& difference) { routes_.Apply(difference); }
  static void StageFirstOwners(AgentId child, core::Stage* stage);

 private:
  Status RestoreLink(Link* link);
  Status RestoreLeft();
  void Stir(Link* link) const;

  const core::Storage& storage_;
  const SyncOptions& options_;
  Links links_;
  std::map<AgentId, std::set<std::string>> left_listed_;
  Link* parent_ = nullptr;
  mutable std::vector<Link*> stirred_;  // null: forgotten meanwhile
  std::set<std::pair<int64_t, AgentId>> wakes_;
  Routes routes_;
};

}  // namespace tidegate::sync
