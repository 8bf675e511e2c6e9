// Commands about the level of a router.
#include <charconv>
#include <cstdio>

#include "host/cli/commands.h"
#include "host/cli/daemon.h"

namespace tidegate::cli {
namespace {

int Send(const Arguments& arguments, const Json& level) {
  Json request;
  request["level"] = level;
  Result<Json> answer = Ask(arguments, "POST", "/v1/level", ToText(request));
  if (!answer.ok()) return Fail(answer.status());
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    std::printf("the level is %llu; the neighbours are told\n",
                static_cast<unsigned long long>(Number(*answer, "level")));
  }
  return kExitOk;
}

int Set(const Arguments& arguments) {
  const std::string& word = arguments.words()[0];
  uint32_t level = 0;
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), level);
  if (error != std::errc() || end != word.data() + word.size() || level < 2 || level > 65534)
    return FailUsage(Status::Invalid("LEVEL must be a whole number from 2 to 65534, not \"" + word + "\""));
  return Send(arguments, level);
}

int Reset(const Arguments& arguments) { return Send(arguments, nullptr); }

}  // namespace

Command LevelSetCommand() {
  return {
      "level set",
      "LEVEL",
      "changes the level of this router while it runs",
      {},
      "A router's level is 2 to 65534, above its parent's and below its children's; a level that a known neighbour\n"
      "does not fit is refused, and nothing changes. It is kept over restarts and goes before node.level of the\n"
      "configuration until that says the same. The neighbours say hello anew; nothing is lost or sent twice.\n\n"
      "example, making room for another router above this one:\n  tidegate level set 20\n",
      1,
      1,
      Set};
}

Command LevelResetCommand() {
  return {"level reset",
          "",
          "returns to the level of the configuration",
          {},
          "It ends what 'tidegate level set' began.\n\nexample:\n  tidegate level reset\n",
          0,
          0,
          Reset};
}

}  // namespace tidegate::cli
