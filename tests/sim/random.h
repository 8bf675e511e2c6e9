// SimRandom: the only source of chance in a simulated world; SplitMix64 (Steele, Lea, Flood, "Fast
// Splittable Pseudorandom Number Generators", 2014).
// Thread safety: none, one world is one thread. Ownership: plain value.
#pragma once

#include <cstdint>

#include "host/core/clock.h"

namespace tidegate::sim {

class SimRandom : public core::Random {
 public:
  explicit SimRandom(uint64_t seed) : state_(seed) {}

  uint64_t Next() override {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  // 0 .. n-1; n must not be 0.
  uint64_t Below(uint64_t n) { return Next() % n; }
  // least .. greatest, both included.
  int64_t Between(int64_t least, int64_t greatest) {
    return least + static_cast<int64_t>(Below(static_cast<uint64_t>(greatest - least) + 1));
  }
  bool PerMille(uint64_t n) { return Below(1000) < n; }
  // An independent stream.
  SimRandom Fork() { return SimRandom(Next()); }

 private:
  uint64_t state_;
};

}  // namespace tidegate::sim
