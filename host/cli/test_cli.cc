#include "host/cli/test_cli.h"

#include <sys/wait.h>

#include <cstdio>

namespace tidegate::cli {

Ran Cli::RunAlone(const std::string& command) {
  Ran ran;
  std::string line = std::string(TIDEGATE_COMMAND) + " " + command + " 2>" + base_ + ".err";
  FILE* pipe = popen(line.c_str(), "r");
  char part[4096];
  while (size_t got = fread(part, 1, sizeof(part), pipe)) ran.out.append(part, got);
  int status = pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  std::ifstream error(base_ + ".err");
  ran.err.assign(std::istreambuf_iterator<char>(error), {});
  return ran;
}

}  // namespace tidegate::cli
