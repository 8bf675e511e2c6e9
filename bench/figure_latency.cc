#include <unistd.h>

#include <algorithm>

#include "bench/clock.h"
#include "bench/daemon.h"
#include "bench/die.h"
#include "bench/figures.h"
#include "bench/items.h"

namespace tidegate::bench {

void MeasureLatency(const Options& options, Report* report) {
  report->Title("One write at a device (sync_delay 0) until it is durable at the server, two hops away");
  report->Note(
      "from the submission of the write to its event at a watcher of the server, which comes after the commit");
  Scratch scratch(options.dir);
  Broker low(scratch, "broker-low");
  Broker high(scratch, "broker-high");
  Daemon server(options, scratch, {.name = "server", .role = "server", .downlink = &high, .sync_delay = "0s"});
  Daemon router(
      options, scratch,
      {.name = "router", .role = "router", .agent = 11, .uplink = &high, .downlink = &low, .sync_delay = "0s"});
  Daemon device(options, scratch,
                {.name = "device", .role = "device", .agent = 101, .uplink = &low, .sync_delay = "0s"});
  server.Start();
  router.Start();
  device.Start();
  (void)router.AwaitParent();
  (void)device.AwaitParent();

  HttpClient watch(server.socket());
  watch.OpenStream("/v1/watch?model=Reading");
  HttpClient writer(device.socket());
  std::vector<std::string> properties =
      MakeProperties(options.source_dir, static_cast<size_t>(options.single_writes), options.seed);
  auto write_one = [&](const std::string& text) {
    HttpAnswer answer = writer.Post("/v1/items/Reading?mode=create", "application/json", text);
    if (answer.status != 201) Die("write: " + answer.body);
    size_t at = answer.body.find(R"("id":")") + 6;
    return answer.body.substr(at, 26);
  };
  // The first write goes when the links have settled.
  watch.ReadUntil(write_one(properties[0]));
  std::vector<double> one_way;
  std::vector<double> answered;
  for (const std::string& text : properties) {
    TimePoint start = Now();
    std::string id = write_one(text);
    answered.push_back(SecondsSince(start) * 1e3);
    watch.ReadUntil(id);
    one_way.push_back(SecondsSince(start) * 1e3);
    usleep(2000);
  }
  std::vector<double> round_trip;
  for (const std::string& text : properties) {
    TimePoint start = Now();
    (void)write_one(text);
    device.SyncWait("server");
    round_trip.push_back(SecondsSince(start) * 1e3);
    usleep(2000);
  }
  std::vector<double> sorted = one_way;
  std::sort(sorted.begin(), sorted.end());
  report->Add("write_answered_median", Median(answered), "ms");
  report->AtMost("write_to_server_median", Median(one_way), "ms", 5);
  report->Add("write_to_server_p99", sorted[sorted.size() * 99 / 100], "ms");
  report->Add("write_and_sync_wait_median", Median(round_trip), "ms");
}

}  // namespace tidegate::bench
