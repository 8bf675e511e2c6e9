// Links as a whole: switched on and off by hand, and whether they move.
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {

void Node::Impl::SwitchLink(AgentId agent, bool on, std::function<void(Status)> done) {
  if (agent == kAgentAll) return SwitchLinks(on, std::move(done));
  Status staged = CommitStage();  // comes first: a hello in it stores the same record
  sync::Link* link = links_.Find(agent);
  if (link == nullptr) {
    staged = Status::NotFound("agent " + std::to_string(agent) +
                              " is no neighbour of this node; 'tidegate link list' " + "shows them");
  }
  if (!staged.ok()) {
    answers_.Add([done, staged] { done(staged); });
    return;
  }
  // In place: whatever else stores the record with this commit stores the same.
  const bool was_off = link->record.off;
  link->record.off = !on;
  stage_.Begin();
  sync::LinkTable::StageRecord(link->record, &stage_);
  stage_.End([this, agent, on, was_off, done = std::move(done)](const Status& status, std::span<const core::Effect>) {
    sync::Link* switched = links_.Find(agent);
    if (switched != nullptr && !status.ok()) switched->record.off = was_off;
    if (switched != nullptr && status.ok()) {
      deps_.log.Write(6, "the link to agent " + std::to_string(agent) + " is switched " + (on ? "on" : "off"));
      on ? WakeLink(*switched) : CutLink(switched);
    }
    done(status);
  });
}

// A fact of the node beside those of its links: whoever is new is refused too.
void Node::Impl::SwitchLinks(bool on, std::function<void(Status)> done) {
  const bool were_off = record_.links_off;
  record_.links_off = !on;
  stage_.Begin();
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  stage_.End([this, on, were_off, done = std::move(done)](const Status& status, std::span<const core::Effect>) {
    if (!status.ok()) {
      record_.links_off = were_off;
    } else {
      self_.links_off = !on;
      deps_.log.Write(6, std::string("all links are switched ") + (on ? "on" : "off"));
      for (const auto& [agent, link] : links_.all()) {
        if (!on) CutLink(link.get());
      }
      if (!on) return done(status);
      // Until now nobody had a reason to speak.
      for (auto& [number, session] : sessions_) session.heard_us = deps_.clock.monotonic_us();
      SayHelloAgain();
    }
    done(status);
  });
}

void Node::Impl::CutLink(sync::Link* link) {
  Session* session = SessionOf(*link);
  if (session == nullptr) return;
  wire::Refuse refuse;
  refuse.reason = wire::RefuseReason::kSwitchedOff;
  refuse.message = sync::SwitchedOffText(options_.agent, record_.links_off ? kAgentAll : link->agent());
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
  if (session.peer.side != core::Side::kParent) return false;
  if (record_.links_off) return true;
  const sync::Link* parent = links_.parent();
  if (parent == nullptr || !parent->record.off) return false;
  return session.peer.agent == 0 || session.peer.agent == parent->agent();
}

// ---- health by progress ----

// Whether the neighbour owes us something: an acknowledgement, the answer of a comparison, a confirmed table.
bool Node::Impl::Owes(const sync::Link& link, int64_t now_us) const {
  if (link.Waits(now_us)) return true;
  return link.is_parent() && (pass_.asker().running() || !edges_told_.confirmed());
}

void Node::Impl::CheckProgress(sync::Link* link, int64_t now_us) {
  if (!link->up()) return;
  if (!Owes(*link, now_us)) {
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
  deps_.metrics.Add("tidegate_stalls_total", 1);
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
