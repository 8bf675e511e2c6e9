// Commands about the node as a whole: sync, verify, quarantine, agent adopt, backup.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "host/base/ids.h"
#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/table.h"
#include "host/config/quantity.h"

namespace tidegate::cli {
namespace {

int Sync(const Arguments& arguments) {
  std::string to = arguments.Get("--to", "server");
  if (to != "hop" && to != "server")
    return FailUsage(Status::Invalid("--to must be hop or server, not \"" + to + "\""));
  bool wait = arguments.Has("--wait") || arguments.Has("--to");
  Result<int64_t> timeout = ParseDurationMs(arguments.Get("--timeout", "60s"));
  if (!timeout.ok()) return FailUsage(timeout.status().At("--timeout"));
  Json request = {{"wait", wait ? to : "none"}, {"timeout_ms", *timeout}};
  Result<Json> answer = Ask(arguments, "POST", "/v1/sync", ToText(request));
  if (!answer.ok()) return Fail(answer.status());
  if (arguments.json()) {
    PrintJson(*answer);
  } else if (wait) {
    std::printf("all that was written before is durable at the %s\n", to == "hop" ? "neighbour" : "server");
  } else {
    std::printf("sending what waits\n");
  }
  return kExitOk;
}

int Verify(const Arguments& arguments) {
  Result<Json> answer = Ask(arguments, "GET", "/v1/verify");
  if (!answer.ok()) return Fail(answer.status());
  Table table({">owner", "model", ">items", ">tombstones", "digest"});
  for (const Json& scope : answer->value("scopes", Json::array())) {
    if (arguments.json()) {
      PrintJson(scope);
      continue;
    }
    table.Add({std::to_string(Number(scope, "owner")), Text(scope, "model"), Count(Number(scope, "items")),
               Count(Number(scope, "tombstones")), Text(scope, "digest")});
  }
  if (!arguments.json()) table.Print();
  return kExitOk;
}

int Quarantine(const Arguments& arguments) {
  Result<Json> answer = Ask(arguments, "GET", "/v1/quarantine");
  if (!answer.ok()) return Fail(answer.status());
  Table table({"since", ">link", "refused by", "model", ">owner", "key", "reason"});
  for (const Json& entry : answer->value("entries", Json::array())) {
    if (arguments.json()) {
      PrintJson(entry);
      continue;
    }
    table.Add({IsoTime(static_cast<int64_t>(Number(entry, "since_unix_ms"))), std::to_string(Number(entry, "link")),
               entry.value("ours", false) ? "the neighbour" : "us", Text(entry, "model"),
               std::to_string(Number(entry, "owner")), Text(entry, "pk") + " " + Text(entry, "sk"),
               Text(entry, "reason")});
  }
  if (!arguments.json() && !table.empty()) table.Print();
  return kExitOk;
}

int Adopt(const Arguments& arguments) {
  Result<AgentId> agent = ParseAgent(arguments.words()[0]);
  if (!agent.ok()) return FailUsage(agent.status());
  Result<Json> answer = Ask(arguments, "POST", "/v1/agents/" + std::to_string(*agent) + "/adopt");
  if (!answer.ok()) return Fail(answer.status());
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    std::printf("adopted: the replica that now calls itself agent %llu takes the place of the one known before\n",
                static_cast<unsigned long long>(*agent));
  }
  return kExitOk;
}

int Backup(const Arguments& arguments) {
  std::error_code error;
  std::string path = std::filesystem::absolute(arguments.words()[0], error).string();
  if (error) return FailUsage(Status::Invalid(arguments.words()[0] + ": " + error.message()));
  Json request;
  request["path"] = path;
  Result<Json> answer = Ask(arguments, "POST", "/v1/backup", ToText(request));
  if (!answer.ok()) return Fail(answer.status());
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    std::printf("backed up to %s\n", path.c_str());
  }
  return kExitOk;
}

}  // namespace

Command SyncCommand() {
  return {"sync",
          "",
          "sends what waits at once, and waits until it has arrived",
          {{"--wait", "", "wait until all that was written before is durable there"},
           {"--to", "WHERE", "with --wait: hop (the neighbours) or server (default)"},
           {"--timeout", "TIME", "how long to wait at most; 60s if not said"}},
          "The exit code is 5 if it is not there in time; nothing is lost then, and it goes on.\n\n"
          "example:\n  tidegate put Fault id=f1 severity=high && tidegate sync --wait --to server --timeout 10s\n",
          0,
          0,
          Sync};
}

Command VerifyCommand() {
  return {"verify",
          "",
          "prints a digest of each scope, to compare with another node's",
          {},
          "A scope is a model and an owner. Two nodes that hold the same states of it, tombstones included,\n"
          "print the same digest; docs/format/digest.md tells how to compute one by hand.\n\n"
          "example:\n  diff <(tidegate verify --api a.sock) <(tidegate verify --api b.sock)\n",
          0,
          0,
          Verify};
}

Command QuarantineCommand() {
  return {"quarantine list",
          "",
          "lists items that were refused, and why",
          {},
          "example:\n  tidegate quarantine list --json | jq .reason\n",
          0,
          0,
          Quarantine};
}

Command AdoptCommand() {
  return {"agent adopt",
          "AGENT",
          "lets a replaced child take the place of the one known before",
          {},
          "A child whose replica is new for its agent id is refused, since it may be a copy. This allows it.\n\n"
          "example:\n  tidegate agent adopt 4711\n",
          1,
          1,
          Adopt};
}

Command BackupCommand() {
  return {"backup",
          "FILE",
          "writes a copy of the replica while the daemon runs",
          {},
          "The daemon writes the file, as its own user.\n\n"
          "example:\n  tidegate backup /var/lib/tidegate/backup-$(date +%F).db\n",
          1,
          1,
          Backup};
}

}  // namespace tidegate::cli
