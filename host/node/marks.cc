#include "host/node/marks.h"

#include <algorithm>
#include <set>
#include <utility>

#include "host/sync/meta_keys.h"

namespace tidegate::node {

Status Marks::Restore() {
  Result<std::string> bytes = storage_.MetaGet(sync::meta::kMarks);
  if (!bytes.ok()) return {};
  wire::ScopeRecord record;
  TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes.value(), &record));
  scopes_ = std::move(record.scopes);
  return {};
}

void Marks::Add(bool all_owners, AgentId owner, bool up_only) {
  wire::Scope mark;
  mark.up_only = up_only;
  mark.all_owners = all_owners;
  mark.owner = owner;
  mark.number = ++record_.mark_number;
  std::erase_if(scopes_, [&](const wire::Scope& old) {
    const bool covered = all_owners || (!old.all_owners && old.owner == owner);
    mark.up_only = mark.up_only || (covered && old.up_only);
    return covered;
  });
  scopes_.push_back(std::move(mark));
}

void Marks::Stage() {
  wire::ScopeRecord record;
  record.scopes = scopes_;
  stage_.MetaPut(sync::meta::kMarks, wire::EncodeRecord(record));
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
}

void Marks::Settle(uint64_t number) {
  std::erase_if(scopes_, [&](const wire::Scope& mark) { return mark.number <= number; });
}

bool Marks::up_only() const {
  return std::any_of(scopes_.begin(), scopes_.end(), [](const wire::Scope& mark) { return mark.up_only; });
}

bool Marks::Covers(AgentId owner) const {
  return std::any_of(scopes_.begin(), scopes_.end(),
                     [&](const wire::Scope& mark) { return mark.all_owners || mark.owner == owner; });
}

bool Marks::Waits(uint64_t number) const {
  // Of later marks only one of everything takes the place of any.
  return std::any_of(scopes_.begin(), scopes_.end(),
                     [&](const wire::Scope& mark) { return mark.number <= number || mark.all_owners; });
}

std::vector<AgentId> Marks::Owners() const {
  std::set<AgentId> owners;
  for (const wire::Scope& mark : scopes_) {
    if (!mark.all_owners) {
      owners.insert(mark.owner);
      continue;
    }
    std::vector<AgentId> all = AllOwners();
    owners.insert(all.begin(), all.end());
  }
  return {owners.begin(), owners.end()};
}

std::vector<AgentId> Marks::AllOwners() const {
  std::set<AgentId> owners = {kAgentAll, record_.agent};
  for (const wire::Edge& edge : links_.routes().Table()) owners.insert(edge.agent);
  return {owners.begin(), owners.end()};
}

}  // namespace tidegate::node
