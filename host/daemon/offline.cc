// What the daemon does to its replica instead of running on it: `tidegate restore`, `tidegate agent renew`.
#include "host/node/offline.h"

#include <ctime>
#include <filesystem>

#include "host/daemon/daemon.h"

namespace tidegate::daemon {
namespace {

constexpr uint64_t kStorageStopMs = 10'000;

// For the names of files: 20260102T030405Z.
std::string TimeName(int64_t unix_ms) {
  std::time_t seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
  return text;
}

}  // namespace

Status Daemon::OnReplica(const std::function<Status(plugin::PluginStorage&)>& act) {
  plugin::PluginStorage& storage = *assembly_->storage;
  TG_RETURN_IF_ERROR(storage.Start(RandomReplica(random_), about_.epoch));
  Status acted = act(storage);
  Status stopped = storage.Stop(kStorageStopMs);
  return acted.ok() ? stopped : acted;
}

Status Daemon::Restore(const std::string& file, std::string* said) {
  std::error_code error;
  const std::string path = std::filesystem::absolute(file, error).string();
  if (error) return Status::Invalid(file + ": " + error.message());
  if (std::filesystem::is_directory(path, error))
    return Status::Invalid(path + " is a directory; name the file that 'tidegate backup' wrote");
  const std::string suffix = ".before-" + TimeName(clock_.unix_ms());
  const auto role = static_cast<uint32_t>(assembly_->config.node.role);
  plugin::PluginStorage& storage = *assembly_->storage;
  TG_RETURN_IF_ERROR(storage.Restore(path, suffix));
  Status noted =
      OnReplica([&](core::Storage& replica) { return node::NoteRestored(replica, assembly_->agent, role, path); });
  if (!noted.ok()) {
    Status back = storage.Restore("", suffix);
    if (back.code() == Code::kNotFound) return noted;  // there was none before
    if (back.ok()) return noted;
    return {noted.code(), noted.message() + "; and the replica before could not be put back, its files end in " +
                              suffix + ": " + back.message()};
  }
  *said = "restored from " + path + "; the replica before is kept, its files end in " + suffix +
          ". Start tidegated: it tells its neighbours, and they send what it lacks";
  return Status::Ok();
}

Status Daemon::Renew(AgentId wanted, std::string* said) {
  AgentId renewed = wanted != 0 ? wanted : random_.Next() % (kAgentMax - 1) + 2;
  const auto role = static_cast<uint32_t>(assembly_->config.node.role);
  TG_RETURN_IF_ERROR(
      OnReplica([&](core::Storage& replica) { return node::NoteRenewed(replica, assembly_->agent, role, renewed); }));
  *said = "from its next start on this node is agent " + std::to_string(renewed) +
          ": it writes its own items anew as that agent's. Its broker account and certificate have to be that "
          "agent's too";
  return Status::Ok();
}

}  // namespace tidegate::daemon
