// What plugins are told, and asked, of links and changes (tg.events).
#include <algorithm>

#include "host/base/views.h"
#include "host/node/impl.h"

namespace tidegate::node {
namespace {

uint32_t SideOf(bool is_parent) { return is_parent ? TG_SIDE_PARENT : TG_SIDE_CHILD; }

tg_link_event LinkEvent(const core::Peer& peer, wire::SessionId session, bool is_parent) {
  tg_link_event event{};
  event.struct_size = sizeof event;
  event.side = SideOf(is_parent);
  event.session = session;
  event.address = Str(peer.address);
  event.authenticated = peer.authenticated ? 1 : 0;
  return event;
}

tg_link_event LinkEvent(const core::Peer& peer, wire::SessionId session, const wire::LinkRecord& record) {
  tg_link_event event = LinkEvent(peer, session, record.is_parent);
  event.agent = record.agent;
  event.role = record.role;
  event.level = record.level;
  std::copy(record.replica.bytes.begin(), record.replica.bytes.end(), event.replica);
  if (!record.epochs.empty()) event.epoch = record.epochs.front().epoch;
  return event;
}

}  // namespace

bool Node::Impl::Wants(core::Events::Interest interest) const {
  return deps_.events != nullptr && deps_.events->wants(interest);
}

// A neighbour that nothing else speaks against.
std::optional<wire::Refuse> Node::Impl::VetoOf(const Session& session, wire::SessionId id, const wire::Hello& hello) {
  if (!Wants(core::Events::kConnecting)) return std::nullopt;
  tg_link_event event = LinkEvent(session.peer, id, session.peer.side == core::Side::kParent);
  event.agent = hello.agent;
  event.role = hello.role;
  event.level = hello.level;
  std::copy(hello.replica.bytes.begin(), hello.replica.bytes.end(), event.replica);
  if (!hello.epochs.empty()) event.epoch = hello.epochs.front().epoch;
  Status allowed = deps_.events->Connecting(event);
  if (allowed.ok()) return std::nullopt;
  wire::Refuse refuse;
  refuse.reason = wire::RefuseReason::kVetoed;
  refuse.message = allowed.message();
  return refuse;
}

void Node::Impl::NoteConnected(sync::Link* link, const Session& session) {
  link->stats.up_since_us = deps_.clock.monotonic_us();
  ++link->stats.connects;
  link->moved_us = link->stats.up_since_us;
  if (Wants(core::Events::kConnected)) deps_.events->Connected(LinkEvent(session.peer, session.id, link->record));
}

void Node::Impl::NoteDisconnected(sync::Link* link, const Session& session, std::string_view reason) {
  if (link->stats.up_since_us < 0) return;
  link->stats.up_since_us = -1;
  link->stats.last_disconnect = reason;
  link->stats.last_disconnect_unix_ms = deps_.clock.unix_ms();
  if (!Wants(core::Events::kDisconnected)) return;
  tg_link_event event = LinkEvent(session.peer, session.id, link->record);
  event.reason = Str(link->stats.last_disconnect);
  deps_.events->Disconnected(event);
}

// The last question before an incoming change is staged.
Status Node::Impl::AskChanging(const sync::Inbound& from, const tg_change& change) {
  if (change.kind == TG_CHANGE_EVICT || !Wants(core::Events::kChanging)) return {};
  return deps_.events->Changing({sizeof(tg_change_event), SideOf(from.from_parent), from.neighbour, &change});
}

void Node::Impl::TellChanged(const tg_change& change) {
  const sync::Link* parent = links_.parent();
  tg_change_event event{sizeof(tg_change_event), 0, change.via, &change};
  if (change.via != 0) event.side = SideOf(parent != nullptr && parent->agent() == change.via);
  deps_.events->Changed(event);
}

void Node::Impl::TellReceived(const sync::Link& link, uint32_t lane, uint64_t changes,
                              const sync::QuarantineNotes& notes) {
  if (!Wants(core::Events::kReceived)) return;
  tg_receive_event event{};
  event.struct_size = sizeof event;
  event.side = SideOf(link.is_parent());
  event.agent = link.agent();
  event.lane = lane;
  event.changes = changes;
  event.quarantined = static_cast<uint64_t>(std::count_if(
      notes.refused.begin(), notes.refused.end(), [](const wire::RefusedKey& key) { return !key.reason.empty(); }));
  if (lane < TG_LANE_COUNT) event.held = link.receivers[lane].held().To();
  deps_.events->Received(event);
}

void Node::Impl::TellAcked(const sync::Link& link, uint32_t lane) {
  if (!Wants(core::Events::kAcked)) return;
  tg_ack_event event{};
  event.struct_size = sizeof event;
  event.side = SideOf(link.is_parent());
  event.agent = link.agent();
  event.lane = lane;
  event.hop = link.senders[lane].acked().To();
  event.delivered = link.senders[lane].delivered().To();
  deps_.events->Acked(event);
}

}  // namespace tidegate::node
