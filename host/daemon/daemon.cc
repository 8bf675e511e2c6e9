#include "host/daemon/daemon.h"

#include <utility>

#include "host/daemon/log_level.h"
#include "host/daemon/schemas.h"
#include "host/node/offline.h"

namespace tidegate::daemon {
namespace {

constexpr uint64_t kTransportStopMs = 5'000;
constexpr uint64_t kEventsStopMs = 2'000;
constexpr uint64_t kStorageStopMs = 10'000;

}  // namespace

ReplicaId Daemon::RandomReplica(core::Random& random) {
  ReplicaId id;
  for (size_t i = 0; i < id.bytes.size(); i += 8) {
    uint64_t bits = random.Next();
    for (size_t j = 0; j < 8; j++) id.bytes[i + j] = static_cast<uint8_t>(bits >> (8 * j));
  }
  return id;
}

Daemon::Daemon() = default;
Daemon::~Daemon() { Stop(); }

Status Daemon::Load(const std::string& config_path) {
  TG_ASSIGN_OR_RETURN(Config config, LoadConfig(config_path));
  log_.SetLevel(LogNumber(config.log_level));
  about_.epoch = random_.Next();
  plugin::Environment environment{&log_, &metrics_, &clock_, &about_};
  TG_ASSIGN_OR_RETURN(assembly_, Assemble(std::move(config), environment, &about_));
  return Status::Ok();
}

Status Daemon::Start(bool* config_wrong, std::function<void()> gave_up) {
  *config_wrong = false;
  const Config& config = assembly_->config;
  plugin::PluginStorage& storage = *assembly_->storage;
  TG_RETURN_IF_ERROR(storage.Start(RandomReplica(random_), about_.epoch));
  replica_text_ = storage.info().replica.ToText();
  about_.replica_text = {replica_text_.data(), replica_text_.size()};
  TG_ASSIGN_OR_RETURN(AgentId agent, node::AgentOfReplica(storage, assembly_->agent));
  if (agent != assembly_->agent)
    log_.Write(TG_LOG_WARNING, "this node is agent " + std::to_string(agent) + " instead of " +
                                   std::to_string(assembly_->agent) + ": it was renewed");
  about_.agent = assembly_->agent = agent;

  for (plugin::PluginEvents* events : assembly_->to_start) TG_RETURN_IF_ERROR(events->Start());

  catalog_ = std::make_unique<replica::CatalogHolder>(assembly_->catalog);
  reader_ = std::make_unique<replica::Reader>(storage, *catalog_, clock_, assembly_->agent,
                                              NodeOptionsOf(config, assembly_->agent).context_json);
  hub_ = std::make_unique<TransportHub>(log_);
  for (BuiltTransport& built : assembly_->transports) {
    hub_->Add(built.name, std::move(built.transport), built.to_parent, built.to_children);
  }
  assembly_->transports.clear();

  node::NodeOptions node_options = NodeOptionsOf(config, assembly_->agent);
  node_options.frame_bytes_max = assembly_->frame_bytes;
  auto node = node::Node::Open(std::move(node_options), {storage, *assembly_->policy, *catalog_, clock_, random_, log_,
                                                         metrics_, *hub_, assembly_->events.get()});
  *config_wrong = !node.ok() && node.status().code() == Code::kInvalid;
  if (!node.ok()) return node.status();
  node_ = std::move(node).value();

  RunnerOptions options;
  options.queue_items_max = config.limits.queue_items_max;
  options.commit_items_max = config.limits.commit_items_max;
  options.linger_max_ms = config.limits.linger_max_ms;
  runner_ = std::make_unique<NodeRunner>(
      options, *node_,
      NodeRunner::Surroundings{storage, *reader_, clock_, log_, metrics_, [this] { return metrics_.Text(); },
                               [this](node::NodeStatus* status) { hub_->Complete(status); }, std::move(gave_up)});
  runner_->Start();
  TG_RETURN_IF_ERROR(hub_->Start(runner_.get()));

  api::ApiOptions api;
  api.socket = config.api.socket;
  api.mode = static_cast<mode_t>(config.api.mode);
  api.request_bytes_max = config.api.request_bytes_max;
  auto server = api::ApiServer::Start(api, *runner_, log_);
  *config_wrong = !server.ok() && server.status().code() == Code::kInvalid;
  if (!server.ok()) return server.status();
  api_ = std::move(server).value();
  log_.Write(TG_LOG_INFO, std::string("ready: ") + RoleName(config.node.role) + " " + std::to_string(assembly_->agent) +
                              ", replica " + replica_text_ + (storage.info().created ? " (new)" : "") + ", api at " +
                              config.api.socket);
  return Status::Ok();
}

void Daemon::Stop() {
  if (api_) api_->Stop();
  if (hub_) hub_->Stop(kTransportStopMs);
  const bool in_order = runner_ && !runner_->gave_up();
  if (runner_) runner_->Stop();
  if (node_ && in_order) node_->Stop();
  api_.reset();
  runner_.reset();
  node_.reset();
  hub_.reset();
  if (assembly_) {
    for (plugin::PluginEvents* events : assembly_->to_start) {
      Status status = events->Stop(kEventsStopMs);
      if (!status.ok()) log_.Write(TG_LOG_ERROR, status.message());
    }
  }
  if (assembly_ && assembly_->storage) {
    Status status = assembly_->storage->Stop(kStorageStopMs);
    if (!status.ok()) log_.Write(TG_LOG_ERROR, status.message());
  }
}

std::string Daemon::Summary() {
  node::NodeStatus status = runner_->GetStatus();
  size_t up = 0;
  uint64_t pending = 0;
  for (const node::LinkStatus& link : status.links) {
    if (link.state == "up") up++;
    pending += link.pending_changes;
  }
  std::string text = std::to_string(status.items) + " items, " + std::to_string(up) + " of " +
                     std::to_string(status.links.size()) + " links up, " + std::to_string(pending) + " changes pending";
  for (const std::string& problem : status.problems) text += "; " + problem;
  return text;
}

}  // namespace tidegate::daemon
