// Attaching to a parent. Each attach has a number above all that this node or its new parent knows, so that the
// newest edge is the highest. It is stored before a hello names it: a parent that heard it may be the only one
// who knows, when this node has gone on to another.
#include <algorithm>

#include "host/core/backoff.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/wire/records.h"

namespace tidegate::node {
namespace {

// A node that has to attach again and again shares its agent id with another: then it waits between.
constexpr int64_t kAttachQuietUs = 60'000'000;

}  // namespace

bool Node::Impl::NeedsAttach(const Session& session) const {
  if (session.peer.agent == 0) return false;  // who it is, its hello tells
  return record_.attach_parent != session.peer.agent || attach_above_ >= record_.attach_epoch ||
         attach_stored_ != record_.attach_epoch;
}

// Says hello when the number is durable.
void Node::Impl::StageAttach(Session* session) {
  if (record_.attach_parent != session->peer.agent || attach_above_ >= record_.attach_epoch) {
    record_.attach_epoch = std::max(record_.attach_epoch, attach_above_) + 1;
    record_.attach_parent = session->peer.agent;
  }
  session->state = SessionState::kHello;
  session->id = 0;
  session->hello_at_us = deps_.clock.monotonic_us() + options_.hello_ms * 1000;  // if the commit fails
  stage_.Begin();
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  stage_.End([this, number = session->transport, attach = record_.attach_epoch](const Status& status,
                                                                                std::span<const core::Effect>) {
    if (!status.ok()) return;
    attach_stored_ = attach;
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
  if (own->attach_epoch <= sync::Routes::kAttachMax) attach_above_ = std::max(attach_above_, own->attach_epoch);
  bool often = now_us - attached_at_us_ < kAttachQuietUs;
  attached_at_us_ = now_us;
  if (!often) attach_wait_ms_ = options_.hello_ms;
  int64_t wait_ms = often ? core::TakeBackoff(&attach_wait_ms_, options_.hello_ms_max, deps_.random) : 0;
  session->id = 0;
  session->hello_at_us = now_us + wait_ms * 1000;
  return true;
}

}  // namespace tidegate::node
