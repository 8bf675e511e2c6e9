// `agent adopt`: a replica that is new for its agent id takes the place of the one known before.
#include "host/node/impl.h"

namespace tidegate::node {
namespace {

// A copy that is refused asks again at least once a minute.
constexpr int64_t kCopyIsThereUs = 300'000'000;

}  // namespace

bool Node::Impl::IsCopyRefused(AgentId agent) const {
  auto refused = clones_.refused_us().find(agent);
  return clones_.Knows(agent) && refused != clones_.refused_us().end() &&
         deps_.clock.monotonic_us() - refused->second <= kCopyIsThereUs;
}

// Why there is nothing to adopt; ok if there is.
Status Node::Impl::JudgeAdoption(AgentId agent) const {
  const sync::Link* link = links_.Look(agent);
  const std::string name = "agent " + std::to_string(agent);
  if ((link == nullptr && !clones_.Knows(agent)) || (link != nullptr && link->is_parent()))
    return Status::NotFound(name + " is no child of this node; 'tidegate status' lists them");
  if (link == nullptr || !link->up() || IsCopyRefused(agent)) return {};
  for (const auto& [number, session] : sessions_) {
    if (session.refused_agent == agent && !session.refused_replica.empty()) return {};
  }
  return Status::Conflict(name +
                          " is connected, and no other replica of it is refused: there is nothing to adopt. If " +
                          "it is to be replaced, stop it first");
}

// The link stays, with what an operator has said of it; what the former replica held of ours, and we of it, is
// forgotten. A replica without epochs is one of which nothing was heard yet.
wire::LinkRecord Node::Impl::AdoptedRecord(AgentId agent) const {
  wire::LinkRecord record;
  record.agent = agent;
  if (const sync::Link* link = links_.Look(agent)) {
    record.role = link->record.role;
    record.level = link->record.level;
    record.off = link->record.off;
    record.attach_epoch = link->record.attach_epoch;
    record.last_hello_unix_ms = link->record.last_hello_unix_ms;
    record.heard_unix_ms = link->record.heard_unix_ms;
    record.lease_until_unix_ms = link->record.lease_until_unix_ms;
    // The copies of one replica have one id.
    if (IsCopyRefused(agent)) record.replica = link->record.replica;
  }
  int64_t refused_us = INT64_MIN;
  for (const auto& [number, session] : sessions_) {
    if (session.refused_agent != agent || session.refused_replica.empty() || session.heard_us < refused_us) continue;
    record.replica = session.refused_replica;
    refused_us = session.heard_us;
  }
  return record;
}

void Node::Impl::Adopt(AgentId agent, std::function<void(Status)> done) {
  Status status = CommitStage();  // comes first: a hello in it stores the same record
  if (status.ok()) status = JudgeAdoption(agent);
  if (!status.ok()) {
    answers_.Add([done, status] { done(status); });
    return;
  }
  const sync::Link* link = links_.Look(agent);
  const bool known = link != nullptr;
  const wire::LinkRecord record = AdoptedRecord(agent);
  stage_.Begin();
  if (known) {
    links_.StageForget(*link, &stage_);
    sync::LinkTable::StageRecord(record, &stage_);
  }
  clones_.StageForget(agent, &stage_);
  stage_.End([this, agent, known, record, done = std::move(done)](const Status& ended, std::span<const core::Effect>) {
    if (ended.ok()) Adopted(agent, known, record);
    done(ended);
  });
}

// After the commit. Whoever is there says hello again, and is judged by what is known now.
void Node::Impl::Adopted(AgentId agent, bool known, const wire::LinkRecord& record) {
  if (sync::Link* gone = links_.Find(agent)) {
    if (Session* session = SessionOf(*gone)) {
      AskAgain(session);
      EndSession(session, "the agent was adopted anew");
    }
  }
  links_.Forget(agent);
  if (known) links_.Put(record);
  clones_.Forget(agent);
  for (auto& [number, session] : sessions_) {
    if (session.refused_agent == agent) AskAgain(&session);
  }
}

// A child that was heard of before; null also if nothing was heard yet of the replica that is adopted.
sync::Link* Node::Impl::HeardOf(AgentId agent) const {
  sync::Link* link = links_.Find(agent);
  return link != nullptr && link->record.epochs.empty() ? nullptr : link;
}

}  // namespace tidegate::node
