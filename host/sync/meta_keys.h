// The names of the meta entries that replication keeps in a storage.
// Thread safety: pure functions. Ownership: results own their text.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "host/base/ids.h"

namespace tidegate::sync::meta {

inline constexpr std::string_view kNode = "node";          // wire::NodeRecord
inline constexpr std::string_view kClock = "clock";        // last hybrid time, decimal
inline constexpr std::string_view kMarks = "marks";        // wire::ScopeRecord: unsettled towards the parent
inline constexpr std::string_view kAges = "ages";          // wire::AgeRecord
inline constexpr std::string_view kRestored = "restored";  // put by `tidegate restore`: what from
inline constexpr std::string_view kStopped = "stopped";    // it was stopped in order, and has not run since
inline constexpr std::string_view kRenewed = "renewed";    // put by `tidegate agent renew`: the new agent id
inline constexpr std::string_view kPolicies = "policies";  // wire::PolicyRecord
inline constexpr std::string_view kFormerParentPrefix = "former-parent/";
inline constexpr std::string_view kLinkPrefix = "link/";
inline constexpr std::string_view kHeldPrefix = "held/";
inline constexpr std::string_view kAckedPrefix = "acked/";
inline constexpr std::string_view kDeliveredPrefix = "delivered/";
inline constexpr std::string_view kClonePrefix = "clone/";  // epochs of copies of an agent's replica: refused
inline constexpr std::string_view kStrayPrefix = "stray/";  // owners of which something may be left here
inline constexpr std::string_view kQuarantinePrefix = "quarantine/";
inline constexpr std::string_view kConflictPrefix = "conflict/";  // + number, 16 hex digits: wire::ConflictRecord

inline std::string Link(AgentId agent) { return std::string(kLinkPrefix) + std::to_string(agent); }
inline std::string FormerParent(AgentId agent) { return std::string(kFormerParentPrefix) + std::to_string(agent); }
inline std::string Clone(AgentId agent, Epoch epoch) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(epoch));
  return std::string(kClonePrefix) + std::to_string(agent) + "/" + text;
}
inline std::string Verify(AgentId agent) { return "verify/" + std::to_string(agent); }  // wire::VerifyRecord
inline std::string Stray(AgentId owner) { return std::string(kStrayPrefix) + std::to_string(owner); }
// What we hold of a neighbour's lane.
inline std::string Held(AgentId agent, uint32_t lane) {
  return std::string(kHeldPrefix) + std::to_string(agent) + "/" + std::to_string(lane);
}
// What a neighbour held of our lane when we last looked; behind what it holds by now.
inline std::string Acked(AgentId agent, uint32_t lane) {
  return std::string(kAckedPrefix) + std::to_string(agent) + "/" + std::to_string(lane);
}
// Up to where our own up lane has reached the server.
inline std::string Delivered(uint32_t lane) { return std::string(kDeliveredPrefix) + std::to_string(lane); }
// Something that was refused found no room in the quarantine: it is not all that is refused.
inline constexpr std::string_view kQuarantineLeftOut = "quarantine-left-out";
// The quarantined keys of a link; ours: the neighbour refused what we sent.
inline std::string QuarantineOf(AgentId link, bool ours) {
  return std::string(kQuarantinePrefix) + std::to_string(link) + (ours ? "/out/" : "/in/");
}
inline std::string Quarantine(AgentId link, bool ours, AgentId owner, std::string_view pk, std::string_view sk) {
  std::string key = QuarantineOf(link, ours) + std::to_string(owner) + "/";
  key.append(pk).append(1, '\x1f').append(sk);
  return key;
}
// Given up by hand, and its sender does not know it yet.
inline std::string DroppedOf(AgentId link) { return "quarantine-dropped/" + std::to_string(link) + "/"; }
inline std::string Dropped(AgentId link, AgentId owner, std::string_view pk, std::string_view sk) {
  std::string key = DroppedOf(link) + std::to_string(owner) + "/";
  key.append(pk).append(1, '\x1f').append(sk);
  return key;
}
// Given up by hand here: no comparison that nobody asked for brings it back.
inline constexpr std::string_view kDroppedHerePrefix = "dropped-here/";
inline std::string DroppedHere(AgentId owner, std::string_view pk, std::string_view sk) {
  std::string key = std::string(kDroppedHerePrefix) + std::to_string(owner) + "/";
  key.append(pk).append(1, '\x1f').append(sk);
  return key;
}
// What this node wrote and an operator dropped above.
inline constexpr std::string_view kGivenUpPrefix = "given-up/";
inline std::string GivenUp(AgentId owner, std::string_view pk, std::string_view sk) {
  std::string key = std::string(kGivenUpPrefix) + std::to_string(owner) + "/";
  key.append(pk).append(1, '\x1f').append(sk);
  return key;
}
// An item of a model that goes nowhere now, which the parent may hold in a state from before: its tombstone is kept.
inline constexpr std::string_view kUntoldPrefix = "untold/";
inline std::string Untold(AgentId owner, std::string_view pk, std::string_view sk) {
  std::string key = std::string(kUntoldPrefix) + std::to_string(owner) + "/";
  key.append(pk).append(1, '\x1f').append(sk);
  return key;
}
// Of those of a model that were dropped above before they had gone on, too many to be named.
inline constexpr std::string_view kLostAbovePrefix = "lost-above/";
inline std::string LostAbove(std::string_view model) { return std::string(kLostAbovePrefix).append(model); }
// Dropped here, or above, before it had gone on, and the child that gave it does not know it yet.
inline constexpr std::string_view kLossNotePrefix = "loss-note/";
inline std::string LossNotesOf(AgentId child) { return std::string(kLossNotePrefix) + std::to_string(child) + "/"; }
inline std::string LossNote(AgentId child, AgentId owner, std::string_view pk, std::string_view sk) {
  std::string key = LossNotesOf(child) + std::to_string(owner) + "/";
  key.append(pk).append(1, '\x1f').append(sk);
  return key;
}
inline std::string LossNote(AgentId child, std::string_view model) {
  return LossNotesOf(child).append("model/").append(model);
}
// A model of a neighbour that this node holds, and the models that the neighbour declared in its hello.
inline constexpr std::string_view kHoldPrefix = "hold/";
inline std::string HoldsOf(AgentId link) { return std::string(kHoldPrefix) + std::to_string(link) + "/"; }
inline std::string Hold(AgentId link, std::string_view model) { return HoldsOf(link).append(model); }
inline std::string Table(AgentId link) { return "table/" + std::to_string(link); }
// A model of ours that the parent holds; beyond: a node above it does.
inline constexpr std::string_view kHeldAbovePrefix = "held-above/";
inline std::string HeldAbove(std::string_view model, bool beyond) {
  return std::string(kHeldAbovePrefix).append(beyond ? "beyond/" : "parent/").append(model);
}
// What retention dropped before it was delivered.
inline constexpr std::string_view kLostPrefix = "lost/";
inline std::string Lost(std::string_view model, AgentId owner, std::string_view reason) {
  return std::string(kLostPrefix).append(model).append("/") + std::to_string(owner) + "/" + std::string(reason);
}
// What retention dropped when the parent had it; not known to be at the server.
inline constexpr std::string_view kHopDropPrefix = "hop-drop/";
inline std::string HopDrops(std::string_view model, AgentId owner, uint32_t lane) {
  return std::string(kHopDropPrefix).append(model).append("/") + std::to_string(owner) + "/" + std::to_string(lane) +
         "/";
}
// What a restored server does not know any more.
inline constexpr std::string_view kGonePrefix = "gone/";
inline std::string GoneFeed(AgentId agent, uint32_t lane) {
  return std::string(kGonePrefix) + "feed/" + std::to_string(agent) + "/" + std::to_string(lane);
}
inline std::string GoneKey(AgentId owner, std::string_view pk, std::string_view sk) {
  std::string key = std::string(kGonePrefix) + "item/" + std::to_string(owner) + "/";
  key.append(pk).append(1, '\x1f').append(sk);
  return key;
}
inline std::string OwnerSet(AgentId child) { return "c" + std::to_string(child); }

}  // namespace tidegate::sync::meta
