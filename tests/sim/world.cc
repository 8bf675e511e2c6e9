#include "tests/sim/world.h"

#include <algorithm>

#include "tests/sim/model_truth.h"

namespace tidegate::sim {
namespace {

constexpr uint64_t kEventsMax = 300'000;  // a world that needs more never comes to rest

}  // namespace

World::World(const WorldOptions& options)
    : options_(options),
      server_strict_(options.strict_server),
      random_(options.seed * 0x9e3779b97f4a7c15ull + 1),
      trace_(options.print),
      policy_(MakeDefectivePolicy(options.defect, GoodPolicy())),
      catalog_(std::make_unique<replica::CatalogHolder>(policy_ ? MakeCatalog(*policy_) : GoodCatalog())),
      server_catalog_(options.strict_server ? std::make_unique<replica::CatalogHolder>(StrictCatalog()) : nullptr),
      newest_catalog_(std::make_unique<replica::CatalogHolder>(NewestCatalog())),
      tight_catalog_(options.retain.empty()
                         ? nullptr
                         : std::make_unique<replica::CatalogHolder>(MakeTightCatalog(options.retain))),
      oracle_(*this),
      network_(*this, random_.Fork()) {}

World::~World() = default;

const core::Policy& World::policy(AgentId agent) const {
  if (newest_only_.contains(agent)) return NewestPolicy();
  return policy_ ? *policy_ : GoodPolicy();
}

void World::SetNewestOnly(AgentId agent, bool newest_only) {
  if (newest_only) newest_only_.insert(agent);
  if (!newest_only) newest_only_.erase(agent);
}

void World::SetServerStrict(bool strict) {
  if (!server_catalog_ || strict == server_strict_) return;
  trace_.Line(now_us_, kAgentServer, strict ? "its schema is strict" : "its schema is not strict any more");
  node(kAgentServer).ChangeSchemas([&] {
    server_strict_ = strict;
    server_catalog_->Set(strict ? StrictCatalog() : GoodCatalog());
    if (auto changing = changing_catalogs_.find(kAgentServer); changing != changing_catalogs_.end())
      changing->second->Set(Changing(kAgentServer, directions_.at(kAgentServer)));
  });
}

const replica::CatalogHolder& World::catalog(AgentId agent) const {
  if (newest_only_.contains(agent)) return *newest_catalog_;
  if (auto changing = changing_catalogs_.find(agent); changing != changing_catalogs_.end()) return *changing->second;
  if (agent == kAgentServer) return server_catalog_ ? *server_catalog_ : *catalog_;
  return tight_catalog_ ? *tight_catalog_ : *catalog_;
}

std::shared_ptr<const replica::Catalog> World::Changing(AgentId agent, uint32_t direction) const {
  const bool server = agent == kAgentServer;
  return ChangingCatalog(direction, server && server_strict_, server ? "" : options_.retain);
}

uint32_t World::Direction(AgentId agent, const ModelTruth& model) const {
  auto found = directions_.find(agent);
  return model.changing && found != directions_.end() ? found->second : model.direction;
}

void World::SetDirection(AgentId agent, uint32_t direction) {
  SimNode& changed = node(agent);
  trace_.Line(now_us_, agent, "its model goes %u", direction);
  if ((Direction(agent, *FindModel("Memo")) & ~direction & TG_DIRECTION_UP) != 0) oracle_.StopsGoingUp(changed);
  std::function<void()> change = [&] {
    directions_[agent] = direction;
    changing_catalogs_.at(agent)->Set(Changing(agent, direction));
  };
  // Its copies have its configuration.
  for (const auto& copy : copies_) {
    if (copy == nullptr || copy->agent() != agent) continue;
    change = [&copy = *copy, inner = std::move(change)] { copy.ChangeSchemas(inner); };
  }
  changed.ChangeSchemas(change);
}

SimNode& World::Add(AgentId agent, uint32_t role, uint32_t level, AgentId parent) {
  node::NodeOptions options = options_.node;
  options.agent = agent;
  options.role = role;
  options.level = level;
  options.compare_portion_rows = 4;  // a few rows are much here
  options.compare_leaf_items = 2;
  if (!options_.verifies) {
    options.verify_period_ms = 0;
    options.verify_on_doubt = false;
  }
  if (options_.defect == Defect::kClockDragged) options.clock_drift_ms_max = int64_t{1} << 50;
  if (options_.defect == Defect::kLeaseIgnored) options.lease_ms = 60'000;
  if (options_.policies) {
    directions_[agent] = TG_DIRECTION_NONE;
    changing_catalogs_[agent] = std::make_unique<replica::CatalogHolder>(Changing(agent, TG_DIRECTION_NONE));
  }
  nodes_.push_back(std::make_unique<SimNode>(*this, options, parent, agent));
  by_place_[agent] = nodes_.back().get();
  trace_.Line(now_us_, agent, "role %u, level %u, parent %llu", role, level, static_cast<unsigned long long>(parent));
  return *nodes_.back();
}

SimNode* World::Find(AgentId place) {
  auto found = by_place_.find(place);
  return found == by_place_.end() ? nullptr : found->second;
}

bool World::IsAtOrAbove(AgentId above, AgentId below) {
  for (SimNode* node = Find(below); node != nullptr; node = Find(node->parent())) {
    if (node->agent() == above) return true;
  }
  return false;
}

void World::After(int64_t delay_us, std::function<void()> action) {
  queue_.push({now_us_ + delay_us, events_++, std::move(action)});
}

void World::RunFor(int64_t us) {
  const int64_t start_us = now_us_ - leapt_us_;  // leaps do not count
  auto until = [&] { return start_us + leapt_us_ + us; };
  while (!queue_.empty() && queue_.top().at_us <= until() && !failed()) {
    std::function<void()> action = std::move(const_cast<Event&>(queue_.top()).action);
    now_us_ = queue_.top().at_us;
    queue_.pop();
    action();
    if (events_ > kEventsMax) Fail("no rest: too many events");
  }
  if (!failed()) now_us_ = until();
}

void World::Leap(int64_t us) {
  trace_.Line(now_us_, 0, "%lld days pass", static_cast<long long>(us / kDay));
  std::vector<Event> events;
  for (; !queue_.empty(); queue_.pop()) events.push_back(std::move(const_cast<Event&>(queue_.top())));
  now_us_ += us;
  leapt_us_ += us;
  for (Event& event : events) {
    event.at_us += us;
    queue_.push(std::move(event));
  }
  for (const auto* nodes : {&nodes_, &copies_})
    for (const auto& node : *nodes)
      if (node != nullptr) node->WakeNow();  // a copy that was renewed is among the nodes
}

bool World::Settle(int64_t limit_us) {
  const int64_t until = now_us_ + limit_us;
  while (!failed() && now_us_ < until) {
    RunFor(2 * kSecond);
    if (Unrest().empty()) return true;
  }
  return false;
}

std::string World::Unrest() {
  for (const auto& node : nodes_) {
    const std::string who = "node " + std::to_string(node->agent());
    if (!node->up()) return who + " is down";
    const node::NodeStatus status = node->status();
    bool has_parent = node->parent() == 0;
    for (const std::string& model : status.models) {
      if (model.ends_with("(changing)")) return who + ", model " + model;
    }
    for (const node::LinkStatus& link : status.links) {
      SimNode* peer = Find(link.agent);
      const bool current =
          peer != nullptr && (link.is_parent ? node->parent() == link.agent : peer->parent() == node->agent());
      const std::string which = who + ", link to " + std::to_string(link.agent) + ": ";
      if (!current && link.replica.empty()) continue;  // a session of earlier times that nobody told it is dead
      if (!current) return which + "is not let go";
      if (link.is_parent) has_parent = true;
      if (link.state != "up") return which + "is " + link.state + " " + link.last_error;
      if (link.pending_changes != 0) return which + std::to_string(link.pending_changes) + " changes pending";
      if (!link.holds.empty()) return which + "model " + link.holds[0].model + " is held: " + link.holds[0].message;
      if (link.unsettled_scopes != 0) return which + std::to_string(link.unsettled_scopes) + " scopes unsettled";
    }
    if (!has_parent) return who + " has no parent link";
  }
  return oracle_.Difference();
}

void World::Fail(std::string what) {
  trace_.Line(now_us_, 0, "FAILED: %s", what.c_str());
  if (failures_.size() < 10) failures_.push_back(std::move(what));
}

}  // namespace tidegate::sim
