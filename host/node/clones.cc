// Copies: two nodes that run on one image, under one parent or under two. docs/replication.md, "Two nodes from one
// image".
#include <algorithm>

#include "host/node/impl.h"

namespace tidegate::node {
namespace {

// A live node that was refused asks again after a second.
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

// A frame that came late does not ask again.
bool Node::Impl::AsksAgain(sync::Link* known, wire::SessionId id, Epoch epoch) {
  const int64_t now_us = deps_.clock.monotonic_us();
  if (known->returned_epoch == epoch)
    return known->returned_session != id && now_us - known->returned_at_us >= kAskedAgainUs;
  known->returned_epoch = epoch;
  known->returned_session = id;
  known->returned_at_us = now_us;
  known->returned_over = known->session_id;
  return false;
}

// An epoch that was there before the newest one has come back, itself or as what the present one comes from. Of two
// copies that ran beside each other the newer is refused from now on. One that the newest came from is a late frame, or
// a node that was copied or rolled back while it ran: that one asks again, in a session of its own. One that came from
// the newest is the same node: what was taken for the newest was late.
std::optional<wire::Refuse> Node::Impl::JudgeReturn(sync::Link* known, wire::SessionId id, const wire::Hello& hello,
                                                    Epoch* clone) {
  const Epoch epoch = hello.epochs.front().epoch, newest = known->record.epochs.front().epoch;
  const bool comes_from_newest = std::any_of(hello.epochs.begin(), hello.epochs.end(),
                                             [&](const wire::EpochStart& one) { return one.epoch == newest; });
  if (!comes_from_newest) {
    if (auto refuse = JudgeOutlived(known, id, hello)) return refuse;
  }
  if (!sync::EpochReturned(*known, hello)) {
    if (LivesOn(known->record, hello)) *clone = newest;
    return std::nullopt;
  }
  if (comes_from_newest) return std::nullopt;
  const std::vector<Epoch>& lineage = known->record.lineage;
  const bool ancestor = lineage.empty() || std::find(lineage.begin(), lineage.end(), epoch) != lineage.end();
  if (!ancestor) {
    *clone = newest;
    return std::nullopt;
  }
  if (!AsksAgain(known, id, epoch) || !StageOutlived(known).ok()) return sync::ReturnRefusal(hello.agent);
  return std::nullopt;
}

// A life after which the one that it comes from was taken again, for that one ran on: a copy that was made meanwhile,
// or a machine that went back while it ran and now went forward again. If it runs on too, or was started anew and the
// other is heard of while it waits, then both live.
std::optional<wire::Refuse> Node::Impl::JudgeOutlived(sync::Link* known, wire::SessionId id, const wire::Hello& hello) {
  const std::vector<Epoch>& outlived = known->record.outlived;
  auto copied = std::find_if(hello.epochs.begin(), hello.epochs.end(), [&](const wire::EpochStart& one) {
    return std::find(outlived.begin(), outlived.end(), one.epoch) != outlived.end();
  });
  if (copied == hello.epochs.end()) return std::nullopt;
  const bool asked = known->returned_epoch == hello.epochs.front().epoch;
  if (!AsksAgain(known, id, hello.epochs.front().epoch)) {
    if (Session* other = SessionOf(*known); other != nullptr && !asked) AskAgain(other);
    return sync::ReturnRefusal(hello.agent);
  }
  const bool other_lives = known->up() && known->session_id != known->returned_over;
  if (copied != hello.epochs.begin() && !other_lives) return std::nullopt;
  stage_.Begin();
  StageClone(hello.agent, copied->epoch);
  stage_.End([this, agent = hello.agent, epoch = copied->epoch](const Status& status, std::span<const core::Effect>) {
    if (status.ok()) NoteClone(agent, epoch);
  });
  return sync::CloneRefusal(hello.agent);
}

// What said hello last came from a life that runs on: noted before that one is taken again.
Status Node::Impl::StageOutlived(sync::Link* known) {
  constexpr size_t kOutlivedMax = 16;
  wire::LinkRecord record = known->record;
  const Epoch newest = record.epochs.front().epoch;
  if (std::find(record.outlived.begin(), record.outlived.end(), newest) != record.outlived.end()) return {};
  record.outlived.push_back(newest);
  if (record.outlived.size() > kOutlivedMax) record.outlived.erase(record.outlived.begin());
  stage_.Begin();
  sync::LinkTable::StageRecord(record, &stage_);
  stage_.End([this, record](const Status& status, std::span<const core::Effect>) {
    sync::Link* link = links_.Find(record.agent);
    if (status.ok() && link != nullptr) link->record.outlived = record.outlived;
  });
  return CommitStage();
}

// In the open group.
void Node::Impl::StageClone(AgentId agent, Epoch epoch) {
  if (epoch != 0) clones_.StageAdd(agent, epoch, &stage_);
}

// After the commit.
void Node::Impl::NoteClone(AgentId agent, Epoch epoch) {
  if (epoch == 0) return;
  if (!clones_.Add(agent, epoch)) deps_.metrics.Add("tidegate_clone_epochs_forgotten_total", 1);
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
