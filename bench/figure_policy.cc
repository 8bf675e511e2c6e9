#include <algorithm>

#include "bench/alarms.h"
#include "bench/clock.h"
#include "bench/daemon.h"
#include "bench/die.h"
#include "bench/figures.h"

namespace tidegate::bench {
namespace {

constexpr const char* kModel = "Reading: {sync: '";

// The example's schema with readings that go this way.
std::string SchemaWith(const Options& options, const std::string& direction) {
  std::string text = ReadFile(options.source_dir + "/schemas/examples/device.json5");
  const size_t at = text.find(kModel);
  if (at == std::string::npos) Die("the example's schema says nothing of readings");
  const size_t from = at + std::string(kModel).size();
  return text.replace(from, text.find('\'', from) - from, direction);
}

}  // namespace

void MeasurePolicy(const Options& options, Report* report) {
  report->Title(std::to_string(options.many_items) + " readings whose model goes from none to up");
  report->Note("both schemas change while the link is up; meanwhile an alarm each 0.2 s");
  Scratch scratch(options.dir);
  Broker broker(scratch, "broker");
  const std::string schema = scratch.File("schema.json5");
  WriteFile(schema, SchemaWith(options, "none"));
  Daemon server(
      options, scratch,
      {.name = "server", .role = "server", .downlink = &broker, .policy_config = kUrgentAlarms, .schema = schema});
  Daemon gateway(options, scratch,
                 {.name = "gateway",
                  .role = "router",
                  .agent = 11,
                  .uplink = &broker,
                  .policy_config = kUrgentAlarms,
                  .schema = schema});
  gateway.Start();
  const uint64_t backlog = WriteBacklog(options, gateway);
  server.Start();
  (void)gateway.AwaitParent();

  WriteFile(schema, SchemaWith(options, "up"));
  TimePoint start = Now();
  server.Reload();
  gateway.Reload();
  const AlarmTimes alarms = AlarmsUntil(gateway, server, backlog, start);
  report->Add("backfilled", static_cast<double>(backlog) / alarms.drained, "items/s");
  report->Add("alarms_while_it_fills", static_cast<double>(alarms.each.size()), "");
  report->AtMost("backfill_alarm_slowest", *std::max_element(alarms.each.begin(), alarms.each.end()), "s", 1);
}

}  // namespace tidegate::bench
