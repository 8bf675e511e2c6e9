// Routes: which agents lie below this node, told to the parent.
#include "host/node/impl.h"

namespace tidegate::node {

std::vector<wire::Edge> Node::Impl::EdgesBelow() const { return links_.routes().Table(); }

// In the open group: what is below has changed, so the parent is to be told, and what was added is
// unsettled towards it.
void Node::Impl::StageEdgesChanged(const sync::Routes::Difference& difference) {
  if (difference.empty()) return;
  if (options_.role == TG_ROLE_SERVER) return;
  record_.edges_number = edges_number_ + 1;
  for (const auto& [link, edge] : difference.put) AddMark(false, edge.agent);
  StageMarks();
}

// After the commit: the table and its number change together, or a hello would name the old table by it.
void Node::Impl::EdgesChanged(const sync::Routes::Difference& difference) {
  links_.ApplyRoutes(difference);
  if (difference.empty() || options_.role == TG_ROLE_SERVER) return;
  edges_number_ = record_.edges_number;
  edges_retry_us_ = deps_.clock.monotonic_us();
}

void Node::Impl::OnRoutes(sync::Link* link, const wire::Routes& routes) {
  // Compared with what is applied: what is staged comes first. An older table came late.
  AgentId child = link->agent();
  if (link->is_parent() || !CommitStage().ok()) return;
  link = links_.Find(child);
  if (link == nullptr) return;
  if (routes.number < link->edges_number) {
    link->ack_due = true;
    return;
  }
  std::vector<wire::Edge> table = routes.edges;
  wire::Edge own;
  own.agent = link->agent();
  own.parent = options_.agent;
  own.attach_epoch = link->record.attach_epoch;
  own.role = link->record.role;
  table.push_back(own);
  sync::Routes::Difference difference = links_.routes().Compare(link->agent(), table);
  stage_.Begin();
  links_.StageRoutes(difference, &stage_);
  StageEdgesChanged(difference);
  stage_.End([this, agent = link->agent(), difference, number = routes.number](const Status& status,
                                                                               std::span<const core::Effect>) {
    sync::Link* told = links_.Find(agent);
    if (!status.ok() || told == nullptr) return;
    EdgesChanged(difference);
    told->edges_number = number;
    told->ack_due = true;
  });
}

}  // namespace tidegate::node
