#include "tests/sim/run.h"

#include <memory>
#include <optional>

#include "tests/sim/by_hand.h"
#include "tests/sim/copies.h"
#include "tests/sim/faults.h"
#include "tests/sim/runners.h"
#include "tests/sim/workload.h"
#include "tests/sim/world.h"

namespace tidegate::sim {
namespace {

constexpr uint64_t kByHandStream = 0x627968616e64ull;
constexpr uint64_t kCopyStream = 0x636f70696573ull;
constexpr uint64_t kVerifyStream = 0x76657269667900ull;
constexpr uint64_t kLossStream = 0x6c6f73736573ull;
constexpr uint64_t kCommandStream = 0x636f6d6d616e6473ull;
constexpr int64_t kSettleUsMax = 300 * kSecond;  // longest way: a dead session, its timeout, a back-off, a reconcile
constexpr int64_t kStillUs = 45 * kSecond;       // rest that is watched
constexpr int64_t kLateUs = 5 * kSecond;         // frames of the last storm may still arrive, and be answered
constexpr int64_t kDeadSessionUs = 60 * kSecond;
// At rest a link carries keep-alives only: so many frames each second, both ways, at the very most.
constexpr uint64_t kStillFramesPerLink = 4 * 45;

// Small limits that all drain by themselves: what is delivered is dropped. losses: and what is not, in half of the
// seeds.
std::string DrawLimits(SimRandom& random, std::optional<SimRandom> losses) {
  if (losses && losses->PerMille(500)) losses.reset();
  std::string text = "{";
  for (const char* model : {"Reading", "Gauge", "Status"}) {
    if (random.PerMille(300)) continue;
    const char* delivered = random.PerMille(500) ? "hop" : "server";
    text += std::string(text.size() > 1 ? "," : "") + "\"" + model + "\":{\"delivered\":\"" + delivered + "\"";
    if (random.PerMille(700)) text += ",\"items_max\":" + std::to_string(random.Between(2, 20));
    if (random.PerMille(200)) text += ",\"bytes_max\":" + std::to_string(random.Between(500, 3'000));
    if (losses && losses->PerMille(700))
      text += std::string(",\"when_full\":\"") + (losses->PerMille(700) ? "drop_oldest" : "keep_latest") + "\"";
    if (losses && losses->PerMille(250)) text += ",\"age_max_ms\":" + std::to_string(losses->Between(20'000, 120'000));
    text += "}";
  }
  return text + "}";
}

// Often enough to be seen in some minutes.
void DrawVerifies(SimRandom random, node::NodeOptions* node) {
  node->verify_period_ms = random.Between(20'000, 90'000);
  node->verify_on_doubt = random.PerMille(700);
  node->verify_rows_per_s = static_cast<uint64_t>(random.PerMille(500) ? 100'000 : random.Between(20, 400));
  node->verify_delay_ms = random.Between(200, 8'000);
  node->verify_rest_ms = random.Between(500, 20'000);
}

WorldOptions DrawOptions(const RunOptions& run, const Profile& profile, SimRandom& random) {
  WorldOptions options;
  options.seed = run.seed;
  options.print = run.print;
  options.defect = run.defect;
  options.strict_server = profile.strict;
  if (profile.tight)
    options.retain =
        DrawLimits(random, profile.loses ? std::optional(SimRandom(run.seed ^ kLossStream)) : std::nullopt);
  options.policies = profile.policies != 0;
  options.moves = profile.moves != 0;
  node::NodeOptions& node = options.node;
  constexpr int64_t kDelays[] = {0, 50, 500, 2'000, 5'000};
  node.sync_delay_ms = kDelays[random.Below(5)];
  node.sync_limit_bytes = random.PerMille(500) ? 10 * 1024 : 300;
  node.window_frames = static_cast<uint32_t>(random.Between(1, 8));
  node.batch_items_max = random.PerMille(500) ? 1'000 : static_cast<uint32_t>(random.Between(1, 12));
  node.frame_bytes_max = random.PerMille(500) ? 256u << 10 : static_cast<uint64_t>(random.Between(300, 4'000));
  if (random.PerMille(300)) node.window_bytes = static_cast<uint64_t>(random.Between(2'000, 20'000));
  options.verifies = profile.verifies != 0 && run.defect != Defect::kVerifyMissing;
  if (profile.verifies != 0) DrawVerifies(SimRandom(run.seed ^ kVerifyStream), &node);
  if (profile.ttl != 0) node.clock_drift_ms_max = 40'000;
  if (run.defect == Defect::kStallIgnored) node.progress_timeout_ms = 1'000'000'000;
  Weather& weather = options.weather;
  weather.drop = random.Below(profile.drop_max + 1);
  weather.twice = random.Below(profile.twice_max + 1);
  weather.late = random.Below(profile.late_max + 1);
  weather.full = random.PerMille(300) ? 10 : 0;
  weather.delay_us_max = random.PerMille(500) ? 5'000 : 200'000;
  return options;
}

void BuildTree(World& world, const Profile& profile, SimRandom& random) {
  world.Add(kAgentServer, TG_ROLE_SERVER, 1, 0);
  std::vector<AgentId> routers;
  std::vector<uint32_t> levels;
  const auto router_count = static_cast<uint32_t>(random.Between(profile.routers_min, profile.routers_max));
  for (uint32_t i = 0; i < router_count; ++i) {
    AgentId parent = kAgentServer;
    uint32_t level = 2;
    if (i > 0 && (profile.chain || random.PerMille(400))) {
      const size_t above = profile.chain ? i - 1 : random.Below(i);
      parent = routers[above];
      level = levels[above] + 1;
    }
    if (profile.moves != 0) level = 2 + i;  // so that many moves are lawful
    routers.push_back(10 + i);
    levels.push_back(level);
    world.Add(routers.back(), TG_ROLE_ROUTER, level * Faults::kLevelBand, parent);
  }
  auto device_count = static_cast<uint32_t>(random.Between(profile.devices_min, profile.devices_max));
  for (uint32_t i = 0; i < device_count; ++i) {
    const AgentId parent = random.PerMille(80) ? kAgentServer : routers[random.Below(routers.size())];
    world.Add(100 + i, TG_ROLE_DEVICE, 65535, parent);
  }
  // Most start together, some come when much was written already.
  for (const auto& node : world.nodes()) {
    node->clock().SetSkew(DrawSkew(profile, random));
    const bool late = profile.server_late ? node->role() == TG_ROLE_SERVER : random.PerMille(200);
    const int64_t delay =
        !late ? random.Between(0, 2'000) : random.Between(profile.server_late ? 40'000 : 2'000, 70'000);
    world.After(delay * kMs, [started = node.get()] { started->Start(); });
  }
}

void CheckStillness(World& world) {
  world.oracle().ExpectStillness(true);
  // Where nodes moved, a former parent may hold a session that nobody told it is dead.
  world.RunFor(world.oracle().leftovers() ? kDeadSessionUs : kLateUs);
  // A session in which nothing moves is opened anew after a while. The new one goes on at the receiver's watermark, and
  // so sends what came there by a comparison meanwhile: once.
  if (world.network().AnyHalfOpen()) world.RunFor(kDeadSessionUs + kLateUs);
  const uint64_t frames = world.network().frames(), changes = world.network().monitor().changes_sent();
  world.RunFor(kStillUs);
  if (world.failed()) return;
  if (world.network().monitor().changes_sent() != changes)
    world.Fail("changes are sent although nothing changes: " +
               std::to_string(world.network().monitor().changes_sent() - changes));
  const uint64_t sent = world.network().frames() - frames;
  if (sent > kStillFramesPerLink * world.nodes().size())
    world.Fail("at rest " + std::to_string(sent) + " frames were sent in 45 s");
}

// The second act: all is at the server, so a device can lose its disk and nothing is lost. Its clock has no battery.
void ReplaceADevice(World& world, Workload& workload, SimRandom& random) {
  std::vector<SimNode*> devices;
  for (const auto& node : world.nodes())
    if (node->role() == TG_ROLE_DEVICE) devices.push_back(node.get());
  SimNode& device = *devices[random.Below(devices.size())];
  if (device.up()) world.oracle().KeepJournal(device);
  device.Crash("to get another disk");
  device.ReplaceDisk();
  device.clock().SetSkew(-kStartUnixMs + 1'000);
  world.RunFor(kSecond);
  // Until its session is found dead it counts as connected, and there is nothing to adopt.
  auto adopted = std::make_shared<Status>(Status::Conflict("not asked"));
  for (int second = 0; second < 120 && adopted->code() == Code::kConflict; ++second) {
    world.node(device.parent()).Adopt(device.agent(), [adopted](const Status& status) { *adopted = status; });
    world.RunFor(kSecond);
  }
  if (!adopted->ok()) world.Fail("cannot adopt: " + adopted->message());
  device.Start();
  if (device.up()) workload.WriteAnew(device);
  if (!world.Settle(kSettleUsMax) && !world.failed())
    world.Fail("no rest after a device was replaced: " + world.Unrest());
  if (!world.failed()) world.oracle().CheckAtRest();
}

// An operator looks at what a server that went back lacks, and takes it for lost: then its state is the truth.
void ConfirmLosses(World& world) {
  SimNode& server = world.node(kAgentServer);
  if (!server.up() || !server.status().losses_unconfirmed) return;
  world.oracle().LossesConfirmed();
  server.ConfirmLosses([&world](const Status& status) {
    if (!status.ok()) world.Fail("the losses cannot be confirmed: " + status.message());
  });
  if (!world.Settle(kSettleUsMax) && !world.failed())
    world.Fail("no rest after the losses of the server were confirmed: " + world.Unrest());
  if (!world.failed()) world.oracle().CheckAtRest();
}

// Longer than what ends within minutes is there, its row, and those who may be behind.
constexpr int64_t kSweptUs = 900 * kSecond;

// Nobody writes any more: within two leases every tombstone is purged, and nothing comes back.
void CheckForgotten(World& world) {
  for (int i = 0; i < 7 && !world.failed(); ++i) {
    world.Leap(9 * kDay);
    if (!world.Settle(kSettleUsMax) && !world.failed())
      world.Fail("no rest after nine days in which nothing happened: " + world.Unrest());
    world.RunFor(60 * kSecond);  // the watermarks of idle lanes follow
  }
  if (!world.failed()) world.oracle().CheckAtRest();
  if (!world.failed()) world.oracle().CheckForgotten();
}

}  // namespace

RunResult RunSeed(const RunOptions& run) {
  SimRandom random(run.seed);
  const Profile profile = Drawn(*run.profile, random);
  World world(DrawOptions(run, profile, random));
  BuildTree(world, profile, random);
  Workload workload(world, profile, random.Fork());
  Faults faults(world, profile, random.Fork());
  if (profile.moves != 0) world.oracle().AllowLeftovers();
  const int64_t active_us = random.Between(profile.seconds_min, profile.seconds_max) * kSecond;
  workload.Plan(static_cast<uint32_t>(random.Between(profile.writes_min, profile.writes_max)), active_us);
  workload.PlanSyncs(25, active_us);
  faults.Plan(static_cast<uint32_t>(random.Between(profile.faults_min, profile.faults_max)), active_us);

  ByHand by_hand(world, SimRandom(run.seed ^ kByHandStream));
  by_hand.Plan(profile.by_hand, active_us);
  Copies copies(world, SimRandom(run.seed ^ kCopyStream));
  copies.Plan(profile.copies, active_us);
  std::optional<Runners> runners;
  if (profile.commands != 0) {
    runners.emplace(world, SimRandom(run.seed ^ kCommandStream));
    runners->Plan(profile.commands, active_us);
  }

  world.RunFor(active_us + 100 * kMs);
  faults.End();
  const int64_t end_us = world.now_us();
  if (profile.policies != 0) world.RunFor(Faults::kAgreeUs + kMs);  // rest before that would be an accident
  if (runners) runners->Finish(kSettleUsMax);
  copies.Meet();
  // A spoiled digest unsettles nothing: each link has to have been compared once more, and what was found mended.
  // And what only a comparison finds where nodes have moved is brought by one.
  if (profile.rots != 0 || (profile.verifies != 0 && profile.moves != 0))
    world.RunFor(2 * world.options().node.verify_period_ms * kMs + 30 * kSecond);
  if (!world.Settle(kSettleUsMax) && !world.failed())
    world.Fail("no rest within " + std::to_string(kSettleUsMax / kSecond) + " s: " + world.Unrest());
  if (profile.ttl != 0 && !world.failed()) {
    world.RunFor(kSweptUs);
    if (!world.Settle(kSettleUsMax) && !world.failed())
      world.Fail("no rest after everything had expired: " + world.Unrest());
    if (!world.failed()) world.oracle().CheckExpired();
  }
  const int64_t rest_us = world.now_us();
  if (!world.failed()) world.oracle().CheckAtRest();
  if (!world.failed() && runners) runners->CheckAtRest();
  if (!world.failed()) ConfirmLosses(world);
  if (!world.failed() && runners) runners->CheckAtRest();
  if (!world.failed()) copies.Finish(kSettleUsMax);
  if (!world.failed() && profile.replaces) ReplaceADevice(world, workload, random);
  if (!world.failed()) CheckStillness(world);
  // While a clock is in doubt nothing is forgotten.
  const bool believed = !profile.draws || (!profile.wild_clocks && !profile.replaces);
  if (!world.failed() && profile.leaps != 0 && believed) CheckForgotten(world);

  RunResult result;
  result.failures = world.failures();
  result.trace_hash = world.trace().hash();
  result.nodes = static_cast<uint32_t>(world.nodes().size());
  result.writes = workload.asked();
  result.faults = faults.happened();
  result.acknowledged = world.oracle().acknowledged();
  result.frames = world.network().frames();
  result.bytes = world.network().bytes();
  result.virtual_us = world.now_us();
  result.settle_us = rest_us - end_us;
  if (result.failures.empty() && (result.nodes < 5 || result.writes < 200 || result.faults < 20))
    result.failures.push_back("the seed is too easy: " + std::to_string(result.nodes) + " nodes, " +
                              std::to_string(result.writes) + " writes, " + std::to_string(result.faults) + " faults");
  return result;
}

std::string ReplayCommand(const RunOptions& options) {
  std::string command = "tidegate_sim --seed " + std::to_string(options.seed) + " --profile " + options.profile->name;
  for (const DefectInfo& info : AllDefects())
    if (info.defect == options.defect) command += std::string(" --defect ") + info.name;
  return command + " --trace";
}

}  // namespace tidegate::sim
