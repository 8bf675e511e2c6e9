// One frame of a backlog: encoded (with zstd) and decoded. items_per_second is what to look at.
#include <benchmark/benchmark.h>

#include "bench/micro/sample.h"
#include "host/wire/codec.h"

namespace tidegate::bench {
namespace {

wire::Batch MakeBatch(const Sample& sample) {
  wire::Batch batch;
  batch.lane = TG_LANE_HISTORY;
  batch.after.epoch = 1;
  batch.after.position = sample.changes.size();
  batch.changes = sample.changes;
  return batch;
}

void EncodeFrame(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  Sample sample = MakeSample(count, 1);
  const wire::Body body = MakeBatch(sample);
  size_t bytes = 0;
  for (auto _ : state) bytes = wire::Encode(7, body).size();
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["bytes_per_item"] = static_cast<double>(bytes) / static_cast<double>(count);
}
BENCHMARK(EncodeFrame)->Arg(1)->Arg(50)->Arg(500);

void DecodeFrame(benchmark::State& state) {
  Sample sample = MakeSample(static_cast<size_t>(state.range(0)), 1);
  const std::string frame = wire::Encode(7, MakeBatch(sample));
  for (auto _ : state) benchmark::DoNotOptimize(wire::Decode(frame, {}));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(DecodeFrame)->Arg(1)->Arg(50)->Arg(500);

}  // namespace
}  // namespace tidegate::bench
