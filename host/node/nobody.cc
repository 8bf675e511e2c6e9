// What goes down to agents whom nobody knows: no child of this server is one of them or leads to one. It waits here,
// and no link shows it.
#include <map>

#include "host/base/views.h"
#include "host/node/waits.h"
#include "host/sync/reconcile_asker.h"

namespace tidegate::node {
namespace {

// Of items that go both ways most are the agent's own, and wait for nobody: those written here are looked for in as
// many rows.
constexpr uint64_t kRowsLookedAtMax = 10'000;

}  // namespace

std::vector<SyncUnknown> Waits::WaitsForNobody() const {
  std::map<AgentId, uint64_t> items;
  std::vector<std::pair<AgentId, std::string>> both;
  const auto catalog = deps_.catalog.Get();
  Status read = deps_.storage.Scopes([&](const tg_scope& scope) {
    if (scope.owner == kAgentAll || scope.owner == options_.agent || scope.items == 0) return true;
    if (links_.Look(scope.owner) != nullptr || links_.routes().IsBelow(scope.owner)) return true;
    const replica::ModelRule* rule = catalog->Find(View(scope.model));
    if (rule == nullptr || (rule->direction & TG_DIRECTION_DOWN) == 0) return true;
    if (rule->direction == TG_DIRECTION_DOWN) {
      items[scope.owner] += scope.items;
    } else {
      both.emplace_back(scope.owner, View(scope.model));
    }
    return true;
  });
  uint64_t rows = 0;
  for (const auto& [owner, model] : both) {
    if (!read.ok() || rows >= kRowsLookedAtMax) break;
    tg_range range = sync::RangeOf(owner, {}, 0);
    range.model = Str(model);
    read = deps_.storage.RangeScan(range, [&](const tg_change& row) {
      if (row.kind == TG_CHANGE_ITEM && Version::From(row.version).agent == options_.agent) ++items[owner];
      return ++rows < kRowsLookedAtMax;
    });
  }
  if (!read.ok()) deps_.log.Write(3, "cannot look for what waits for unknown agents: " + read.message());
  std::vector<SyncUnknown> unknown;
  for (const auto& [agent, count] : items) {
    if (unknown.size() < options_.sync_exceptions_max) unknown.push_back({agent, count});
  }
  return unknown;
}

}  // namespace tidegate::node
