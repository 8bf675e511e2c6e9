#include "bench/bare_runs.h"
#include "bench/clock.h"
#include "bench/daemon.h"
#include "bench/figures.h"
#include "bench/items.h"

namespace tidegate::bench {
namespace {

constexpr size_t kBatch = 1000;

double ApiIngest(const Options& options, const std::vector<std::string>& requests) {
  Scratch scratch(options.dir);
  Daemon daemon(options, scratch, {.name = "device", .role = "device", .agent = 11});
  daemon.Start();
  double seconds = PostAll(daemon.socket(), "/v1/items/Reading?mode=create", requests, 2);
  daemon.Stop();
  return static_cast<double>(options.items) / seconds;
}

}  // namespace

void MeasureIngest(const Options& options, Report* report) {
  report->Title("Local durable ingest: batches of 1,000, every one on disk before it is answered");
  std::vector<std::string> properties = MakeProperties(options.source_dir, options.items, options.seed);
  std::vector<std::string> requests = MakeRequests(properties, kBatch);
  std::vector<StoredItem> stored = MakeStored(options.source_dir, properties, options.seed);
  double bytes = 0;
  for (const StoredItem& item : stored) bytes += static_cast<double>(item.body.size());
  std::vector<double> bare;
  std::vector<double> api;
  std::vector<double> ratio;
  for (int round = 0; round < options.rounds; ++round) {
    bare.push_back(BareIngest(options, stored));
    api.push_back(ApiIngest(options, requests));
    ratio.push_back(100 * api.back() / bare.back());
    report->Note(RoundText(round, bare.back(), api.back()));
  }
  report->Add("item_body", bytes / static_cast<double>(stored.size()), "bytes");
  report->Add("ingest_bare", Median(bare), "items/s");
  report->Add("ingest_api", Median(api), "items/s");
  report->AtLeast("ingest_ratio", Median(ratio), "%", 60);
}

}  // namespace tidegate::bench
