// World: virtual time, the event queue, the nodes, the network between them and the oracle that watches.
// One world is one seed: everything in it follows from its options.
// Thread safety: none. Ownership: owns everything in it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/network.h"
#include "tests/sim/oracle.h"
#include "tests/sim/random.h"
#include "tests/sim/sim_node.h"
#include "tests/sim/trace.h"

namespace tidegate::sim {

struct ModelTruth;

inline constexpr int64_t kMs = 1'000;
inline constexpr int64_t kSecond = 1'000'000;
inline constexpr int64_t kDay = 86'400 * kSecond;

struct WorldOptions {
  uint64_t seed = 1;
  bool print = false;  // the trace
  Defect defect = Defect::kNone;
  bool strict_server = false;  // its schema refuses some of what is lawful below
  std::string retain;          // of routers and devices, as in policy-onetable's configuration; empty = all is kept
  bool verifies = false;       // nodes compare themselves, as their options say
  bool moves = false;          // nodes move to another parent
  bool policies = false;       // one model goes another way at each node
  node::NodeOptions node;      // agent, role and level are set for each node
  Weather weather;
};

class World {
 public:
  explicit World(const WorldOptions& options);
  ~World();

  const WorldOptions& options() const { return options_; }
  const int64_t* now() const { return &now_us_; }
  int64_t now_us() const { return now_us_; }
  SimRandom& random() { return random_; }
  Trace& trace() { return trace_; }
  Network& network() { return network_; }
  Oracle& oracle() { return oracle_; }
  const core::Policy& policy(AgentId agent) const;
  const replica::CatalogHolder& catalog(AgentId agent) const;

  // A node that joins nothing: of every model the newest state wins. From its next start on.
  void SetNewestOnly(AgentId agent, bool newest_only);
  // The schema of a strict server changes: whether it refuses some of what comes up.
  void SetServerStrict(bool strict);
  bool server_strict() const { return server_strict_; }

  // Which way a model goes at a node. Of the one that changes it may be set, while the node runs or not.
  uint32_t Direction(AgentId agent, const ModelTruth& model) const;
  void SetDirection(AgentId agent, uint32_t direction);

  // A node that is not started yet. parent 0 = none.
  SimNode& Add(AgentId agent, uint32_t role, uint32_t level, AgentId parent);
  SimNode& node(AgentId agent) { return *by_place_.at(agent); }
  SimNode* Find(AgentId place);
  const std::vector<std::unique_ptr<SimNode>>& nodes() const { return nodes_; }
  // copies.cc. Another node with the agent id of one that is down, and a copy of its disk, below `parent`. It is none
  // of the nodes until it is renewed: the tree has to do as if it were not there.
  SimNode& AddCopy(const SimNode& of, AgentId parent);
  void Renew(SimNode& copy, AgentId agent);
  static constexpr AgentId kFirstCopy = 1'000'000;  // its place
  // Whether `above` is `below` or one of its ancestors now.
  bool IsAtOrAbove(AgentId above, AgentId below);

  void After(int64_t delay_us, std::function<void()> action);
  void RunFor(int64_t us);
  // So much time passes in which nothing happens anywhere: nodes, network and plans go on after it.
  void Leap(int64_t us);
  // Runs until every link is idle and the oracle sees equal replicas, at most so long; false: not reached.
  bool Settle(int64_t limit_us);
  // Why Settle did not end, for people.
  std::string Unrest();

  void Fail(std::string what);
  uint64_t events() const { return events_; }
  bool failed() const { return !failures_.empty(); }
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  struct Event {
    int64_t at_us;
    uint64_t number;
    std::function<void()> action;
    bool operator<(const Event& other) const {  // for a queue that gives the greatest first
      return at_us != other.at_us ? at_us > other.at_us : number > other.number;
    }
  };

  std::shared_ptr<const replica::Catalog> Changing(AgentId agent, uint32_t direction) const;

  WorldOptions options_;
  bool server_strict_;
  int64_t now_us_ = 0;
  int64_t leapt_us_ = 0;
  uint64_t events_ = 0;
  SimRandom random_;
  Trace trace_;
  std::priority_queue<Event> queue_;
  std::unique_ptr<core::Policy> policy_;  // of a defect
  std::unique_ptr<replica::CatalogHolder> catalog_;
  std::unique_ptr<replica::CatalogHolder> server_catalog_;  // null: the same
  std::unique_ptr<replica::CatalogHolder> newest_catalog_;
  std::set<AgentId> newest_only_;
  std::unique_ptr<replica::CatalogHolder> tight_catalog_;  // of all others; null: the same
  std::map<AgentId, std::unique_ptr<replica::CatalogHolder>> changing_catalogs_;
  std::map<AgentId, uint32_t> directions_;
  Oracle oracle_;
  Network network_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<std::unique_ptr<SimNode>> copies_;
  std::map<AgentId, SimNode*> by_place_;
  std::vector<std::string> failures_;
};

}  // namespace tidegate::sim
