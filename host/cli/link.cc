// tidegate link, clear: the live list of links, switching them, moving on demand, dropping what has arrived.
#include <chrono>
#include <cstdio>
#include <set>
#include <thread>

#include "host/base/ids.h"
#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/table.h"

namespace tidegate::cli {
namespace {

// What compression leaves of 100 bytes.
std::string Ratio(uint64_t bytes, uint64_t plain) {
  if (plain == 0) return "-";
  return std::to_string((bytes * 100 + plain / 2) / plain) + " %";
}

std::string Disconnect(const Json& link) {
  std::string reason = Text(link, "last_disconnect");
  if (reason.empty()) return "-";
  return IsoTime(static_cast<int64_t>(Number(link, "last_disconnect_unix_ms"))) + " " + reason;
}

std::string Verified(const Json& link) {
  const Json verify = link.value("verify", Json::object());
  if (!Text(verify, "state").empty()) return Text(verify, "state") + " " + Count(Number(verify, "rows")) + " rows";
  const Json last = verify.value("last", Json());
  if (!last.is_object()) return "-";
  uint64_t differed = Number(last, "missing_here") + Number(last, "missing_there") + Number(last, "differing");
  return IsoTime(static_cast<int64_t>(Number(last, "ended_unix_ms"))) +
         (differed == 0 ? " equal" : " " + Count(differed) + " differed");
}

int List(const Arguments& arguments) {
  Result<Json> answer = Ask(arguments, "GET", "/v1/links");
  if (!answer.ok()) return Fail(answer.status());
  Table table({"side", ">agent", "state", ">pending", ">sent", ">left of it", ">received", ">left of it", "address",
               "verified", "last disconnect"});
  for (const Json& link : answer->value("links", Json::array())) {
    if (arguments.json()) {
      PrintJson(link);
      continue;
    }
    std::string state = Text(link, "state");
    if (link.value("stalled", false)) state += ", stalled";
    table.Add({link.value("is_parent", false) ? "parent" : "child", std::to_string(Number(link, "agent")), state,
               Count(Number(link, "pending_changes")), Bytes(Number(link, "bytes_sent")),
               Ratio(Number(link, "bytes_sent"), Number(link, "plain_bytes_sent")),
               Bytes(Number(link, "bytes_received")),
               Ratio(Number(link, "bytes_received"), Number(link, "plain_bytes_received")), Text(link, "address"),
               Verified(link), Disconnect(link)});
  }
  if (!arguments.json() && !table.empty()) table.Print();
  return kExitOk;
}

Result<Json> Switch(const Arguments& arguments, const std::string& agent, const char* to) {
  Result<Json> answer = Ask(arguments, "POST", "/v1/links/" + agent + "/" + to);
  if (!answer.ok()) return answer;
  if (arguments.json()) {
    PrintJson(*answer);
  } else if (agent == "all") {
    std::printf("all links are switched %s, also after a restart\n", to);
  } else {
    for (const Json& one : answer->value("agents", Json::array())) {
      std::printf("the link to agent %llu is switched %s, also after a restart\n",
                  static_cast<unsigned long long>(one.get<uint64_t>()), to);
    }
  }
  return answer;
}

// Until each of these links is up.
int WaitUntilUp(const Arguments& arguments, const std::set<uint64_t>& agents, int64_t timeout_ms) {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (true) {
    Result<Json> answer = Ask(arguments, "GET", "/v1/links");
    if (!answer.ok()) return Fail(answer.status());
    std::string missing;
    for (const Json& link : answer->value("links", Json::array())) {
      if (Text(link, "state") == "up" || !agents.contains(Number(link, "agent"))) continue;
      std::string error = Text(link, "last_error");
      missing += (missing.empty() ? "" : "; ") + ("agent " + std::to_string(Number(link, "agent"))) + " is " +
                 Text(link, "state") + (error.empty() ? "" : ", " + error);
    }
    if (missing.empty()) return kExitOk;
    if (steady_clock::now() >= deadline) return Fail(tidegate::Status::Timeout("not connected yet: " + missing));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

const std::vector<std::string> kSwitchWords = {"parent", "children", "all"};

int On(const Arguments& arguments) {
  Result<std::string> agent = AgentWord(arguments.words()[0], kSwitchWords);
  if (!agent.ok()) return FailUsage(agent.status());
  Result<int64_t> timeout = arguments.GetDurationMs("--timeout", "60s");
  if (!timeout.ok()) return FailUsage(timeout.status());
  Result<Json> answer = Switch(arguments, *agent, "on");
  if (!answer.ok()) return Fail(answer.status());
  if (!arguments.Has("--wait")) return kExitOk;
  std::set<uint64_t> agents;
  for (const Json& one : answer->value("agents", Json::array())) agents.insert(one.get<uint64_t>());
  return WaitUntilUp(arguments, agents, *timeout);
}

int Off(const Arguments& arguments) {
  Result<std::string> agent = AgentWord(arguments.words()[0], kSwitchWords);
  if (!agent.ok()) return FailUsage(agent.status());
  Result<Json> answer = Switch(arguments, *agent, "off");
  return answer.ok() ? kExitOk : Fail(answer.status());
}

int Sync(const Arguments& arguments) {
  Result<std::string> agent =
      AgentWord(arguments.words().empty() ? "all" : arguments.words()[0], {"parent", "children", "self", "all"});
  if (!agent.ok()) return FailUsage(agent.status());
  Result<int64_t> timeout = arguments.GetDurationMs("--timeout", "60s");
  if (!timeout.ok()) return FailUsage(timeout.status());
  const bool both = !arguments.Has("--push") && !arguments.Has("--pull");
  const bool wait = arguments.Has("--wait");
  Json request = {{"push", both || arguments.Has("--push")},
                  {"pull", both || arguments.Has("--pull")},
                  {"subtree", arguments.Has("--subtree")},
                  {"compare", arguments.Has("--compare")},
                  {"wait", wait},
                  {"timeout_ms", *timeout}};
  Result<Json> answer = cli::Ask(arguments, "POST", "/v1/links/" + *agent + "/sync", ToText(request));
  if (!answer.ok()) return Fail(answer.status());
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    std::printf("%s\n", wait ? "done: what waited is durable where it was to go" : "under way");
  }
  return kExitOk;
}

int Clear(const Arguments& arguments) {
  Result<std::string> agent = AgentWord(arguments.words()[0], {"self", "all"});
  if (!agent.ok()) return FailUsage(agent.status());
  std::string at = arguments.Get("--at", "server");
  if (at != "hop" && at != "server")
    return FailUsage(Status::Invalid("--at must be hop or server, not \"" + at + "\""));
  Json request = {{"agent", *agent}, {"at", at}};
  if (arguments.words().size() > 1) request["model"] = arguments.words()[1];
  Result<Json> answer = Ask(arguments, "POST", "/v1/clear", ToText(request));
  if (!answer.ok()) return Fail(answer.status());
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    const uint64_t cleared = Number(*answer, "cleared");
    std::printf("%s cleared here; %s at the %s\n", (Count(cleared) + (cleared == 1 ? " item" : " items")).c_str(),
                cleared == 1 ? "it is" : "they are", at == "hop" ? "parent" : "server");
  }
  return kExitOk;
}

}  // namespace

Command ClearCommand() {
  return {"clear",
          "AGENT [MODEL]",
          "drops here what has arrived above: items that go up",
          {{"--at", "WHERE", "where they have to be: server (default) or hop, the parent"}},
          "AGENT is whose items are dropped: a number, self or all. What has not arrived, or was refused, stays; so "
          "does everything that\n"
          "goes down or both ways. Nothing is removed anywhere else.\n\n"
          "example:\n  tidegate clear 4711 Reading\n",
          1,
          2,
          Clear};
}

Command LinkListCommand() {
  return {"link list",
          "",
          "the links: state, bytes, compression, why they ended last",
          {},
          "\"left of it\" is what compression left of what was to be sent.\n\n"
          "example:\n  tidegate link list --json | jq '{agent, state, bytes_sent, last_disconnect}'\n",
          0,
          0,
          List};
}

Command LinkOnCommand() {
  return {"link on",
          "AGENT",
          "switches the link to a neighbour on again",
          {{"--wait", "", "until it is connected"}, {"--timeout", "TIME", "how long to wait at most; 60s if not said"}},
          "AGENT is a number, parent, children or all: the node's, without those that are off by themselves. The exit\n"
          "code is 5 if it is not connected in time; it goes on trying.\n\n"
          "example:\n  tidegate link on parent --wait --timeout 10s\n",
          1,
          1,
          On};
}

Command LinkOffCommand() {
  return {"link off",
          "AGENT",
          "switches the link to a neighbour off, until it is switched on",
          {},
          "Nothing is lost: what is for it waits. A parent that is switched off is not spoken to; a child that is\n"
          "switched off is refused, and asks again from time to time. AGENT is a number, parent, children (those that\n"
          "are known) or all: then nobody is spoken to, whoever comes.\n\n"
          "example:\n  tidegate link off parent\n",
          1,
          1,
          Off};
}

Command LinkSyncCommand() {
  return {"link sync",
          "[AGENT|parent|children|self|all]",
          "moves now what waits: to and from a neighbour, or one beyond it",
          {{"--push", "", "only from here to there"},
           {"--pull", "", "only from there to here"},
           {"--subtree", "", "and everything below it; not of what is above this node"},
           {"--compare", "", "also compare everything on the way, and mend what differs"},
           {"--wait", "", "until it is durable where it was to go"},
           {"--timeout", "TIME", "how long to wait at most; 60s if not said"}},
          "AGENT may be any agent below, the parent, or 1, the server; all, the default, are the neighbours, children\n"
          "those below; self with --subtree is everything below. The exit\n"
          "code is 5 if it is not done in time; nothing is lost then, and it goes on.\n\n"
          "example:\n  tidegate link sync 4711 --pull --wait --timeout 10s\n",
          0,
          1,
          Sync};
}

}  // namespace tidegate::cli
