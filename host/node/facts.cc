// What the node tells about itself.
#include <cstdlib>

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {
namespace {

const char* DirectionName(uint32_t direction) {
  switch (direction) {
    case TG_DIRECTION_UP:
      return "up";
    case TG_DIRECTION_DOWN:
      return "down";
    case TG_DIRECTION_BOTH:
      return "both";
    default:
      return "none";
  }
}

}  // namespace

const char* LaneName(uint32_t lane) {
  static const char* const kNames[] = {"urgent", "state", "history", "bulk"};
  return lane < TG_LANE_COUNT ? kNames[lane] : "?";
}

const char* RoleName(uint32_t role) {
  switch (role) {
    case TG_ROLE_SERVER:
      return "server";
    case TG_ROLE_ROUTER:
      return "router";
    default:
      return "device";
  }
}

NodeStatus Node::Impl::GetStatus() const {
  NodeStatus status;
  ShowSelf(&status);
  for (const auto& [agent, link] : links_.still()) status.links.push_back(ShowLink(*link, status));
  ShowSessions(&status);
  quotas_.Show(&status);
  retention_.Show(&status);
  status.disk_full = disk_gate_.IsFull();
  for (const auto& [agent, link] : links_.still()) {
    status.quarantined += link->quarantined.size() + link->refused_ours.size();
    status.clocks_off += link->up() && clock_judge_.IsOff(*link) ? 1 : 0;
  }
  TellProblems(&status);
  given_up_.Show(&status);  // no problem: an operator wanted it so
  status.healthy = status.problems.empty();
  return status;
}

void Node::Impl::ShowSelf(NodeStatus* status) const {
  status->agent = options_.agent;
  status->role = RoleName(options_.role);
  status->links_off = record_.links_off;
  status->level = record_.level;
  status->level_configured = options_.level;
  status->replica = self_.replica.ToText();
  char epoch[20];
  std::snprintf(epoch, sizeof epoch, "%016llx", static_cast<unsigned long long>(deps_.storage.epoch()));
  status->epoch = epoch;
  status->head = end_.position;
  status->unix_ms = deps_.clock.unix_ms();
  status->conflicts = conflicts_.size();
  status->commands_asked = asked_answers_.size();
  status->restored_unix_ms = record_.restored_unix_ms;
  status->losses_unconfirmed = options_.role == TG_ROLE_SERVER && (record_.restored_unix_ms != 0 || gone_items_ != 0);
  if (auto stats = deps_.storage.Stats(); stats.ok()) {
    status->items = stats->items;
    status->tombstones = stats->tombstones;
    status->storage_bytes = stats->bytes_used;
  }
  status->purge_horizon_unix_ms = static_cast<int64_t>(record_.purge_horizon >> 16);
  status->purge_suspended = clock_judge_.Suspends();
  for (const replica::ModelRule& rule : deps_.catalog.Get()->rules())
    status->models.push_back(rule.name + " " + DirectionName(rule.direction) + " " + LaneName(rule.lane) +
                             (policy_changes_.IsBeingKeyed(rule.name) ? " (changing)" : ""));
}

LinkStatus Node::Impl::ShowLink(const sync::Link& link, const NodeStatus& status) const {
  const int64_t now_us = deps_.clock.monotonic_us();
  LinkStatus entry;
  entry.agent = link.agent();
  entry.is_parent = link.is_parent();
  entry.role = RoleName(link.record.role);
  entry.level = link.record.level;
  entry.replica = link.record.replica.ToText();
  entry.state = link.up() ? "up" : link.record.off || record_.links_off ? "off" : "down";
  entry.lease_until_unix_ms = link.record.lease_until_unix_ms;
  entry.lease_over = !status.purge_suspended && LeaseOver(link, status.unix_ms);
  entry.frames_sent = link.stats.frames_sent;
  entry.frames_received = link.stats.frames_received;
  entry.bytes_sent = link.stats.bytes_sent;
  entry.bytes_received = link.stats.bytes_received;
  entry.plain_bytes_sent = link.stats.plain_bytes_sent;
  entry.plain_bytes_received = link.stats.plain_bytes_received;
  entry.last_error = link.stats.last_error;
  entry.last_error_unix_ms = link.stats.last_error_unix_ms;
  entry.connects = link.stats.connects;
  entry.stalls = link.stats.stalls;
  entry.verify = ShowVerify(link);
  entry.stalled = link.stalled;
  entry.last_disconnect = link.stats.last_disconnect;
  entry.last_disconnect_unix_ms = link.stats.last_disconnect_unix_ms;
  if (link.stats.up_since_us >= 0) entry.up_age_ms = (now_us - link.stats.up_since_us) / 1000;
  if (link.up() && link.clock_known) entry.clock_ahead_ms = link.clock_ahead_ms;
  entry.quarantined = link.quarantined.size() + link.refused_ours.size();
  entry.holds = HoldsOf(link);
  if (link.is_parent()) entry.unsettled_scopes = marks_.size();
  if (link.stats.last_progress_us >= 0) entry.last_progress_age_ms = (now_us - link.stats.last_progress_us) / 1000;
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    const sync::FeedSender& sender = link.senders[lane];
    entry.resends += sender.resends();
    entry.lanes.push_back(
        {lane, sender.acked().position, sender.delivered().position, link.receivers[lane].held().position});
    auto stat = deps_.storage.FeedStat(sender.Selector(), sender.hop_position(end_.position));
    if (!stat.ok() || stat->count == 0) continue;
    entry.pending_changes += stat->count;
    entry.pending_bytes += stat->bytes;
    entry.pending_exact = entry.pending_exact && stat->exact != 0;
    int64_t age_ms = status.unix_ms - Version::From(stat->oldest).unix_ms();
    entry.oldest_pending_age_ms = std::max(entry.oldest_pending_age_ms, age_ms);
  }
  return entry;
}

// Connections that are no link yet, and what they say of those that are.
void Node::Impl::ShowSessions(NodeStatus* status) const {
  for (const auto& [number, session] : sessions_) {
    bool to_parent = session.peer.side == core::Side::kParent;
    auto shown = std::find_if(status->links.begin(), status->links.end(), [&](const LinkStatus& link) {
      if (session.agent != 0) return link.agent == session.agent;
      if (link.is_parent != to_parent) return false;
      return (session.peer.agent != 0 && link.agent == session.peer.agent) || (to_parent && link.state != "up");
    });
    if (shown == status->links.end()) {
      if (session.peer.side != core::Side::kParent && session.last_error.empty()) continue;
      shown = status->links.emplace(status->links.end());
      shown->agent = session.peer.agent;
      shown->is_parent = session.peer.side == core::Side::kParent;
      shown->state = "down";
    }
    // A link that carries is not hidden by another session that does not.
    bool carries = session.state == SessionState::kUp;
    if (carries || shown->state != "up") {
      shown->address = session.peer.address;
      shown->authenticated = session.peer.authenticated;
    }
    if (!session.last_error.empty()) {
      shown->last_error = session.last_error;
      shown->last_error_unix_ms = status->unix_ms;
    }
    if (shown->state == "up") continue;
    if (session.state == SessionState::kHello) shown->state = "hello";
    if (session.state == SessionState::kRefused) shown->state = "refused";
  }
}

}  // namespace tidegate::node
