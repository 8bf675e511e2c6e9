#include <unistd.h>

#include <algorithm>

#include "bench/alarms.h"
#include "bench/clock.h"
#include "bench/daemon.h"
#include "bench/die.h"
#include "bench/figures.h"

namespace tidegate::bench {

void MeasureAlarm(const Options& options, Report* report) {
  report->Title("An alarm (lane urgent) behind a backlog of " + std::to_string(options.many_items) + " readings");
  report->Note("one from before the link is up, then one each 0.2 s until the backlog is at the server");
  Scratch scratch(options.dir);
  Broker broker(scratch, "broker");
  Daemon server(options, scratch,
                {.name = "server", .role = "server", .downlink = &broker, .policy_config = kUrgentAlarms});
  Daemon gateway(options, scratch,
                 {.name = "gateway", .role = "router", .agent = 11, .uplink = &broker, .policy_config = kUrgentAlarms});
  gateway.Start();
  const uint64_t backlog = WriteBacklog(options, gateway);
  WriteAlarm(gateway, 0);

  server.Start();
  TimePoint start = gateway.AwaitParent();
  while (server.Get("/v1/items/Fault?device=d&id=alarm-0&_owner=11").body.find("alarm-0") == std::string::npos) {
    if (SecondsSince(start) > 60) Die("the alarm does not arrive");
    usleep(1000);
  }
  report->AtMost("alarm_of_before", SecondsSince(start), "s", 1);
  const AlarmTimes alarms = AlarmsUntil(gateway, server, backlog, start);
  report->Add("alarms_while_it_drains", static_cast<double>(alarms.each.size()), "");
  report->Add("alarm_median", Median(alarms.each), "s");
  report->AtMost("alarm_slowest", *std::max_element(alarms.each.begin(), alarms.each.end()), "s", 1);
  report->Add("backlog_drained", static_cast<double>(backlog) / alarms.drained, "items/s");
}

}  // namespace tidegate::bench
