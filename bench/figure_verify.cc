#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>

#include "bench/clock.h"
#include "bench/daemon.h"
#include "bench/die.h"
#include "bench/figures.h"
#include "bench/items.h"

namespace tidegate::bench {
namespace {

constexpr int kDiffering = 100;

// Some items of the replica, spread over all of it, become older than they were: behind the back of its daemon.
void MakeOlder(const std::string& replica, uint64_t items) {
  sqlite3* db = nullptr;
  if (sqlite3_open(replica.c_str(), &db) != SQLITE_OK) Die(replica + ": " + sqlite3_errmsg(db));
  std::string sql = "UPDATE item SET version_hlc = version_hlc - 65536, digest = digest + 1 WHERE seq % " +
                    std::to_string(items / kDiffering) + " = 7";
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) Die(replica + ": " + sqlite3_errmsg(db));
  if (sqlite3_changes(db) != kDiffering) Die("another number of items than expected was made older");
  sqlite3_close(db);
}

struct Compared {
  double seconds = 0;
  double kilobytes = 0;
  std::string report;
};

// What is exchanged on the way is over: acks of before would be counted.
void Settle() { usleep(2'000'000); }

Compared Compare(Daemon& gateway, uint16_t port, bool repair) {
  uint64_t bytes = gateway.SocketBytes(port);
  TimePoint start = Now();
  Compared compared;
  compared.report = gateway.Post("/v1/links/parent/verify", repair ? R"({"repair":true})" : "{}").body;
  compared.seconds = SecondsSince(start);
  compared.kilobytes = static_cast<double>(gateway.SocketBytes(port) - bytes) / 1e3;
  return compared;
}

// What the report of the only model says.
void Expect(const Compared& compared, const std::string& text) {
  if (compared.report.find(text) == std::string::npos) Die("not as expected: " + compared.report);
}

}  // namespace

void MeasureVerify(const Options& options, Report* report) {
  report->Title("Two replicas of " + std::to_string(options.many_items) +
                " items compared on demand; bytes at the socket");
  Scratch scratch(options.dir);
  Broker broker(scratch, "broker");
  Daemon server(options, scratch, {.name = "server", .role = "server", .downlink = &broker});
  Daemon gateway(options, scratch, {.name = "gateway", .role = "router", .agent = 11, .uplink = &broker});
  server.Start();
  gateway.Start();
  (void)gateway.AwaitParent();
  std::vector<std::string> requests = MakeRequests(
      MakeProperties(options.source_dir, std::min<size_t>(options.many_items, 100'000), options.seed), 1000);
  for (size_t done = 0; done < options.many_items; done += requests.size() * 1000) {
    PostAll(gateway.socket(), "/v1/items/Reading?mode=create", requests, 2);
  }
  gateway.SyncWait("server");
  Settle();
  Compared equal = Compare(gateway, broker.port(), false);
  Expect(equal, R"("equal":true)");
  report->AtMost("verify_equal", equal.kilobytes, "KB", 10);
  report->Add("verify_equal_time", equal.seconds, "s");

  std::string whole = gateway.Get("/v1/verify").body;
  server.Stop();
  MakeOlder(server.replica(), options.many_items);
  server.Start();
  (void)gateway.AwaitParent();
  Settle();
  if (server.Get("/v1/verify").body == whole) Die("the replicas do not differ");
  const std::string differing = "\"differing\":" + std::to_string(kDiffering);
  const std::string name = "verify_" + std::to_string(kDiffering);
  Compared looked = Compare(gateway, broker.port(), false);
  Expect(looked, differing);
  report->AtMost(name + "_differing", looked.kilobytes, "KB", 200);
  report->AtMost(name + "_differing_time", looked.seconds, "s", 3);
  Settle();
  Compared mended = Compare(gateway, broker.port(), true);
  Expect(mended, differing);
  if (server.Get("/v1/verify").body != whole) Die("the replicas differ after the comparison");
  report->AtMost(name + "_mended", mended.kilobytes, "KB", 200);
  report->AtMost(name + "_mended_time", mended.seconds, "s", 3);
}

}  // namespace tidegate::bench
