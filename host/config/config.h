// The configuration of tidegated, typed. docs/configuration.md describes every key; the JSON Schema
// schemas/config.schema.json is what a file is checked against.
// Thread safety: plain values, const after LoadConfig. Ownership: a Config owns all it holds.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/base/ids.h"
#include "host/base/status.h"
#include "host/config/positions.h"

namespace tidegate {

enum class Role : uint32_t { kServer = TG_ROLE_SERVER, kRouter = TG_ROLE_ROUTER, kDevice = TG_ROLE_DEVICE };

// "server", "router", "device".
const char* RoleName(Role role);

// A plugin that the configuration names, with the section that is the plugin's own.
struct PluginConfig {
  std::string name;         // of a transport: as written; else the plugin's
  std::string plugin;       // as written
  std::string path;         // absolute: plugin itself, or <plugin_dir>/<plugin>.so
  std::string config_json;  // the config section as a JSON object; "{}" if absent
  std::string place;        // file:line:column of the plugin key, for messages
  std::string pointer;      // of the config section, for CheckPluginConfig

  // Whether the same plugin is made of it; where it stands in the file does not matter.
  bool operator==(const PluginConfig& other) const {
    return name == other.name && path == other.path && config_json == other.config_json;
  }
};

struct TransportConfig : PluginConfig {
  bool to_parent = false;    // serves the link to our parent
  bool to_children = false;  // serves the links to our children
  bool operator==(const TransportConfig&) const = default;
};

struct NodeConfig {
  AgentId agent = 0;  // 0 = machine: the daemon hashes /etc/machine-id (AgentFromMachineId)
  Role role = Role::kDevice;
  uint32_t level = 65535;
  bool operator==(const NodeConfig&) const = default;
};

struct ApiConfig {
  std::string socket = "/run/tidegate/api.sock";
  uint32_t mode = 0660;
  uint64_t request_bytes_max = 16 << 20;
  bool operator==(const ApiConfig&) const = default;
};

// What is dropped as soon as it has arrived.
struct ClearOnAckConfig {
  bool self = false;  // of this node's own agent
  AgentId agent = 0;  // 0 = all, unless self
  std::string model;  // empty = all
  bool at_hop = false;
  bool operator==(const ClearOnAckConfig&) const = default;
};

struct SyncConfig {
  int64_t sync_delay_ms = 5'000;
  uint64_t sync_limit_bytes = 10'000;
  uint32_t window_frames = 8;
  uint64_t window_bytes = 4 << 20;  // per lane
  uint64_t frame_bytes = 256 << 10;
  uint32_t batch_items = 1'000;
  int64_t resend_ms = 500;
  int64_t resend_max_ms = 15'000;
  int64_t hello_retry_ms = 300;
  int64_t hello_retry_max_ms = 15'000;
  int64_t keepalive_ms = 10'000;
  int64_t link_timeout_ms = 30'000;
  int64_t progress_timeout_ms = 60'000;
  int64_t period_ms = 0;                        // 0 = never
  int64_t verify_period_ms = 24ll * 3'600'000;  // 0 = never
  bool verify_on_doubt = true;
  uint64_t verify_rate = 20'000;  // rows a second
  std::vector<ClearOnAckConfig> clear_on_ack;
  std::array<uint32_t, TG_LANE_COUNT> lane_weights = {8, 4, 2, 1};
  bool operator==(const SyncConfig&) const = default;
};

struct LimitsConfig {
  uint64_t transaction_bytes_max = 1 << 20;
  uint64_t item_bytes_max = 256 << 10;
  uint64_t queue_items_max = 10'000;
  uint64_t quarantine_items_max = 10'000;
  uint64_t conflict_items_max = 1'000;
  uint64_t conflict_bytes_max = 16u << 20;
  uint64_t sync_exceptions_max = 1'000;
  uint64_t errands_max = 256;
  int64_t route_age_ms = 180ll * 24 * 3'600'000;
  int64_t clock_drift_max_ms = 300'000;
  int64_t lease_ms = 30ll * 24 * 3600 * 1000;
  uint32_t commit_items_max = 1'000;
  uint32_t linger_max_ms = 5;
  bool operator==(const LimitsConfig&) const = default;
};

enum class LogLevel { kError, kWarning, kInfo, kDebug };

struct Config {
  std::string path;  // of the main file
  NodeConfig node;
  ApiConfig api;
  std::string plugin_dir;
  PluginConfig storage;
  std::vector<TransportConfig> transports;
  std::vector<PluginConfig> policies;
  std::vector<PluginConfig> events;
  std::vector<std::string> schemas;  // absolute paths
  SyncConfig sync;
  LimitsConfig limits;
  LogLevel log_level = LogLevel::kInfo;
  // Extra context properties of each operation: name and JSON text of the value.
  std::vector<std::pair<std::string, std::string>> context;

  std::shared_ptr<const Positions> positions;  // of everything the files hold
};

// Reads path and conf.d/*.yaml beside it. A failure is of code kInvalid (or kNotFound, kIo for the
// main file) with one line for each error found, each "file:line:column: what is wrong; what to do".
// default_plugin_dir: where bare plugin names are looked up if the file does not say; empty = the
// directory of the installation.
Result<Config> LoadConfig(const std::string& path, const std::string& default_plugin_dir = "");

// Only api.socket, for a client that looks for the daemon of a configuration.
Result<std::string> LoadApiSocket(const std::string& path);

// Checks the config section of a plugin against the JSON Schema of the plugin's note. The result is
// the JSON text for the plugin's create. schema_text empty = nothing to check.
Result<std::string> CheckPluginConfig(const Config& config, const PluginConfig& plugin, std::string_view schema_text);

}  // namespace tidegate
