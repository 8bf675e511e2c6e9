// The oracle's view of law 5: what may be purged, and what a removal may remove.
#include <algorithm>

#include "host/base/views.h"
#include "host/sync/reconcile_answerer.h"
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

namespace tidegate::sim {
namespace {

constexpr int64_t kClockToleranceUs = 600 * kSecond;  // what clocks may be off without being noticed

}  // namespace

Version Oracle::EverHeld(AgentId agent, const std::string& key) const {
  auto known = known_.find(agent);
  if (known == known_.end()) return {};
  auto found = known->second.newest.find(key);
  return found == known->second.newest.end() ? Version() : found->second;
}

void Oracle::Heard(AgentId from, AgentId to) {
  Known& known = known_[to];
  auto [heard, first] = known.heard_us.try_emplace(from, world_.now_us());
  const int64_t lease_us = world_.options().node.lease_ms * 1000;
  if (!first && world_.now_us() - heard->second >= lease_us - kClockToleranceUs)
    known.returned_us[from] = world_.now_us();
  heard->second = world_.now_us();
}

bool Oracle::MayBeDeleted(const Version& version, std::string_view reason) const {
  return version.hlc <= purged_hlc_ && reason.find("maybe_deleted") != std::string_view::npos;
}

bool Oracle::IsRemoval(SimNode& node, const tg_change& change) {
  if (change.kind != TG_CHANGE_TOMBSTONE || change.via == 0) return false;
  const std::string key = KeyText(change.key);
  const Version version = Version::From(change.version);
  auto states = states_.find(key);
  if (states == states_.end() || states->second.contains(version)) return false;
  for (const auto& [of, written] : states->second) {
    if (sync::RemovalOf(of) != version || written.kind != TG_CHANGE_ITEM) continue;
    const Written* newest = joined_.contains(key) ? &states->second.rbegin()->second : Newest(key);
    if (newest != nullptr && newest->version == of && !IsLossUnseen()) Fail(node, "a live item is removed", change);
    if (change.via != node.parent()) Fail(node, "a removal that does not come from the parent", change);
    Written removal = written;
    removal.version = version;
    removal.kind = TG_CHANGE_TOMBSTONE;
    removal.body_hash = HashText({});
    removal.transaction = removal.tag = 0;
    removal.text_size = 0;
    removal.expires_ms = 0;
    states->second[version] = removal;
    replaced_.insert({key, of});
    return true;
  }
  return false;
}

void Oracle::Purged(SimNode& node, const tg_change& change) {
  const std::string key = KeyText(change.key);
  const Version version = Version::From(change.version);
  world_.trace().Line(world_.now_us(), node.agent(), "purges %s", Describe(change).c_str());
  Version& forgotten = forgotten_[key];
  forgotten = std::max(forgotten, version);
  if (leftovers_) return;  // what is dropped after a move is another story
  const int64_t lease_us = world_.options().node.lease_ms * 1000;
  Known& known = known_[node.agent()];
  if (world_.now_us() - known.since_us[key] < lease_us - kClockToleranceUs)
    Fail(node, "purged within its lease", change);
  if ((change.direction & TG_DIRECTION_UP) != 0 && node.role() != TG_ROLE_SERVER && change.via != node.parent() &&
      EverHeld(kAgentServer, key) < version && !IsGivenUp(key, version))
    Fail(node, "purged before it was delivered", change);
  CheckPassed(node, change, version, "purged");
}

void Oracle::CheckPassed(SimNode& node, const tg_change& change, const Version& version, const std::string& what) {
  const int64_t lease_us = world_.options().node.lease_ms * 1000;
  const std::string key = KeyText(change.key);
  Known& known = known_[node.agent()];
  if ((change.direction & TG_DIRECTION_DOWN) == 0) return;
  const Written* written = Find(key, version);
  for (const auto& child : world_.nodes()) {
    if (child->parent() != node.agent() || written == nullptr || !IsDue(*child, *written)) continue;
    auto heard = known.heard_us.find(child->agent());
    if (heard == known.heard_us.end() || world_.now_us() - heard->second >= lease_us - kClockToleranceUs) continue;
    // Its lease was over, and its hello is being read: it will be told that the floor is higher.
    auto returned = known.returned_us.find(child->agent());
    if (returned != known.returned_us.end() && world_.now_us() - returned->second < kSecond) continue;
    // Who was reconciled and never had the item is not told of its tombstone.
    const Written* there = Find(key, EverHeld(child->agent(), key));
    if (there != nullptr && there->kind == TG_CHANGE_ITEM && there->version < version)
      Fail(node, what + " before child " + std::to_string(child->agent()) + " had it", change);
  }
}

}  // namespace tidegate::sim
