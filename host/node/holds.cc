// Holds of this node: models of a neighbour that wait here as a whole (docs/replication.md, "Hold"). Those of others
// are in held_above.cc.
#include <algorithm>

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

const char* DirectionText(uint32_t direction) {
  static const char* const kNames[] = {"none", "up", "down", "both"};
  return direction <= TG_DIRECTION_BOTH ? kNames[direction] : "?";
}

std::string PolicyText(const std::string& id, uint32_t revision) {
  return id.empty() ? "no policy" : id + " revision " + std::to_string(revision);
}

// Quotas are judged by what is stored, all others by the neighbour's table.
bool IsOfTheTable(wire::HoldReason reason) { return reason != wire::HoldReason::kQuota; }

}  // namespace

// By the schemas; at a router without the model, by what its parent declared (design law 10).
std::optional<uint32_t> Node::Impl::DirectionHere(std::string_view model) const {
  auto catalog = deps_.catalog.Get();
  const replica::ModelRule* rule = catalog->Find(model);
  return rule != nullptr ? std::optional(rule->direction) : DirectionFromAbove(model);
}

std::optional<uint32_t> Node::Impl::DirectionFromAbove(std::string_view model) const {
  if (options_.role != TG_ROLE_ROUTER) return std::nullopt;
  auto declared = parent_table_.find(model);
  return declared == parent_table_.end() ? std::nullopt : std::optional(declared->second.direction);
}

// A node that joins states in another way, or not at all, would undo what its neighbour joined.
bool Node::Impl::JoinsAlike(const wire::ModelPolicy& theirs) const {
  const replica::ModelRule* rule = deps_.catalog.Get()->Find(theirs.model);
  core::MergeRule ours;
  if (rule != nullptr && rule->merge) ours = *rule->merge;
  return ours == core::MergeRule{theirs.policy_id, theirs.policy_revision};
}

void Node::Impl::SetParentTable(const std::vector<wire::ModelPolicy>& models) {
  auto catalog = deps_.catalog.Get();
  std::map<std::string, wire::ModelPolicy, std::less<>> table;
  for (const wire::ModelPolicy& model : models) table[model.model] = model;
  // Only of models that the schemas of this node do not know.
  auto from_it = [&](const auto& from) {
    std::map<std::string_view, uint32_t> directions;
    for (const auto& [name, model] : from) {
      if (catalog->Find(name) == nullptr) directions[name] = model.direction;
    }
    return directions;
  };
  bool same = from_it(table) == from_it(parent_table_);
  parent_table_ = std::move(table);
  if (same || options_.role != TG_ROLE_ROUTER) return;
  if (policy_changes_.known()) LookAtPolicies();  // not before they are read
  TableChanged();
}

// What this node declares to its children: its schemas, and what it knows from above alone.
std::vector<wire::ModelPolicy> Node::Impl::TableForChildren() const {
  std::vector<wire::ModelPolicy> table = self_.models;
  if (options_.role != TG_ROLE_ROUTER) return table;
  auto catalog = deps_.catalog.Get();
  for (const auto& [model, policy] : parent_table_) {
    if (catalog->Find(model) != nullptr) continue;
    table.push_back(policy);
    table.back().policy_id.clear();  // nothing is joined here
    table.back().policy_revision = 0;
  }
  return table;
}

// Holds are judged anew, and the children learn the new table in new sessions.
void Node::Impl::TableChanged() {
  for (const auto& [agent, link] : links_.all()) {
    if (!link->up()) continue;
    JudgeTable(link.get());
    ApplyQuotas(link.get());
    StageHolds(link.get());
  }
  for (auto& [number, session] : sessions_) {
    if (session.peer.side == core::Side::kParent || session.state != SessionState::kUp) continue;
    wire::Refuse refuse;
    refuse.reason = wire::RefuseReason::kUnknownSession;
    refuse.message = "the schemas have changed: say hello again";
    Refuse(&session, session.id, refuse);
    EndSession(&session, "the schemas have changed");
  }
}

void Node::Impl::HoldModel(sync::Link* link, std::string_view model, wire::HoldReason reason, std::string message) {
  const sync::HoldsHere::Entry* known = link->holds.Find(model);
  // What the tables say goes before a quota: it lets nothing through.
  if (known != nullptr && !known->ending && IsOfTheTable(known->record.hold.reason) && !IsOfTheTable(reason)) return;
  if ((known == nullptr || known->ending) && IsOfTheTable(reason)) {
    deps_.log.Write(
        4, "model " + std::string(model) + " of agent " + std::to_string(link->agent()) + " is held: " + message);
    deps_.metrics.Add("tidegate_holds_total", 1);
  }
  link->holds.Put({std::string(model), reason, std::move(message), 0, {}}, deps_.clock.unix_ms());
}

// What of the neighbour's table does not fit ours waits; what fits again waits no longer.
void Node::Impl::JudgeTable(sync::Link* link) {
  if (link->is_parent()) NoteLacksFromAbove();
  uint32_t incoming = link->is_parent() ? TG_DIRECTION_DOWN : TG_DIRECTION_UP;
  std::set<std::string, std::less<>> held;
  for (const wire::ModelPolicy& theirs : link->table) {
    if ((theirs.direction & incoming) == 0) continue;
    std::optional<uint32_t> ours = DirectionHere(theirs.model);
    if (!ours.has_value()) {
      held.insert(theirs.model);
      HoldModel(link, theirs.model, wire::HoldReason::kSchema, "the schemas of this node have no such model: add it");
    } else if (*ours != theirs.direction) {
      held.insert(theirs.model);
      HoldModel(link, theirs.model, wire::HoldReason::kDirection,
                "the model goes " + std::string(DirectionText(*ours)) + " here and " + DirectionText(theirs.direction) +
                    " there: give both the same schema");
    } else if (*ours == TG_DIRECTION_BOTH && !JoinsAlike(theirs)) {
      held.insert(theirs.model);
      HoldModel(link, theirs.model, wire::HoldReason::kPolicy,
                "its states are joined by " + PolicyText(theirs.policy_id, theirs.policy_revision) +
                    " there and not so here: give both nodes the same merge policy");
    }
  }
  std::vector<std::string> fits;
  for (const auto& [model, entry] : link->holds.entries()) {
    if (!IsOfTheTable(entry.record.hold.reason) || held.contains(model)) continue;
    // A model that the neighbour only forwards is in no table of it; then what was left out shows that it is there.
    // One that goes the same way at both ends, and not this way, has nothing to wait for.
    std::optional<uint32_t> ours = DirectionHere(model);
    bool known =
        (ours.value_or(TG_DIRECTION_NONE) & incoming) != 0 ||
        std::any_of(link->table.begin(), link->table.end(), [&, name = model](const wire::ModelPolicy& theirs) {
          return theirs.model == name && ours == theirs.direction;
        });
    if (known || entry.record.hold.since.empty()) fits.push_back(model);
  }
  for (const std::string& model : fits) link->holds.End(model);
  if (!fits.empty()) holds_ending_.insert(link->agent());
}

void Node::Impl::StageHolds(sync::Link* link) {
  if (!link->holds.Dirty()) return;
  stage_.Begin();
  link->holds.Stage(link->agent(), &stage_);
  stage_.End([this, agent = link->agent()](const Status& status, std::span<const core::Effect>) {
    sync::Link* told = links_.Find(agent);
    if (told == nullptr) return;
    told->holds.Staged(status.ok());
    told->ack_due = true;
  });
}

// Removes the holds that nothing needs any more. Upwards the child has to know what was left out; downwards
// this node finds it itself, by comparing everything.
void Node::Impl::EndHolds() {
  std::set<AgentId> links = std::move(holds_ending_);
  holds_ending_.clear();
  for (AgentId agent : links) {
    sync::Link* link = links_.Find(agent);
    if (link == nullptr) continue;
    std::vector<std::string> models = link->holds.Endable(link->is_parent());
    if (models.empty()) continue;
    stage_.Begin();
    for (const std::string& model : models) stage_.MetaDelete(sync::meta::Hold(agent, model));
    if (link->is_parent()) {
      marks_.Add(true, 0);
      marks_.Stage();
    }
    stage_.End([this, agent, models](const Status& status, std::span<const core::Effect>) {
      sync::Link* told = links_.Find(agent);
      if (told == nullptr) return;
      if (!status.ok()) {
        holds_ending_.insert(agent);
        return;
      }
      for (const std::string& model : models) {
        told->holds.Remove(model);
        deps_.log.Write(6, "model " + model + " of agent " + std::to_string(agent) + " is no longer held");
      }
      told->ack_due = true;
    });
  }
}

std::vector<HoldStatus> Node::Impl::HoldsOf(const sync::Link& link) const {
  std::vector<HoldStatus> holds;
  auto add = [&](const wire::Hold& hold, bool ours, bool released, int64_t since_unix_ms) {
    holds.push_back(
        {hold.model, ours, hold.by, wire::HoldReasonName(hold.reason), hold.message, released, since_unix_ms});
  };
  for (const auto& [model, entry] : link.holds.entries())
    add(entry.record.hold, true, entry.ending, entry.record.since_unix_ms);
  if (link.is_parent()) {
    for (const auto& [key, entry] : held_above_.entries())
      add(entry.record.hold, false, entry.record.released, entry.record.since_unix_ms);
  }
  for (const auto& [model, hold] : link.held_there) add(hold, false, false, 0);
  return holds;
}

}  // namespace tidegate::node
