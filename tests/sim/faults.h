// Faults: what goes wrong in a seed, and how it is made good again at the end.
// Thread safety: none. Ownership: refers to the world.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>

#include "tests/sim/profile.h"
#include "tests/sim/random.h"
#include "tests/sim/world.h"

namespace tidegate::sim {

// How far a clock is off.
int64_t DrawSkew(const Profile& profile, SimRandom& random);

class Faults {
 public:
  // Routers have the levels 200, 300 and so on; while they run they change them within their hundred, so that who
  // may be above whom stays as it is.
  static constexpr uint32_t kLevelBand = 100;

  Faults(World& world, const Profile& profile, SimRandom random);

  void Plan(uint32_t count, int64_t us);
  // The network is good, clocks stay, nodes that are down start. Policies agree so long after it.
  void End();
  static constexpr int64_t kAgreeUs = 3 * kSecond;
  uint32_t happened() const { return happened_; }

 private:
  enum Kind : uint8_t { kBreak, kCut, kCrash, kLongDown, kDiskError, kStorm, kClockJump, kMove, kLeap, kFill, kKinds };

  void Once();
  void HalfOpen();
  void ChangeLevel();
  void ChangePolicy();
  void ChangeSchema();
  uint32_t AnyDirection();
  SimNode* Any(bool with_parent);
  SimNode* Any(bool with_parent, SimRandom& random);
  void Down(SimNode& node, CrashPoint point, int64_t us);
  void Storm();
  void Move();
  void Leap();
  void Rewind();  // rewinds.cc
  void Rewind(SimNode* node);
  // rot.cc
  void PlanVerifies(int64_t us);
  void VerifyOnce();
  void RotOnce();
  bool HasWitness(const SimNode& node, const tg_change& row) const;

  World& world_;
  const Profile& profile_;
  SimRandom random_, half_open_random_, level_random_, rewind_random_, policy_random_, verify_random_, schema_random_;
  std::set<std::string> rotted_;  // keys
  std::array<uint32_t, kKinds> weights_{};
  Weather usual_;
  bool ended_ = false;
  uint32_t happened_ = 0;
};

}  // namespace tidegate::sim
