// Commands about what a restored server does not know any more.
#include <cstdio>

#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/fields.h"
#include "host/cli/table.h"

namespace tidegate::cli {
namespace {

int List(const Arguments& arguments) {
  Result<Json> answer = Ask(arguments, "GET", "/v1/losses");
  if (!answer.ok()) return Fail(answer.status());
  Table table({"what", ">told by", ">owner", "model", "key", "lane", "written from", "to"});
  for (const Json& entry : answer->value("entries", Json::array())) {
    if (arguments.json()) {
      PrintJson(entry);
      continue;
    }
    const bool item = Text(entry, "kind") == "item";
    const std::string below = Text(entry, "below").empty() ? "only" : Text(entry, "below");
    table.Add({item ? below + " below" : "lost, but for what came back", std::to_string(Number(entry, "agent")),
               item ? std::to_string(Number(entry, "owner")) : "", item ? Text(entry, "model") : "",
               item ? Text(entry, "pk") + " " + Text(entry, "sk") : "", Text(entry, "lane"),
               IsoTime(static_cast<int64_t>(Number(entry, "from_unix_ms"))),
               IsoTime(static_cast<int64_t>(Number(entry, "to_unix_ms")))});
  }
  if (!arguments.json() && !table.empty()) table.Print();
  return kExitOk;
}

int Confirm(const Arguments& arguments) {
  Result<Json> answer = Ask(arguments, "POST", "/v1/losses/confirm");
  if (!answer.ok()) return Fail(answer.status());
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    std::printf(
        "confirmed: what this server does not hold is removed below, and what it holds is the newest again, as each "
        "node is compared\n");
  }
  return kExitOk;
}

}  // namespace

Command LossesListCommand() {
  return {
      "losses list",
      "",
      "lists what this server lacks since it was restored",
      {},
      "'only below' is an item that does not go up: the nodes below still have it, and 'tidegate losses confirm'\n"
      "removes it there, unless it is written again before. 'newer below' has an older state at this server, and\n"
      "'deleted below' is still here though it was deleted: 'tidegate losses confirm' makes what is here the newest\n"
      "again, at every node, unless it is written or removed before. Any other line is a time: what the agent had\n"
      "delivered in it comes back as far as some node still has it, the rest is lost; of agent 1 it is what was\n"
      "written at the server itself. The list is empty if nothing is missing.\n\n"
      "example, at the server:\n  tidegate losses list --json | jq 'select(.kind == \"item\") | .sk'\n",
      0,
      0,
      List};
}

Command LossesConfirmCommand() {
  return {
      "losses confirm",
      "",
      "takes for lost what this server lacks since it was restored",
      {},
      "A server that was restored, rolled back or replaced removes nothing below for its lack: what comes up by\n"
      "itself is sent again, and what goes down only (configuration) stays where it is. Look at 'tidegate losses\n"
      "list', write again what is to live, then confirm: what only the nodes below have is removed there, and of what\n"
      "they have newer, or had deleted, the state here goes down again. 'tidegate status' says whether it is to be "
      "done;\n"
      "nothing that was not listed is removed: who comes later with more makes a new list;\n"
      "the exit code is 4 if there is nothing to confirm.\n\n"
      "example, at the server:\n  tidegate losses confirm\n",
      0,
      0,
      Confirm};
}

}  // namespace tidegate::cli
