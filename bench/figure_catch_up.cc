#include <cstdlib>

#include "bench/bare_runs.h"
#include "bench/clock.h"
#include "bench/daemon.h"
#include "bench/die.h"
#include "bench/figures.h"
#include "bench/items.h"

namespace tidegate::bench {
namespace {

constexpr size_t kBatch = 1000;

struct CatchUp {
  double items_per_s = 0;
  double bytes_per_item = 0;
  double gateway_cpu_us = 0;  // an item
  double cloud_cpu_us = 0;
  long resends = 0;
};

// The link is cut (the cloud is down) while the gateway takes W; then the cloud comes back.
CatchUp Daemons(const Options& options, const std::vector<std::string>& requests) {
  Scratch scratch(options.dir);
  Broker broker(scratch, "broker");
  Daemon cloud(options, scratch, {.name = "cloud", .role = "server", .downlink = &broker});
  Daemon gateway(options, scratch, {.name = "gateway", .role = "router", .agent = 11, .uplink = &broker});
  cloud.Start();
  gateway.Start();
  (void)gateway.AwaitParent();
  cloud.Stop();
  PostAll(gateway.socket(), "/v1/items/Reading?mode=create", requests, 2);
  uint64_t bytes = gateway.SocketBytes(broker.port());
  double gateway_cpu = gateway.process().CpuSeconds();

  cloud.Start();
  double cloud_cpu = cloud.process().CpuSeconds();
  TimePoint start = gateway.AwaitParent();
  gateway.SyncWait("server");
  double seconds = SecondsSince(start);

  auto items = static_cast<double>(options.items);
  CatchUp result;
  result.items_per_s = items / seconds;
  result.bytes_per_item = static_cast<double>(gateway.SocketBytes(broker.port()) - bytes) / items;
  result.gateway_cpu_us = (gateway.process().CpuSeconds() - gateway_cpu) / items * 1e6;
  result.cloud_cpu_us = (cloud.process().CpuSeconds() - cloud_cpu) / items * 1e6;
  std::string sender = gateway.Get("/v1/status").body;
  result.resends = std::strtol(sender.c_str() + sender.find(R"("resends":)") + 10, nullptr, 10);
  std::string status = cloud.Get("/v1/status").body;
  if (status.find("\"items\":" + std::to_string(options.items) + ",") == std::string::npos) {
    Die("not every item is at the cloud: " + status);
  }
  gateway.Stop();
  cloud.Stop();
  return result;
}

}  // namespace

void MeasureCatchUp(const Options& options, Report* report) {
  report->Title("Gateway to cloud: a backlog after a cut link, durable at both ends");
  std::vector<std::string> properties = MakeProperties(options.source_dir, options.items, options.seed);
  std::vector<std::string> requests = MakeRequests(properties, kBatch);
  std::vector<StoredItem> stored = MakeStored(options.source_dir, properties, options.seed);
  std::vector<double> bare, daemons, ratio, bytes, gateway_cpu, cloud_cpu;
  for (int round = 0; round < options.rounds; ++round) {
    bare.push_back(BareCatchUp(options, stored));
    CatchUp result = Daemons(options, requests);
    daemons.push_back(result.items_per_s);
    ratio.push_back(100 * result.items_per_s / bare.back());
    report->Note(RoundText(round, bare.back(), result.items_per_s) + ", " + std::to_string(result.resends) +
                 " resends");
    bytes.push_back(result.bytes_per_item);
    gateway_cpu.push_back(result.gateway_cpu_us);
    cloud_cpu.push_back(result.cloud_cpu_us);
  }
  report->Add("catch_up_bare", Median(bare), "items/s");
  report->AtLeast("catch_up", Median(daemons), "items/s", 80'000);
  report->AtLeast("catch_up_ratio", Median(ratio), "%", 35);
  report->AtMost("catch_up_bytes_at_socket", Median(bytes), "bytes", 45);
  report->Add("catch_up_cpu_gateway", Median(gateway_cpu), "us/item");
  report->Add("catch_up_cpu_cloud", Median(cloud_cpu), "us/item");
}

}  // namespace tidegate::bench
