// What only the server writes, of a life of the server that is lost: those below have it newer than the server does. It
// is listed until an operator confirms; then what the server has, or has not, is made newer than what they have
// (docs/replication.md, "A server that was restored"; decision 0225).
#include <algorithm>

#include "host/base/digest.h"
#include "host/base/views.h"
#include "host/node/impl.h"

namespace tidegate::node {

// Only the server writes it, and a version of it that the server made is newer than what this node has: the server, or
// this node, went back behind it.
bool Node::Impl::IsOfLostLife(const tg_change& ours, const Version& theirs) const {
  return ours.direction == TG_DIRECTION_DOWN && ours.kind != TG_CHANGE_EVICT && theirs.agent == kAgentServer;
}

// A command that was done with in the lost life is not to be done again.
bool Node::Impl::IsCommandEnded(const tg_change& ours, uint32_t held_kind) const {
  if (held_kind != TG_CHANGE_TOMBSTONE || ours.kind != TG_CHANGE_ITEM) return false;
  const replica::ModelRule* rule = deps_.catalog.Get()->Find(View(ours.model));
  return rule != nullptr && rule->answer != nullptr;
}

// At a server that went back: what it still has from before is the truth again once an operator says so. What it wrote
// since is at once.
bool Node::Impl::WaitsForConfirmation(const tg_change& ours, uint32_t held_kind) const {
  return options_.role == TG_ROLE_SERVER && record_.restored_unix_ms != 0 && ours.direction == TG_DIRECTION_DOWN &&
         !IsSinceRewind(Version::From(ours.version)) && !IsCommandEnded(ours, held_kind);
}

// Whether the difference ends by itself: the child asks until then.
bool Node::Impl::WillBeNewer(sync::Sureness sure, const tg_change& ours, const wire::KeyVersion& theirs) const {
  if (options_.role == TG_ROLE_SERVER) return !WaitsForConfirmation(ours, theirs.kind);
  const sync::Link* parent = links_.parent();
  return parent != nullptr && sure != sync::Sureness::kNever && GoesDownFrom(*parent, View(ours.model));
}

// A comparison found it. The server gives its state a version above; a router tells it, as if it had been refused here.
void Node::Impl::HeedLostLife(sync::Link* child, sync::Sureness sure, const tg_change& ours,
                              const wire::KeyVersion& theirs) {
  wire::RefusedKey said = sync::NameOf(ours);
  said.held = theirs.version;
  said.held_kind = theirs.kind;
  said.by = child->agent();
  if (options_.role == TG_ROLE_SERVER) {
    if (WaitsForConfirmation(ours, theirs.kind)) return NoteLostBelow(child->agent(), said, ours);
    return Restamp(child, said, ours);
  }
  sync::Link* parent = links_.parent();
  if (parent == nullptr || sure == sync::Sureness::kNotYet || !GoesDownFrom(*parent, View(ours.model))) return;
  (void)parent->refusals.Forward(std::move(said));  // no room: the child asks again
  parent->ack_due = true;
}

// At the server: whether what it lacks of this time is to be listed. Without a loss that is not confirmed it is what a
// child brings that was away when the others were compared.
bool Node::Impl::IsLostNow(const Version& version) const {
  if (record_.restored_unix_ms != 0) return true;
  return version.agent == options_.agent && version.hlc >= KnownHorizon() && version.hlc < record_.confirmed_fall;
}

// A router lacks what a child has: it may have gone back with the server, which is to list it. False: not now.
bool Node::Impl::TellLacked(AgentId child, sync::Sureness sure, AgentId owner, const wire::KeyVersion& theirs) {
  sync::Link* parent = links_.parent();
  if (parent == nullptr || theirs.version.agent != kAgentServer || sure == sync::Sureness::kNotYet) return true;
  if (DirectionHere(theirs.model).value_or(DirectionFromAbove(theirs.model).value_or(TG_DIRECTION_NONE)) !=
      TG_DIRECTION_DOWN)
    return true;
  if (parent->refusals.full()) return false;
  wire::RefusedKey said;
  said.model = theirs.model;
  said.owner = owner;
  said.pk = theirs.pk;
  said.sk = theirs.sk;
  said.held = theirs.version;
  said.held_kind = theirs.kind;
  said.by = child;
  parent->ack_due = true;
  return parent->refusals.Forward(std::move(said));
}

// A router tells of something that the server has no trace of. It is listed, as only below; what is as old as deletes
// whose trace is gone is deleted anew, above that state.
void Node::Impl::HeedUnknown(sync::Link* link, const wire::RefusedKey& said) {
  if (options_.role != TG_ROLE_SERVER || said.held.agent != options_.agent || !IsBelow(*link, said.owner)) return;
  const replica::ModelRule* rule = deps_.catalog.Get()->Find(said.model);
  if (rule == nullptr || rule->direction != TG_DIRECTION_DOWN) return;
  if (said.held_kind == TG_CHANGE_ITEM) {
    if (IsLostNow(said.held)) return NoteLostBelow(link->agent(), said, {});
    if (said.held.hlc >= KnownHorizon()) return;  // lost, and nobody knows of a loss
  } else if (record_.restored_unix_ms != 0) {
    return;
  }
  DeleteAnew(*rule, said.owner, said.pk, said.sk, said.held);
}

void Node::Impl::DeleteAnew(const replica::ModelRule& rule, AgentId owner, const std::string& pk, const std::string& sk,
                            const Version& above) {
  tg_change gone{};
  gone.struct_size = sizeof gone;
  gone.kind = TG_CHANGE_TOMBSTONE;
  gone.model = Str(rule.name);
  gone.key = {owner, Str(pk), Str(sk)};
  gone.direction = TG_DIRECTION_DOWN;
  gone.lane = static_cast<uint8_t>(rule.lane);
  gone.src = options_.agent;
  gone.dst = owner;
  gone.version = Version{versions_.Tick(deps_.clock.unix_ms(), above.hlc), options_.agent, deps_.storage.epoch()}.To();
  gone.digest = ChangeDigest(gone);
  stage_.Begin();
  stage_.Put(stage_.arena().Copy(gone), TG_IF_NEWER);
  stage_.End();
  deps_.log.Write(4, rule.name + " " + pk + " / " + sk +
                         " is only below, from a life of this server that is lost: it is deleted there");
}

// An operator has confirmed it: what is not here is deleted, also at those who are away. Of what is here in an older
// state a comparison tells, so that who has the newer one knows that it is to be kept aside.
void Node::Impl::StageTruth(const wire::GoneRecord& record) {
  const replica::ModelRule* rule = deps_.catalog.Get()->Find(record.model);
  if (rule == nullptr || rule->direction != TG_DIRECTION_DOWN) return;
  if (!StateOf({record.owner, Str(record.pk), Str(record.sk)}))
    DeleteAnew(*rule, record.owner, record.pk, record.sk, record.to);
}

}  // namespace tidegate::node
