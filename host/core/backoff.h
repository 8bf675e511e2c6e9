// Back-off: how long to wait before the next try.
// Thread safety: pure but for its arguments. Ownership: none.
#pragma once

#include <algorithm>
#include <cstdint>

#include "host/core/clock.h"

namespace tidegate::core {

// The wait that is due now, give or take a quarter, so that many nodes do not try in step; the next one is twice
// as long, at most max_ms.
inline int64_t TakeBackoff(int64_t* wait_ms, int64_t max_ms, Random& random) {
  int64_t wait = std::clamp<int64_t>(*wait_ms, 1, max_ms);
  *wait_ms = std::min(wait * 2, max_ms);
  return wait - wait / 4 + static_cast<int64_t>(random.Next() % static_cast<uint64_t>(wait / 2 + 1));
}

}  // namespace tidegate::core
