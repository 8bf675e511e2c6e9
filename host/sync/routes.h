// Routes: which agents lie below this node, and through which child (design section 6, "Routes").
// An edge says that an agent is attached to a parent; the highest (attach epoch, replica epoch) wins, and
// what lies below an agent goes where the agent goes.
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
  static constexpr uint64_t kAttachMax = uint64_t{1} << 48;  // an attach epoch above it is nonsense
  static constexpr size_t kElsewhereMax = 65'536;            // agents remembered that are not below us any more

  using Route = std::pair<AgentId, AgentId>;  // link, agent

  // What a table changes; store and apply it, then change the owner sets.
  struct Difference {
    std::vector<std::pair<AgentId, wire::Edge>> put;  // link, edge
    std::vector<Route> removed;
    std::vector<AgentId> renewed;   // reached by another edge than before: unsettled towards our parent
    std::vector<AgentId> left;      // of `removed`: not below this node any more
    std::vector<AgentId> released;  // children that are attached elsewhere now: they are let go
    std::vector<std::pair<AgentId, wire::Edge>> outdated;  // link, edge: higher than what this child said last
    std::vector<wire::Edge> higher;  // edges that beat those of the table, or of ours (then they lie elsewhere)
    bool news = false;               // our own table says something else than before
    bool empty() const { return put.empty() && removed.empty() && higher.empty(); }
  };

  explicit Routes(AgentId self) : self_(self) {}

  // The table of a child, its own edge to us included.
  Difference Compare(AgentId link, const std::vector<wire::Edge>& table) const;
  // Higher edges that our parent knows: those agents are not below us.
  Difference Elsewhere(const std::vector<wire::Edge>& told) const;
  // A child that is forgotten, and whatever is reached through it.
  Difference Forgotten(AgentId link) const;
  void Apply(const Difference& difference);

  // The agents reached through a child, the child included.
  std::set<AgentId> Below(AgentId link) const;
  bool empty() const { return edges_.empty(); }
  // All edges below this node, for our parent.
  std::vector<wire::Edge> Table() const;
  // The child through which an agent is reached; 0 = not below us.
  AgentId LinkOf(AgentId agent) const;
  bool IsBelow(AgentId agent) const { return LinkOf(agent) != 0; }
  // It was below us since the start, and is not any more.
  bool HasLeft(AgentId agent) const;
  // Of those, how many were forgotten since the start, because there were too many.
  uint64_t forgotten() const { return forgotten_; }

  // The meta entries that keep an edge: "edge/<link>/<agent>".
  static std::string Key(AgentId link, AgentId agent);
  static constexpr std::string_view kKeyPrefix = "edge/";
  void Restore(AgentId link, const wire::Edge& edge) { edges_[edge.agent] = {link, edge, {}}; }

 private:
  static constexpr size_t kFormerMax = 8;

  struct Former {
    Epoch epoch;
    AgentId parent;
  };
  struct Entry {
    AgentId link = 0;  // 0: not below us
    wire::Edge edge;
    std::vector<Former> former;  // its edges before, newest first
  };

  bool Loses(const Entry& known, const wire::Edge& edge, wire::Edge* against) const;
  void TakeAway(AgentId agent, AgentId link, std::set<AgentId>* taken, Difference* difference) const;

  AgentId self_;
  std::map<AgentId, Entry> edges_;
  size_t elsewhere_ = 0;
  uint64_t forgotten_ = 0;
};

}  // namespace tidegate::sync
