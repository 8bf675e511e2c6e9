// Copies: nodes that are started on a copy of another one's disk, beside it (letter n). The original goes on, the copy
// is refused, and keeps what it wrote until it gets an agent id of its own. Thread safety: none. Ownership: refers to
// the world.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/sim/random.h"
#include "tests/sim/sim_node.h"

namespace tidegate::sim {

class World;

class Copies {
 public:
  Copies(World& world, SimRandom random) : world_(world), random_(random) {}

  // Plans so many copies, of devices, in the first half of the next us; they write and start anew until its end.
  void Plan(uint32_t count, int64_t us);
  // The faults are over: both nodes of each pair are there, long enough to be known for what they are.
  void Meet();
  // All is at rest. Whoever starts anew, the copy stays refused; then it is switched off, or renewed.
  void Finish(int64_t settle_us);

 private:
  struct Pair {
    SimNode* original;
    SimNode* copy;
  };
  void Begin();
  void AwaitOriginal(const Pair& pair, uint64_t starts);
  void StartCopy(const Pair& pair);
  void Write(SimNode& copy);
  void CheckRefused();

  World& world_;
  SimRandom random_;
  int64_t end_us_ = 0;
  uint64_t next_tag_ = 1'000'000;
  std::vector<Pair> pairs_;
};

}  // namespace tidegate::sim
