// Workload: the writes of a seed, at every node, of every kind, with what each answer has to be.
// Thread safety: none. Ownership: refers to the world.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "host/replica/requests.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/profile.h"
#include "tests/sim/random.h"

namespace tidegate::sim {

class SimNode;
class World;

class Workload {
 public:
  Workload(World& world, const Profile& profile, SimRandom random)
      : world_(world), profile_(profile), random_(random) {}

  // Plans `count` writes at random moments of the next us.
  void Plan(uint32_t count, int64_t us);
  // What a device with an empty disk writes: keys that another life of it wrote too.
  void WriteAnew(SimNode& node);
  void PlanSyncs(uint32_t count, int64_t us);
  uint32_t asked() const { return asked_; }

 private:
  void Once(int tries);
  void SyncOnce();
  SimNode* AnyNodeUp();
  replica::Write MakeWrite(SimNode& node, bool* illegal);
  // Of the model that goes another way at each node; false: this node may not write it now.
  bool MakeChangingWrite(SimNode& node, replica::Write* write);
  void ChooseOwner(SimNode& node, const ModelTruth& model, replica::Write* write);
  AgentId AnyBelow(SimNode& node);

  World& world_;
  const Profile& profile_;
  SimRandom random_;
  uint64_t next_tag_ = 1, next_request_ = 1;
  uint32_t asked_ = 0;
  std::map<AgentId, std::vector<std::string>> readings_;  // ids of acknowledged ones
};

}  // namespace tidegate::sim
