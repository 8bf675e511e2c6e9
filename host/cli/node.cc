// Commands about the node as a whole: sync, verify, agent adopt, backup.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>

#include "host/base/ids.h"
#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/table.h"

namespace tidegate::cli {
namespace {

// What a sync excepts: refused items and those that a newer state took the place of.
void PrintExceptions(const Json& answer) {
  if (!answer.is_object()) return;
  Table table({"", "model", ">owner", "key", ">by agent", "why"});
  auto add = [&](const char* list, const char* what, const char* otherwise) {
    for (const Json& entry : answer.value(list, Json::array())) {
      std::string why = Text(entry, "reason");
      table.Add({what, Text(entry, "model"), std::to_string(Number(entry, "owner")),
                 Text(entry, "pk") + " " + Text(entry, "sk"), std::to_string(Number(entry, "by")),
                 !why.empty()             ? why
                 : entry.contains("held") ? "a newer state: " + Text(entry, "held")
                                          : otherwise});
    }
  };
  add("quarantined", "refused", "");
  add("dropped", "dropped", "");
  add("superseded", "superseded", "");
  add("apart", "apart", "a comparison asked for it: the rest of its transaction may show first");
  if (!table.empty()) table.Print();
}

int Sync(const Arguments& arguments) {
  std::string to = arguments.Get("--to", "server");
  if (to != "hop" && to != "server")
    return FailUsage(Status::Invalid("--to must be hop or server, not \"" + to + "\""));
  bool wait = arguments.Has("--wait") || arguments.Has("--to");
  Result<int64_t> timeout = arguments.GetDurationMs("--timeout", "60s");
  if (!timeout.ok()) return FailUsage(timeout.status());
  Json request = {{"wait", wait ? to : "none"}, {"timeout_ms", *timeout}};
  Json so_far;
  Result<Json> answer = Ask(arguments, "POST", "/v1/sync", ToText(request), &so_far);
  if (!answer.ok()) {
    if (!arguments.json()) PrintExceptions(so_far);
    return Fail(answer.status(), so_far);
  }
  if (!wait) {
    arguments.json() ? PrintJson(*answer) : (void)std::printf("sending what waits\n");
    return kExitOk;
  }
  bool complete = answer->value("complete", true);
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    PrintExceptions(*answer);
    if (complete)
      std::printf("all that was written before is durable at the %s\n", to == "hop" ? "neighbour" : "server");
  }
  if (complete) return kExitOk;
  for (const Json& hold : answer->value("held", Json::array())) {
    std::fprintf(stderr, "tidegate: model %s waits at agent %llu (%s): %s; it goes on by itself after that\n",
                 Printable(Text(hold, "model")).c_str(), static_cast<unsigned long long>(Number(hold, "by")),
                 Printable(Text(hold, "reason")).c_str(), Printable(Text(hold, "message")).c_str());
  }
  for (const Json& unknown : answer->value("unknown_agents", Json::array())) {
    const uint64_t items = Number(unknown, "items");
    std::fprintf(
        stderr,
        "tidegate: %s for agent %llu, and nobody knows agent %llu: %s here until it connects; if the number is "
        "wrong, write what is meant anew and remove this\n",
        (Count(items) + (items == 1 ? " item is" : " items are")).c_str(),
        static_cast<unsigned long long>(Number(unknown, "agent")),
        static_cast<unsigned long long>(Number(unknown, "agent")), items == 1 ? "it waits" : "they wait");
  }
  if (uint64_t dropped = Number(*answer, "dropped_count"); dropped != 0) {
    std::fprintf(
        stderr,
        "tidegate: %s dropped before delivery: by hand where it was refused, by a quota, or for its age; what a "
        "quota or age dropped above goes again by itself as long as it is here\n",
        (Count(dropped) + (dropped == 1 ? " item was" : " items were")).c_str());
  }
  uint64_t refused = Number(*answer, "quarantined_count") + Number(*answer, "not_listed");
  if (refused == 0) return kExitNotAllThere;
  std::fprintf(
      stderr,
      "tidegate: %s refused on the way and not at the %s; the rest is. They are kept here: write a version that "
      "is accepted, or change the schema there; 'tidegate quarantine list' shows them\n",
      (Count(refused) + (refused == 1 ? " item was" : " items were")).c_str(), to == "hop" ? "neighbour" : "server");
  return kExitNotAllThere;
}

// Where this node does the comparison; its neighbour does not say.
std::string RowsSoFar(const Arguments& arguments, const std::string& word) {
  Result<Json> answer = Ask(arguments, "GET", "/v1/links");
  if (!answer.ok()) return "";
  for (const Json& link : answer->value("links", Json::array())) {
    if (word != "parent" ? std::to_string(Number(link, "agent")) != word : !link.value("is_parent", false)) continue;
    const Json verify = link.value("verify", Json::object());
    if (!Text(verify, "state").empty()) return ", " + Count(Number(verify, "rows")) + " rows";
  }
  return "";
}

int VerifyLink(const Arguments& arguments, const std::string& word) {
  if (Result<std::string> link = AgentWord(word, {"parent"}); !link.ok()) return FailUsage(link.status());
  Result<int64_t> timeout = arguments.GetDurationMs("--timeout", "10min");
  if (!timeout.ok()) return FailUsage(timeout.status());
  const bool repair = arguments.Has("--repair");
  Json request = {{"repair", repair}, {"timeout_ms", *timeout}};
  auto asked = std::async(std::launch::async,
                          [&] { return Ask(arguments, "POST", "/v1/links/" + word + "/verify", ToText(request)); });
  for (int seconds = 2; asked.wait_for(std::chrono::seconds(2)) == std::future_status::timeout; seconds += 2)
    std::fprintf(stderr, "tidegate: comparing with %s, %d s%s\n", word.c_str(), seconds,
                 RowsSoFar(arguments, word).c_str());
  Result<Json> answer = asked.get();
  if (!answer.ok()) return Fail(answer.status());
  const bool equal = answer->value("equal", false);
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    Table table({"model", ">missing here", ">missing there", ">differing", ">mended"});
    for (const Json& model : answer->value("models", Json::array())) {
      table.Add({Text(model, "model"), Count(Number(model, "missing_here")), Count(Number(model, "missing_there")),
                 Count(Number(model, "differing")), Count(Number(model, "mended"))});
    }
    if (!equal) table.Print();
    std::printf("%s; %s questions, %s sent, %s received, %llu ms\n", equal ? "equal" : "different",
                Count(Number(*answer, "questions")).c_str(), Bytes(Number(*answer, "bytes_sent")).c_str(),
                Bytes(Number(*answer, "bytes_received")).c_str(),
                static_cast<unsigned long long>(Number(*answer, "took_ms")));
  }
  return equal ? kExitOk : kExitDiffers;
}

int Verify(const Arguments& arguments) {
  if (!arguments.words().empty()) return VerifyLink(arguments, arguments.words()[0]);
  if (arguments.Has("--repair")) return FailUsage(Status::Invalid("--repair needs the link that is to be compared"));
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
  return {
      "sync",
      "",
      "sends what waits at once, and waits until it has arrived",
      {{"--wait", "", "wait until all that was written before is durable there"},
       {"--to", "WHERE", "where it is to be: hop (the neighbours) or server (default); it implies --wait"},
       {"--timeout", "TIME", "how long to wait at most; 60s if not said"}},
      "The exit code is 5 if it is not there in time; nothing is lost then, and it goes on. It is 6 if all the\n"
      "rest is there, but something was refused on the way: it is listed with the reason, and who refused it, also\n"
      "when it was dropped there by hand since; or if a quota or its age dropped something before it was delivered;\n"
      "or something at the server is for an agent whom nobody knows.\n"
      "An item whose newer state took its place is listed as superseded, one that came by a comparison and without\n"
      "the rest of its transaction as apart; that is no failure.\n\n"
      "example:\n  tidegate put Fault id=f1 severity=high && tidegate sync --wait --to server --timeout 10s\n",
      0,
      0,
      Sync};
}

Command VerifyCommand() {
  return {
      "verify",
      "[LINK]",
      "compares a link with what both ends should hold; without LINK prints a digest of each scope",
      {{"--repair", "", "also mend what differs, never against a model's direction"},
       {"--timeout", "TIME", "how long to wait at most; 10min if not said"}},
      "LINK is the agent id of a neighbour, or parent. The two ends compare digests, so that traffic follows what\n"
      "differs; without --repair neither is changed. What is on its way, or quarantined, is no difference. Only what\n"
      "a parent that is sure lacks is removed. Exit code: 0 equal, 7 different (also when it was mended), 5 not\n"
      "done in time: what is to be mended goes on.\n\n"
      "A scope is a model and an owner. Two nodes that hold the same states of it, tombstones included,\n"
      "print the same digest; docs/format/digest.md tells how to compute one by hand.\n\n"
      "example:\n  tidegate verify parent || tidegate verify --repair parent\n"
      "  diff <(tidegate verify --api a.sock) <(tidegate verify --api b.sock)\n",
      0,
      1,
      Verify};
}

Command AdoptCommand() {
  return {"agent adopt",
          "AGENT",
          "lets a replaced child take the place of the one known before",
          {},
          "A child whose replica is new for its agent id is refused, since it may be a copy. This allows it: the one\n"
          "that is refused, or, if the child is away, the one that comes next. A child that is connected and that no\n"
          "other is refused for stays: then it is an error.\n\n"
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
