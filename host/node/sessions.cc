// Sessions: they open, carry frames, are kept alive and end. The child makes a session and its number; every frame
// carries it, so that frames of a former connection are known. How one comes up is in hello.cc.
#include <algorithm>

#include "host/node/impl.h"
#include "host/wire/codec.h"

namespace tidegate::node {
void Node::Impl::SessionOpened(core::TransportSession number, const core::Peer& peer) {
  Session& session = sessions_[number];
  session = {};
  session.transport = number;
  session.peer = peer;
  session.heard_us = session.sent_us = deps_.clock.monotonic_us();
  if (peer.side != core::Side::kParent) return;
  uplinks_.insert(number);
  StartHello(&session);
}

void Node::Impl::SessionClosed(core::TransportSession number, std::string_view reason) {
  auto found = sessions_.find(number);
  if (found == sessions_.end()) return;
  if (sync::Link* link = links_.Find(found->second.agent)) {
    if (link->session == number) {
      link->stats.last_error = reason;
      link->stats.last_error_unix_ms = deps_.clock.unix_ms();
    }
  }
  EndSession(&found->second, reason);
  sessions_.erase(found);
  uplinks_.erase(number);
}

void Node::Impl::Writable(core::TransportSession number) {
  auto found = sessions_.find(number);
  if (found == sessions_.end()) return;
  if (sync::Link* link = links_.Find(found->second.agent)) link->blocked = false;
}

// The session carries nothing any more; the transport's connection may live on.
void Node::Impl::EndSession(Session* session, std::string_view reason) {
  sync::Link* link = links_.Find(session->agent);
  if (link != nullptr && link->session == session->transport) {
    NoteDisconnected(link, *session, reason);
    link->CloseFeeds();
    if (link->is_parent()) pass_.asker().Pause();
    if (link->is_parent()) asked_answers_.AskAgain();
  }
  if (session->id != 0) session->ended_id = session->id;
  session->state = SessionState::kWaiting;
  session->id = 0;
}

Node::Impl::Session* Node::Impl::SessionOf(const sync::Link& link) {
  auto found = sessions_.find(link.session);
  return found == sessions_.end() ? nullptr : &found->second;
}

// ---- sending ----

bool Node::Impl::Send(Session* session, wire::SessionId id, const wire::Body& body) {
  uint64_t plain_bytes = 0;
  std::string bytes = wire::Encode(id, body, &plain_bytes);
  Status sent = deps_.outbox.Send(session->transport, bytes);
  sync::Link* link = links_.Find(session->agent);
  if (!sent.ok()) {
    if (sent.code() == Code::kFull && link != nullptr) link->blocked = true;
    // No later attempt can succeed: what waits behind it waits until somebody does something.
    if (sent.code() == Code::kInvalid && link != nullptr && link->stats.last_error != sent.message()) {
      link->stats.last_error = sent.message();
      link->stats.last_error_unix_ms = deps_.clock.unix_ms();
      deps_.log.Write(3, "cannot send to agent " + std::to_string(link->agent()) + ": " + sent.message());
    }
    return false;
  }
  session->sent_us = deps_.clock.monotonic_us();
  if (link != nullptr) {
    ++link->stats.frames_sent;
    link->stats.bytes_sent += bytes.size();
    link->stats.plain_bytes_sent += plain_bytes;
  }
  return true;
}

bool Node::Impl::Send(sync::Link* link, const wire::Body& body) {
  Session* session = SessionOf(*link);
  return session != nullptr && Send(session, link->session_id, body);
}

void Node::Impl::Refuse(Session* session, wire::SessionId id, const wire::Refuse& refuse) {
  if (refuse.reason != wire::RefuseReason::kUnknownSession) {
    session->last_error = refuse.message;
    deps_.log.Write(3, std::string("refused (") + wire::RefuseReasonName(refuse.reason) + "): " + refuse.message);
    deps_.metrics.Add("tidegate_refusals_total", 1);
  }
  Send(session, id, refuse);
}

// ---- frames ----

void Node::Impl::Frame(core::TransportSession number, wire::DecodedFrame frame, uint64_t bytes) {
  auto found = sessions_.find(number);
  if (found == sessions_.end()) return;
  Session* session = &found->second;
  session->heard_us = deps_.clock.monotonic_us();
  bool from_parent = session->peer.side == core::Side::kParent;

  if (auto* refuse = std::get_if<wire::Refuse>(&frame.body)) return OnRefuse(session, frame.session, *refuse);
  if (auto* hello = std::get_if<wire::Hello>(&frame.body)) {
    if (!from_parent) return OnHelloFromChild(session, frame.session, *hello);
    if (frame.session == session->id) OnHelloFromParent(session, *hello);
    return;
  }
  if (session->state != SessionState::kUp || frame.session != session->id) {
    if (!from_parent) {
      wire::Refuse refuse;
      refuse.reason = wire::RefuseReason::kUnknownSession;
      refuse.message = "no such session here: say hello again";
      Refuse(session, frame.session, refuse);
    }
    return;
  }
  sync::Link* link = links_.Find(session->agent);
  if (link == nullptr) return;
  ++link->stats.frames_received;
  link->stats.bytes_received += bytes;
  link->stats.plain_bytes_received += frame.plain_bytes;
  if (std::holds_alternative<wire::Batch>(frame.body)) return OnBatch(link, std::move(frame));
  if (auto* ack = std::get_if<wire::Ack>(&frame.body)) return OnAck(link, *ack);
  if (auto* routes = std::get_if<wire::Routes>(&frame.body)) return OnRoutes(link, *routes);
  if (auto* ask = std::get_if<wire::SyncAsk>(&frame.body)) return OnSyncAsk(link, *ask);
  if (auto* done = std::get_if<wire::SyncDone>(&frame.body)) return OnSyncDone(link, *done);
  if (auto* ask = std::get_if<wire::CompareAsk>(&frame.body)) return OnCompareAsk(link, *ask);
  OnCompareAnswer(link, std::move(frame), bytes);
}

void Node::Impl::BadFrame(core::TransportSession number, const Status& status, uint32_t unknown_type) {
  auto found = sessions_.find(number);
  if (found == sessions_.end()) return;
  deps_.metrics.Add("tidegate_bad_frames_total", 1);
  wire::Refuse refuse;
  refuse.reason = unknown_type != 0 ? wire::RefuseReason::kUnknownType : wire::RefuseReason::kMalformed;
  refuse.unknown_type = unknown_type;
  refuse.message = status.message();
  Refuse(&found->second, found->second.id, refuse);
  if (sync::Link* link = links_.Find(found->second.agent); link != nullptr && unknown_type == 0)
    doubts_.Note("a frame of agent " + std::to_string(link->agent()) + " could not be read", link);
}

// ---- timers ----

void Node::Impl::Tick(int64_t now_us) {
  TickSessions(now_us);
  links_.StirDue(now_us);
  links_.ForStirred([&](sync::Link* link) {
    CheckProgress(link, now_us);
    if (!link->up() || link->blocked) return;
    for (sync::FeedSender& sender : link->senders) sender.Tick(now_us, deps_.random);
  });
  if (errands_.TakePeriod(now_us)) {
    LinkSyncRequest request;
    request.pull = true;
    SyncLinks(request, [](const LinkSyncAnswer&) {});
  }
  AgeRoutes(now_us);
}

// Of a child only its silence has to be noticed: all of them are looked at when the first may have been silent too
// long.
void Node::Impl::TickSessions(int64_t now_us) {
  for (core::TransportSession number : uplinks_) TickSession(&sessions_[number], now_us);
  if (now_us < silence_us_) return;
  silence_us_ = INT64_MAX;
  for (auto& [number, session] : sessions_) {
    if (session.peer.side == core::Side::kParent) continue;
    TickSession(&session, now_us);
    NoteSilence(session);
  }
}

void Node::Impl::NoteSilence(const Session& session) {
  if (session.state != SessionState::kUp) return;
  silence_us_ = std::min(silence_us_, session.heard_us + options_.link_timeout_ms * 1000);
}

void Node::Impl::TickSession(Session* session, int64_t now_us) {
  bool to_parent = session->peer.side == core::Side::kParent;
  bool silent = now_us - session->heard_us >= options_.link_timeout_ms * 1000;
  if (silent && (session->state == SessionState::kUp || session->state == SessionState::kHello)) {
    session->last_error = "nothing heard for " + std::to_string(options_.link_timeout_ms / 1000) + " s";
    session->heard_us = now_us;
    EndSession(session, session->last_error);
    session->hello_at_us = INT64_MAX;
    // The connection may be dead without knowing it: the transport makes another one.
    if (to_parent) deps_.outbox.Close(session->transport, session->last_error);
    return;
  }
  if (to_parent && session->hello_at_us <= now_us &&
      (session->state == SessionState::kHello || session->state == SessionState::kRefused)) {
    StartHello(session);
    return;
  }
  if (session->state != SessionState::kUp) return;
  if (to_parent && now_us - session->sent_us >= options_.keepalive_ms * 1000) {
    wire::Ack probe;
    if (sync::Link* link = links_.Find(session->agent); link != nullptr && link->session == session->transport) {
      // Says everything again: what an ack said that was lost, such as an open window, nothing else repeats.
      link->AckAll();
      probe = link->TakeAck(options_.role != TG_ROLE_ROUTER, disk_gate_.WindowBytes());
    }
    probe.answer_wanted = true;
    probe.unix_ms = deps_.clock.unix_ms();
    if (const sync::Link* parent = links_.Find(session->agent)) FillSureness(*parent, &probe);
    session->sent_us = now_us;
    Send(session, session->id, probe);
  }
}

}  // namespace tidegate::node
