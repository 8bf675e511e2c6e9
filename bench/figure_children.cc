#include <unistd.h>

#include <string>

#include "bench/clock.h"
#include "bench/daemon.h"
#include "bench/fake_children.h"
#include "bench/figures.h"
#include "bench/items.h"

namespace tidegate::bench {
namespace {

constexpr size_t kMany = 1000;
constexpr size_t kFew = 10;
constexpr AgentId kFirst = 1000;
constexpr int kBroadcasts = 40;
constexpr size_t kUpBatches = 1000;

// What the router spends while `what` runs, without what it spends meanwhile anyway (keepalives).
template <typename What>
double Spent(Daemon& router, double idle_share, What what) {
  double cpu = router.process().CpuSeconds();
  TimePoint start = Now();
  what();
  return router.process().CpuSeconds() - cpu - idle_share * SecondsSince(start);
}

double IdleShare(Daemon& router) {
  usleep(1'000'000);
  double cpu = router.process().CpuSeconds();
  TimePoint start = Now();
  usleep(10'000'000);
  return (router.process().CpuSeconds() - cpu) / SecondsSince(start);
}

}  // namespace

void MeasureChildren(const Options& options, Report* report) {
  report->Title("A router with " + std::to_string(kMany) + " connected children (the broker's part excluded)");
  Scratch scratch(options.dir);
  Broker high(scratch, "broker-high");
  Broker low(scratch, "broker-low");
  Daemon server(options, scratch, {.name = "server", .role = "server", .downlink = &high, .sync_delay = "0s"});
  Daemon router(
      options, scratch,
      {.name = "router", .role = "router", .agent = 11, .uplink = &high, .downlink = &low, .sync_delay = "0s"});
  server.Start();
  router.Start();
  (void)router.AwaitParent();
  std::vector<StoredItem> items =
      MakeStored(options.source_dir, MakeProperties(options.source_dir, 4 * kUpBatches, options.seed), options.seed);
  size_t next = 0;
  auto up_batches = [&](FakeChildren& children) {
    for (size_t i = 0; i < kUpBatches; ++i) children.SendUp(0, items[next++]);
  };

  FakeChildren few(low.port(), "bench", kFirst, kFew);
  few.AwaitUp();
  up_batches(few);  // warm
  double few_up = Spent(router, 0, [&] { up_batches(few); });
  double few_mb = router.process().ResidentMb();

  FakeChildren many(low.port(), "bench", kFirst + kFew, kMany - kFew);
  TimePoint start = Now();
  many.AwaitUp();
  report->Add("children_connect", SecondsSince(start), "s");
  double idle = IdleShare(router);
  report->AtMost("child_memory", (router.process().ResidentMb() - few_mb) * 1e3 / static_cast<double>(kMany - kFew),
                 "KB", 20);
  report->Add("children_idle_cpu", idle * 100, "%");
  double many_up = Spent(router, idle, [&] { up_batches(many); });
  report->Add("up_batch_cpu_of_10", few_up / kUpBatches * 1e6, "us");
  report->Add("up_batch_cpu_of_1000", many_up / kUpBatches * 1e6, "us");
  report->AtMost("up_batch_cpu_ratio", many_up / few_up, "", 1.25);

  uint64_t given = 0;
  auto broadcast = [&](int count) {
    for (int i = 0; i < count; ++i) {
      (void)server.Post("/v1/items/Config?to=0",
                        R"({"name":"all","value":")" + std::to_string(given) + R"(","unit":"of everybody"})");
      ++given;
      few.AwaitChanges(given);
      many.AwaitChanges(given);
    }
  };
  few.AwaitUp();  // counts from here on
  broadcast(2);
  double spent = Spent(router, idle, [&] { broadcast(kBroadcasts); });
  report->AtMost("broadcast_cpu_of_a_child", spent / kBroadcasts / kMany * 1e6, "us", 50);
}

}  // namespace tidegate::bench
