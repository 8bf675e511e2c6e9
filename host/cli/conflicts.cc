// The conflict journal: list, show, restore.
#include <cstdio>

#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/fields.h"
#include "host/cli/table.h"

namespace tidegate::cli {
namespace {

int List(const Arguments& arguments) {
  Result<Json> answer = Ask(arguments, "GET", "/v1/conflicts");
  if (!answer.ok()) return Fail(answer.status());
  Table table({">number", "since", ">writer", "model", ">owner", "key", "reason"});
  for (const Json& entry : answer->value("entries", Json::array())) {
    if (arguments.json()) {
      PrintJson(entry);
      continue;
    }
    table.Add({std::to_string(Number(entry, "number")), IsoTime(static_cast<int64_t>(Number(entry, "since_unix_ms"))),
               std::to_string(Number(entry, "writer")), Text(entry, "model"), std::to_string(Number(entry, "owner")),
               Text(entry, "pk") + " " + Text(entry, "sk"), Text(entry, "reason")});
  }
  if (!arguments.json() && !table.empty()) table.Print();
  return kExitOk;
}

Status CheckNumber(const std::string& word) {
  if (!word.empty() && word.find_first_not_of("0123456789") == std::string::npos) return Status::Ok();
  return Status::Invalid("NUMBER must be one that 'tidegate conflicts list' shows, not \"" + word + "\"");
}

int Show(const Arguments& arguments) {
  if (Status number = CheckNumber(arguments.words()[0]); !number.ok()) return FailUsage(number);
  Result<Json> answer = Ask(arguments, "GET", "/v1/conflicts/" + arguments.words()[0]);
  if (!answer.ok()) return Fail(answer.status());
  PrintJson(*answer);
  return kExitOk;
}

int Restore(const Arguments& arguments) {
  if (Status number = CheckNumber(arguments.words()[0]); !number.ok()) return FailUsage(number);
  Result<Json> answer = Ask(arguments, "POST", "/v1/conflicts/" + arguments.words()[0] + "/restore");
  if (!answer.ok()) return Fail(answer.status());
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    std::printf("restored: the state of conflict %s was written anew\n", arguments.words()[0].c_str());
  }
  return kExitOk;
}

}  // namespace

Command ConflictsListCommand() {
  return {"conflicts list",
          "",
          "states that lost against one that did not know of them",
          {},
          "Where two nodes write one item at once, the newer state wins everywhere; the other one is kept at the node\n"
          "where they met, until limits.conflict_items_max or conflict_bytes_max make it go.\n\n"
          "example:\n  tidegate conflicts list --json | jq .number\n",
          0,
          0,
          List};
}

Command ConflictsShowCommand() {
  return {"conflicts show",
          "NUMBER",
          "one of them, with its item",
          {},
          "example:\n  tidegate conflicts show 3\n",
          1,
          1,
          Show};
}

Command ConflictsRestoreCommand() {
  return {"conflicts restore",
          "NUMBER",
          "writes the state that lost anew, as a write of now",
          {},
          "The state wins over whatever is there now, and leaves the journal.\n\n"
          "example:\n  tidegate conflicts restore 3\n",
          1,
          1,
          Restore};
}

}  // namespace tidegate::cli
