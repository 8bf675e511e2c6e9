// tidegate plugin list and info: what plugins say of themselves, read from their files; none of their
// code runs, and no daemon is needed.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/table.h"
#include "host/config/config.h"
#include "host/config/installation.h"
#include "host/plugin/note.h"

namespace tidegate::cli {
namespace {

Json NoteToJson(const std::string& path, const plugin::PluginNote& note) {
  Json json = {{"file", path},
               {"id", note.id},
               {"kind", note.kind},
               {"version", note.version},
               {"abi", std::to_string(note.abi_major) + "." + std::to_string(note.abi_minor)},
               {"host_minor_min", note.host_minor_min}};
  Json schema = Json::parse(note.schema_json, nullptr, false);
  json["config_schema"] = schema.is_discarded() ? Json() : schema;
  return json;
}

Result<std::string> Directory(const Arguments& arguments) {
  if (!arguments.words().empty()) return arguments.words()[0];
  if (arguments.Has("--config")) {
    TG_ASSIGN_OR_RETURN(Config config, LoadConfig(arguments.Get("--config")));
    return config.plugin_dir;
  }
  return InstalledPluginDir();
}

int List(const Arguments& arguments) {
  Result<std::string> directory = Directory(arguments);
  if (!directory.ok()) return Fail(directory.status());
  std::error_code error;
  std::vector<std::string> paths;
  for (std::filesystem::directory_iterator at(*directory, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".so") paths.push_back(at->path().string());
  }
  if (error)
    return Fail(tidegate::Status::NotFound("cannot read the plugin directory " + *directory + ": " + error.message()));
  std::sort(paths.begin(), paths.end());
  Table table({"id", "kind", "version", "abi", "file"});
  int exit_code = kExitOk;
  for (const std::string& path : paths) {
    Result<plugin::PluginNote> note = plugin::ReadPluginNote(path);
    if (!note.ok()) {
      exit_code = Fail(note.status());
    } else if (arguments.json()) {
      PrintJson(NoteToJson(path, *note));
    } else {
      table.Add({note->id, note->kind, note->version,
                 std::to_string(note->abi_major) + "." + std::to_string(note->abi_minor), path});
    }
  }
  if (!table.empty()) table.Print();
  return exit_code;
}

int Info(const Arguments& arguments) {
  const std::string& path = arguments.words()[0];
  Result<plugin::PluginNote> note = plugin::ReadPluginNote(path);
  if (!note.ok()) return Fail(note.status());
  Json json = NoteToJson(path, *note);
  if (arguments.json()) {
    PrintJson(json);
    return kExitOk;
  }
  Table table({"", ""});
  table.Add({"file", path});
  table.Add({"id", note->id});
  table.Add({"kind", note->kind});
  table.Add({"version", note->version});
  table.Add({"built for ABI", Text(json, "abi") + ", runs with a host of " + std::to_string(note->abi_major) + "." +
                                  std::to_string(note->host_minor_min) + " or later"});
  table.Print(false);
  if (note->schema_json.empty()) {
    std::printf("takes no configuration\n");
  } else {
    std::printf("configuration, as JSON Schema:\n%s\n",
                json["config_schema"].dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  }
  return kExitOk;
}

}  // namespace

Command PluginListCommand() {
  return {"plugin list",
          "[DIRECTORY]",
          "lists the plugins of a directory without running them",
          {},
          "DIRECTORY is plugin_dir of --config if that is given, else that of the installation.\n\n"
          "example:\n  tidegate plugin list\n",
          0,
          1,
          List};
}

Command PluginInfoCommand() {
  return {"plugin info",
          "FILE",
          "shows what a plugin says of itself, without running it",
          {},
          "example:\n  tidegate plugin info ./transport-mqtt.so\n",
          1,
          1,
          Info};
}

}  // namespace tidegate::cli
