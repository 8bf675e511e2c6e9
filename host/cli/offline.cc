// Commands that act on a replica while no daemon runs on it: restore, agent renew. The daemon's program does it, which
// knows how to open the replica; it lies beside this one.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "host/base/ids.h"
#include "host/cli/commands.h"
#include "host/cli/daemon.h"

namespace tidegate::cli {
namespace {

constexpr int kConfigIsWrong = 78;  // of tidegated

// What it says on stdout; its stderr is ours.
Result<std::string> RunDaemonProgram(const Arguments& arguments, std::vector<std::string> words) {
  std::error_code error;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  std::string program = (self.parent_path() / "tidegated").string();
  if (error || access(program.c_str(), X_OK) != 0)
    return tidegate::Status::NotFound(program + ": not there; this command needs the daemon's program beside it");
  if (arguments.Has("--config")) words.insert(words.begin(), {"--config", arguments.Get("--config")});
  words.insert(words.begin(), program);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int out[2];
  if (pipe(out) != 0) return tidegate::Status::Io("cannot make a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, out[0]);
  posix_spawn_file_actions_addclose(&actions, out[1]);
  pid_t child = 0;
  int spawned = posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t size; spawned == 0 && (size = read(out[0], buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<size_t>(size));
  close(out[0]);
  int status = 0;
  if (spawned != 0 || waitpid(child, &status, 0) != child) return tidegate::Status::Io("cannot run " + program);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return said;
  bool config = WIFEXITED(status) && WEXITSTATUS(status) == kConfigIsWrong;
  return tidegate::Status::Refused(config ? "the configuration is wrong, nothing was done" : "nothing was done");
}

int Say(const Arguments& arguments, const Result<std::string>& said) {
  if (!said.ok()) return Fail(said.status());
  if (arguments.json()) {
    Json json;
    json["done"] = said->substr(0, said->find('\n'));
    PrintJson(json);
  } else {
    std::fputs(said->c_str(), stdout);
  }
  return kExitOk;
}

int Restore(const Arguments& arguments) {
  return Say(arguments, RunDaemonProgram(arguments, {"--restore", arguments.words()[0]}));
}

int Renew(const Arguments& arguments) {
  std::string agent = "new";
  if (!arguments.words().empty()) {
    Result<AgentId> wanted = ParseAgent(arguments.words()[0]);
    if (!wanted.ok()) return FailUsage(wanted.status());
    if (*wanted <= kAgentServer)
      return FailUsage(Status::Invalid(std::to_string(*wanted) + " is no new agent id: take a number from 2 to " +
                                       std::to_string(kAgentMax) + " that nobody has, or none for a random one"));
    agent = std::to_string(*wanted);
  }
  return Say(arguments, RunDaemonProgram(arguments, {"--renew", agent}));
}

}  // namespace

Command RestoreCommand() {
  return {"restore",
          "FILE",
          "puts a backup in the place of the replica; the daemon is stopped",
          {},
          "The replica before is kept beside the new one. Stop the daemon first, run this as the daemon's user,\n"
          "start the daemon again: it tells its neighbours that it was restored, they send what it lacks, and what\n"
          "was written here since the backup comes back from wherever it is still held. Nothing is removed.\n\n"
          "example:\n  systemctl stop tidegated && runuser -u tidegate -- tidegate restore "
          "/var/lib/tidegate/backup.db\n",
          1,
          1,
          Restore};
}

Command RenewCommand() {
  return {"agent renew",
          "[AGENT]",
          "gives this node another agent id; the daemon is stopped",
          {},
          "For the newer of two nodes that run on copies of one replica, which its parent refuses. From the next\n"
          "start on it is AGENT, a random number if none is said, whatever node.agent says. Its own items are\n"
          "written anew as the new agent's; what was addressed to the old one is dropped here.\n\n"
          "example:\n  systemctl stop tidegated && runuser -u tidegate -- tidegate agent renew\n",
          0,
          1,
          Renew};
}

}  // namespace tidegate::cli
