#include "host/sync/routes.h"

#include <algorithm>
#include <deque>
#include <tuple>
#include <utility>

namespace tidegate::sync {
namespace {

auto Rank(const wire::Edge& edge) { return std::tuple(edge.attach_epoch, edge.replica_epoch, edge.parent); }

// One attach; the node may have started anew since.
bool SameAttach(const wire::Edge& a, const wire::Edge& b) {
  return a.parent == b.parent && a.attach_epoch == b.attach_epoch;
}

bool Beats(const wire::Edge& a, const wire::Edge& b) { return !SameAttach(a, b) && Rank(a) > Rank(b); }

}  // namespace

// Whether an edge that comes by another way than the known one loses against it.
bool Routes::Loses(const Entry& known, const wire::Edge& edge, wire::Edge* against) const {
  *against = known.edge;
  if (Beats(known.edge, edge)) return true;
  if (SameAttach(known.edge, edge) || known.edge.replica_epoch == edge.replica_epoch) return false;
  // It would win. An epoch that was there before another one may return once: a node was rolled back, number and
  // all. If both return, two nodes run on copies of one replica, and the one that was seen first stays. Who comes back
  // to the parent that was left for this epoch has returned too: its starts are not told up here.
  auto first_seen = [&](Epoch epoch) {
    return std::find_if(known.former.rbegin(), known.former.rend(), [&](const Former& f) { return f.epoch == epoch; });
  };
  auto present = first_seen(known.edge.replica_epoch), returned = first_seen(edge.replica_epoch);
  if (returned == known.former.rend()) return false;
  bool older = returned != known.former.rbegin() && std::prev(returned)->parent == known.edge.parent;
  if (present == known.former.rend() ? !older : returned < present) return false;
  against->clone = edge.replica_epoch;
  return true;
}

Routes::Difference Routes::Compare(AgentId link, const std::vector<wire::Edge>& table) const {
  Difference difference;
  std::multimap<AgentId, const wire::Edge*> below;
  struct Step {
    const wire::Edge* edge;
    bool renewed;  // something above it is
  };
  std::deque<Step> steps;
  for (const wire::Edge& edge : table) {
    if (edge.agent == self_ || edge.gone || edge.attach_epoch > kAttachMax) continue;
    if (edge.agent == link) steps.push_back({&edge, false});
    below.emplace(edge.parent, &edge);
  }
  std::set<AgentId> named;
  // From the child down, so that an agent that lost takes what is below it along.
  while (!steps.empty()) {
    auto [edge, renewed] = steps.front();
    steps.pop_front();
    auto found = edges_.find(edge->agent);
    const Entry* known = found == edges_.end() ? nullptr : &found->second;
    wire::Edge against;
    if (named.contains(edge->agent)) continue;
    if (known != nullptr && known->link != link && Loses(*known, *edge, &against)) {
      difference.higher.push_back(against);
      continue;
    }
    named.insert(edge->agent);
    bool other = known == nullptr || known->link == 0 || !SameAttach(known->edge, *edge);
    renewed = renewed || other;
    difference.news = difference.news || other;
    if (renewed) difference.renewed.push_back(edge->agent);
    if (known == nullptr || known->link != link || !(known->edge == *edge)) difference.put.emplace_back(link, *edge);
    if (known != nullptr && known->link != 0 && known->link != link) {
      difference.removed.emplace_back(known->link, edge->agent);
      if (known->link == edge->agent) {
        difference.released.push_back(edge->agent);
      } else if (!SameAttach(known->edge, *edge)) {
        difference.outdated.emplace_back(known->link, *edge);
      }
    }
    auto [first, last] = below.equal_range(edge->agent);
    for (auto it = first; it != last; ++it) steps.push_back({it->second, renewed});
  }
  for (const auto& [agent, entry] : edges_) {
    bool gone = entry.link == link || std::find(difference.released.begin(), difference.released.end(), entry.link) !=
                                          difference.released.end();
    if (entry.link == 0 || !gone || named.contains(agent)) continue;
    difference.removed.emplace_back(entry.link, agent);
    difference.left.push_back(agent);
    difference.news = true;
  }
  return difference;
}

// An agent and all below it, as far as they are reached through the same child.
void Routes::TakeAway(AgentId agent, AgentId link, std::set<AgentId>* taken, Difference* difference) const {
  std::multimap<AgentId, AgentId> below;
  for (const auto& [other, entry] : edges_) {
    if (entry.link == link) below.emplace(entry.edge.parent, other);
  }
  std::deque<AgentId> steps{agent};
  while (!steps.empty()) {
    AgentId next = steps.front();
    steps.pop_front();
    if (!taken->insert(next).second) continue;
    difference->removed.emplace_back(link, next);
    difference->left.push_back(next);
    auto [first, last] = below.equal_range(next);
    for (auto it = first; it != last; ++it) steps.push_back(it->second);
  }
}

Routes::Difference Routes::Elsewhere(const std::vector<wire::Edge>& told) const {
  Difference difference;
  std::set<AgentId> taken;
  for (const wire::Edge& edge : told) {
    auto found = edges_.find(edge.agent);
    if (found == edges_.end() || found->second.link == 0 || edge.attach_epoch > kAttachMax) continue;
    const Entry& known = found->second;
    bool clone = edge.clone != 0 && edge.clone == known.edge.replica_epoch;
    if (SameAttach(edge, known.edge) || (!clone && !Beats(edge, known.edge))) continue;
    difference.higher.push_back(edge);
    difference.news = true;
    if (known.link == edge.agent) {
      difference.released.push_back(edge.agent);
    } else {
      difference.outdated.emplace_back(known.link, edge);
    }
    TakeAway(edge.agent, known.link, &taken, &difference);
  }
  return difference;
}

Routes::Difference Routes::Forgotten(AgentId link) const {
  Difference difference;
  difference.news = true;
  difference.released.push_back(link);
  for (AgentId agent : Below(link)) {
    difference.removed.emplace_back(link, agent);
    difference.left.push_back(agent);
  }
  return difference;
}

void Routes::Apply(const Difference& difference) {
  for (const auto& [link, agent] : difference.removed) {
    auto known = edges_.find(agent);
    if (known == edges_.end() || known->second.link != link) continue;
    // What comes late for it is known not to be a stranger's.
    known->second.link = 0;
    if (++elsewhere_ <= kElsewhereMax) continue;
    for (auto it = edges_.begin(); it != edges_.end();) it = it->second.link == 0 ? edges_.erase(it) : std::next(it);
    forgotten_ += std::exchange(elsewhere_, 0);
  }
  for (const auto& [link, edge] : difference.put) {
    auto [known, added] = edges_.try_emplace(edge.agent);
    Entry& entry = known->second;
    if (!added && entry.link == 0 && elsewhere_ > 0) --elsewhere_;
    if (!added && entry.edge.replica_epoch != edge.replica_epoch) {
      entry.former.insert(entry.former.begin(), {entry.edge.replica_epoch, entry.edge.parent});
      if (entry.former.size() > kFormerMax) entry.former.resize(kFormerMax);
    }
    entry.link = link;
    entry.edge = edge;
  }
  for (const wire::Edge& edge : difference.higher) {
    auto known = edges_.find(edge.agent);
    if (known == edges_.end() || known->second.link != 0) continue;
    if (Beats(edge, known->second.edge)) known->second.edge = edge;
  }
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
  for (const auto& [agent, entry] : edges_) {
    if (entry.link != 0) table.push_back(entry.edge);
  }
  return table;
}

AgentId Routes::LinkOf(AgentId agent) const {
  auto known = edges_.find(agent);
  return known == edges_.end() ? 0 : known->second.link;
}

bool Routes::HasLeft(AgentId agent) const {
  auto known = edges_.find(agent);
  return known != edges_.end() && known->second.link == 0;
}

std::string Routes::Key(AgentId link, AgentId agent) {
  return std::string(kKeyPrefix) + std::to_string(link) + "/" + std::to_string(agent);
}

}  // namespace tidegate::sync
