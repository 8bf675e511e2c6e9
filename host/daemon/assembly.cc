#include "host/daemon/assembly.h"

#include <algorithm>
#include <fstream>

#include "host/base/spelling.h"
#include "host/daemon/frame_room.h"
#include "host/daemon/schemas.h"

namespace tidegate::daemon {
namespace {

Result<AgentId> AgentOf(const Config& config) {
  if (config.node.agent != 0) return config.node.agent;
  if (config.node.role == Role::kServer) return kAgentServer;
  std::string text;
  std::ifstream file("/etc/machine-id");
  if (!std::getline(file, text) || text.empty()) {
    return Status::Invalid("node.agent is machine, but /etc/machine-id has no id; write a number there");
  }
  return AgentFromMachineId(text);
}

struct Opened {
  plugin::PluginFile* file;
  std::string config_json;
};

// Its file, and its section as its schema wants it; a line to checked.
Result<Opened> OpenPlugin(const Config& config, plugin::PluginHost& plugins, const PluginConfig& place,
                          const char* kind, std::vector<std::string>* checked) {
  Result<plugin::PluginFile*> file = plugins.Open(place.path, kind);
  if (!file.ok()) return file.status().At(place.place);
  TG_ASSIGN_OR_RETURN(std::string json, CheckPluginConfig(config, place, (*file)->note.schema_json));
  checked->push_back(std::string((*file)->note.kind) + " " + place.name + ": " + (*file)->note.id + " " +
                     (*file)->note.version + " (" + place.path + ")");
  return Opened{*file, std::move(json)};
}

class Builder {
 public:
  Builder(Assembly& assembly, const plugin::Environment& environment) : all_(assembly) {
    all_.plugins = std::make_unique<plugin::PluginHost>(environment);
  }

  Status Build() {
    TG_RETURN_IF_ERROR(Storage());
    for (const TransportConfig& transport : all_.config.transports) TG_RETURN_IF_ERROR(Transport(transport));
    TG_RETURN_IF_ERROR(Policies());
    TG_RETURN_IF_ERROR(Events());
    return Schemas();
  }

 private:
  Result<Opened> Open(const PluginConfig& place, const char* kind) {
    return OpenPlugin(all_.config, *all_.plugins, place, kind, &all_.checked);
  }

  Status Storage() {
    const PluginConfig& place = all_.config.storage;
    TG_ASSIGN_OR_RETURN(Opened opened, Open(place, TG_STORAGE_KIND));
    auto storage = all_.plugins->CreateStorage(*opened.file, place.name, opened.config_json);
    if (!storage.ok()) return storage.status().At(place.place);
    all_.storage = std::move(storage).value();
    return Status::Ok();
  }

  Status Transport(const TransportConfig& place) {
    TG_ASSIGN_OR_RETURN(Opened opened, Open(place, TG_TRANSPORT_KIND));
    auto transport = all_.plugins->CreateTransport(*opened.file, place.name, opened.config_json);
    if (!transport.ok()) return transport.status().At(place.place);
    TG_RETURN_IF_ERROR(CheckSides(place, (*transport)->info()));
    TG_RETURN_IF_ERROR(FitFrames(place, (*transport)->info().frame_bytes_max));
    all_.transports.push_back({place.name, std::move(transport).value(), place.to_parent, place.to_children});
    return Status::Ok();
  }

  // The links that the node wants of a transport must be among those that its own section makes it serve.
  Status CheckSides(const TransportConfig& place, const core::TransportInfo& serves) {
    for (bool parent : {true, false}) {
      if (!(parent ? place.to_parent && !serves.dials : place.to_children && !serves.listens)) continue;
      std::string item = place.pointer.substr(0, place.pointer.rfind('/'));
      return Status::Invalid(all_.config.positions->At(item + "/sides") + ": transport " + place.name + " is for " +
                             (parent ? "the parent" : "children") + " here (sides, or the default of a " +
                             RoleName(all_.config.node.role) + "), but its config serves " +
                             (serves.dials     ? "the parent"
                              : serves.listens ? "children"
                                               : "no link") +
                             " only; make the two agree");
    }
    return Status::Ok();
  }

  // A transaction goes in one frame: one that fits no frame would never arrive.
  Status FitFrames(const TransportConfig& place, uint64_t frame_bytes_max) {
    // A feed stops where the storage keeps a commit end: that far beyond its limit.
    const uint64_t beyond = TG_END_BYTES + all_.config.limits.transaction_bytes_max;
    const uint64_t needed = FrameBytesFor(kFrameDataMin + beyond);
    if (frame_bytes_max < needed) {
      return Status::Invalid(all_.config.positions->At(place.pointer) + ": transport " + place.name +
                             " moves frames of at most " + std::to_string(frame_bytes_max) +
                             " bytes, and one with a transaction of limits.transaction_bytes_max (" +
                             std::to_string(all_.config.limits.transaction_bytes_max) + ") may have " +
                             std::to_string(needed) + "; let it move larger frames, or lower that limit");
    }
    all_.frame_bytes = std::min(all_.frame_bytes, DataBytesIn(frame_bytes_max) - beyond);
    return Status::Ok();
  }

  Status Policies() {
    TG_ASSIGN_OR_RETURN(all_.policy, MakePolicies(all_.config, *all_.plugins, &all_.checked));
    return Status::Ok();
  }

  Status Events() {
    std::vector<std::unique_ptr<core::Events>> chain;
    for (const PluginConfig& place : all_.config.events) {
      TG_ASSIGN_OR_RETURN(Opened opened, Open(place, TG_EVENTS_KIND));
      auto events = all_.plugins->CreateEvents(*opened.file, place.name, opened.config_json);
      if (!events.ok()) return events.status().At(place.place);
      all_.to_start.push_back(events.value().get());
      chain.push_back(std::move(events).value());
    }
    if (!chain.empty()) all_.events = std::make_unique<core::EventChain>(std::move(chain));
    return Status::Ok();
  }

  Status Schemas() {
    TG_ASSIGN_OR_RETURN(auto schemas, LoadSchemas(all_.config.schemas, &all_.warnings));
    TG_ASSIGN_OR_RETURN(all_.catalog, replica::Catalog::Make(std::move(schemas), *all_.policy, &all_.warnings));
    WarnOfModels(all_.config, *all_.catalog, &all_.warnings);
    for (const auto& schema : all_.catalog->schemas().schemas()) {
      size_t models = schema->models().size();
      all_.checked.push_back("schema " + schema->file() + ": " + std::to_string(models) +
                             (models == 1 ? " model" : " models"));
    }
    return Status::Ok();
  }

  Assembly& all_;
};

}  // namespace

Result<std::unique_ptr<core::PolicyChain>> MakePolicies(const Config& config, plugin::PluginHost& plugins,
                                                        std::vector<std::string>* checked) {
  std::vector<std::unique_ptr<core::Policy>> chain;
  for (const PluginConfig& place : config.policies) {
    TG_ASSIGN_OR_RETURN(Opened opened, OpenPlugin(config, plugins, place, TG_POLICY_KIND, checked));
    auto policy = plugins.CreatePolicy(*opened.file, place.name, opened.config_json);
    if (!policy.ok()) return policy.status().At(place.place);
    chain.push_back(std::move(policy).value());
  }
  return std::make_unique<core::PolicyChain>(std::move(chain));
}

Result<std::unique_ptr<Assembly>> Assemble(Config config, const plugin::Environment& environment, tg_node_v1* node) {
  auto assembly = std::make_unique<Assembly>();
  assembly->config = std::move(config);
  assembly->frame_bytes = assembly->config.sync.frame_bytes;
  TG_ASSIGN_OR_RETURN(assembly->agent, AgentOf(assembly->config));
  node->struct_size = sizeof(*node);
  node->role = static_cast<uint32_t>(assembly->config.node.role);
  node->agent = assembly->agent;
  assembly->checked.push_back("configuration " + assembly->config.path + ": " + RoleName(assembly->config.node.role) +
                              ", agent " + std::to_string(assembly->agent) + ", level " +
                              std::to_string(assembly->config.node.level));
  TG_RETURN_IF_ERROR(Builder(*assembly, environment).Build());
  return assembly;
}

void WarnOfModels(const Config& config, const replica::Catalog& catalog, std::vector<std::string>* warnings) {
  std::vector<std::string> known;
  for (const replica::ModelRule& rule : catalog.rules()) known.push_back(rule.name);
  for (size_t i = 0; i < config.sync.clear_on_ack.size(); ++i) {
    const std::string& model = config.sync.clear_on_ack[i].model;
    const replica::ModelRule* rule = catalog.Find(model);
    if (model.empty() || (rule != nullptr && rule->direction == TG_DIRECTION_UP)) continue;
    const std::string number = std::to_string(i);
    std::string text =
        config.positions->At("/sync/clear_on_ack/" + number + "/model") + ": sync.clear_on_ack." + number + ".model: ";
    if (rule != nullptr) {
      text += "items of " + model + " do not only go up";
    } else {
      text += "no schema defines " + model;
      std::string nearest = NearestName(model, known);
      if (!nearest.empty()) text += ", did you mean '" + nearest + "'?";
    }
    warnings->push_back(text + "; nothing is dropped for this entry");
  }
}

node::NodeOptions NodeOptionsOf(const Config& config, AgentId agent) {
  node::NodeOptions options;
  options.agent = agent;
  options.role = static_cast<uint32_t>(config.node.role);
  options.level = config.node.level;
  options.sync_delay_ms = config.sync.sync_delay_ms;
  options.sync_limit_bytes = config.sync.sync_limit_bytes;
  options.window_frames = config.sync.window_frames;
  options.window_bytes = config.sync.window_bytes;
  options.frame_bytes_max = config.sync.frame_bytes;
  options.batch_items_max = config.sync.batch_items;
  options.resend_ms = config.sync.resend_ms;
  options.resend_ms_max = config.sync.resend_max_ms;
  options.hello_ms = config.sync.hello_retry_ms;
  options.hello_ms_max = config.sync.hello_retry_max_ms;
  options.keepalive_ms = config.sync.keepalive_ms;
  options.link_timeout_ms = config.sync.link_timeout_ms;
  options.progress_timeout_ms = config.sync.progress_timeout_ms;
  options.sync_period_ms = config.sync.period_ms;
  options.verify_period_ms = config.sync.verify_period_ms;
  options.verify_on_doubt = config.sync.verify_on_doubt;
  options.verify_rows_per_s = config.sync.verify_rate;
  for (const ClearOnAckConfig& clear : config.sync.clear_on_ack)
    options.clear_on_ack.push_back({clear.self ? options.agent : clear.agent, clear.model, clear.at_hop});
  options.errands_max = config.limits.errands_max;
  options.route_age_ms = config.limits.route_age_ms;
  options.lane_weights = config.sync.lane_weights;
  options.lease_ms = config.limits.lease_ms;
  options.clock_drift_ms_max = config.limits.clock_drift_max_ms;
  options.quarantine_items_max = config.limits.quarantine_items_max;
  options.conflict_items_max = config.limits.conflict_items_max;
  options.conflict_bytes_max = config.limits.conflict_bytes_max;
  options.sync_exceptions_max = config.limits.sync_exceptions_max;
  options.transaction_bytes_max = config.limits.transaction_bytes_max;
  options.item_bytes_max = config.limits.item_bytes_max;
  for (const auto& [name, value] : config.context) {
    options.context_json += (options.context_json.empty() ? "{\"" : ",\"") + name + "\":" + value;
  }
  if (!options.context_json.empty()) options.context_json += "}";
  return options;
}

}  // namespace tidegate::daemon
