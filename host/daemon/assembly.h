// Assembly: what a configuration makes, up to and including each plugin's create: no thread runs and
// nothing is open yet. `tidegated --check` is this and no more.
// Thread safety: control thread. Ownership: owns everything; plugins refer to the environment.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host/config/config.h"
#include "host/core/events.h"
#include "host/core/policy.h"
#include "host/node/options.h"
#include "host/plugin/plugin_host.h"
#include "host/replica/catalog.h"

namespace tidegate::daemon {

struct BuiltTransport {
  std::string name;
  std::unique_ptr<plugin::PluginTransport> transport;
  bool to_parent = false;
  bool to_children = false;
};

struct Assembly {
  Config config;
  AgentId agent = 0;
  std::unique_ptr<plugin::PluginHost> plugins;
  std::unique_ptr<plugin::PluginStorage> storage;
  std::vector<BuiltTransport> transports;
  std::unique_ptr<core::PolicyChain> policy;
  std::unique_ptr<core::EventChain> events;     // null if there is none
  std::vector<plugin::PluginEvents*> to_start;  // those of events, in order
  std::shared_ptr<const replica::Catalog> catalog;
  uint64_t frame_bytes = 0;          // sync.frame_bytes, or less where a transport moves less
  std::vector<std::string> checked;  // a line for each thing that was found in order
  std::vector<std::string> warnings;
};

// node: filled in with what the configuration says before any plugin is created; stays where it is for
// as long as plugins run. A failure is of the configuration unless its code is kIo.
Result<std::unique_ptr<Assembly>> Assemble(Config config, const plugin::Environment& environment, tg_node_v1* node);

// The chain of config.policies, which knows no schemas yet; a line to checked for each. Plugins that are loaded for it
// stay loaded.
Result<std::unique_ptr<core::PolicyChain>> MakePolicies(const Config& config, plugin::PluginHost& plugins,
                                                        std::vector<std::string>* checked);

// Adds a line, with its place in the configuration, for each model that it names in vain.
void WarnOfModels(const Config& config, const replica::Catalog& catalog, std::vector<std::string>* warnings);

node::NodeOptions NodeOptionsOf(const Config& config, AgentId agent);

}  // namespace tidegate::daemon
