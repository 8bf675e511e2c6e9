// What local programs ask: writes, sync, adopt.
#include <algorithm>

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
  Status status = writer_.Stage(submission);
  if (status.code() == Code::kUnavailable) {
    // It touches what this commit already writes: that has to be known first.
    Status committed = CommitStage();
    status = committed.ok() ? writer_.Stage(submission) : committed;
  }
  if (status.ok()) return;
  replica::WriteAnswer answer;
  answer.failed_at = writer_.failed_at();
  answer.status = status;
  finished_.push_back([&submission, answer] { submission.done(answer); });
}

void Node::Impl::RunRetries() {
  for (replica::Submission* submission : writer_.TakeRetries()) {
    writer_.set_looking(true);
    Write(*submission);
    writer_.set_looking(false);
  }
}

void Node::Impl::Sync(const SyncRequest& request, std::function<void(SyncAnswer)> done) {
  for (const auto& [agent, link] : links_.all()) {
    for (sync::FeedSender& sender : link->senders) sender.Flush();
  }
  if (request.wait == SyncTarget::kNone) {
    finished_.push_back([done = std::move(done)] { done({}); });
    return;
  }
  // What is staged but not committed yet counts too: its position is known after the commit.
  (void)CommitStage();
  Waiter waiter{
      end_.position, request.wait, deps_.clock.monotonic_us() + request.timeout_ms * 1000, {}, std::move(done)};
  if (options_.role == TG_ROLE_SERVER && request.wait == SyncTarget::kHop) {
    for (const auto& [agent, link] : links_.all()) {
      if (Lacks(*link)) waiter.children.push_back(agent);
    }
  }
  waiters_.push_back(std::move(waiter));
}

// Whether something of ours is on its way to a neighbour; one that is away may lack nothing.
bool Node::Impl::Lacks(const sync::Link& link) const {
  if (link.hop_position(end_.position) >= end_.position) return false;
  return std::any_of(link.senders.begin(), link.senders.end(), [&](const sync::FeedSender& sender) {
    auto stat = deps_.storage.FeedStat(sender.Selector(), sender.hop_position(end_.position));
    return !stat.ok() || stat->count != 0;
  });
}

bool Node::Impl::Reached(const Waiter& waiter) const {
  const sync::Link* parent = links_.parent();
  if (options_.role == TG_ROLE_SERVER) {
    return std::all_of(waiter.children.begin(), waiter.children.end(), [&](AgentId child) {
      const sync::Link* link = links_.Find(child);
      return link == nullptr || link->hop_position(end_.position) >= waiter.position;
    });
  }
  if (parent == nullptr) return false;
  uint64_t reached = waiter.target == SyncTarget::kServer ? parent->delivered_position(end_.position)
                                                          : parent->hop_position(end_.position);
  return reached >= waiter.position;
}

void Node::Impl::AnswerWaiters() {
  int64_t now_us = deps_.clock.monotonic_us();
  for (size_t i = 0; i < waiters_.size();) {
    bool reached = Reached(waiters_[i]);
    if (!reached && waiters_[i].deadline_us > now_us) {
      ++i;
      continue;
    }
    Waiter waiter = std::move(waiters_[i]);
    waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(i));
    SyncAnswer answer;
    if (!reached) {
      answer.status = Status::Timeout("not there yet; nothing is lost, it goes on in the background");
      for (const LinkStatus& link : GetStatus().links) answer.pending_changes += link.pending_changes;
    }
    waiter.done(std::move(answer));
  }
}

void Node::Impl::Adopt(AgentId agent, std::function<void(Status)> done) {
  sync::Link* link = links_.Find(agent);
  if (link == nullptr || link->is_parent()) {
    finished_.push_back([done, agent] {
      done(Status::NotFound("agent " + std::to_string(agent) +
                            " is no child of this node; 'tidegate status' lists them"));
    });
    return;
  }
  stage_.Begin();
  links_.StageForget(*link, &stage_);
  stage_.End([this, agent, done = std::move(done)](const Status& status, std::span<const core::Effect>) {
    if (status.ok()) {
      if (sync::Link* gone = links_.Find(agent)) {
        if (Session* session = SessionOf(*gone)) EndSession(session);
      }
      links_.Forget(agent);
      for (auto& [number, session] : sessions_) {
        if (session.refused_agent == agent) AskAgain(&session);
      }
    }
    done(status);
  });
}

}  // namespace tidegate::node
