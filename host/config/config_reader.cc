#include "host/config/config_reader.h"

#include <filesystem>
#include <limits>

#include "host/config/explain.h"
#include "host/config/file.h"
#include "host/config/installation.h"
#include "host/config/quantity.h"

namespace tidegate {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kSocketBytesMax = 107;  // sun_path of Linux, without NUL
constexpr uint32_t kLevelDevice = 65535;
constexpr uint64_t kNoLimit = uint64_t{1} << 53;
constexpr int64_t kLeaseMsMin = 60'000;

class Reader {
 public:
  Reader(const YamlDocument& document, const std::string& default_plugin_dir, std::vector<std::string>& errors)
      : document_(document), default_plugin_dir_(default_plugin_dir), errors_(errors) {}

  Config Read() {
    ReadNode();
    ReadApi();
    ReadPlugins();
    ReadSchemas();
    ReadSync();
    ReadLimits();
    ReadRest();
    return std::move(config_);
  }

 private:
  void ReadNode() {
    NodeConfig& node = config_.node;
    std::string role = Find("/node/role")->get<std::string>();
    node.role = role == "server" ? Role::kServer : role == "router" ? Role::kRouter : Role::kDevice;
    node.level = node.role == Role::kServer ? 1 : node.role == Role::kRouter ? 2 : kLevelDevice;
    Integer("/node/level", node.level);
    bool fits = node.role == Role::kServer   ? node.level == 1
                : node.role == Role::kRouter ? node.level > 1 && node.level < kLevelDevice
                                             : node.level == kLevelDevice;
    if (!fits) {
      Fail("/node/level", "level " + std::to_string(node.level) + " does not go with role " + role +
                              "; a server has 1, a router 2 to 65534, a device 65535");
    }
    ReadAgent(role);
  }

  void ReadAgent(const std::string& role) {
    AgentId& agent = config_.node.agent;
    bool server = config_.node.role == Role::kServer;
    agent = server ? kAgentServer : 0;
    const Json* value = Find("/node/agent");
    if (value == nullptr) return;
    if (value->is_number()) {
      agent = value->get<AgentId>();
    } else if (value->get_ref<const std::string&>() == "machine") {
      agent = 0;
    } else {
      auto parsed = ParseAgent(value->get_ref<const std::string&>());
      if (!parsed.ok()) return Fail("/node/agent", parsed.status().message());
      if (*parsed == 0) return Fail("/node/agent", "0 means all agents; write a number from 2, or machine");
      agent = *parsed;
    }
    if (server && agent != kAgentServer) Fail("/node/agent", "the server's agent is 1; write 1, or remove the key");
    if (!server && agent == kAgentServer) {
      Fail("/node/agent", "agent 1 is the server's; give this " + role + " a number from 2, or machine");
    }
  }

  void ReadApi() {
    if (const Json* value = Find("/api/socket")) config_.api.socket = value->get<std::string>();
    if (config_.api.socket.size() > kSocketBytesMax) {
      Fail("/api/socket", "the path has " + std::to_string(config_.api.socket.size()) +
                              " bytes, a Unix socket takes 107; choose a shorter one");
    }
    if (const Json* value = Find("/api/mode")) {
      config_.api.mode = static_cast<uint32_t>(std::stoul(value->get_ref<const std::string&>(), nullptr, 8));
    }
    Size("/api/request_bytes_max", config_.api.request_bytes_max, 1024, 1 << 30);
  }

  void ReadPlugins() {
    config_.plugin_dir = default_plugin_dir_.empty() ? InstalledPluginDir() : default_plugin_dir_;
    if (const Json* value = Find("/plugin_dir")) config_.plugin_dir = value->get<std::string>();
    while (config_.plugin_dir.size() > 1 && config_.plugin_dir.ends_with('/')) config_.plugin_dir.pop_back();
    config_.storage = ReadPlugin("/storage");
    const Json* policies = Find("/policies");
    if (policies == nullptr) config_.policies.push_back(PluginNamed("policy-onetable", "/policies/0"));
    for (size_t i = 0; policies != nullptr && i < policies->size(); i++) {
      config_.policies.push_back(ReadPlugin("/policies" + PointerStep(i)));
    }
    const Json* events = Find("/events");
    for (size_t i = 0; events != nullptr && i < events->size(); i++) {
      config_.events.push_back(ReadPlugin("/events" + PointerStep(i)));
    }
    const Json* transports = Find("/transports");
    for (size_t i = 0; transports != nullptr && i < transports->size(); i++) {
      ReadTransport("/transports" + PointerStep(i));
    }
  }

  PluginConfig PluginNamed(const std::string& name, const std::string& pointer) const {
    PluginConfig plugin;
    plugin.plugin = name;
    plugin.path = name.starts_with('/') ? name : config_.plugin_dir + "/" + name + ".so";
    size_t slash = name.rfind('/');
    plugin.name = slash == std::string::npos ? name : name.substr(slash + 1);
    if (plugin.name.size() > 3 && plugin.name.ends_with(".so")) plugin.name.resize(plugin.name.size() - 3);
    plugin.config_json = "{}";
    plugin.place = document_.positions.At(pointer + "/plugin");
    plugin.pointer = pointer + "/config";
    return plugin;
  }

  PluginConfig ReadPlugin(const std::string& pointer) const {
    PluginConfig plugin = PluginNamed(Find(pointer + "/plugin")->get<std::string>(), pointer);
    if (const Json* section = Find(plugin.pointer)) plugin.config_json = section->dump();
    return plugin;
  }

  void ReadTransport(const std::string& pointer) {
    TransportConfig transport{ReadPlugin(pointer), false, false};
    if (const Json* name = Find(pointer + "/name")) transport.name = name->get<std::string>();
    for (const TransportConfig& other : config_.transports) {
      if (other.name != transport.name) continue;
      Fail(pointer + (Find(pointer + "/name") == nullptr ? "/plugin" : "/name"),
           "transport name '" + transport.name + "' is taken by the one at " + other.place +
               "; give each a name of its own");
    }
    const Role role = config_.node.role;
    const Json* sides = Find(pointer + "/sides");
    if (sides == nullptr) {
      transport.to_parent = role == Role::kDevice;
      transport.to_children = role == Role::kServer;
      if (role == Role::kRouter) {
        Fail(pointer, "a router's transport says which links it serves; add sides: [parent], [child] or both");
      }
    }
    for (size_t i = 0; sides != nullptr && i < sides->size(); i++) {
      bool parent = (*sides)[i] == "parent";
      (parent ? transport.to_parent : transport.to_children) = true;
      std::string at = pointer + "/sides" + PointerStep(i);
      if (parent && role == Role::kServer) Fail(at, "a server has no parent; write [child]");
      if (!parent && role == Role::kDevice) Fail(at, "a device has no children; write [parent], or make it a router");
    }
    config_.transports.push_back(std::move(transport));
  }

  void ReadSchemas() {
    const Json* schemas = Find("/schemas");
    for (size_t i = 0; schemas != nullptr && i < schemas->size(); i++) {
      std::string pointer = "/schemas" + PointerStep(i);
      std::string file = document_.positions.FileName(document_.positions.PlaceOfValue(pointer));
      std::string path = PathFrom(FolderOf(file), (*schemas)[i].get<std::string>());
      std::error_code ignored;  // without a working directory the path stays relative
      auto absolute = std::filesystem::absolute(path, ignored);
      config_.schemas.push_back(ignored ? path : absolute.lexically_normal().string());
    }
  }

  void ReadSync() {
    SyncConfig& sync = config_.sync;
    Duration("/sync/sync_delay", sync.sync_delay_ms, 0);
    Size("/sync/sync_limit", sync.sync_limit_bytes, 0);
    Integer("/sync/window_frames", sync.window_frames);
    Size("/sync/window_bytes", sync.window_bytes, 4096, 1 << 30);
    Size("/sync/frame_bytes", sync.frame_bytes, 1024, 16 << 20);
    Integer("/sync/batch_items", sync.batch_items);
    Duration("/sync/resend_ms", sync.resend_ms, 1);
    Duration("/sync/resend_max_ms", sync.resend_max_ms, 1);
    Duration("/sync/hello_retry_ms", sync.hello_retry_ms, 1);
    Duration("/sync/hello_retry_max_ms", sync.hello_retry_max_ms, 1);
    Duration("/sync/keepalive", sync.keepalive_ms, 1);
    Duration("/sync/link_timeout", sync.link_timeout_ms, 1);
    Duration("/sync/progress_timeout", sync.progress_timeout_ms, 1);
    Duration("/sync/period", sync.period_ms, 0);
    Duration("/sync/verify_period", sync.verify_period_ms, 0);
    Integer("/sync/verify_on_doubt", sync.verify_on_doubt);
    Integer("/sync/verify_rate", sync.verify_rate);
    ReadClearOnAck();
    Integer("/sync/lane_weights/urgent", sync.lane_weights[TG_LANE_URGENT]);
    Integer("/sync/lane_weights/state", sync.lane_weights[TG_LANE_STATE]);
    Integer("/sync/lane_weights/history", sync.lane_weights[TG_LANE_HISTORY]);
    Integer("/sync/lane_weights/bulk", sync.lane_weights[TG_LANE_BULK]);
    NotAbove("/sync/resend_ms", sync.resend_ms, "/sync/resend_max_ms", sync.resend_max_ms);
    NotAbove("/sync/hello_retry_ms", sync.hello_retry_ms, "/sync/hello_retry_max_ms", sync.hello_retry_max_ms);
    NotAbove("/sync/keepalive", sync.keepalive_ms, "/sync/link_timeout", sync.link_timeout_ms - 1);
    NotAbove("/sync/resend_max_ms", sync.resend_max_ms, "/sync/progress_timeout", sync.progress_timeout_ms - 1);
    NotAbove("/sync/frame_bytes", sync.frame_bytes, "/sync/window_bytes", sync.window_bytes);
  }

  void ReadClearOnAck() {
    const Json* entries = Find("/sync/clear_on_ack");
    for (size_t i = 0; entries != nullptr && i < entries->size(); i++) {
      const Json& entry = (*entries)[i];
      ClearOnAckConfig clear;
      const Json& agent = entry["agent"];
      clear.self = agent == "self";
      if (agent.is_number()) clear.agent = agent.get<AgentId>();
      clear.model = entry.value("model", "");
      clear.at_hop = entry.value("at", "server") == "hop";
      config_.sync.clear_on_ack.push_back(std::move(clear));
    }
    if (config_.node.role == Role::kServer && !config_.sync.clear_on_ack.empty())
      Fail("/sync/clear_on_ack", "what goes up has arrived at the server, where it is kept; remove the key");
  }

  void ReadLimits() {
    LimitsConfig& limits = config_.limits;
    // A frame holds it whole, whose reader takes so many changes and bytes and no more (wire/codec.h).
    Size("/limits/transaction_bytes_max", limits.transaction_bytes_max, 1024, 4 << 20);
    Size("/limits/item_bytes_max", limits.item_bytes_max, 256, 4 << 20);
    Integer("/limits/queue_items_max", limits.queue_items_max);
    Integer("/limits/quarantine_items_max", limits.quarantine_items_max);
    Integer("/limits/conflict_items_max", limits.conflict_items_max);
    Size("/limits/conflict_bytes_max", limits.conflict_bytes_max, 0, 1 << 30);
    Integer("/limits/sync_exceptions_max", limits.sync_exceptions_max);
    Integer("/limits/errands_max", limits.errands_max);
    Duration("/limits/clock_drift_max", limits.clock_drift_max_ms, 1);
    Duration("/limits/lease", limits.lease_ms, kLeaseMsMin);
    if (Find("/limits/route_age") == nullptr) limits.route_age_ms = std::max(limits.route_age_ms, 2 * limits.lease_ms);
    Duration("/limits/route_age", limits.route_age_ms, 1);
    NotAbove("/limits/lease", limits.lease_ms, "/limits/route_age", limits.route_age_ms);
    Integer("/limits/commit_items_max", limits.commit_items_max);
    Integer("/limits/linger_max_ms", limits.linger_max_ms);
    NotAbove("/limits/item_bytes_max", limits.item_bytes_max, "/limits/transaction_bytes_max",
             limits.transaction_bytes_max);
    // What is forgotten by the clock bears that clocks differ so much, and that a session dies so late.
    NotAbove("/limits/clock_drift_max", limits.clock_drift_max_ms, "/limits/lease", limits.lease_ms - 1);
    NotAbove("/sync/link_timeout", config_.sync.link_timeout_ms, "/limits/lease", limits.lease_ms - 1);
  }

  void ReadRest() {
    if (const Json* level = Find("/log/level")) {
      config_.log_level = *level == "error"     ? LogLevel::kError
                          : *level == "warning" ? LogLevel::kWarning
                          : *level == "info"    ? LogLevel::kInfo
                                                : LogLevel::kDebug;
    }
    if (const Json* context = Find("/context")) {
      for (auto& [name, value] : context->items()) config_.context.emplace_back(name, value.dump());
    }
  }

  const Json* Find(const std::string& pointer) const {
    Json::json_pointer at(pointer);
    return document_.json.contains(at) ? &document_.json.at(at) : nullptr;
  }

  template <typename NumberT>
  void Integer(const std::string& pointer, NumberT& number) const {
    if (const Json* value = Find(pointer)) number = value->get<NumberT>();
  }

  void Duration(const std::string& pointer, int64_t& ms, int64_t least) {
    const Json* value = Find(pointer);
    if (value == nullptr) return;
    auto parsed = ParseDurationMs(value->is_string() ? value->get<std::string>() : value->dump());
    if (!parsed.ok()) return Fail(pointer, parsed.status().message());
    if (*parsed < least) return Fail(pointer, "must be " + std::to_string(least) + "ms or more");
    ms = *parsed;
  }

  void Size(const std::string& pointer, uint64_t& bytes, uint64_t least, uint64_t most = kNoLimit) {
    const Json* value = Find(pointer);
    if (value == nullptr) return;
    auto parsed = ParseBytes(value->is_string() ? value->get<std::string>() : value->dump());
    if (!parsed.ok()) return Fail(pointer, parsed.status().message());
    if (*parsed < least || *parsed > most) {
      return Fail(pointer, "is " + std::to_string(*parsed) + " bytes, must be " + std::to_string(least) +
                               (most == kNoLimit ? " or more" : " to " + std::to_string(most)));
    }
    bytes = *parsed;
  }

  // The place is that of the key that the file has.
  template <typename NumberT>
  void NotAbove(const std::string& lower, NumberT low, const std::string& upper, NumberT high) {
    if (low <= high) return;
    bool has_lower = Find(lower) != nullptr;
    Fail(has_lower ? lower : upper, DottedName(lower) + " must be below " + DottedName(upper) + "; change one of them" +
                                        (has_lower && Find(upper) ? "" : " (the other has its default)"));
  }

  void Fail(const std::string& pointer, const std::string& what) {
    errors_.push_back(document_.positions.At(pointer) + ": " + DottedName(pointer) + ": " + what);
  }

  const YamlDocument& document_;
  const std::string& default_plugin_dir_;
  std::vector<std::string>& errors_;
  Config config_;
};

}  // namespace

Config ReadConfig(const YamlDocument& document, const std::string& default_plugin_dir,
                  std::vector<std::string>& errors) {
  return Reader(document, default_plugin_dir, errors).Read();
}

}  // namespace tidegate
