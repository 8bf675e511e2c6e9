// Copies: two nodes that run on one image, under one parent or under two. docs/replication.md, "Two nodes from one
// image".
#include <algorithm>

#include "host/node/impl.h"

namespace tidegate::node {
namespace {

// A live node that was refused asks again after a second; a frame that came late does not.
constexpr int64_t kAskedAgainUs = 500'000;

}  // namespace

bool Node::Impl::IsClone(const wire::Hello& hello) const { return clones_.Knows(hello.agent, hello.epochs); }

// A life of the child that the newest one does not come from, and that was seen before it, goes on, started anew
// meanwhile: of its epochs down to the last that both have one was present here. Without one that both have nobody can
// know, for both lists are cut.
bool Node::Impl::LivesOn(const wire::LinkRecord& record, const wire::Hello& hello) {
  bool seen = false;
  for (const wire::EpochStart& epoch : hello.epochs) {
    if (std::find(record.lineage.begin(), record.lineage.end(), epoch.epoch) != record.lineage.end()) return seen;
    seen = seen || std::any_of(record.epochs.begin(), record.epochs.end(),
                               [&](const wire::EpochStart& known) { return known.epoch == epoch.epoch; });
  }
  return false;
}

// An epoch that was there before the newest one has come back, itself or as what the present one comes from. Of two
// copies that ran beside each other the newer is refused from now on. One that the newest came from is a late frame, or
// a node rolled back while it ran: that one asks again, in a session of its own. One that came from the newest is the
// same node: what was taken for the newest was late.
std::optional<wire::Refuse> Node::Impl::JudgeReturn(sync::Link* known, wire::SessionId id, const wire::Hello& hello,
                                                    Epoch* clone) {
  if (!sync::EpochReturned(*known, hello)) {
    if (LivesOn(known->record, hello)) *clone = known->record.epochs.front().epoch;
    return std::nullopt;
  }
  const std::vector<Epoch>& lineage = known->record.lineage;
  Epoch epoch = hello.epochs.front().epoch, newest = known->record.epochs.front().epoch;
  if (std::any_of(hello.epochs.begin(), hello.epochs.end(),
                  [&](const wire::EpochStart& one) { return one.epoch == newest; }))
    return std::nullopt;
  bool ancestor = lineage.empty() || std::find(lineage.begin(), lineage.end(), epoch) != lineage.end();
  if (!ancestor) {
    *clone = newest;
    return std::nullopt;
  }
  int64_t now_us = deps_.clock.monotonic_us();
  bool again = known->returned_epoch == epoch && known->returned_session != id &&
               now_us - known->returned_at_us >= kAskedAgainUs;
  if (known->returned_epoch != epoch) {
    known->returned_at_us = now_us;
    known->returned_session = id;
  }
  known->returned_epoch = epoch;
  if (again) return std::nullopt;
  return sync::CloneRefusal(hello.agent);
}

// In the open group.
void Node::Impl::StageClone(AgentId agent, Epoch epoch) {
  if (epoch != 0) clones_.StageAdd(agent, epoch, &stage_);
}

// After the commit.
void Node::Impl::NoteClone(AgentId agent, Epoch epoch) {
  if (epoch == 0) return;
  clones_.Add(agent, epoch);
  CountClone(agent);
}

void Node::Impl::CountClone(AgentId agent) {
  clones_.NoteRefused(agent, deps_.clock.monotonic_us());
  deps_.metrics.Add("tidegate_clones_refused_total", 1);
}

// The session of the copy that is up ends.
void Node::Impl::RefuseClone(sync::Link* known, Epoch clone) {
  Session* session = clone == 0 || known == nullptr ? nullptr : SessionOf(*known);
  if (session == nullptr) return;
  session->refused_agent = known->agent();
  session->refused_id = session->id;
  Refuse(session, session->id, sync::CloneRefusal(known->agent()));
  EndSession(session);
}

}  // namespace tidegate::node
