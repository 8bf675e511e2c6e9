// What an operator has to know, as sentences that say what to do.
#include "host/node/impl.h"

namespace tidegate::node {
namespace {

// Who is refused asks again at least as often as hello_ms_max says, if it is set as here; two of its frames may be
// lost.
constexpr int64_t kRefusalShownTimes = 3;
// A node above two parents hears of a copy only once.
constexpr int64_t kCloneShownUs = 300'000'000;

// "1 change", "2 changes".
std::string Number(uint64_t number, const char* what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

}  // namespace

void Node::Impl::TellProblems(NodeStatus* status) const {
  TellLinkProblems(status);
  TellRefused(status);
  TellLifeProblems(status);
  TellRoomProblems(status);
  clock_judge_.Tell(&status->problems);
}

void Node::Impl::TellLinkProblems(NodeStatus* status) const {
  for (const LinkStatus& link : status->links) {
    for (const HoldStatus& hold : link.holds) {
      if (!hold.released && hold.by == 0 && hold.reason != "quota")
        status->problems.push_back(
            "model " + hold.model + " of agent " + std::to_string(hold.ours ? link.agent : options_.agent) +
            " is held " + (hold.ours ? "here" : "by agent " + std::to_string(link.agent)) + ": " + hold.message);
    }
  }
  for (const LinkStatus& link : status->links) {
    if (link.stalled) {
      status->problems.push_back("the link to agent " + std::to_string(link.agent) +
                                 " does not move: " + Number(link.pending_changes, "change") +
                                 " pending, and nothing was acknowledged; it was opened anew " +
                                 Number(link.stalls, "time"));
    }
    if (link.is_parent && link.state != "up" && link.state != "off")
      status->problems.push_back("the parent is not connected: " +
                                 (link.last_error.empty() ? link.state : link.last_error));
  }
}

bool Node::Impl::IsRecentRefusal(int64_t at_us) const {
  return deps_.clock.monotonic_us() - at_us <= kRefusalShownTimes * options_.hello_ms_max * 1000;
}

// Who asks to be a child here and is refused. Of a copy, and of what was switched off by hand, others tell.
void Node::Impl::TellRefused(NodeStatus* status) const {
  for (const auto& [number, session] : sessions_) {
    if (session.peer.side == core::Side::kParent || session.refused_agent == 0) continue;
    if (session.refused_why == wire::RefuseReason::kClone || session.refused_why == wire::RefuseReason::kSwitchedOff)
      continue;
    if (IsRecentRefusal(session.refused_at_us))
      status->problems.push_back("agent " + std::to_string(session.refused_agent) + " asks to be a child here and is " +
                                 "refused: " + session.last_error);
  }
}

// Of what became of replicas: restored, copied.
void Node::Impl::TellLifeProblems(NodeStatus* status) const {
  if (status->losses_unconfirmed)
    status->problems.push_back(
        "the history of this server was lost (it was restored, rolled back or replaced) and no operator has confirmed "
        "the list, so that nothing is removed below: look at 'tidegate losses list', write again what is to live, "
        "then run 'tidegate losses confirm'");
  if (record_.rewound)
    status->problems.push_back(
        "this replica was restored from a backup or rolled back, and the parent has not said yet what it holds of it");
  for (const auto& [agent, refused_us] : clones_.refused_us()) {
    const int64_t age_us = deps_.clock.monotonic_us() - refused_us;
    if (age_us > kCloneShownUs) continue;
    status->problems.push_back("two nodes run on copies of the replica of agent " + std::to_string(agent) +
                               ": the newer is refused; run 'tidegate agent renew' at that one (it was refused here " +
                               std::to_string(age_us / 1'000'000) + " s ago; this is shown for " +
                               std::to_string(kCloneShownUs / 60'000'000) + " minutes)");
  }
}

// Of what is refused, or has no room.
void Node::Impl::TellRoomProblems(NodeStatus* status) const {
  if (status->quarantined != 0)
    status->problems.push_back(Number(status->quarantined, "quarantined item") + ": see 'tidegate quarantine list'");
  if (status->quarantined >= options_.quarantine_items_max)
    status->problems.push_back(
        "the quarantine is full (limits.quarantine_items_max): what is refused now stays with its sender and is not "
        "listed here");
  if (std::string damage = deps_.storage.damage(); !damage.empty())
    status->problems.push_back(
        "the replica is damaged (" + damage +
        "): stop the daemon, and restore a backup ('tidegate restore'), or move the damaged file "
        "away and run 'tidegate agent adopt " +
        std::to_string(options_.agent) + "' at the parent");
  if (status->disk_full)
    status->problems.push_back("the disk is full: nothing new is taken until there is space; free some");
  for (const LossStatus& loss : status->losses) {
    status->problems.push_back(Number(loss.items, "item") + " of " + loss.model + " of agent " +
                               std::to_string(loss.owner) + " dropped before delivery (" + loss.reason + ")");
  }
}

}  // namespace tidegate::node
