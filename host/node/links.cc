// Links as a whole: switched on and off by hand, and whether they move.
#include "host/node/impl.h"

namespace tidegate::node {

void Node::Impl::SwitchLink(AgentId agent, bool on, std::function<void(Status)> done) {
  sync::Link* link = links_.Find(agent);
  if (link == nullptr) {
    finished_.push_back([done, agent] {
      done(Status::NotFound("agent " + std::to_string(agent) + " is no neighbour of this node; 'tidegate link list' " +
                            "shows them"));
    });
    return;
  }
  wire::LinkRecord record = link->record;
  record.off = !on;
  stage_.Begin();
  sync::LinkTable::StageRecord(record, &stage_);
  stage_.End([this, agent, on, done = std::move(done)](const Status& status, std::span<const core::Effect>) {
    sync::Link* switched = links_.Find(agent);
    if (status.ok() && switched != nullptr) {
      switched->record.off = !on;
      deps_.log.Write(6, "the link to agent " + std::to_string(agent) + " is switched " + (on ? "on" : "off"));
      on ? WakeLink(*switched) : CutLink(switched);
    }
    done(status);
  });
}

void Node::Impl::CutLink(sync::Link* link) {
  Session* session = SessionOf(*link);
  if (session == nullptr) return;
  wire::Refuse refuse;
  refuse.reason = wire::RefuseReason::kSwitchedOff;
  refuse.message = sync::SwitchedOffText(options_.agent, link->agent());
  Send(session, session->id, refuse);
  EndSession(session, "switched off");
  session->hello_at_us = INT64_MAX;
}

void Node::Impl::WakeLink(const sync::Link& link) {
  if (link.up()) return;
  for (auto& [number, session] : sessions_) {
    if (session.refused_agent == link.agent()) AskAgain(&session);
    if (!link.is_parent() || session.peer.side != core::Side::kParent) continue;
    session.heard_us = deps_.clock.monotonic_us();  // until now nobody had a reason to speak
    StartHello(&session);
  }
}

// Whether a session leads to the parent whose link is switched off here.
bool Node::Impl::IsOff(const Session& session) const {
  const sync::Link* parent = links_.parent();
  if (parent == nullptr || !parent->record.off || session.peer.side != core::Side::kParent) return false;
  return session.peer.agent == 0 || session.peer.agent == parent->agent();
}

// ---- health by progress ----

// Whether the neighbour owes us something: an acknowledgement, the answer of a comparison, a confirmed table.
bool Node::Impl::Waits(const sync::Link& link, int64_t now_us) const {
  if (link.Waits(now_us)) return true;
  return link.is_parent() && (asker_.running() || edges_confirmed_ != edges_number_);
}

void Node::Impl::CheckProgress(sync::Link* link, int64_t now_us) {
  if (!link->up()) return;
  if (!Waits(*link, now_us)) {
    link->waits_since_us = -1;
    link->stalled = false;
    return;
  }
  if (link->waits_since_us < 0) link->waits_since_us = now_us;
  if (link->moved_us > link->waits_since_us) {
    link->waits_since_us = link->moved_us;
    link->stalled = false;
  }
  if (now_us - link->waits_since_us >= options_.progress_timeout_ms * 1000) Reopen(link);
}

// The connection is there and leads nowhere: another one may do better.
void Node::Impl::Reopen(sync::Link* link) {
  link->stalled = true;
  ++link->stats.stalls;
  deps_.metrics.Add("tidegate_link_stalls_total", 1);
  std::string reason = "connected but not moving: nothing was acknowledged for " +
                       std::to_string(options_.progress_timeout_ms / 1000) + " s while changes wait";
  deps_.log.Write(4, "the link to agent " + std::to_string(link->agent()) + " is opened anew: " + reason);
  Session* session = SessionOf(*link);
  if (session == nullptr) return;
  // If the child hears us it says hello at once, also where its transport keeps the connection.
  if (!link->is_parent()) AskAgain(session);
  session->last_error = reason;
  EndSession(session, reason);
  session->hello_at_us = INT64_MAX;
  deps_.outbox.Close(session->transport, reason);
}

}  // namespace tidegate::node
