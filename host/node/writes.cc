// What local programs write.
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

}  // namespace tidegate::node
