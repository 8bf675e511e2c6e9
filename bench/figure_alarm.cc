#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "bench/clock.h"
#include "bench/daemon.h"
#include "bench/die.h"
#include "bench/figures.h"
#include "bench/items.h"

namespace tidegate::bench {
namespace {

constexpr const char* kLanes = "{lanes: {Fault: urgent}}";
constexpr useconds_t kPauseUs = 200'000;

uint64_t ItemsOf(Daemon& daemon) {
  std::string status = daemon.Get("/v1/status").body;
  return std::strtoull(status.c_str() + status.find(R"("items":)") + 8, nullptr, 10);
}

std::string Alarm(int number) {
  return R"({"id":"alarm-)" + std::to_string(number) +
         R"(","device":"d","time":"2026-01-02T03:04:05.000Z","severity":"error","subject":"s","message":"m"})";
}

}  // namespace

void MeasureAlarm(const Options& options, Report* report) {
  report->Title("An alarm (lane urgent) behind a backlog of " + std::to_string(options.many_items) + " readings");
  report->Note("one from before the link is up, then one each 0.2 s until the backlog is at the server");
  Scratch scratch(options.dir);
  Broker broker(scratch, "broker");
  Daemon server(options, scratch, {.name = "server", .role = "server", .downlink = &broker, .policy_config = kLanes});
  Daemon gateway(options, scratch,
                 {.name = "gateway", .role = "router", .agent = 11, .uplink = &broker, .policy_config = kLanes});
  gateway.Start();
  std::vector<std::string> requests = MakeRequests(
      MakeProperties(options.source_dir, std::min<size_t>(options.many_items, 100'000), options.seed), 1000);
  for (size_t done = 0; done < options.many_items; done += requests.size() * 1000) {
    PostAll(gateway.socket(), "/v1/items/Reading?mode=create", requests, 2);
  }
  uint64_t backlog = ItemsOf(gateway);
  int number = 0;
  (void)gateway.Post("/v1/items/Fault?mode=create", Alarm(number));

  server.Start();
  TimePoint start = gateway.AwaitParent();
  while (server.Get("/v1/items/Fault?device=d&id=alarm-0&_owner=11").body.find("alarm-0") == std::string::npos) {
    if (SecondsSince(start) > 60) Die("the alarm does not arrive");
    usleep(1000);
  }
  report->AtMost("alarm_of_before", SecondsSince(start), "s", 1);
  HttpClient watch(server.socket());
  watch.OpenStream("/v1/watch?model=Fault");
  std::vector<double> each;
  uint64_t there = 0;
  for (;;) {
    TimePoint written = Now();
    (void)gateway.Post("/v1/items/Fault?mode=create", Alarm(++number));
    watch.ReadUntil("alarm-" + std::to_string(number) + "\"");
    double seconds = SecondsSince(written);
    there = ItemsOf(server);
    if (there >= backlog) break;  // this one had nothing to overtake any more
    each.push_back(seconds);
    usleep(kPauseUs);
  }
  if (each.size() < 3) Die("the backlog was drained before an alarm could overtake it: take a larger one");
  double drained = SecondsSince(start);
  report->Add("alarms_while_it_drains", static_cast<double>(each.size()), "");
  report->Add("alarm_median", Median(each), "s");
  report->AtMost("alarm_slowest", *std::max_element(each.begin(), each.end()), "s", 1);
  report->Add("backlog_drained", static_cast<double>(backlog) / drained, "items/s");
}

}  // namespace tidegate::bench
