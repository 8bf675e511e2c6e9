// tidegate: the command that speaks to a running tidegated, and looks at plugins.
#include <algorithm>
#include <cstdio>

#include "host/base/spelling.h"
#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "tidegate/version.h"

namespace tidegate::cli {

std::vector<Command> AllCommands() {
  return {PutCommand(),
          GetCommand(),
          FindCommand(),
          RemoveCommand(),
          TransactionCommand(),
          WatchCommand(),
          SyncCommand(),
          StatusCommand(),
          VerifyCommand(),
          QuarantineListCommand(),
          QuarantineShowCommand(),
          QuarantineRetryCommand(),
          QuarantineDropCommand(),
          ConflictsListCommand(),
          ConflictsShowCommand(),
          ConflictsRestoreCommand(),
          CommandListCommand(),
          CommandRunCommand(),
          AdoptCommand(),
          RenewCommand(),
          LevelSetCommand(),
          LevelResetCommand(),
          LinkListCommand(),
          LinkOnCommand(),
          LinkOffCommand(),
          LinkSyncCommand(),
          ClearCommand(),
          BackupCommand(),
          RestoreCommand(),
          LossesListCommand(),
          LossesConfirmCommand(),
          PluginListCommand(),
          PluginInfoCommand()};
}

namespace {

std::string Help(const std::vector<Command>& commands) {
  std::string text =
      "usage: tidegate COMMAND [arguments] [options]\n\n"
      "Speaks to a running tidegated over its Unix socket, and looks at plugins.\n\ncommands:\n";
  for (const Command& command : commands) {
    std::string left = command.name + " " + command.arguments;
    text += "  " + left + (left.size() < 34 ? std::string(34 - left.size(), ' ') : "\n" + std::string(36, ' ')) +
            command.summary + "\n";
  }
  text +=
      "  version                           the version of this command\n\n"
      "`tidegate COMMAND --help` tells more, with an example.\n\n"
      "The daemon is found by --api PATH, else TIDEGATE_API, else api.socket of --config FILE,\n"
      "else /run/tidegate/api.sock.\n\n"
      "exit codes: 0 done, 1 failed, 2 wrong command line, 3 daemon not reachable, 4 not found,\n"
      "5 not in time, 6 sync: not all is there, 7 verify: different\n";
  return text;
}

// Options of no command's own may stand before the command; they move behind it.
std::vector<std::string> CommandFirst(const std::vector<std::string>& words) {
  std::vector<std::string> before;
  size_t i = 0;
  while (i < words.size() && words[i].starts_with("--") && words[i] != "--help" && words[i] != "--version") {
    bool takes = (words[i] == "--api" || words[i] == "--config") && i + 1 < words.size();
    before.push_back(words[i++]);
    if (takes) before.push_back(words[i++]);
  }
  std::vector<std::string> ordered(words.begin() + static_cast<ptrdiff_t>(i), words.end());
  // What follows "--" is not for us.
  ordered.insert(std::find(ordered.begin(), ordered.end(), "--"), before.begin(), before.end());
  return ordered;
}

int UnknownCommand(const std::string& word, const std::vector<Command>& commands) {
  std::vector<std::string> known = {"version", "help"};
  for (const Command& command : commands) known.push_back(command.name);
  std::string nearest = NearestName(word, known);
  return FailUsage(
      Status::Invalid("unknown command \"" + word + "\"" +
                      (nearest.empty() ? "; see tidegate --help" : "; did you mean \"" + nearest + "\"?")));
}

// `tidegate plugin --help`: the commands that begin with this word.
std::string GroupHelp(const std::string& group, const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands) {
    if (!command.name.starts_with(group + " ")) continue;
    text += (text.empty() ? "" : "\n") + CommandHelp(command);
  }
  return text;
}

int Main(const std::vector<std::string>& given) {
  std::vector<Command> commands = AllCommands();
  std::vector<std::string> words = CommandFirst(given);
  const auto ours = std::find(words.begin(), words.end(), "--");
  if (std::find(words.begin(), ours, "--json") != ours) SayErrorsInJson();
  if (words.empty()) {
    std::fputs(Help(commands).c_str(), stderr);
    return kExitUsage;
  }
  if (words[0] == "--help" || words[0] == "-h" || (words[0] == "help" && words.size() == 1)) {
    std::fputs(Help(commands).c_str(), stdout);
    return kExitOk;
  }
  if (words[0] == "version" || words[0] == "--version") {
    std::printf("tidegate %s (plugin ABI %d.%d)\n", TG_VERSION_STRING, TG_ABI_MAJOR, TG_ABI_MINOR);
    return kExitOk;
  }
  if (words[0] == "help") {
    words.erase(words.begin());
    words.push_back("--help");
  }
  for (size_t parts : {2u, 1u}) {
    if (words.size() < parts) continue;
    std::string name = parts == 2 ? words[0] + " " + words[1] : words[0];
    for (const Command& command : commands) {
      if (command.name != name) continue;
      std::vector<std::string> rest(words.begin() + static_cast<ptrdiff_t>(parts), words.end());
      Result<Arguments> arguments = Arguments::Parse(command, rest);
      if (!arguments.ok()) return FailUsage(arguments.status());
      if (arguments->Has("--help")) {
        std::fputs(CommandHelp(command).c_str(), stdout);
        return kExitOk;
      }
      return command.run(*arguments);
    }
  }
  // "plugin" alone, or with options only; "plugin lst": name the whole command.
  const std::string help = GroupHelp(words[0], commands);
  if (!help.empty() && (words.size() == 1 || words[1].starts_with("-"))) {
    const bool asked = std::find(words.begin(), words.end(), "--help") != words.end() || words.back() == "-h";
    std::fputs(help.c_str(), asked ? stdout : stderr);
    return asked ? kExitOk : kExitUsage;
  }
  return UnknownCommand(!help.empty() && words.size() > 1 ? words[0] + " " + words[1] : words[0], commands);
}

}  // namespace
}  // namespace tidegate::cli

int main(int argc, char** argv) {
  int exit_code = tidegate::cli::Main({argv + 1, argv + argc});
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::perror("tidegate: stdout");
    return exit_code != 0 ? exit_code : tidegate::cli::kExitFailed;
  }
  return exit_code;
}
