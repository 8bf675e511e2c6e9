// storage-sqlite as the node calls it: commits of independent puts, pages of an up feed.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "bench/die.h"
#include "bench/micro/sample.h"
#include "bench/scratch.h"
#include "host/plugin/storage_adapter.h"
#include "plugins/storage-sqlite/storage_sqlite.h"

namespace tidegate::bench {
namespace {

constexpr size_t kRows = 100'000;

std::unique_ptr<plugin::PluginStorage> Open(const Scratch& scratch) {
  auto storage = plugin::PluginStorage::Create(TidegateStorageSqliteTable(), "storage-sqlite",
                                               R"({"path":")" + scratch.File("replica.db") + R"("})", {});
  if (!storage.ok()) Die(storage.status().message());
  Status started = storage.value()->Start(ReplicaId{}, 1);
  if (!started.ok()) Die(started.message());
  return std::move(storage).value();
}

// Each put in a group of its own, as writes of programs and changes of a batch come.
void CommitPuts(core::Storage& storage, std::span<const tg_change> changes, uint8_t condition) {
  std::vector<tg_mutation> mutations(changes.size());
  std::vector<tg_group> groups(changes.size());
  for (size_t i = 0; i < changes.size(); ++i) {
    mutations[i] = {};
    mutations[i].struct_size = sizeof(tg_mutation);
    mutations[i].op = TG_OP_PUT;
    mutations[i].condition = condition;
    mutations[i].change = &changes[i];
    groups[i] = {&mutations[i], 1};
  }
  auto end = storage.Commit(groups, [](const tg_outcome& outcome) { benchmark::DoNotOptimize(outcome.seq); });
  if (!end.ok()) Die(end.status().message());
}

void CommitItems(benchmark::State& state) {
  const auto batch = static_cast<size_t>(state.range(0));
  Sample sample = MakeSample(kRows, 1);
  size_t at = kRows;
  std::unique_ptr<Scratch> scratch;
  std::unique_ptr<plugin::PluginStorage> storage;
  for (auto _ : state) {
    if (at + batch > kRows) {
      state.PauseTiming();
      storage.reset();
      scratch = std::make_unique<Scratch>("/var/tmp");
      storage = Open(*scratch);
      at = 0;
      state.ResumeTiming();
    }
    CommitPuts(*storage, std::span(sample.changes).subspan(at, batch), TG_IF_NEWER);
    at += batch;
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(CommitItems)->Arg(1)->Arg(100)->Arg(1000)->UseRealTime();

void ReadFeed(benchmark::State& state) {
  Scratch scratch("/var/tmp");
  auto storage = Open(scratch);
  Sample sample = MakeSample(kRows, 1);
  for (size_t at = 0; at < kRows; at += 1000) {
    CommitPuts(*storage, std::span(sample.changes).subspan(at, 1000), TG_IF_NEWER);
  }
  tg_feed_selector selector{};
  selector.struct_size = sizeof selector;
  selector.direction = TG_DIRECTION_UP;
  selector.lane = TG_LANE_HISTORY;
  uint64_t after = 0;
  int64_t items = 0;
  for (auto _ : state) {
    auto page = storage->Changes(selector, after, 500, 0, [&](const tg_change& change) {
      benchmark::DoNotOptimize(change.body.data);
      ++items;
      return true;
    });
    if (!page.ok()) Die(page.status().message());
    after = page->more ? page->reached.position : 0;
  }
  state.SetItemsProcessed(items);
}
BENCHMARK(ReadFeed);

}  // namespace
}  // namespace tidegate::bench
