// Finds, checks, loads and creates plugins. In order, before any of a plugin's code runs: the path and
// everything along it (trusted_file.h), the ELF note (note.h), the kind for its place in the
// configuration, an id that no other file has. The daemon then checks the plugin's section of the
// configuration against note.schema_json (host/config), and creates an instance:
//
//   TG_ASSIGN_OR_RETURN(const PluginFile* file, plugins.Open(config.storage.path, TG_STORAGE_KIND));
//   TG_ASSIGN_OR_RETURN(std::string json, CheckPluginConfig(config, config.storage, file->note.schema_json));
//   TG_ASSIGN_OR_RETURN(auto storage, plugins.CreateStorage(*file, config.storage.name, json));
//
// Thread safety: from the control thread. Ownership: the host owns the files; instances are the
// caller's and may outlive the host. A loaded plugin stays loaded until the process ends.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/status.h"
#include "host/plugin/events_adapter.h"
#include "host/plugin/note.h"
#include "host/plugin/policy_adapter.h"
#include "host/plugin/services.h"
#include "host/plugin/storage_adapter.h"
#include "host/plugin/transport_adapter.h"
#include "host/plugin/trusted_file.h"

namespace tidegate::plugin {

struct PluginFile {
  std::string path;
  PluginNote note;
  TrustedFile file;
  void* handle = nullptr;             // of dlopen, never closed
  const tg_plugin* loaded = nullptr;  // after the first instance
};

class PluginHost {
 public:
  explicit PluginHost(const Environment& environment);
  // user: whose files are trusted beside root's.
  PluginHost(const Environment& environment, uid_t user) : environment_(environment), user_(user) {}

  // The checked file; runs none of its code. The same file may be opened again. kind: what its place
  // in the configuration asks for.
  Result<PluginFile*> Open(const std::string& path, std::string_view kind);

  // Load the file if it is not, and create an instance named name (in messages, log and metrics).
  Result<std::unique_ptr<PluginStorage>> CreateStorage(PluginFile& file, const std::string& name,
                                                       const std::string& config_json);
  Result<std::unique_ptr<PluginTransport>> CreateTransport(PluginFile& file, const std::string& name,
                                                           const std::string& config_json);
  Result<std::unique_ptr<PluginPolicy>> CreatePolicy(PluginFile& file, const std::string& name,
                                                     const std::string& config_json);
  Result<std::unique_ptr<PluginEvents>> CreateEvents(PluginFile& file, const std::string& name,
                                                     const std::string& config_json);

  const std::vector<std::unique_ptr<PluginFile>>& files() const { return files_; }

 private:
  Status Load(PluginFile& file);

  Environment environment_;
  uid_t user_;
  std::vector<std::unique_ptr<PluginFile>> files_;
};

}  // namespace tidegate::plugin
