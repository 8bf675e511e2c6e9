// ByHand: an operator who has entries of quarantines tried again and gives others up, at any node.
// Thread safety: none. Ownership: refers to the world.
#pragma once

#include <cstdint>

#include "tests/sim/random.h"

namespace tidegate::sim {

class World;

class ByHand {
 public:
  ByHand(World& world, SimRandom random) : world_(world), random_(random) {}

  // Plans so many moments of the next us at which something is done about an entry, if there is one.
  void Plan(uint32_t count, int64_t us);

 private:
  void Once();

  World& world_;
  SimRandom random_;
};

}  // namespace tidegate::sim
