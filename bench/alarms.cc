#include "bench/alarms.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "bench/die.h"
#include "bench/items.h"

namespace tidegate::bench {
namespace {

constexpr useconds_t kPauseUs = 200'000;

uint64_t ItemsOf(Daemon& daemon) {
  std::string status = daemon.Get("/v1/status").body;
  return std::strtoull(status.c_str() + status.find(R"("items":)") + 8, nullptr, 10);
}

}  // namespace

void WriteAlarm(Daemon& below, int number) {
  (void)below.Post(
      "/v1/items/Fault?mode=create",
      R"({"id":"alarm-)" + std::to_string(number) +
          R"(","device":"d","time":"2026-01-02T03:04:05.000Z","severity":"error","subject":"s","message":"m"})");
}

AlarmTimes AlarmsUntil(Daemon& below, Daemon& server, uint64_t backlog, TimePoint start) {
  HttpClient watch(server.socket());
  watch.OpenStream("/v1/watch?model=Fault");
  AlarmTimes times;
  for (int number = 1;; ++number) {
    TimePoint written = Now();
    WriteAlarm(below, number);
    watch.ReadUntil("alarm-" + std::to_string(number) + "\"");
    double seconds = SecondsSince(written);
    if (ItemsOf(server) >= backlog) break;  // this one had nothing to overtake any more
    times.each.push_back(seconds);
    usleep(kPauseUs);
  }
  times.drained = SecondsSince(start);
  if (times.each.size() < 3) Die("the backlog was drained before an alarm could overtake it: take a larger one");
  return times;
}

uint64_t WriteBacklog(const Options& options, Daemon& below) {
  std::vector<std::string> requests = MakeRequests(
      MakeProperties(options.source_dir, std::min<size_t>(options.many_items, 100'000), options.seed), 1000);
  for (size_t done = 0; done < options.many_items; done += requests.size() * 1000) {
    PostAll(below.socket(), "/v1/items/Reading?mode=create", requests, 2);
  }
  return ItemsOf(below);
}

}  // namespace tidegate::bench
