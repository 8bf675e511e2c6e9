#include "tests/sim/scenarios/scenario.h"

namespace tidegate::sim {

using replica::WriteMode;

Scenario::Scenario() {
  options_.seed = 1;
  options_.node.sync_delay_ms = 200;
  options_.weather.delay_us_min = 1'000;
  options_.weather.delay_us_max = 3'000;
}

void Scenario::Build() {
  world_ = std::make_unique<World>(options_);
  world_->Add(kS, TG_ROLE_SERVER, 1, 0);
  world_->Add(kG, TG_ROLE_ROUTER, 2, kS);
  for (AgentId device : {kD, kE, kF}) world_->Add(device, TG_ROLE_DEVICE, 65535, kG);
}

void Scenario::StartAll() {
  for (const auto& node : world_->nodes()) node->Start();
}

replica::WriteAnswer Scenario::Ask(AgentId agent, const replica::Transaction& transaction) {
  std::optional<replica::WriteAnswer> answer;
  const uint64_t request = requests_++;
  world_->oracle().Asked(request, std::vector<uint64_t>(transaction.size(), 0));
  at(agent).Write(transaction, [&](const replica::WriteAnswer& given) {
    world_->oracle().Answered(at(agent), request, given);
    answer = given;
  });
  for (int i = 0; i < 1000 && !answer; ++i) world_->RunFor(kMs);
  EXPECT_TRUE(answer) << "no answer from node " << agent;
  return answer.value_or(replica::WriteAnswer{Status::Timeout("no answer"), 0, {}});
}

std::string Scenario::Put(AgentId agent, const std::string& model, const std::string& properties,
                          std::optional<AgentId> to) {
  replica::Write write{WriteMode::kUpsert, model, properties, {}, to};
  replica::WriteAnswer answer = Ask(agent, {write});
  EXPECT_TRUE(answer.status.ok()) << answer.status.message();
  return answer.written.empty() ? "" : answer.written[0].item;
}

void Scenario::Remove(AgentId agent, const std::string& model, const std::string& properties,
                      std::optional<AgentId> owner) {
  replica::Write write{WriteMode::kRemove, model, properties, owner, {}};
  replica::WriteAnswer answer = Ask(agent, {write});
  EXPECT_TRUE(answer.status.ok()) << answer.status.message();
}

std::string Scenario::Get(AgentId agent, const std::string& model, const std::string& properties,
                          std::optional<AgentId> owner) {
  replica::FindRequest request;
  request.model = model;
  request.properties = properties;
  request.owner = owner;
  auto item = at(agent).reader().Get(request);
  if (item.ok()) return *item;
  EXPECT_EQ(item.status().code(), Code::kNotFound) << item.status().message();
  return "";
}

uint64_t Scenario::Count(AgentId agent, const std::string& model) {
  replica::FindRequest request;
  request.model = model;
  auto found = at(agent).reader().Find(request);
  EXPECT_TRUE(found.ok()) << found.status().message();
  return found.ok() ? found->items.size() : 0;
}

uint64_t Scenario::Tombstones(AgentId agent) {
  auto stats = at(agent).truth().Stats();
  EXPECT_TRUE(stats.ok());
  return stats.ok() ? stats->tombstones : 0;
}

bool Scenario::Synced(AgentId agent, node::SyncTarget target, int64_t within_us) {
  std::optional<node::SyncAnswer> answer;
  node::SyncRequest request;
  request.wait = target;
  request.timeout_ms = within_us / 1000;
  auto check = world_->oracle().ExpectSync(at(agent), target);
  at(agent).Sync(request, [&](const node::SyncAnswer& given) {
    check(given);
    answer = given;
  });
  for (int64_t waited = 0; waited <= within_us + kSecond && !answer; waited += 10 * kMs) world_->RunFor(10 * kMs);
  EXPECT_TRUE(answer) << "sync gave no answer";
  return answer && answer->status.ok();
}

void Scenario::ExpectRest(int64_t within_us) {
  EXPECT_TRUE(world_->Settle(within_us)) << world_->Unrest();
  if (!world_->failed()) world_->oracle().CheckAtRest();
  for (const std::string& failure : world_->failures()) ADD_FAILURE() << failure;
}

}  // namespace tidegate::sim
