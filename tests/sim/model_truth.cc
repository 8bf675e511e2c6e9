#include "tests/sim/model_truth.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "host/plugin/policy_adapter.h"
#include "host/schema/schema.h"
#include "plugins/policy-merge/policy.h"
#include "plugins/policy-onetable/policy.h"
#include "tidegate/cpp/plugin.h"

namespace tidegate::sim {
namespace {

constexpr const char* kSchema = R"json({
  format: 'onetable:1.1.0',
  version: '1.0.0',
  indexes: { primary: { hash: 'pk', sort: 'sk' } },
  models: {
    Reading: {
      pk: { type: 'string', value: 'reading#' },
      sk: { type: 'string', value: 'reading#${id}' },
      id: { type: 'string', generate: 'ulid' },
      n: { type: 'number', required: true },
      text: { type: 'string' },
      until: { type: 'date', ttl: true },
    },
    Status: {
      pk: { type: 'string', value: 'status#' },
      sk: { type: 'string', value: 'status#' },
      n: { type: 'number', required: true },
      text: { type: 'string' },
      until: { type: 'date', ttl: true },
    },
    Gauge: {
      pk: { type: 'string', value: 'gauge#' },
      sk: { type: 'string', value: 'gauge#${name}' },
      name: { type: 'string', required: true },
      n: { type: 'number', required: true },
      text: { type: 'string' },
      until: { type: 'date', ttl: true },
    },
    Config: {
      pk: { type: 'string', value: 'config#' },
      sk: { type: 'string', value: 'config#${name}' },
      name: { type: 'string', required: true },
      n: { type: 'number', required: true },
      text: { type: 'string' },
      until: { type: 'date', ttl: true },
    },
    Setting: {
      pk: { type: 'string', value: 'setting#' },
      sk: { type: 'string', value: 'setting#${name}' },
      name: { type: 'string', required: true },
      n: { type: 'number', required: true },
      text: { type: 'string' },
      until: { type: 'date', ttl: true },
    },
    Note: {
      pk: { type: 'string', value: 'note#' },
      sk: { type: 'string', value: 'note#${name}' },
      name: { type: 'string', required: true },
      n: { type: 'number', required: true },
      text: { type: 'string' },
      until: { type: 'date', ttl: true },
    },
    Profile: {
      pk: { type: 'string', value: 'profile#' },
      sk: { type: 'string', value: 'profile#${name}' },
      name: { type: 'string', required: true },
      n: { type: 'number', required: true },
      a: { type: 'number' },
      b: { type: 'number' },
      text: { type: 'string' },
    },
    Order: {
      pk: { type: 'string', value: 'order#' },
      sk: { type: 'string', value: 'order#${name}' },
      name: { type: 'string', required: true },
      n: { type: 'number', required: true },
    },
    Done: {
      pk: { type: 'string', value: 'done#' },
      sk: { type: 'string', value: 'done#${name}' },
      name: { type: 'string', required: true },
      n: { type: 'number', required: true },
    },
    Memo: {
      pk: { type: 'string', value: 'memo#' },
      sk: { type: 'string', value: 'memo#${name}' },
      name: { type: 'string', required: true },
      n: { type: 'number', required: true },
      text: { type: 'string' },
    },
  },
  params: { isoDates: true, timestamps: true },
  process: {
    Reading: { sync: 'up' },
    Status: { sync: 'up' },
    Gauge: { sync: 'up' },
    Config: { sync: 'down' },
    Setting: { sync: 'both' },
    Profile: { sync: 'both', merge: 'fields' },
    Order: { sync: 'down', answer: 'Done' },
    Done: { sync: 'up' },
  },
})json";

template <typename T>
constexpr tg_plugin kPlugin{sizeof(tg_plugin), 0, &sdk::detail::InterfaceGet<sdk::PolicyPlugin<T>>};

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "tidegate_sim: %s\n", what.c_str());
  std::exit(2);
}

std::shared_ptr<const SchemaSet> MakeSchemas(const std::string& text) {
  auto load = LoadSchema("sim.json5", text);
  if (!load.status().ok()) Die(load.status().message());
  auto made = SchemaSet::Make({load.schema});
  if (!made.ok()) Die(made.status().message());
  return std::move(made).value();
}

std::shared_ptr<const SchemaSet> Schemas() {
  static const std::shared_ptr<const SchemaSet> schemas = MakeSchemas(kSchema);
  return schemas;
}

std::unique_ptr<core::Policy> Plugin(const tg_plugin& plugin, const char* name, const std::string& config = "{}") {
  auto made = plugin::PluginPolicy::Create(&plugin, name, config, {});
  if (!made.ok()) Die(made.status().message());
  return std::move(made).value();
}

std::unique_ptr<core::Policy> MakePolicy(bool merges, const std::string& config = "{}") {
  std::vector<std::unique_ptr<core::Policy>> chain;
  chain.push_back(Plugin(kPlugin<policy_onetable::OnetablePolicy>, "policy-onetable", config));
  if (merges) chain.push_back(Plugin(kPlugin<policy_merge::MergePolicy>, "policy-merge"));
  auto policy = std::make_unique<core::PolicyChain>(std::move(chain));
  std::vector<std::string> warnings;
  if (Status status = policy->Reload(Schemas()->ToJson(), &warnings); !status.ok()) Die(status.message());
  return policy;
}

core::Policy& Shared() {
  static const std::unique_ptr<core::Policy> policy = MakePolicy(true);
  return *policy;
}

}  // namespace

const ModelTruth* FindModel(std::string_view name) {
  for (const ModelTruth& model : kModels)
    if (model.name == name) return &model;
  return nullptr;
}

const core::Policy& GoodPolicy() { return Shared(); }

std::shared_ptr<const replica::Catalog> MakeCatalog(core::Policy& policy) {
  std::vector<std::string> warnings;
  auto catalog = replica::Catalog::Make(Schemas(), policy, &warnings);
  if (!catalog.ok()) Die(catalog.status().message());
  return std::move(catalog).value();
}

std::shared_ptr<const replica::Catalog> GoodCatalog() {
  static const std::shared_ptr<const replica::Catalog> catalog = MakeCatalog(Shared());
  return catalog;
}

namespace {

core::Policy& SharedNewest() {
  static const std::unique_ptr<core::Policy> policy = MakePolicy(false);
  return *policy;
}

}  // namespace

const core::Policy& NewestPolicy() { return SharedNewest(); }

std::shared_ptr<const replica::Catalog> NewestCatalog() {
  static const std::shared_ptr<const replica::Catalog> catalog = MakeCatalog(SharedNewest());
  return catalog;
}

namespace {

// What goes up may have a short text only.
std::string Strict(std::string text) {
  const std::string loose = "text: { type: 'string' }";
  const std::string strict = "text: { type: 'string', validate: /^x{0," + std::to_string(kStrictTextMax) + "}$/ }";
  size_t at = 0;
  for (int model = 0; model < 3; ++model) {  // Reading, Status, Gauge
    at = text.find(loose, at);
    text.replace(at, loose.size(), strict);
  }
  return text;
}

std::string RetainConfig(const std::string& retain) { return retain.empty() ? "{}" : "{\"retain\":" + retain + "}"; }

}  // namespace

// Each by a policy of its own, which stays: making a catalog teaches the policy the schemas.
std::shared_ptr<const replica::Catalog> ChangingCatalog(uint32_t direction, bool strict, const std::string& retain) {
  static std::map<std::tuple<uint32_t, bool, std::string>, std::shared_ptr<const replica::Catalog>> made;
  static std::vector<std::unique_ptr<core::Policy>> policies;
  std::shared_ptr<const replica::Catalog>& catalog = made[{direction, strict, retain}];
  if (catalog != nullptr) return catalog;
  constexpr const char* kSync[] = {"none", "up", "down", "both"};
  const std::string last = "    Done: { sync: 'up' },\n";
  std::string text = kSchema;
  text.insert(text.find(last) + last.size(), std::string("    Memo: { sync: '") + kSync[direction] + "' },\n");
  policies.push_back(MakePolicy(true, RetainConfig(retain)));
  auto fresh = replica::Catalog::Make(MakeSchemas(strict ? Strict(text) : text), *policies.back(), nullptr);
  if (!fresh.ok()) Die(fresh.status().message());
  return catalog = std::move(fresh).value();
}

std::shared_ptr<const replica::Catalog> StrictCatalog() {
  static const std::shared_ptr<const replica::Catalog> catalog = [] {
    std::vector<std::string> warnings;
    auto made = replica::Catalog::Make(MakeSchemas(Strict(kSchema)), Shared(), &warnings);
    if (!made.ok()) Die(made.status().message());
    return std::move(made).value();
  }();
  return catalog;
}

std::shared_ptr<const replica::Catalog> MakeTightCatalog(const std::string& retain) {
  return MakeCatalog(*MakePolicy(true, RetainConfig(retain)));
}

}  // namespace tidegate::sim
