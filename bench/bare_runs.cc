#include "bench/bare_runs.h"

#include "bench/bare_pipeline.h"
#include "bench/bare_replica.h"
#include "bench/broker.h"
#include "bench/clock.h"
#include "bench/figures.h"
#include "bench/scratch.h"

namespace tidegate::bench {
namespace {

constexpr size_t kBatch = 1000;

}  // namespace

double BareIngest(const Options& options, const std::vector<StoredItem>& items) {
  Scratch scratch(options.dir);
  BareReplica replica(scratch.File("bare.db"));
  TimePoint start = Now();
  for (size_t i = 0; i < items.size(); ++i) {
    if (i % kBatch == 0) replica.Begin();
    replica.Insert(items[i].pk, items[i].sk, items[i].body);
    if ((i + 1) % kBatch == 0 || i + 1 == items.size()) replica.Commit();
  }
  return static_cast<double>(items.size()) / SecondsSince(start);
}

double BareCatchUp(const Options& options, const std::vector<StoredItem>& items) {
  Scratch scratch(options.dir);
  Broker broker(scratch, "broker");
  std::string source = scratch.File("source.db");
  {
    BareReplica replica(source);
    replica.Begin();
    for (const StoredItem& item : items) replica.Insert(item.pk, item.sk, item.body);
    replica.Commit();
  }
  PipelineResult result = RunBarePipeline(source, scratch.File("target.db"), broker.port(), items.size());
  return static_cast<double>(items.size()) / result.seconds;
}

void MeasureBare(const Options& options, Report* report) {
  report->Title("The bare loops alone");
  std::vector<StoredItem> stored =
      MakeStored(options.source_dir, MakeProperties(options.source_dir, options.items, options.seed), options.seed);
  std::vector<double> ingest;
  std::vector<double> catch_up;
  for (int round = 0; round < options.rounds; ++round) {
    ingest.push_back(BareIngest(options, stored));
    catch_up.push_back(BareCatchUp(options, stored));
  }
  report->Add("ingest_bare", Median(ingest), "items/s");
  report->Add("catch_up_bare", Median(catch_up), "items/s");
}

}  // namespace tidegate::bench
