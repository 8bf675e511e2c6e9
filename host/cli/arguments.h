// The command line: commands with their options, help made from the same table, and errors that name
// the nearest known word.
// Thread safety: plain values. Ownership: the tables are constants; Arguments own their texts.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/status.h"

namespace tidegate::cli {

// Exit codes, as docs/cli.md lists them.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnreachable = 3;
inline constexpr int kExitNotFound = 4;
inline constexpr int kExitTimeout = 5;
inline constexpr int kExitNotAllThere = 6;  // sync: something that was waited for was refused
inline constexpr int kExitDiffers = 7;      // verify: two neighbours hold different states

struct Option {
  std::string name;   // "--limit"
  std::string value;  // what it takes, such as "N"; empty = nothing
  std::string help;
};

class Arguments;

struct Command {
  std::string name;       // "agent adopt"
  std::string arguments;  // "MODEL [FIELD=VALUE ...]"
  std::string summary;    // one line
  std::vector<Option> options;
  std::string details;  // with at least one example
  size_t least = 0;     // arguments
  size_t most = 0;
  int (*run)(const Arguments& arguments) = nullptr;
};

// What every command takes beside its own options.
const std::vector<Option>& CommonOptions();

class Arguments {
 public:
  // words: what follows the command's name.
  static Result<Arguments> Parse(const Command& command, const std::vector<std::string>& words);

  bool Has(std::string_view option) const { return options_.contains(option); }
  std::string Get(std::string_view option, std::string otherwise = "") const;
  // Only a number of 0 or more.
  Result<uint64_t> GetUnsigned(std::string_view option, uint64_t otherwise) const;
  // A duration with its unit, such as 5s.
  Result<int64_t> GetDurationMs(std::string_view option, std::string otherwise) const;
  const std::vector<std::string>& words() const { return words_; }
  bool json() const { return Has("--json"); }

 private:
  std::map<std::string, std::string, std::less<>> options_;
  std::vector<std::string> words_;
};

std::string CommandHelp(const Command& command);

}  // namespace tidegate::cli
