#include "host/daemon/command_line.h"

#include "host/base/ids.h"
#include "host/base/spelling.h"

namespace tidegate::daemon {

Result<CommandLine> ParseCommandLine(const std::vector<std::string>& words) {
  CommandLine line;
  for (size_t i = 0; i < words.size(); i++) {
    const std::string& word = words[i];
    if (word == "--check") {
      line.check = true;
    } else if (word == "--foreground") {
      // The only way it runs; accepted so that a unit may say so.
    } else if (word == "--help" || word == "-h") {
      line.help = true;
    } else if (word == "--version") {
      line.version = true;
    } else if (word.starts_with("--config=")) {
      line.config = word.substr(9);
    } else if (word == "--config" || word == "--restore" || word == "--renew") {
      if (i + 1 == words.size() || words[i + 1].empty())
        return Status::Invalid(word + " needs a value: " + word + (word == "--renew" ? " AGENT|new" : " FILE"));
      (word == "--config" ? line.config : word == "--restore" ? line.restore : line.renew) = words[++i];
    } else {
      std::string nearest =
          NearestName(word, {"--config", "--check", "--foreground", "--help", "--renew", "--restore", "--version"});
      return Status::Invalid("unknown argument \"" + word + "\"" +
                             (nearest.empty() ? "; see tidegated --help" : "; did you mean " + nearest + "?"));
    }
  }
  const Result<AgentId> agent = ParseAgent(line.renew);
  if (!line.renew.empty() && line.renew != "new" && (!agent.ok() || *agent <= kAgentServer))
    return Status::Invalid("--renew needs an agent id, 2 or more, or new");
  if (line.check + !line.restore.empty() + !line.renew.empty() > 1)
    return Status::Invalid("--check, --restore and --renew: one at a time");
  if (line.config.empty()) return Status::Invalid("--config needs the name of a file");
  return line;
}

const char* HelpText() {
  return "usage: tidegated [--config FILE] [--check | --restore FILE | --renew AGENT]\n"
         "\n"
         "The Tidegate daemon: holds a replica and keeps it in sync with its neighbours. It stays in the\n"
         "foreground and logs to stderr; systemd runs it so.\n"
         "\n"
         "options:\n"
         "  --config FILE  the configuration; /etc/tidegate/tidegate.yaml if not said\n"
         "  --check        do everything up to and including each plugin's create, say what was checked,\n"
         "                 and end: with 0, or with 78 if something is wrong\n"
         "  --restore FILE put a backup in the place of the replica, and end (tidegate restore)\n"
         "  --renew AGENT  give the node another agent id, and end (tidegate agent renew)\n"
         "  --foreground   accepted; there is no other way\n"
         "  --version      the version\n"
         "  --help         this help\n"
         "\n"
         "signals: SIGTERM, SIGINT stop it in order; SIGHUP reads schemas and policies anew, and keeps the\n"
         "old ones if the new ones are wrong.\n"
         "exit codes: 0 stopped in order, 1 failed while running, 74 the storage failed,\n"
         "78 the configuration is wrong\n"
         "\n"
         "examples:\n"
         "  tidegated --config /etc/tidegate/tidegate.yaml --check\n"
         "  tidegated --config ./gateway.yaml\n";
}

}  // namespace tidegate::daemon
