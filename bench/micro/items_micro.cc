// One item: made at its writer, checked at a receiver, shown to a reader, digested.
#include <benchmark/benchmark.h>

#include <random>

#include "bench/micro/sample.h"
#include "bench/scratch.h"
#include "host/base/digest.h"
#include "host/schema/item.h"
#include "host/schema/schema.h"

namespace tidegate::bench {
namespace {

constexpr size_t kItems = 1000;

std::shared_ptr<const Schema> DeviceSchema() {
  static const auto schema =
      LoadSchema("device.json5", ReadFile(TIDEGATE_SOURCE_DIR "/schemas/examples/device.json5")).schema;
  return schema;
}

void EncodeItem(benchmark::State& state) {
  const Model& model = *DeviceSchema()->Find("Reading");
  std::vector<std::string> properties = MakeProperties(TIDEGATE_SOURCE_DIR, kItems, 1);
  std::mt19937_64 random(1);
  std::function<uint64_t()> next = [&random] { return random(); };
  UlidGenerator ulids(next);
  ItemContext context;
  context.now_ms = 1'767'323'045'678;
  context.ulid = &ulids;
  context.random = &next;
  context.envelope = {11, 1, 11};
  size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(Encode(model, properties[at++ % kItems], PutMode::kCreate, context));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(EncodeItem);

void AdmitItem(benchmark::State& state) {
  const Model& model = *DeviceSchema()->Find("Reading");
  Sample sample = MakeSample(kItems, 1);
  size_t at = 0;
  for (auto _ : state) {
    const StoredItem& item = sample.items[at++ % kItems];
    benchmark::DoNotOptimize(Admit(model, item.body, item.pk, item.sk, {11, 1, 11}));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(AdmitItem);

void PresentItem(benchmark::State& state) {
  const Model& model = *DeviceSchema()->Find("Reading");
  Sample sample = MakeSample(kItems, 1);
  size_t at = 0;
  for (auto _ : state) {
    const StoredItem& item = sample.items[at++ % kItems];
    benchmark::DoNotOptimize(Present(model, item.body, item.pk, item.sk, {11, 1, 11}));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(PresentItem);

void DigestChange(benchmark::State& state) {
  Sample sample = MakeSample(kItems, 1);
  size_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(ChangeDigest(sample.changes[at++ % kItems]));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(DigestChange);

}  // namespace
}  // namespace tidegate::bench
