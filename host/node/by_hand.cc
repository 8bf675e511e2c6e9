// What is asked by hand of the whole node: it commits what is staged first, whose position counts too.
#include <utility>

#include "host/node/impl.h"

namespace tidegate::node {

void Node::Impl::Sync(const SyncRequest& request, std::function<void(SyncAnswer)> done) {
  for (const auto& [agent, link] : links_.all()) {
    for (sync::FeedSender& sender : link->senders) sender.Hurry(end_.position);
  }
  if (request.wait == SyncTarget::kNone) return answers_.Add([done = std::move(done)] { done({}); });
  (void)CommitStage();
  waits_.Add(request, std::move(done));
}

void Node::Impl::SyncLinks(const LinkSyncRequest& request, std::function<void(LinkSyncAnswer)> done) {
  (void)CommitStage();
  errands_.Add(request, std::move(done));
}

// A neighbour's errand is like one of a program.
void Node::Impl::OnSyncAsk(sync::Link* link, const wire::SyncAsk& ask) {
  const AgentId asker = link->agent();
  if (errands_.IsUnderWay(*link, ask) || !CommitStage().ok()) return;
  link = links_.Find(asker);
  if (link != nullptr) errands_.Ask(link, ask);
}

void Node::Impl::OnSyncDone(sync::Link* link, const wire::SyncDone& done) {
  if (done.number == 0 && done.report && !link->is_parent()) return HearReport(link, *done.report);
  errands_.Done(*link, done);
}

void Node::Impl::Clear(const ClearRequest& request, std::function<void(ClearAnswer)> done) {
  if (Status allowed = clearings_.Judge(request); !allowed.ok())
    return answers_.Add([done = std::move(done), allowed] { done({allowed, 0}); });
  (void)CommitStage();
  clearings_.Add(request, std::move(done));
}

}  // namespace tidegate::node
