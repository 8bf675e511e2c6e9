// tidegate_bench: the figures of docs/performance.md. script/bench builds and runs it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "bench/bare_pipeline.h"
#include "bench/die.h"
#include "bench/figures.h"

namespace {

constexpr const char* kHelp = R"(usage: tidegate_bench --source DIR --root DIR [options]
  --source DIR    the sources: data and schemas
  --root DIR      an installation of tidegated and its plugins
  --dir DIR       where the files of measurements are made; a disk (default /var/tmp)
  --only GROUP    ingest, catch-up, latency, memory, alarm, verify, policy or children; or bare, the loops compared with
  --fast          fewer rounds and a smaller replica for the figure on memory
  --rounds N      rounds of which the median counts (default 5)
  --json          one object a line: name, value, unit, target, met
exit: 0 if every target is met, 3 if not, 1 if it could not be measured
)";

using tidegate::bench::Options;

Options Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    auto value = [&]() -> std::string {
      if (++i >= argc) tidegate::bench::Die(name + " needs a value");
      return argv[i];
    };
    if (name == "--help") {
      std::fputs(kHelp, stdout);
      std::exit(0);
    } else if (name == "--json") {
      options.json = true;
    } else if (name == "--fast") {
      options.rounds = 1;
      options.many_items = 200'000;
      options.single_writes = 100;
    } else if (name == "--source") {
      options.source_dir = value();
    } else if (name == "--root") {
      options.root = value();
    } else if (name == "--dir") {
      options.dir = value();
    } else if (name == "--only") {
      options.only = value();
    } else if (name == "--rounds") {
      options.rounds = std::atoi(value().c_str());
    } else {
      tidegate::bench::Die("unknown option '" + name + "'; see --help");
    }
  }
  if (options.source_dir.empty() || options.root.empty())
    tidegate::bench::Die("--source and --root are needed; see --help");
  if (options.rounds < 1) tidegate::bench::Die("--rounds must be at least 1");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && std::strncmp(argv[1], "--bare-", 7) == 0) {
    auto run =
        std::strcmp(argv[1], "--bare-sender") == 0 ? tidegate::bench::RunBareSender : tidegate::bench::RunBareReceiver;
    return run(argv[2], static_cast<uint16_t>(std::atoi(argv[3])), std::strtoull(argv[4], nullptr, 10));
  }
  Options options = Parse(argc, argv);
  tidegate::bench::Report report(options.json);
  struct Group {
    const char* name;
    void (*measure)(const Options&, tidegate::bench::Report*);
  };
  const Group groups[] = {{"ingest", tidegate::bench::MeasureIngest},   {"catch-up", tidegate::bench::MeasureCatchUp},
                          {"latency", tidegate::bench::MeasureLatency}, {"memory", tidegate::bench::MeasureMemory},
                          {"alarm", tidegate::bench::MeasureAlarm},     {"verify", tidegate::bench::MeasureVerify},
                          {"policy", tidegate::bench::MeasurePolicy},   {"children", tidegate::bench::MeasureChildren},
                          {"bare", tidegate::bench::MeasureBare}};
  bool any = false;
  for (const Group& group : groups) {
    // The bare loops run beside what is compared with them; they and what moves whole replicas only when asked for.
    const bool asked_for = group.measure == tidegate::bench::MeasureBare ||
                           group.measure == tidegate::bench::MeasureVerify ||
                           group.measure == tidegate::bench::MeasurePolicy;
    if (options.only.empty() ? asked_for : options.only != group.name) continue;
    any = true;
    group.measure(options, &report);
  }
  if (!any)
    tidegate::bench::Die("--only " + options.only +
                         ": there are ingest, catch-up, latency, memory, alarm, verify, policy and children");
  return report.Finish() ? 0 : 3;
}
