// tidegate watch: changes as they are committed.
#include <chrono>
#include <cstdio>

#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/fields.h"
#include "host/cli/table.h"

namespace tidegate::cli {
namespace {

using Steady = std::chrono::steady_clock;

// Heartbeats come every 15 seconds; a daemon that is silent for longer is stuck.
constexpr int64_t kSilenceMsMax = 60'000;

std::string From(const Json& change) {
  auto from = change.find("from");
  if (from == change.end()) return "?";
  return from->is_string() ? from->get<std::string>() : "agent " + ToText(*from);
}

void PrintChange(const Json& change) {
  int64_t unix_ms =
      static_cast<int64_t>(std::strtoull(Text(change, "version").substr(0, 16).c_str(), nullptr, 16) >> 16);
  std::string what;
  if (change.contains("item")) {
    what = ToText(change["item"]);
  } else if (change.contains("key")) {
    what = Text(change["key"], "pk") + " " + Text(change["key"], "sk");
  }
  std::printf("%s  %-6s  %-12s  owner %llu  seq %llu  from %-9s  %s\n", IsoTime(unix_ms).c_str(),
              Text(change, "op").c_str(), Printable(Text(change, "model")).c_str(),
              static_cast<unsigned long long>(Number(change, "owner")),
              static_cast<unsigned long long>(Number(change, "seq")), From(change).c_str(), Printable(what).c_str());
}

struct Limits {
  uint64_t changes = UINT64_MAX;
  int64_t timeout_ms = -1;
};

int Stream(HttpClient& client, const Arguments& arguments, const Limits& limits) {
  auto start = Steady::now();
  uint64_t seen = 0;
  std::string event;
  while (seen < limits.changes) {
    int64_t wait = kSilenceMsMax;
    if (limits.timeout_ms >= 0) {
      int64_t gone = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - start).count();
      if (gone >= limits.timeout_ms) return limits.changes == UINT64_MAX ? kExitOk : kExitTimeout;
      wait = std::min(wait, limits.timeout_ms - gone);
    }
    Result<std::optional<std::string>> line = client.ReceiveLine(wait);
    if (!line.ok() && line.status().code() == Code::kTimeout && wait < kSilenceMsMax) continue;
    if (!line.ok()) return Fail(line.status());
    if (!line->has_value()) return Fail(Status::Unavailable("the daemon ended the stream"));
    const std::string& text = **line;
    if (text.starts_with("event: ")) event = text.substr(7);
    if (!text.starts_with("data: ")) continue;
    if (event == "overrun") return Fail(Status::Full("this watch was too slow and has missed changes; find again"));
    if (event == "stop") return Fail(Status::Unavailable("the daemon is stopping"));
    if (event == "ready" && arguments.Has("--ready")) std::fprintf(stderr, "watching\n");
    if (event != "change") continue;
    Json change = Json::parse(text.substr(6), nullptr, false);
    if (!change.is_object()) return Fail(Status::Corrupt("the daemon sent what is no JSON object"));
    if (arguments.json()) {
      std::printf("%s\n", text.c_str() + 6);
    } else {
      PrintChange(change);
    }
    // A pipe must see each change when it happens; a closed one ends the watch.
    if (std::fflush(stdout) != 0) return kExitFailed;
    seen++;
  }
  return kExitOk;
}

int Watch(const Arguments& arguments) {
  Limits limits;
  Result<uint64_t> count = arguments.GetUnsigned("--count", UINT64_MAX);
  if (!count.ok()) return FailUsage(count.status());
  limits.changes = *count;
  if (arguments.Has("--timeout")) {
    Result<int64_t> timeout = arguments.GetDurationMs("--timeout", "");
    if (!timeout.ok()) return FailUsage(timeout.status());
    limits.timeout_ms = *timeout;
  }
  Json agents;
  Status owner = SetAgent(arguments, "--owner", "owner", &agents);
  if (!owner.ok()) return FailUsage(owner);
  std::string target = "/v1/watch?hidden=";
  target += arguments.Has("--hidden") ? "1" : "0";
  if (!arguments.words().empty()) target += "&model=" + PercentEncode(arguments.words()[0]);
  if (agents.contains("owner")) target += "&owner=" + agents["owner"].dump();

  Result<HttpClient> client = ConnectToDaemon(arguments);
  if (!client.ok()) return Fail(client.status());
  Status sent = client->Send("GET", target);
  if (!sent.ok()) return Fail(sent);
  Result<int> status = client->ReceiveHead();
  if (!status.ok()) return Fail(status.status());
  if (*status == 200) return Stream(*client, arguments, limits);
  HttpAnswer answer{*status, ""};
  while (true) {
    Result<std::optional<std::string>> line = client->ReceiveLine(-1);
    if (!line.ok() || !line->has_value()) break;
    answer.body += **line;
  }
  Result<Json> error = ParseAnswer(answer);
  return Fail(error.ok() ? Status::Internal("the daemon answered " + std::to_string(*status)) : error.status());
}

}  // namespace

Command WatchCommand() {
  return {"watch",
          "[MODEL]",
          "prints every change as it is committed, and where it came from",
          {{"--owner", "AGENT", "only items of this owner"},
           {"--count", "N", "end after N changes"},
           {"--timeout", "TIME", "end after this time; with --count that is exit code 5"},
           {"--hidden", "", "items with pk, sk and the other hidden fields"},
           {"--ready", "", "say \"watching\" on stderr from when on no change is missed"}},
          "The time is that of the write, at its writer. \"from local\" was written at this node, \"from agent\n"
          "7\" came over the link with neighbour 7. A put is a new or changed item, remove a delete, evict an\n"
          "item that is no longer this node's. Ends with Ctrl-C.\n\n"
          "example:\n  tidegate watch Fault --json | jq .item\n",
          0,
          1,
          Watch};
}

}  // namespace tidegate::cli
