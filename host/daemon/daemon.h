// Daemon: a running tidegated: assembly, node, its thread, transports, API, in the order of start, and
// the reverse at stop.
// Thread safety: control thread. Ownership: owns everything.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "host/api/metrics.h"
#include "host/api/server.h"
#include "host/daemon/assembly.h"
#include "host/daemon/node_runner.h"
#include "host/daemon/system.h"
#include "host/daemon/transport_hub.h"

namespace tidegate::daemon {

class Daemon {
 public:
  Daemon();
  ~Daemon();

  // Reads the configuration and creates the plugins. On an error the exit code is 78.
  Status Load(const std::string& config_path);
  // What Load found in order, a line each.
  const std::vector<std::string>& checked() const { return assembly_->checked; }
  const std::vector<std::string>& warnings() const { return assembly_->warnings; }

  // Instead of Start: a backup takes the place of the replica; the node gets another agent id (0 = a random one).
  // said: what was done, for people.
  Status Restore(const std::string& file, std::string* said);
  Status Renew(AgentId wanted, std::string* said);

  // Opens the replica and starts threads; it is ready when this returns. config_wrong is set if an
  // error is one of the configuration. gave_up is called once, from another thread, when the storage can
  // commit no more (NodeRunner): the daemon is to be stopped then.
  Status Start(bool* config_wrong, std::function<void()> gave_up = nullptr);
  // Reads schemas and policies anew; on an error everything stays as it was.
  Status Reload();
  // Ends in order: no new requests, no transports, last commit, storage.
  void Stop();

  StderrLog& log() { return log_; }
  NodeRunner& runner() { return *runner_; }
  // One line for systemctl status.
  std::string Summary();

 private:
  static ReplicaId RandomReplica(core::Random& random);
  Status OnReplica(const std::function<Status(plugin::PluginStorage&)>& act);

  SystemClock clock_;
  SystemRandom random_;
  StderrLog log_;
  api::PrometheusMetrics metrics_;
  tg_node_v1 about_{};
  std::string replica_text_;

  std::unique_ptr<Assembly> assembly_;
  std::unique_ptr<replica::CatalogHolder> catalog_;
  std::unique_ptr<replica::Reader> reader_;
  std::unique_ptr<TransportHub> hub_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<NodeRunner> runner_;
  std::unique_ptr<api::ApiServer> api_;
};

}  // namespace tidegate::daemon
