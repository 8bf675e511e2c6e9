// Routes: which agents lie below this node, and through which child (design section 6, "Routes").
// An edge says that an agent is attached to a parent; the highest (attach epoch, replica epoch) wins.
// Thread safety: the writer thread. Ownership: plain value.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/ids.h"
#include "host/wire/frames.h"

namespace tidegate::sync {

class Routes {
 public:
  // What a child's edge table changes; store and apply it, then change the owner sets.
  struct Difference {
    std::vector<std::pair<AgentId, wire::Edge>> put;        // link, edge
    std::vector<std::pair<AgentId, AgentId>> removed;       // link, agent
    bool empty() const { return put.empty() && removed.empty(); }
  };

  explicit Routes(AgentId self) : self_(self) {}

  // The table of a child, its own edge to us included.
  Difference Compare(AgentId link, const std::vector<wire::Edge>& table) const;
  void Apply(const Difference& difference);

  // The agents reached through a child, the child included.
  std::set<AgentId> Below(AgentId link) const;
  // All edges below this node, for our parent.
  std::vector<wire::Edge> Table() const;
  // The child through which an agent is reached; 0 = not below us.
  AgentId LinkOf(AgentId agent) const;
  bool IsBelow(AgentId agent) const { return LinkOf(agent) != 0; }

  // The meta entries that keep an edge: "edge/<link>/<agent>".
  static std::string Key(AgentId link, AgentId agent);
  static constexpr std::string_view kKeyPrefix = "edge/";
  void Restore(AgentId link, const wire::Edge& edge) { edges_[edge.agent] = {link, edge}; }

 private:
  struct Entry {
    AgentId link = 0;
    wire::Edge edge;
  };
  AgentId self_;
  std::map<AgentId, Entry> edges_;
};

}  // namespace tidegate::sync
