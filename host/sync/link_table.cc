#include "host/sync/link_table.h"

#include <algorithm>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"

namespace tidegate::sync {

Status LinkTable::Restore() {
  std::vector<wire::LinkRecord> records;
  Status parsed;
  TG_RETURN_IF_ERROR(storage_.MetaScan(meta::kLinkPrefix, [&](std::string_view, std::string_view value) {
    parsed = wire::DecodeRecord(value, &records.emplace_back());
    return parsed.ok();
  }));
  TG_RETURN_IF_ERROR(parsed);
  for (const wire::LinkRecord& record : records) TG_RETURN_IF_ERROR(RestoreLink(Put(record)));

  TG_RETURN_IF_ERROR(RestoreLeft());
  return storage_.MetaScan(Routes::kKeyPrefix, [&](std::string_view key, std::string_view value) {
    wire::Edge edge;
    parsed = wire::DecodeRecord(value, &edge);
    std::string_view link = key.substr(Routes::kKeyPrefix.size());
    Result<AgentId> agent = ParseAgent(link.substr(0, link.find('/')));
    if (parsed.ok() && agent.ok()) routes_.Restore(agent.value(), edge);
    return true;
  });
}

Status LinkTable::RestoreLink(Link* link) {
  Status parsed;
  TG_RETURN_IF_ERROR(storage_.MetaScan(meta::HoldsOf(link->agent()), [&](std::string_view, std::string_view value) {
    wire::HoldRecord record;
    parsed = wire::DecodeRecord(value, &record);
    if (parsed.ok()) link->holds.Restore(std::move(record));
    return parsed.ok();
  }));
  TG_RETURN_IF_ERROR(parsed);
  if (Result<std::string> bytes = storage_.MetaGet(meta::Table(link->agent())); bytes.ok()) {
    wire::TableRecord table;
    TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes.value(), &table));
    link->table = std::move(table.models);
  }
  if (Result<std::string> bytes = storage_.MetaGet(meta::Verify(link->agent())); bytes.ok())
    TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes.value(), &link->verify));
  TG_ASSIGN_OR_RETURN(Watermark head, storage_.Head());
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    Watermark acked;
    if (Result<std::string> bytes = storage_.MetaGet(meta::Acked(link->agent(), lane)); bytes.ok()) {
      TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes.value(), &acked));
      link->senders[lane].Restore(acked);
    }
    Result<std::string> bytes = storage_.MetaGet(meta::Held(link->agent(), lane));
    if (!bytes.ok() && bytes.status().code() != Code::kNotFound) return bytes.status();
    if (!bytes.ok()) continue;
    Watermark held;
    TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes.value(), &held));
    link->receivers[lane].Restore(held);
    // The pairs of before the restart are gone; this one is later than they were, and true.
    if (!held.none()) link->pairs[lane].Add(held, head.position);
  }
  return {};
}

void LinkTable::RestoreQuarantine(Link* link) const {
  for (bool ours : {false, true}) {
    std::set<std::string> keys;
    Status read =
        storage_.MetaScan(meta::QuarantineOf(link->agent(), ours), [&](std::string_view key, std::string_view) {
          keys.insert(std::string(key));
          return true;
        });
    if (read.ok()) (ours ? link->refused_ours : link->quarantined) = std::move(keys);
  }
}

Link* LinkTable::Look(AgentId agent) const {
  auto found = links_.find(agent);
  return found == links_.end() ? nullptr : found->second.get();
}

Link* LinkTable::Find(AgentId agent) const {
  Link* link = Look(agent);
  if (link != nullptr) Stir(link);
  return link;
}

const LinkTable::Links& LinkTable::all() const {
  for (const auto& [agent, link] : links_) Stir(link.get());
  return links_;
}

void LinkTable::Stir(Link* link) const {
  if (link->stirred) return;
  link->stirred = true;
  stirred_.push_back(link);
}

void LinkTable::StirDue(int64_t now_us) {
  for (auto at = wakes_.begin(); at != wakes_.end() && at->first <= now_us; ++at) (void)Find(at->second);
}

void LinkTable::ForStirred(const std::function<void(Link*)>& look) {
  if (parent_ != nullptr) Stir(parent_);
  for (size_t i = 0; i < stirred_.size(); ++i) {
    if (stirred_[i] != nullptr) look(stirred_[i]);
  }
}

void LinkTable::Settle(const std::function<int64_t(const Link&)>& wake_us) {
  for (Link* link : stirred_) {
    if (link == nullptr) continue;
    link->stirred = false;
    int64_t wake = wake_us(*link);
    if (wake == link->wake_us) continue;
    wakes_.erase({link->wake_us, link->agent()});
    link->wake_us = wake;
    if (wake != INT64_MAX) wakes_.insert({wake, link->agent()});
  }
  stirred_.clear();
}

std::vector<Link*> LinkTable::ChildrenOf(AgentId owner) const {
  std::vector<Link*> children;
  if (owner == kAgentAll) {
    for (const auto& [agent, link] : all()) {
      if (!link->is_parent()) children.push_back(link.get());
    }
  } else if (Link* link = Find(routes_.LinkOf(owner)); link != nullptr && !link->is_parent()) {
    children.push_back(link);
  }
  return children;
}

bool LinkTable::Reaches(const Link& link, AgentId owner) const {
  return owner == link.agent() || routes_.LinkOf(owner) == link.agent();
}

Link* LinkTable::Put(const wire::LinkRecord& record) {
  std::unique_ptr<Link>& link = links_[record.agent];
  if (link == nullptr) {
    link = std::make_unique<Link>(storage_, options_, record);
    RestoreQuarantine(link.get());
    left_listed_.erase(record.agent);
  } else {
    link->record = record;
  }
  if (record.is_parent) parent_ = link.get();
  Stir(link.get());
  return link.get();
}

void LinkTable::StageVerify(const Link& link, core::Stage* stage) {
  stage->MetaPut(meta::Verify(link.agent()), wire::EncodeRecord(link.verify));
}

void LinkTable::StageRecord(const wire::LinkRecord& record, core::Stage* stage) {
  stage->MetaPut(meta::Link(record.agent), wire::EncodeRecord(record));
}

void LinkTable::StageForget(const Link& link, core::Stage* stage) const {
  stage->MetaDelete(meta::Link(link.agent()));
  if (link.is_parent()) stage->MetaPut(meta::FormerParent(link.agent()), "");
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    stage->MetaDelete(meta::Held(link.agent(), lane));
    stage->MetaDelete(meta::Acked(link.agent(), lane));
  }
  stage->MetaDelete(meta::Table(link.agent()));
  stage->MetaDelete(meta::Verify(link.agent()));
  for (const auto& [model, entry] : link.holds.entries()) stage->MetaDelete(meta::Hold(link.agent(), model));
  // What is listed as refused stays listed: nothing is lost in silence (law 6).
}

void LinkTable::Forget(AgentId agent) {
  if (parent_ != nullptr && parent_->agent() == agent) parent_ = nullptr;
  Link* link = Look(agent);
  if (link == nullptr) return;
  if (!link->quarantined.empty()) left_listed_[agent] = std::move(link->quarantined);
  std::replace(stirred_.begin(), stirred_.end(), link, static_cast<Link*>(nullptr));
  wakes_.erase({link->wake_us, agent});
  links_.erase(agent);
}

void LinkTable::DropLeft(AgentId agent, const std::string& key) {
  auto left = left_listed_.find(agent);
  if (left == left_listed_.end()) return;
  left->second.erase(key);
  if (left->second.empty()) left_listed_.erase(left);
}

Status LinkTable::RestoreLeft() {
  return storage_.MetaScan(meta::kQuarantinePrefix, [&](std::string_view key, std::string_view value) {
    wire::QuarantineRecord record;
    if (wire::DecodeRecord(value, &record).ok() && !record.ours && Look(record.link) == nullptr)
      left_listed_[record.link].emplace(key);
    return true;
  });
}

void LinkTable::StageFirstOwners(AgentId child, core::Stage* stage) {
  stage->OwnerAdd(meta::OwnerSet(child), kAgentAll);
  stage->OwnerAdd(meta::OwnerSet(child), child);
}

void LinkTable::StageRoutes(const Routes::Difference& difference, core::Stage* stage) const {
  for (const auto& [link, agent] : difference.removed) {
    stage->MetaDelete(Routes::Key(link, agent));
    if (agent != link) stage->OwnerRemove(meta::OwnerSet(link), agent);
  }
  for (AgentId child : difference.released) {
    if (const Link* link = Find(child)) StageForget(*link, stage);
    stage->OwnerRemove(meta::OwnerSet(child), kAgentAll);
    stage->OwnerRemove(meta::OwnerSet(child), child);
  }
  for (const auto& [link, edge] : difference.put) {
    stage->MetaPut(Routes::Key(link, edge.agent), wire::EncodeRecord(edge));
    stage->OwnerAdd(meta::OwnerSet(link), edge.agent);
  }
}

}  // namespace tidegate::sync
