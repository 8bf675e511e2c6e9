#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "bench/clock.h"
#include "bench/daemon.h"
#include "bench/figures.h"
#include "bench/items.h"

namespace tidegate::bench {

void MeasureMemory(const Options& options, Report* report) {
  report->Title("Resident memory of a router (VmRSS; MQTT and TLS loaded), and its start with many items");
  Scratch scratch(options.dir);
  Broker high(scratch, "broker-high", true);
  Broker low(scratch, "broker-low");
  Daemon server(options, scratch, {.name = "server", .role = "server", .downlink = &high});
  Daemon router(options, scratch, {.name = "router", .role = "router", .agent = 11, .uplink = &high, .downlink = &low});
  Daemon device(options, scratch, {.name = "device", .role = "device", .agent = 101, .uplink = &low});
  server.Start();
  router.Start();
  device.Start();
  (void)router.AwaitParent();
  (void)device.AwaitParent();
  usleep(1'000'000);
  report->AtMost("router_idle", router.process().ResidentMb(), "MB", 25);
  device.Stop();
  server.Stop();

  // Filled with the cloud away, then started anew: what it holds in memory comes from the replica alone.
  std::vector<std::string> requests = MakeRequests(
      MakeProperties(options.source_dir, std::min<size_t>(options.many_items, 100'000), options.seed), 1000);
  for (size_t done = 0; done < options.many_items; done += requests.size() * 1000) {
    PostAll(router.socket(), "/v1/items/Reading?mode=create", requests, 2);
  }
  report->Add("router_after_ingest", router.process().ResidentMb(), "MB");
  router.Stop();
  report->AtMost("router_ready", router.Start(), "s", 1);
  usleep(1'000'000);
  report->Add("router_with_items_idle", router.process().ResidentMb(), "MB");

  std::atomic<bool> done{false};
  double most = 0;
  std::thread sampler([&] {
    while (!done) {
      most = std::max(most, router.process().ResidentMb());
      usleep(5000);
    }
  });
  server.Start();
  TimePoint start = router.AwaitParent();
  router.SyncWait("server");
  double seconds = SecondsSince(start);
  done = true;
  sampler.join();
  report->AtMost("router_catching_up_most", most, "MB", 80);
  report->Add("router_catch_up_many", static_cast<double>(options.many_items) / seconds, "items/s");
  router.Stop();
  server.Stop();
}

}  // namespace tidegate::bench
