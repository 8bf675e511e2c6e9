// The bare loops, run once in a folder of their own: items a second.
// Thread safety: one thread. Ownership: none.
#pragma once

#include <vector>

#include "bench/items.h"
#include "bench/options.h"

namespace tidegate::bench {

double BareIngest(const Options& options, const std::vector<StoredItem>& items);
double BareCatchUp(const Options& options, const std::vector<StoredItem>& items);

}  // namespace tidegate::bench
