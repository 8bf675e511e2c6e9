// Changes like those of the workload, for the micro benchmarks.
// Thread safety: plain values. Ownership: a Sample owns the texts its changes point into.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/items.h"
#include "tidegate/change.h"

namespace tidegate::bench {

struct Sample {
  std::vector<StoredItem> items;
  std::vector<tg_change> changes;
};

// count items of model Reading; the keys of two seeds differ.
Sample MakeSample(size_t count, uint64_t seed);

}  // namespace tidegate::bench
