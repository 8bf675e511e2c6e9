// The oracle's view of items that expire: when a row may go, and that none is left and none comes back.
#include <algorithm>

#include "host/base/views.h"
#include "host/core/expiry.h"
#include "host/node/expiry_sweep.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

namespace tidegate::sim {
namespace {

constexpr int64_t kClocksOffMs = 60'000;    // what a clock may be off beyond what is known of it
constexpr int64_t kBehindMs = 10 * 60'000;  // what had to wait is looked at again by then

}  // namespace

bool Oracle::HasExpired(const Written& written) const {
  if (written.kind != TG_CHANGE_ITEM || written.expires_ms == 0) return false;
  int64_t now_ms = kStartUnixMs + world_.now_us() / 1000;
  for (const auto& node : world_.nodes()) now_ms = std::max(now_ms, node->clock().latest_ms());
  return written.expires_ms <= now_ms + kClocksOffMs;
}

// Both this state and the newest one of the item: then a comparison names neither.
bool Oracle::HaveExpired(const std::string& key, const Version& version) const {
  const Written *newest = Newest(key), *held = Find(key, version);
  return newest != nullptr && held != nullptr && HasExpired(*newest) && HasExpired(*held);
}

// A row goes when no clock that is right can call it alive, and nobody has an older state that it still has to end.
void Oracle::Swept(SimNode& node, const tg_change& change, const Written& written) {
  world_.trace().Line(world_.now_us(), node.agent(), "sweeps %s", Describe(change).c_str());
  const std::string key = KeyText(change.key);
  Known& known = known_[node.agent()];
  known.swept.insert({key, written.version});
  known.reconciled.erase({key, written.version});
  const node::NodeOptions& options = world_.options().node;
  const int64_t since_ms = node.clock().unix_ms() - written.expires_ms;
  if (since_ms < options.clock_drift_ms_max) Fail(node, "swept before its time", change);
  const bool leased = since_ms >= options.lease_ms;
  if (written.direction == TG_DIRECTION_BOTH && !leased) Fail(node, "swept within its lease", change);
  if (leased || leftovers_ || written.direction == TG_DIRECTION_NONE) return;
  if (written.direction == TG_DIRECTION_DOWN) return CheckPassed(node, change, written.version, "swept");
  // A quota may have dropped it by then, when the next node had it.
  const bool dropped = !world_.options().retain.empty() &&
                       (EverHeld(node.parent(), key) >= written.version || WasLost(key, written.version));
  if (node.role() != TG_ROLE_SERVER && EverHeld(kAgentServer, key) < written.version && !dropped)
    Fail(node, "swept before it was delivered", change);
}

// Whose clock is in doubt sweeps nothing, and its neighbours wait for it.
bool Oracle::AnyInDoubt() const {
  return std::any_of(world_.nodes().begin(), world_.nodes().end(),
                     [](const auto& node) { return node->up() && node->status().purge_suspended; });
}

void Oracle::CheckExpired() {
  const int64_t late_ms = world_.options().node.clock_drift_ms_max + node::ExpirySweep::kStepMs + kBehindMs;
  const int64_t gone_ms = kStartUnixMs + world_.now_us() / 1000 - late_ms;
  for (const auto& node : world_.nodes()) {
    if (AnyInDoubt()) return;
    tg_query query{};
    query.struct_size = sizeof query;
    (void)node->truth().Query(query, [&](const tg_change& change) {
      if (!core::IsExpired(change, gone_ms)) return true;
      const Written* newest = Newest(KeyText(change.key));
      const Version version = Version::From(change.version);
      const bool stands = change.direction == TG_DIRECTION_BOTH && newest != nullptr &&
                          (newest->version == version || HaveExpired(KeyText(change.key), version));
      if (!stands) Fail(*node, "is still there, and has expired", change);
      return stands;
    });
  }
}

}  // namespace tidegate::sim
