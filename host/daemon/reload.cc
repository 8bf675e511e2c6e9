// SIGHUP: schemas, policies and the level of the log are read anew, all or nothing.
#include "host/daemon/daemon.h"
#include "host/daemon/log_level.h"
#include "host/daemon/schemas.h"

namespace tidegate::daemon {
namespace {

// The sections that differ and are read at a start only.
std::string ChangedForTheNextStart(const Config& old, const Config& now) {
  std::string sections;
  auto compare = [&](const char* section, bool same) {
    if (!same) sections += (sections.empty() ? "" : ", ") + std::string(section);
  };
  compare("node", old.node == now.node);
  compare("api", old.api == now.api);
  compare("storage", old.storage == now.storage);
  compare("transports", old.transports == now.transports);
  compare("events", old.events == now.events);
  compare("sync", old.sync == now.sync);
  compare("limits", old.limits == now.limits);
  compare("context", old.context == now.context);
  return sections;
}

}  // namespace

Status Daemon::Reload() {
  Config& old = assembly_->config;
  TG_ASSIGN_OR_RETURN(Config config, LoadConfig(old.path));
  std::vector<std::string> warnings;
  TG_ASSIGN_OR_RETURN(auto schemas, LoadSchemas(config.schemas, &warnings));
  // Other policies, or other settings of theirs, are made beside the present ones.
  std::unique_ptr<core::PolicyChain> made_anew;
  std::vector<std::string> checked;
  if (config.policies != old.policies) {
    TG_ASSIGN_OR_RETURN(made_anew, MakePolicies(config, *assembly_->plugins, &checked));
  }
  Status status = Status::Unavailable("the daemon is stopping");
  runner_->InWriter([&](node::Node& node) {
    // Policies are asked by the writer thread only: here nobody uses them while they change.
    auto made = replica::Catalog::Make(schemas, made_anew ? *made_anew : *assembly_->policy, &warnings);
    status = made.status();
    if (!made.ok()) return;
    if (made_anew) assembly_->policy->Swap(*made_anew);
    WarnOfModels(old, **made, &warnings);
    catalog_->Set(std::move(made).value());
    node.CatalogChanged();
  });
  if (!status.ok()) {
    if (made_anew) return status;
    // A policy before the one that failed may know the new schemas already: back to the old.
    runner_->InWriter([&](node::Node&) {
      Status restored = assembly_->policy->Reload(catalog_->Get()->schemas().ToJson(), nullptr);
      if (!restored.ok()) log_.Write(TG_LOG_ERROR, "the old schemas are refused too: " + restored.message());
    });
    return status;
  }
  for (const std::string& warning : warnings) log_.Write(TG_LOG_WARNING, warning);
  for (const std::string& line : checked) log_.Write(TG_LOG_INFO, line);
  if (std::string sections = ChangedForTheNextStart(old, config); !sections.empty())
    log_.Write(TG_LOG_WARNING, "changed in the configuration: " + sections + "; that takes effect at the next start");
  log_.SetLevel(LogNumber(config.log_level));
  old.log_level = config.log_level;
  old.schemas = std::move(config.schemas);
  old.policies = std::move(config.policies);
  return Status::Ok();
}

}  // namespace tidegate::daemon
