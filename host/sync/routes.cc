#include "host/sync/routes.h"

#include <tuple>

namespace tidegate::sync {
namespace {

auto Rank(const wire::Edge& edge) { return std::tuple(edge.attach_epoch, edge.replica_epoch); }

}  // namespace

Routes::Difference Routes::Compare(AgentId link, const std::vector<wire::Edge>& table) const {
  Difference difference;
  std::set<AgentId> named;
  for (const wire::Edge& edge : table) {
    if (edge.agent == self_ || edge.gone) continue;
    auto known = edges_.find(edge.agent);
    if (known != edges_.end() && known->second.link != link && Rank(known->second.edge) >= Rank(edge)) continue;
    named.insert(edge.agent);
    if (known == edges_.end() || known->second.link != link || !(known->second.edge == edge)) {
      if (known != edges_.end() && known->second.link != link)
        difference.removed.emplace_back(known->second.link, edge.agent);
      difference.put.emplace_back(link, edge);
    }
  }
  for (const auto& [agent, entry] : edges_) {
    if (entry.link == link && !named.contains(agent)) difference.removed.emplace_back(link, agent);
  }
  return difference;
}

void Routes::Apply(const Difference& difference) {
  for (const auto& [link, agent] : difference.removed) {
    auto known = edges_.find(agent);
    if (known != edges_.end() && known->second.link == link) edges_.erase(known);
  }
  for (const auto& [link, edge] : difference.put) edges_[edge.agent] = {link, edge};
}

std::set<AgentId> Routes::Below(AgentId link) const {
  std::set<AgentId> agents;
  for (const auto& [agent, entry] : edges_) {
    if (entry.link == link) agents.insert(agent);
  }
  return agents;
}

std::vector<wire::Edge> Routes::Table() const {
  std::vector<wire::Edge> table;
  for (const auto& [agent, entry] : edges_) table.push_back(entry.edge);
  return table;
}

AgentId Routes::LinkOf(AgentId agent) const {
  auto known = edges_.find(agent);
  return known == edges_.end() ? 0 : known->second.link;
}

std::string Routes::Key(AgentId link, AgentId agent) {
  return std::string(kKeyPrefix) + std::to_string(link) + "/" + std::to_string(agent);
}

}  // namespace tidegate::sync
