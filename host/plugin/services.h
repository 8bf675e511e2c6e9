// The services that the host offers to one instance of a plugin: tg.log/1, tg.metrics/1, tg.clock/1,
// tg.node/1, made from what the daemon gives. Log lines and metric names carry the instance's name.
// Thread safety: the tables may be called from any thread. Ownership: an instance holds its Services
// until destroy has returned; what Environment points to outlives every instance.
#pragma once

#include <string>
#include <string_view>

#include "host/core/clock.h"
#include "host/core/metrics.h"
#include "tidegate/plugin.h"
#include "tidegate/services.h"

namespace tidegate::plugin {

// What the daemon gives. Null = the host has no such service.
struct Environment {
  core::Log* log = nullptr;
  core::Metrics* metrics = nullptr;
  const core::Clock* clock = nullptr;
  // Its values may change only while no plugin runs: replica_text is set between the storage's start
  // and the transports'.
  const tg_node_v1* node = nullptr;
};

class Services {
 public:
  Services(std::string name, const Environment& environment);
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  const tg_host* host() const { return &host_; }
  const std::string& name() const { return name_; }
  void Log(uint32_t level, std::string_view message) const;

 private:
  std::string name_;
  std::string metric_prefix_;  // "transport_mqtt_"
  Environment environment_;
  tg_log_v1 log_;
  tg_metrics_v1 metrics_;
  tg_clock_v1 clock_;
  tg_host host_;
};

}  // namespace tidegate::plugin
