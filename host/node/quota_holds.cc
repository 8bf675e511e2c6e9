// Quotas as holds: who sends a model that has no more room here waits (docs/replication.md, "Retention").
#include <utility>

#include "host/node/impl.h"

namespace tidegate::node {

// After the catalog has changed.
Status Node::Impl::CountUsage() {
  TG_RETURN_IF_ERROR(quotas_.Count());
  retention_.Plan();
  HoldForRoom();
  return {};
}

// A quota is of the node: whoever sends the model waits. What is held here is staged with the next commit's end.
void Node::Impl::HoldForRoom() {
  for (const Quotas::News& news : quotas_.TakeNews()) {
    quota_news_ = true;
    deps_.log.Write(6, "model " + news.model + (news.held ? " waits: " + news.message : " has room again"));
    for (const auto& [agent, link] : links_.all()) {
      if ((news.direction & (link->is_parent() ? TG_DIRECTION_DOWN : TG_DIRECTION_UP)) == 0) continue;
      if (news.held) {
        HoldModel(link.get(), news.model, wire::HoldReason::kQuota, news.message);
      } else if (const auto* entry = link->holds.Find(news.model);
                 entry != nullptr && entry->record.hold.reason == wire::HoldReason::kQuota) {
        link->holds.End(news.model);
        holds_ending_.insert(agent);
      }
    }
  }
}

// After a commit.
void Node::Impl::UpdateQuotas() {
  if (quotas_.EndCommit()) retention_.Hurry();
  HoldForRoom();
  if (!std::exchange(quota_news_, false)) return;
  for (const auto& [agent, link] : links_.all()) StageHolds(link.get());
}

// A neighbour that comes finds the holds of the moment.
void Node::Impl::ApplyQuotas(sync::Link* link) {
  for (const auto& [model, usage] : quotas_.models()) {
    bool comes = (usage.direction & (link->is_parent() ? TG_DIRECTION_DOWN : TG_DIRECTION_UP)) != 0;
    if (usage.held && comes) HoldModel(link, model, wire::HoldReason::kQuota, quotas_.NoRoomMessage(usage));
  }
  std::vector<std::string> over;
  for (const auto& [model, entry] : link->holds.entries()) {
    if (entry.record.hold.reason != wire::HoldReason::kQuota) continue;
    auto usage = quotas_.models().find(model);
    if (usage == quotas_.models().end() || !usage->second.held) over.push_back(model);
  }
  for (const std::string& model : over) link->holds.End(model);
  if (!over.empty()) holds_ending_.insert(link->agent());
}

}  // namespace tidegate::node
