#include "tests/sim/command_line.h"

#include <charconv>
#include <string_view>

namespace tidegate::sim {
namespace {

bool Number(std::string_view text, uint64_t* value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

Result<CommandLine> ParseCommandLine(int count, char** arguments) {
  CommandLine line;
  for (int i = 1; i < count; ++i) {
    std::string_view option = arguments[i];
    auto value = [&]() -> std::string_view { return i + 1 < count ? arguments[++i] : ""; };
    if (option == "--help") {
      line.help = true;
    } else if (option == "--trace") {
      line.trace = true;
    } else if (option == "--hash") {
      line.hash = true;
    } else if (option == "--quiet") {
      line.quiet = true;
    } else if (option == "--until-found") {
      line.until_found = true;
    } else if (option == "--seed") {
      if (!Number(value(), &line.first)) return Status::Invalid("--seed wants a number, such as --seed 7");
      line.last = line.first;
    } else if (option == "--seeds") {
      const std::string_view range = value();
      const size_t dots = range.find("..");
      if (dots == std::string_view::npos || !Number(range.substr(0, dots), &line.first) ||
          !Number(range.substr(dots + 2), &line.last) || line.first > line.last)
        return Status::Invalid("--seeds wants a range, such as --seeds 1..1000");
    } else if (option == "--jobs") {
      uint64_t jobs = 0;
      if (!Number(value(), &jobs) || jobs < 1 || jobs > 256) return Status::Invalid("--jobs wants 1 to 256");
      line.jobs = static_cast<int>(jobs);
    } else if (option == "--profile") {
      const std::string_view name = value();
      line.profile = ProfileByName(name);
      if (line.profile == nullptr) return Status::Invalid("no profile '" + std::string(name) + "'; --help lists them");
    } else if (option == "--defect") {
      const std::string_view name = value();
      auto defect = DefectByName(name);
      if (!defect) return Status::Invalid("no defect '" + std::string(name) + "'; --help lists them");
      line.defect = *defect;
    } else {
      return Status::Invalid("unknown option '" + std::string(option) + "'; see --help");
    }
  }
  if (line.profile == nullptr) {
    const char* name = "mixed";
    for (const DefectInfo& info : AllDefects())
      if (info.defect == line.defect) name = info.profile;
    line.profile = ProfileByName(name);
  }
  if (line.trace && line.first != line.last) return Status::Invalid("--trace is for one seed: use --seed N");
  if (line.until_found && line.defect == Defect::kNone) return Status::Invalid("--until-found needs a --defect");
  return line;
}

std::string HelpText() {
  std::string text =
      "tidegate_sim: whole trees of nodes on virtual time, under faults, judged at rest\n\n"
      "  --seed N          run one seed\n"
      "  --seeds A..B      run a range of seeds\n"
      "  --jobs N          in so many processes (default 1)\n"
      "  --profile NAME    the kind of world (default mixed, or the defect's)\n"
      "  --defect NAME     plant a defect; the seeds are then expected to fail\n"
      "  --until-found     with a defect: stop at the first seed that finds it; exit 0 if one did\n"
      "  --trace           print every event of one seed\n"
      "  --hash            print the hash of the trace\n"
      "  --quiet           no progress\n\n"
      "exit: 0 all seeds passed, 1 a seed failed, 2 wrong use\n\nprofiles:\n";
  for (const Profile& profile : AllProfiles())
    text += "  " + std::string(profile.name) + std::string(18 - std::string_view(profile.name).size(), ' ') +
            profile.what + "\n";
  text += "\ndefects:\n";
  for (const DefectInfo& info : AllDefects())
    text += "  " + std::string(info.name) + std::string(20 - std::string_view(info.name).size(), ' ') + info.what +
            (std::string_view(info.profile) == "mixed" ? "" : std::string(" (profile ") + info.profile + ")") + "\n";
  text +=
      "\nexamples:\n"
      "  tidegate_sim --seeds 1..1000 --jobs 2\n"
      "  tidegate_sim --seed 42 --profile storm --trace\n"
      "  tidegate_sim --seeds 1..1000 --defect tombstone-skipped --until-found\n";
  return text;
}

}  // namespace tidegate::sim
