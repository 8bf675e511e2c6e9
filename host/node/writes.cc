// What local programs ask: writes, adopt.
#include "host/node/impl.h"

namespace tidegate::node {

void Node::Impl::Write(replica::Transaction transaction, std::function<void(replica::WriteAnswer)> done) {
  auto own = own_submissions_.emplace(own_submissions_.end());
  own->transaction = std::move(transaction);
  own->done = [this, own, done = std::move(done)](replica::WriteAnswer answer) {
    auto tell = done;  // it goes with the submission
    own_submissions_.erase(own);
    tell(std::move(answer));
  };
  Write(*own);
}

void Node::Impl::Write(replica::Submission& submission) {
  Status status = quotas_.empty() ? Status() : quotas_.RoomFor(submission.transaction);
  if (status.ok()) status = writer_.Stage(submission);
  if (status.code() == Code::kUnavailable) {
    // It touches what this commit already writes: that has to be known first.
    Status committed = CommitStage();
    status = committed.ok() ? writer_.Stage(submission) : committed;
  }
  if (status.ok()) return;
  replica::WriteAnswer answer;
  answer.failed_at = writer_.failed_at();
  answer.status = status;
  answers_.Add([&submission, answer] { submission.done(answer); });
}

void Node::Impl::RunRetries() {
  for (replica::Submission* submission : writer_.TakeRetries()) {
    writer_.set_looking(true);
    Write(*submission);
    writer_.set_looking(false);
  }
}

void Node::Impl::Adopt(AgentId agent, std::function<void(Status)> done) {
  sync::Link* link = links_.Find(agent);
  if ((link == nullptr && !clones_.Knows(agent)) || (link != nullptr && link->is_parent())) {
    answers_.Add([done, agent] {
      done(Status::NotFound("agent " + std::to_string(agent) +
                            " is no child of this node; 'tidegate status' lists them"));
    });
    return;
  }
  stage_.Begin();
  if (link != nullptr) links_.StageForget(*link, &stage_);
  clones_.StageForget(agent, &stage_);
  stage_.End([this, agent, done = std::move(done)](const Status& status, std::span<const core::Effect>) {
    if (status.ok()) {
      if (sync::Link* gone = links_.Find(agent)) {
        if (Session* session = SessionOf(*gone)) EndSession(session, "the agent was adopted anew");
      }
      links_.Forget(agent);
      clones_.Forget(agent);
      for (auto& [number, session] : sessions_) {
        if (session.refused_agent == agent) AskAgain(&session);
      }
    }
    done(status);
  });
}

}  // namespace tidegate::node
