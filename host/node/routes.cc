// Routes: which agents lie below this node, told to the parent; and who is told of a higher edge.
#include "host/core/backoff.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

constexpr int64_t kLookAtAgesUs = 3'600'000'000;   // each hour
constexpr int64_t kHeardNotedMs = 24 * 3'600'000;  // that a link is up is stored once a day
constexpr int64_t kSilentAtLeastUs = 24 * 3'600'000'000;

}  // namespace

// A child's own edge to us.
wire::Edge Node::Impl::EdgeOf(AgentId child, AgentId parent, const wire::LinkRecord& record) {
  wire::Edge edge;
  edge.agent = child;
  edge.parent = parent;
  edge.attach_epoch = record.attach_epoch;
  edge.replica_epoch = record.epochs.empty() ? 0 : record.epochs.front().epoch;
  edge.role = record.role;
  return edge;
}

// A child that names an older edge of this node is told the present one.
void Node::Impl::TellOwnEdge(const std::vector<wire::Edge>& table, sync::Routes::Difference* difference) const {
  for (const wire::Edge& edge : table) {
    if (edge.agent != options_.agent || edge.gone) continue;
    wire::Edge own = edge;
    own.parent = record_.attach_parent;
    own.attach_epoch = record_.attach_epoch;
    own.replica_epoch = self_.epochs.empty() ? 0 : self_.epochs.front().epoch;
    own.role = options_.role;
    difference->higher.push_back(own);
    return;
  }
}

// In the open group: what is below has changed, so the parent is to be told, and what came by a new edge is
// unsettled towards it.
void Node::Impl::StageRoutes(const sync::Routes::Difference& difference) {
  links_.StageRoutes(difference, &stage_);
  for (const wire::Edge& edge : difference.higher) StageClone(edge.agent, edge.clone);
  if (options_.role == TG_ROLE_SERVER) return;
  for (AgentId agent : difference.left) strays_.StageLeft(agent);
  for (const auto& [link, edge] : difference.put) strays_.StageBack(edge.agent);
  if (!difference.news) return;
  record_.edges_number = edges_told_.number() + 1;
  for (AgentId agent : difference.renewed) marks_.Add(false, agent);
  marks_.Stage();
}

// After the commit: the table and its number change together, or a hello would name the old table by it.
void Node::Impl::RoutesChanged(const sync::Routes::Difference& difference, std::string_view why) {
  for (const auto& [agent, edge] : difference.put) {
    sync::Link* link = links_.Find(agent);
    // It compares what was here before; of what it acknowledged until then this owner was left out.
    if (link != nullptr && links_.routes().LinkOf(edge.agent) != agent)
      link->owner_unsettled_below[edge.agent] = end_.position;
  }
  const uint64_t forgotten = links_.routes().forgotten();
  links_.ApplyRoutes(difference);
  if (links_.routes().forgotten() != forgotten)
    deps_.metrics.Add("tidegate_routes_left_forgotten_total", links_.routes().forgotten() - forgotten);
  for (const wire::Edge& edge : difference.higher) NoteClone(edge.agent, edge.clone);
  int64_t now_us = deps_.clock.monotonic_us();
  for (AgentId child : difference.released) LetGo(child, why);
  for (const auto& [agent, edge] : difference.outdated) {
    sync::Link* link = links_.Find(agent);
    if (link == nullptr) continue;
    link->outdated[edge.agent] = edge;
    link->tell_at_us = now_us;
    link->tell_wait_ms = options_.resend_ms;
  }
  if (options_.role == TG_ROLE_SERVER) return;
  strays_.Note(difference.left);
  for (const auto& [link, edge] : difference.put) strays_.Back(edge.agent);
  if (!difference.news) return;
  edges_told_.Renumber(record_.edges_number, now_us);
}

// If it is here all the same, it says hello again; attached elsewhere, it is told the edge to attach above.
void Node::Impl::LetGo(AgentId child, std::string_view why) {
  sync::Link* link = links_.Find(child);
  if (link == nullptr || link->is_parent()) return;
  deps_.log.Write(5, "agent " + std::to_string(child) + " is no child of this node any more: " + std::string(why));
  if (Session* session = SessionOf(*link)) {
    AskAgain(session);
    EndSession(session, why);
  }
  links_.Forget(child);
}

void Node::Impl::OnRoutes(sync::Link* link, const wire::Routes& routes) {
  // Compared with what is applied: what is staged comes first. An older table came late.
  AgentId neighbour = link->agent();
  if (!CommitStage().ok()) return;
  link = links_.Find(neighbour);
  if (link == nullptr) return;
  if (link->is_parent()) return OnElsewhere(routes.edges);
  if (routes.number < link->edges_number) {
    link->ack_due = true;
    return;
  }
  self_.attach_epoch = record_.attach_epoch;
  if (Session* session = SessionOf(*link); session != nullptr && sync::IsLoop(self_, routes.edges)) {
    wire::Refuse refuse = sync::LoopRefusal(neighbour);
    Refuse(session, session->id, refuse);
    return EndSession(session, refuse.message);
  }
  std::vector<wire::Edge> table = routes.edges;
  table.push_back(EdgeOf(neighbour, options_.agent, link->record));
  sync::Routes::Difference difference = links_.routes().Compare(neighbour, table);
  TellOwnEdge(table, &difference);
  stage_.Begin();
  StageRoutes(difference);
  stage_.End(
      [this, neighbour, difference, number = routes.number](const Status& status, std::span<const core::Effect>) {
        sync::Link* told = links_.Find(neighbour);
        if (!status.ok() || told == nullptr) return;
        told->outdated.clear();
        for (const wire::Edge& edge : difference.higher) told->outdated[edge.agent] = edge;
        told->tell_at_us = deps_.clock.monotonic_us();
        told->tell_wait_ms = options_.resend_ms;
        told->edges_number = number;
        told->ack_due = true;
        RoutesChanged(difference);
      });
}

// Our parent knows higher edges than ours: those agents are not below us any more.
void Node::Impl::OnElsewhere(const std::vector<wire::Edge>& told) {
  sync::Routes::Difference difference = links_.routes().Elsewhere(told);
  if (difference.empty()) return;
  stage_.Begin();
  StageRoutes(difference);
  stage_.End([this, difference](const Status& status, std::span<const core::Effect>) {
    if (status.ok()) RoutesChanged(difference);  // else our table comes again, and so does the answer
  });
}

// A child that has been silent for limits.route_age is forgotten, with all that is reached through it. What it had
// undelivered here stays; when it comes back it is as new.
void Node::Impl::AgeRoutes(int64_t now_us) {
  if (now_us < age_routes_at_us_) return;
  age_routes_at_us_ = now_us + kLookAtAgesUs;
  if (clock_judge_.Suspends()) return;
  const int64_t now_ms = deps_.clock.unix_ms();
  for (const auto& [agent, link] : links_.all()) {
    wire::LinkRecord& record = link->record;
    if (link->is_parent()) continue;
    const int64_t heard_ms = std::max(record.heard_unix_ms, record.last_hello_unix_ms);
    if (link->up()) {
      link->seen_us = now_us;
      if (now_ms - heard_ms < kHeardNotedMs) continue;
      record.heard_unix_ms = now_ms;
      stage_.Begin();
      sync::LinkTable::StageRecord(record, &stage_);
      stage_.End();
      continue;
    }
    // By both clocks: one that jumps by years has not made anybody silent.
    if (link->seen_us < 0) link->seen_us = now_us;
    if (now_ms - heard_ms < options_.route_age_ms || now_us - link->seen_us < kSilentAtLeastUs) continue;
    sync::Routes::Difference difference = links_.routes().Forgotten(agent);
    stage_.Begin();
    StageRoutes(difference);
    stage_.End([this, difference](const Status& status, std::span<const core::Effect>) {
      if (status.ok()) RoutesChanged(difference, "nothing was heard of it for limits.route_age");
    });
    age_routes_at_us_ = now_us;  // the table has changed; go on with the next commit
    return;
  }
}

void Node::Impl::SendRoutes(int64_t now_us) {
  sync::Link* parent = links_.parent();
  if (parent != nullptr && parent->up() && !parent->blocked && edges_told_.IsDue(now_us)) {
    wire::Routes routes;
    routes.edges = links_.routes().Table();
    routes.number = edges_told_.number();
    Send(parent, routes);
    edges_told_.Sent(now_us, deps_.random);
  }
  links_.ForStirred([&](sync::Link* link) {
    if (link->outdated.empty() || !link->up() || link->blocked || link->tell_at_us > now_us) return;
    wire::Routes routes;
    for (const auto& [other, edge] : link->outdated) routes.edges.push_back(edge);
    Send(link, routes);
    link->tell_at_us = now_us + core::TakeBackoff(&link->tell_wait_ms, options_.resend_ms_max, deps_.random) * 1000;
  });
}

}  // namespace tidegate::node
