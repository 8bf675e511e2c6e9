// Holds: models that wait as a whole, at this node or above it (docs/replication.md, "Hold").
#include <algorithm>

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

constexpr uint64_t kPortionItems = 1'000;  // of what a hold kept back, sent again at once
constexpr uint64_t kPortionBytes = 256u << 10;
constexpr int kPagesInACommit = 16;

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

// ---- this node holds ----

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
      AddMark(true, 0);
      StageMarks();
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

// ---- others hold ----

bool Node::Impl::LeavesOut(AgentId neighbour, const tg_change& change) const {
  const sync::Link* parent = links_.parent();
  if (parent != nullptr && parent->agent() == neighbour) return held_above_.LeavesOut(change);
  const sync::Link* link = links_.Find(neighbour);
  if (link == nullptr || link->held_there.empty() || change.run_first != change.run_last) return false;
  auto hold = link->held_there.find(View(change.model));
  return hold != link->held_there.end() && sync::Covers(hold->second, change);
}

// Up to where the neighbour has taken everything of our feeds, as far as an ack says nothing else.
std::vector<uint64_t> Node::Impl::TakenPositions(const sync::Link& link, const wire::Ack& ack) const {
  std::vector<uint64_t> taken(TG_LANE_COUNT, 0);
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) taken[lane] = link.senders[lane].acked().position;
  for (const wire::LaneAck& lane : ack.lanes) {
    if (lane.begin == link.senders[lane.lane].begin())
      taken[lane.lane] = std::max(taken[lane.lane], lane.held.position);
  }
  return taken;
}

void Node::Impl::OnHolds(sync::Link* link, const std::vector<wire::Hold>& list, uint64_t number,
                         const std::vector<uint64_t>& positions) {
  if (number <= link->holds_heard) return;
  link->holds_heard = number;
  if (!link->is_parent()) {
    link->held_there.clear();
    for (const wire::Hold& hold : list) {
      if (hold.by == 0) link->held_there[hold.model] = hold;
    }
    link->holds_recorded = number;
    link->ack_due = true;
    return;
  }
  std::vector<uint64_t> read;
  for (const sync::FeedSender& sender : link->senders) read.push_back(sender.read_position());
  held_above_.Heard(list, positions, read, deps_.clock.unix_ms());
  stage_.Begin();
  held_above_.Stage(&stage_);
  stage_.End([this, agent = link->agent(), id = link->session_id, number](const Status& status,
                                                                          std::span<const core::Effect>) {
    sync::Link* told = links_.Find(agent);
    held_above_.Staged(status.ok());
    TellBeyond();
    if (told == nullptr || told->session_id != id) return;
    if (!status.ok()) {
      told->holds_heard = std::min(told->holds_heard, number - 1);  // the next ack says it again
      return;
    }
    told->holds_recorded = std::max(told->holds_recorded, number);
    told->ack_due = true;
  });
}

// What waits above is an exception of "delivered" for everybody below.
void Node::Impl::TellBeyond() {
  const sync::Link* parent = links_.parent();
  std::vector<wire::Hold> beyond;
  for (const auto& [key, entry] : held_above_.entries()) {
    wire::Hold hold = entry.record.hold;
    if (hold.by == 0 && parent != nullptr) hold.by = parent->agent();
    hold.since.clear();
    if (hold.by != 0 && entry.left_out) beyond.push_back(std::move(hold));
  }
  for (const auto& [agent, link] : links_.all()) {
    if (link->is_parent()) continue;
    uint64_t number = link->holds.number();
    link->holds.SetBeyond(beyond);
    if (link->holds.number() != number) link->ack_due = true;
  }
}

// What a hold kept back gets new positions, in portions, and so travels by the feed like anything new. The next
// portion waits until the parent has the last one: a hold that comes back soon must not find all of it moved.
void Node::Impl::SendHeldAgain() {
  send_again_now_ = false;
  if (held_above_.empty()) return;
  sync::Link* parent = links_.parent();
  if (parent == nullptr || !parent->up()) return;
  std::vector<sync::HeldAbove::Key> keys;
  for (const auto& [key, entry] : held_above_.entries()) {
    if (!entry.record.released || !entry.durable || entry.record.ranges.empty()) continue;
    const sync::FeedSender& sender = parent->senders[entry.record.ranges.front().lane];
    uint64_t portion = sent_again_[key];
    if (portion <= sender.acked().position || portion <= sender.hop_position(end_.position)) keys.push_back(key);
  }
  // What is staged may turn out to be older than what is held, so it is no reason to pass a row over.
  if (!keys.empty() && !CommitStage().ok()) return;
  parent = links_.parent();
  if (parent == nullptr || !parent->up()) return;
  for (const sync::HeldAbove::Key& key : keys) {
    auto found = held_above_.entries().find(key);
    if (found == held_above_.entries().end() || !found->second.durable || found->second.record.ranges.empty()) continue;
    if (found->second.record.released && SendPortionAgain(parent, key)) send_again_now_ = true;
  }
  ForgetSentAgain();
}

// Returns true if there is more that need not wait.
bool Node::Impl::SendPortionAgain(sync::Link* parent, const sync::HeldAbove::Key& key) {
  sync::HeldAbove::Entry& entry = held_above_.entries()[key];
  const wire::HeldRecord former = entry.record;
  wire::SeqRange& range = entry.record.ranges.front();
  const sync::FeedSender& sender = parent->senders[range.lane];
  core::ChangeArena& arena = stage_.arena();
  std::vector<tg_change> rows;
  bool done = false;
  for (int pages = 0; rows.empty() && !done && pages < kPagesInACommit; ++pages) {
    std::vector<tg_change> page;
    auto reached = deps_.storage.Changes(sender.Selector(), range.from, kPortionItems, kPortionBytes,
                                         [&](const tg_change& change) {
                                           tg_change name = change;
                                           name.body = {};
                                           if (change.seq <= range.to) page.push_back(arena.Copy(name));
                                           return true;
                                         });
    if (!reached.ok()) {
      deps_.log.Write(3, "cannot read what was held: " + reached.status().message());
      entry.record = former;
      return false;
    }
    range.from = reached->reached.position;
    done = !reached->more || range.from >= range.to;
    // A transaction goes again as a whole; one of which something was overwritten since, in case that was held.
    for (size_t first = 0; first < page.size();) {
      size_t end = first + 1;
      while (end < page.size() && page[end].run_first == page[first].run_first) ++end;
      bool held = end - first < page[first].run_last - page[first].run_first + 1;
      held = held || std::any_of(page.begin() + static_cast<std::ptrdiff_t>(first),
                                 page.begin() + static_cast<std::ptrdiff_t>(end), [&](const tg_change& change) {
                                   return View(change.model) == key.first && sync::Covers(former.hold, change);
                                 });
      if (held)
        rows.insert(rows.end(), page.begin() + static_cast<std::ptrdiff_t>(first),
                    page.begin() + static_cast<std::ptrdiff_t>(end));
      first = end;
    }
  }
  if (done) entry.record.ranges.erase(entry.record.ranges.begin());

  for (size_t first = 0; first < rows.size();) {
    size_t end = first + 1;
    while (end < rows.size() && rows[end].run_first == rows[first].run_first) ++end;
    stage_.Begin();
    std::vector<uint64_t> from;
    for (size_t i = first; i < end; ++i) {
      rows[i].via = 0;
      from.push_back(rows[i].seq);
      stage_.Renumber(rows[i], Version::From(rows[i].version));
    }
    stage_.End([this, key, from](const Status& status, std::span<const core::Effect> effects) {
      for (size_t i = 0; status.ok() && i < effects.size(); ++i) {
        if (!effects[i].applied()) continue;
        Renumbered(from[i], effects[i].outcome.seq);
        sent_again_[key] = std::max(sent_again_[key], effects[i].outcome.seq);
        auto found = held_above_.entries().find(key);
        if (found != held_above_.entries().end())
          found->second.record.last = std::max(found->second.record.last, effects[i].outcome.seq);
      }
    });
    first = end;
  }
  entry.durable = false;
  stage_.Begin();
  stage_.MetaPut(sync::HeldAbove::MetaKey(key), wire::EncodeRecord(entry.record));
  stage_.End([this, key, former](const Status& status, std::span<const core::Effect>) {
    auto found = held_above_.entries().find(key);
    if (found == held_above_.entries().end()) return;
    if (!status.ok()) found->second.record = former;
    found->second.durable = true;
  });
  return rows.empty();
}

// Everything of it was sent again and is delivered: it is no exception any more.
void Node::Impl::ForgetSentAgain() {
  const sync::Link* parent = links_.parent();
  uint64_t delivered = parent->delivered_position(end_.position);
  std::vector<sync::HeldAbove::Key> over;
  for (const auto& [key, entry] : held_above_.entries()) {
    const wire::HeldRecord& record = entry.record;
    if (!record.released || !record.ranges.empty() || !entry.durable) continue;
    if (entry.beyond() || delivered >= record.last) over.push_back(key);
  }
  if (over.empty()) return;
  stage_.Begin();
  for (const sync::HeldAbove::Key& key : over) stage_.MetaDelete(sync::HeldAbove::MetaKey(key));
  stage_.End([this, over](const Status& status, std::span<const core::Effect>) {
    if (!status.ok()) return;
    for (const sync::HeldAbove::Key& key : over) {
      auto found = held_above_.entries().find(key);
      if (found != held_above_.entries().end() && found->second.record.released) held_above_.entries().erase(found);
      sent_again_.erase(key);
    }
    retention_.LookAgain();
    TellBeyond();
  });
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
