#include "host/config/config.h"

#include "host/config/config_reader.h"
#include "host/config/config_schema.h"
#include "host/config/expand.h"
#include "host/config/file.h"
#include "host/config/merge.h"
#include "host/config/schema_check.h"

namespace tidegate {

namespace {

constexpr YamlLimits kLimits = {.bytes_max = 1 << 20, .depth_max = 32, .nodes_max = 10'000, .scalar_bytes_max = 4096};
constexpr size_t kFilesMax = 256;  // in conf.d

Status Together(const std::vector<std::string>& errors) {
  std::string message;
  for (const std::string& error : errors) message += (message.empty() ? "" : "\n") + error;
  return Status::Invalid(message);
}

// What a file that holds more than nothing must be.
Status CheckIsMap(const YamlDocument& document) {
  if (document.json.is_object()) return {};
  return Status::Invalid(document.positions.At("") + ": the file must hold a map, as node: {role: device}");
}

// path and conf.d/*.yaml beside it, merged, as they are written.
Result<YamlDocument> ReadMerged(const std::string& path) {
  TG_ASSIGN_OR_RETURN(YamlDocument document, YamlToJson(path, kLimits));
  TG_RETURN_IF_ERROR(CheckIsMap(document));
  std::string folder = PathFrom(FolderOf(path), "conf.d");
  TG_ASSIGN_OR_RETURN(std::vector<std::string> names, ListFiles(folder, ".yaml"));
  if (names.size() > kFilesMax) {
    return Status::Invalid(folder + ": holds " + std::to_string(names.size()) + " files, the limit is " +
                           std::to_string(kFilesMax) + "; put some together");
  }
  std::vector<std::string> errors;
  for (const std::string& name : names) {
    auto overlay = YamlToJson(folder + "/" + name, kLimits);
    Status status = overlay.ok() && !overlay->json.is_null() ? CheckIsMap(*overlay) : overlay.status();
    if (!status.ok()) {
      errors.push_back(status.message());
    } else {
      MergeOver(document, std::move(overlay).value());
    }
  }
  if (!errors.empty()) return Together(errors);
  return document;
}

}  // namespace

const char* RoleName(Role role) {
  switch (role) {
    case Role::kServer:
      return "server";
    case Role::kRouter:
      return "router";
    case Role::kDevice:
      return "device";
  }
  return "unknown";
}

Result<Config> LoadConfig(const std::string& path, const std::string& default_plugin_dir) {
  TG_ASSIGN_OR_RETURN(YamlDocument document, ReadMerged(path));
  std::vector<std::string> errors;
  ExpandReferences(document, errors);
  if (!errors.empty()) return Together(errors);
  TG_RETURN_IF_ERROR(CheckAgainstSchema(document.json, kConfigSchema, "config.schema.json", document.positions));
  Config config = ReadConfig(document, default_plugin_dir, errors);
  if (!errors.empty()) return Together(errors);
  config.path = path;
  config.positions = std::make_shared<const Positions>(std::move(document.positions));
  return config;
}

Result<std::string> LoadApiSocket(const std::string& path) {
  TG_ASSIGN_OR_RETURN(YamlDocument document, ReadMerged(path));
  nlohmann::ordered_json::json_pointer pointer("/api/socket");
  if (!document.json.contains(pointer)) return ApiConfig().socket;
  // Only this text is expanded: a client need not be able to read the daemon's secrets.
  YamlDocument socket;
  socket.json["api"]["socket"] = document.json.at(pointer);
  socket.positions = document.positions;
  std::vector<std::string> errors;
  ExpandReferences(socket, errors);
  if (!errors.empty()) return Together(errors);
  const auto& value = socket.json.at(pointer);
  if (!value.is_string() || !value.get_ref<const std::string&>().starts_with('/')) {
    return Status::Invalid(document.positions.At("/api/socket") + ": api.socket: must be an absolute path");
  }
  return value.get<std::string>();
}

Result<std::string> CheckPluginConfig(const Config& config, const PluginConfig& plugin, std::string_view schema_text) {
  auto section = nlohmann::ordered_json::parse(plugin.config_json, nullptr, false);
  if (section.is_discarded()) return Status::Internal(plugin.place + ": the config section is not JSON");
  if (schema_text.empty()) return section.dump();
  static const Positions kNowhere;
  TG_RETURN_IF_ERROR(CheckAgainstSchema(section, schema_text, plugin.path,
                                        config.positions ? *config.positions : kNowhere, plugin.pointer));
  return section.dump();
}

}  // namespace tidegate
