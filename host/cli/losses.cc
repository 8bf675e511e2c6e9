// Commands about what a restored server does not know any more.
#include <cstdio>

#include "host/cli/commands.h"
#include "host/cli/daemon.h"

namespace tidegate::cli {
namespace {

int Confirm(const Arguments& arguments) {
  Result<Json> answer = Ask(arguments, "POST", "/v1/losses/confirm");
  if (!answer.ok()) return Fail(answer.status());
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    std::printf("confirmed: what this server does not hold is removed below as each node is compared\n");
  }
  return kExitOk;
}

}  // namespace

Command LossesConfirmCommand() {
  return {"losses confirm",
          "",
          "takes for lost what this server lacks since it was restored",
          {},
          "A server that was restored, rolled back or replaced removes nothing below for its lack: what comes up by\n"
          "itself is sent again, and what goes down only (configuration) stays where it is. Write again what is to\n"
          "live, then confirm: the rest is removed at every node. 'tidegate status' says whether it is to be done;\n"
          "the exit code is 4 if there is nothing to confirm.\n\n"
          "example, at the server:\n  tidegate losses confirm\n",
          0,
          0,
          Confirm};
}

}  // namespace tidegate::cli
