// The start: what the storage knows of this node, and what follows from it; and what a new catalog changes.
#include <charconv>

#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {

Status Node::Impl::Open() {
  bool existed = false;
  AgentId former = 0;  // it gets another agent id
  TG_RETURN_IF_ERROR(OpenRecord(&existed, &former));
  ChooseLevel();
  edges_told_.Start(record_.edges_number);
  TG_RETURN_IF_ERROR(RestoreClock());
  TG_RETURN_IF_ERROR(marks_.Restore());
  if (former != 0) TG_RETURN_IF_ERROR(Renew(former));
  TG_RETURN_IF_ERROR(RestoreNeighbours());
  TG_ASSIGN_OR_RETURN(end_, deps_.storage.Head());
  clock_judge_.Start(static_cast<int64_t>(stored_clock_ >> 16));
  TG_RETURN_IF_ERROR(RestorePurge());
  TG_RETURN_IF_ERROR(retention_.Restore());
  TG_RETURN_IF_ERROR(given_up_.Restore());
  TG_RETURN_IF_ERROR(dropped_here_.Restore());
  TG_RETURN_IF_ERROR(loss_notes_.Restore());
  TG_RETURN_IF_ERROR(CountUsage());
  for (const auto& [agent, link] : links_.all()) {
    ApplyQuotas(link.get());
    if (!link->quarantined.empty()) listing_.insert(agent);
  }
  return Begin(existed);
}

// Whose replica this is. former: the agent that it was made for, if it is to be this one from now on.
Status Node::Impl::OpenRecord(bool* existed, AgentId* former) {
  Result<std::string> bytes = deps_.storage.MetaGet(sync::meta::kNode);
  if (bytes.ok()) {
    *existed = true;
    TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes.value(), &record_));
    if (record_.role == options_.role && deps_.storage.MetaGet(sync::meta::kRenewed).ok()) *former = record_.agent;
    if ((record_.agent != options_.agent && *former == 0) || record_.role != options_.role) {
      return Status::Invalid("this replica was made for agent " + std::to_string(record_.agent) + ", " +
                             RoleName(record_.role) + "; the configuration says agent " +
                             std::to_string(options_.agent) + ", " + RoleName(options_.role) +
                             ": give the node a storage of its own, or put the old ids back");
    }
  } else if (bytes.status().code() != Code::kNotFound) {
    return bytes.status();
  }
  record_.agent = options_.agent;
  record_.role = options_.role;
  return {};
}

Status Node::Impl::RestoreClock() {
  Result<std::string> clock = deps_.storage.MetaGet(sync::meta::kClock);
  if (!clock.ok()) return clock.status().code() == Code::kNotFound ? Status() : clock.status();
  uint64_t last = 0;
  std::from_chars(clock->data(), clock->data() + clock->size(), last);
  versions_.Restore(last);
  stored_clock_ = last;
  return {};
}

Status Node::Impl::RestoreNeighbours() {
  TG_RETURN_IF_ERROR(links_.Restore());
  TG_RETURN_IF_ERROR(conflicts_.Restore());
  TG_RETURN_IF_ERROR(clones_.Restore(deps_.storage));
  if (const sync::Link* parent = links_.parent(); parent != nullptr && record_.attach_parent == 0) {
    record_.attach_parent = parent->agent();
    record_.attach_epoch = parent->record.attach_epoch;
  }
  attach_.Start();
  TG_RETURN_IF_ERROR(strays_.Restore());
  if (const sync::Link* parent = links_.parent()) SetParentTable(parent->table);
  TG_RETURN_IF_ERROR(
      deps_.storage.MetaScan(sync::meta::kHeldAbovePrefix, [&](std::string_view, std::string_view value) {
        wire::HeldRecord record;
        if (wire::DecodeRecord(value, &record).ok()) held_above_.Restore(std::move(record));
        return true;
      }));
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    Result<std::string> delivered = deps_.storage.MetaGet(sync::meta::Delivered(lane));
    if (delivered.ok()) TG_RETURN_IF_ERROR(wire::DecodeRecord(delivered.value(), &delivered_[lane]));
  }
  return deps_.storage.MetaScan(sync::meta::kFormerParentPrefix, [&](std::string_view key, std::string_view) {
    auto agent = ParseAgent(key.substr(sync::meta::kFormerParentPrefix.size()));
    if (agent.ok()) former_parents_.insert(agent.value());
    return true;
  });
}

// What this start, its schemas, and how the last run ended, mean to what was restored.
Status Node::Impl::Begin(bool existed) {
  const bool in_order = deps_.storage.MetaGet(sync::meta::kStopped).ok();
  LoadFacts();
  if (options_.role == TG_ROLE_SERVER && record_.fall == 0) record_.fall = versions_.Tick(deps_.clock.unix_ms());
  CountGone();
  if (existed && !in_order) doubts_.Note("it was not stopped in order");
  background_verify_.Start(!clock_judge_.Suspends());
  TakeRestoreNote();
  TG_RETURN_IF_ERROR(policy_changes_.Restore());
  LookAtPolicies();
  PlanQuarantineRetry();  // the schemas may be others than those of the last run
  DoubtAnswers();
  stage_.Begin();
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  if (in_order) stage_.MetaDelete(sync::meta::kStopped);
  stage_.End();
  FindAnswered();
  return CommitStage();
}

// What the hello says of this node.
void Node::Impl::LoadFacts() {
  self_.agent = options_.agent;
  self_.role = options_.role;
  self_.level = record_.level;
  self_.links_off = record_.links_off;
  self_.replica = deps_.storage.info().replica;
  self_.epochs.clear();
  if (auto epochs = deps_.storage.Epochs(16); epochs.ok()) {
    for (const tg_epoch& epoch : epochs.value()) self_.epochs.push_back({epoch.epoch, epoch.first});
  }
  self_.models.clear();
  for (const replica::ModelRule& rule : deps_.catalog.Get()->rules()) {
    wire::ModelPolicy policy;
    policy.model = rule.name;
    policy.direction = rule.direction;
    policy.lane = rule.lane;
    policy.schema_digest = rule.model->digest();
    if (rule.merge) {
      policy.policy_id = rule.merge->policy;
      policy.policy_revision = rule.merge->revision;
    }
    self_.models.push_back(std::move(policy));
  }
}

void Node::Impl::CatalogChanged() {
  (void)CommitStage();  // what is staged was keyed by the former one
  LoadFacts();
  LookAtPolicies();
  if (Status counted = CountUsage(); !counted.ok())
    deps_.log.Write(3, "cannot count what is stored: " + counted.message());
  PlanQuarantineRetry();
  TableChanged();
  for (auto& [number, session] : sessions_) {
    if (session.peer.side != core::Side::kParent) continue;
    if (session.state != SessionState::kUp && session.state != SessionState::kHello) continue;
    if (session.state == SessionState::kHello) session.id = 0;  // the one on its way names what was true before
    StartHello(&session);
  }
}

}  // namespace tidegate::node
