#include "tests/sim/faults.h"

#include <iterator>

namespace tidegate::sim {
namespace {

// Half-open sessions have chances of their own: a seed that has none of them runs as it did without them.
constexpr uint64_t kHalfOpenStream = 0x68616c666f70656eull;
constexpr uint64_t kLevelStream = 0x6c6576656c730000ull;  // levels likewise
constexpr uint64_t kRewindStream = 0x726577696e6473ull;
constexpr uint64_t kPolicyStream = 0x706f6c6963696573ull;  // and policies
constexpr uint64_t kSchemaStream = 0x736368656d617300ull;  // and schemas
constexpr uint64_t kVerifyStream = 0x7665726966696573ull;  // and comparisons

}  // namespace

int64_t DrawSkew(const Profile& profile, SimRandom& random) {
  if (!profile.wild_clocks) return random.Between(-profile.skew_ms_max, profile.skew_ms_max);
  constexpr int64_t kTo[] = {0,
                             0,
                             -kStartUnixMs + 1'000,
                             2'051'222'400'000 - kStartUnixMs,
                             4'070'908'800'000 - kStartUnixMs,
                             7 * 86'400'000,
                             -7 * 86'400'000,
                             -3'600'000};  // none, 1970, 2035, 2099, a week, an hour
  return kTo[random.Below(std::size(kTo))] + random.Between(-profile.skew_ms_max, profile.skew_ms_max);
}

Faults::Faults(World& world, const Profile& profile, SimRandom random)
    : world_(world),
      profile_(profile),
      random_(random),
      half_open_random_(world.options().seed ^ kHalfOpenStream),
      level_random_(world.options().seed ^ kLevelStream),
      rewind_random_(world.options().seed ^ kRewindStream),
      policy_random_(world.options().seed ^ kPolicyStream),
      verify_random_(world.options().seed ^ kVerifyStream),
      schema_random_(world.options().seed ^ kSchemaStream),
      usual_(world.options().weather) {
  weights_ = {profile.breaks, profile.cuts,        profile.crashes, profile.long_downs, profile.disk_errors,
              profile.storms, profile.clock_jumps, profile.moves,   profile.leaps,      0};
  for (size_t kind = 0; kind <= kLeap; ++kind)
    if (random_.PerMille(250)) weights_[kind] = 0;
  weights_[kLeap] = profile.leaps;  // what the profile is for
  weights_[kFill] = profile.fills;
  weights_[kBreak] = std::max(weights_[kBreak], 1u);
}

void Faults::Plan(uint32_t count, int64_t us) {
  for (uint32_t i = 0; i < count; ++i) world_.After(random_.Between(0, us), [this] { Once(); });
  for (uint32_t i = 0; i < profile_.rewinds; ++i) world_.After(rewind_random_.Between(0, us), [this] { Rewind(); });
  if (profile_.half_opens != 0 && !half_open_random_.PerMille(500)) {
    const auto half_opens = static_cast<uint32_t>(half_open_random_.Between(1, profile_.half_opens));
    for (uint32_t i = 0; i < half_opens; ++i) world_.After(half_open_random_.Between(0, us), [this] { HalfOpen(); });
  }
  PlanVerifies(us);
  for (uint32_t i = 0; i < profile_.schemas; ++i)
    world_.After(schema_random_.Between(0, us), [this] { ChangeSchema(); });
  if (profile_.policies != 0) {
    const auto changes = static_cast<uint32_t>(policy_random_.Between(1, profile_.policies));
    for (uint32_t i = 0; i < changes; ++i) world_.After(policy_random_.Between(0, us), [this] { ChangePolicy(); });
  }
  if (profile_.levels != 0 && !level_random_.PerMille(500)) {
    const auto levels = static_cast<uint32_t>(level_random_.Between(1, profile_.levels));
    for (uint32_t i = 0; i < levels; ++i) world_.After(level_random_.Between(0, us), [this] { ChangeLevel(); });
  }
}

uint32_t Faults::AnyDirection() { return static_cast<uint32_t>(policy_random_.Below(4)); }

// At one node, or at one after the other.
void Faults::ChangePolicy() {
  if (ended_) return;
  ++happened_;
  const uint32_t direction = AnyDirection();
  const bool everywhere = policy_random_.PerMille(500);
  const AgentId one = Any(false, policy_random_)->agent();
  const int64_t spread_ms = policy_random_.PerMille(500) ? 300 : 15'000;
  for (const auto& node : world_.nodes()) {
    if (!everywhere && node->agent() != one) continue;
    world_.After(policy_random_.Between(0, spread_ms) * kMs, [this, agent = node->agent(), direction] {
      if (!ended_) world_.SetDirection(agent, direction);
    });
  }
}

// What the server refused until now it takes, or the other way round.
void Faults::ChangeSchema() {
  if (ended_) return;
  ++happened_;
  world_.SetServerStrict(!world_.server_strict());
}

void Faults::ChangeLevel() {
  std::vector<SimNode*> routers;
  for (const auto& node : world_.nodes())
    if (node->role() == TG_ROLE_ROUTER) routers.push_back(node.get());
  SimNode* router = routers[level_random_.Below(routers.size())];
  const auto level = static_cast<uint32_t>(router->level() / kLevelBand * kLevelBand + level_random_.Below(kLevelBand));
  if (!router->up()) return;
  ++happened_;
  world_.trace().Line(world_.now_us(), router->agent(), "its level is set to %u", level);
  router->SetLevel(level, [this, level](const Status& status) {
    if (!status.ok() && status.code() != Code::kIo && status.code() != Code::kFull)
      world_.Fail("level " + std::to_string(level) + " was refused: " + status.message());
  });
}

void Faults::HalfOpen() {
  constexpr Break kHalf[] = {Break::kDeafChild, Break::kDeafParent, Break::kNoBatches};
  ++happened_;
  const AgentId child = Any(true, half_open_random_)->agent();
  world_.network().BreakSession(child, kHalf[half_open_random_.Below(3)]);
}

SimNode* Faults::Any(bool with_parent) { return Any(with_parent, random_); }

SimNode* Faults::Any(bool with_parent, SimRandom& random) {
  std::vector<SimNode*> nodes;
  for (const auto& node : world_.nodes())
    if (!with_parent || node->parent() != 0) nodes.push_back(node.get());
  return nodes[random.Below(nodes.size())];
}

void Faults::Once() {
  uint64_t sum = 0;
  for (uint32_t weight : weights_) sum += weight;
  uint64_t dice = random_.Below(sum);
  uint8_t kind = 0;
  while (dice >= weights_[kind]) dice -= weights_[kind++];
  ++happened_;
  switch (kind) {
    case kBreak:
      return world_.network().BreakSession(Any(true)->agent(), static_cast<Break>(random_.Below(4)));
    case kCut: {
      const AgentId child = Any(true)->agent();
      world_.network().Cut(child, true);
      return world_.After(random_.Between(200, random_.PerMille(200) ? 60'000 : 8'000) * kMs, [this, child] {
        if (!ended_) world_.network().Cut(child, false);
      });
    }
    case kCrash:
      return Down(*Any(false), static_cast<CrashPoint>(random_.Below(4)), random_.Between(20, 5'000) * kMs);
    case kLongDown:
      return Down(*Any(false), CrashPoint::kNone, random_.Between(20, 90) * kSecond);
    case kDiskError: {
      const Code code = random_.PerMille(500) ? Code::kIo : Code::kFull;
      return Any(false)->FailCommits(static_cast<int>(random_.Between(1, 6)), code);
    }
    case kStorm:
      return Storm();
    case kFill: {
      SimNode* node = Any(false);
      node->FillDisk(true);
      return world_.After(random_.Between(1'000, 40'000) * kMs, [this, node] {
        if (!ended_) node->FillDisk(false);
      });
    }
    case kClockJump: {
      SimNode* node = Any(false);
      const int64_t skew = DrawSkew(profile_, random_);
      world_.trace().Line(world_.now_us(), node->agent(), "its clock is off by %lld ms", static_cast<long long>(skew));
      return node->clock().SetSkew(skew);
    }
    case kLeap:
      return Leap();
    default:
      return Move();
  }
}

void Faults::Down(SimNode& node, CrashPoint point, int64_t us) {
  if (!node.up()) return;
  if (point == CrashPoint::kNone) {
    node.Crash("now");
  } else {
    node.ArmCrash(point);
    // If nothing happens at the node before, it dies then.
    world_.After(kSecond, [this, &node, start = node.starts()] {
      if (!ended_ && node.up() && node.starts() == start) node.Crash("now");
    });
  }
  if (random_.PerMille(100)) node.FailNextOpen();
  world_.After(us + kSecond, [&node] { node.Start(); });
}

void Faults::Storm() {
  world_.trace().Line(world_.now_us(), 0, "a storm begins");
  Weather& weather = world_.network().weather();
  weather.drop = random_.Below(600);
  weather.twice = random_.Below(300);
  weather.late = random_.Below(400);
  world_.After(random_.Between(500, 10'000) * kMs, [this] {
    if (ended_) return;
    world_.trace().Line(world_.now_us(), 0, "the storm is over");
    world_.network().weather() = usual_;
  });
}

// A device, or a router with all that is below it, goes to another parent of a lower level.
void Faults::Move() {
  std::vector<SimNode*> nodes, parents;
  for (const auto& node : world_.nodes())
    if (node->role() != TG_ROLE_SERVER) nodes.push_back(node.get());
  SimNode* node = nodes[random_.Below(nodes.size())];
  for (const auto& other : world_.nodes()) {
    if (other->role() != TG_ROLE_DEVICE && other->level() < node->level() && other->agent() != node->parent())
      parents.push_back(other.get());
  }
  if (parents.empty()) return;
  SimNode* parent = parents[random_.Below(parents.size())];
  world_.trace().Line(world_.now_us(), node->agent(), "moves to %llu",
                      static_cast<unsigned long long>(parent->agent()));
  // A new parent is configured, so the node is started anew.
  const AgentId old_parent = node->parent();
  node->Crash("to move");
  node->SetParent(parent->agent());
  const bool turns_back = random_.PerMille(300);
  const auto dies_at = static_cast<CrashPoint>(random_.Below(4));
  world_.After(random_.Between(10, 3'000) * kMs, [this, node, turns_back, dies_at] {
    node->Start();
    if (turns_back && node->up() && !ended_) node->ArmCrash(dies_at);
  });
  if (!turns_back) return;
  // It goes back before it has heard its new parent, which may have heard it; and may have forgotten that.
  const bool forgets = random_.PerMille(500);
  world_.After(random_.Between(3'000, 6'000) * kMs, [this, node, old_parent, forgets] {
    if (ended_) return;
    node->Crash("to move back");
    world_.trace().Line(world_.now_us(), node->agent(), "moves back to %llu",
                        static_cast<unsigned long long>(old_parent));
    node->SetParent(old_parent);
    if (forgets) node->ForgetAttach();
    node->Start();
  });
}

void Faults::Leap() {
  if (ended_) return;
  world_.Leap(random_.PerMille(60) ? 35 * kDay : random_.Between(1, 12) * kDay);
}

void Faults::End() {
  ended_ = true;
  world_.trace().Line(world_.now_us(), 0, "all faults end");
  world_.network().HealAll();
  for (const auto& node : world_.nodes()) {
    node->ArmCrash(CrashPoint::kNone);
    if (node->up()) node->FailCommits(0, Code::kIo);
    node->FillDisk(false);
    node->Start();
  }
  // What is refused for good may fill a quota for good.
  if (profile_.schemas != 0) world_.SetServerStrict(!profile_.tight && schema_random_.PerMille(500));
  if (profile_.policies == 0) return;
  // In the end all nodes agree, one after the other.
  const uint32_t direction = AnyDirection();
  for (const auto& node : world_.nodes()) {
    world_.After(policy_random_.Between(0, kAgreeUs / kMs) * kMs,
                 [this, agent = node->agent(), direction] { world_.SetDirection(agent, direction); });
  }
}

}  // namespace tidegate::sim
