// Attaching to a parent: the number of the edge is stored before a hello names it, for a parent that heard it may be
// the only one who knows, when this node has gone on to another.
#include <algorithm>

#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/wire/records.h"

namespace tidegate::node {
bool Node::Impl::NeedsAttach(const Session& session) const {
  if (session.peer.agent == 0) return false;  // who it is, its hello tells
  return attach_.IsMissing(session.peer.agent);
}

// Says hello when the number is durable.
void Node::Impl::StageAttach(Session* session) {
  attach_.Take(session->peer.agent);
  session->state = SessionState::kHello;
  session->id = 0;
  session->hello_at_us = deps_.clock.monotonic_us() + options_.hello_ms * 1000;  // if the commit fails
  stage_.Begin();
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  stage_.End([this, number = session->transport, attach = record_.attach_epoch](const Status& status,
                                                                                std::span<const core::Effect>) {
    if (!status.ok()) return;
    attach_.Stored(attach);
    auto found = sessions_.find(number);
    if (found != sessions_.end() && found->second.state == SessionState::kHello && found->second.id == 0)
      StartHello(&found->second);
  });
  (void)CommitStage();
}

// The parent knows a higher edge of ours, so that it did not take our hello. False: it does not.
bool Node::Impl::AttachAbove(Session* session, const std::vector<wire::Edge>& told) {
  auto own =
      std::find_if(told.begin(), told.end(), [&](const wire::Edge& edge) { return edge.agent == options_.agent; });
  if (own == told.end()) return false;
  int64_t now_us = deps_.clock.monotonic_us();
  const int64_t wait_ms = attach_.KnownAbove(own->attach_epoch, now_us, deps_.random);
  session->id = 0;
  session->hello_at_us = now_us + wait_ms * 1000;
  return true;
}

}  // namespace tidegate::node
