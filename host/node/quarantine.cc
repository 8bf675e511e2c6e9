// Quarantine: what is refused here is listed, and told until it is durable at the other end (design laws 6 and 7). What
// a neighbour refused: refusals_heard.cc. What ends an entry: quarantine_retry.cc, overwritten.cc.
#include <algorithm>
#include <utility>

#include "host/node/impl.h"

namespace tidegate::node {

uint64_t Node::Impl::QuarantineCount() const {
  uint64_t count = 0;
  for (const auto& [agent, link] : links_.still()) count += link->quarantined.size() + link->refused_ours.size();
  for (const auto& [agent, keys] : links_.left_listed()) count += keys.size();
  return count;
}

uint64_t Node::Impl::QuarantineRoom() const {
  return options_.quarantine_items_max - std::min(QuarantineCount(), options_.quarantine_items_max);
}

// Counted only where it is wanted: hardly a batch has anything that is refused.
uint64_t Node::Impl::QuarantineRoom(const sync::StagedChanges& staged) const {
  return staged.refused.empty() ? 0 : QuarantineRoom();
}

// After the commit that holds them.
void Node::Impl::Tell(sync::Link* link, const sync::QuarantineNotes& notes) {
  if (!link->quarantined.empty()) listing_.insert(link->agent());
  for (const wire::RefusedKey& refused : notes.refused) {
    // What is known here already may have been refused above: for the neighbour it is.
    const bool known = refused.reason.empty() && refused.held == refused.version && !refused.dropped;
    auto above = known ? RefusedAbove(refused, *link) : std::nullopt;
    link->refusals.Add(above ? std::move(*above) : refused);
    link->ack_due = true;
    if (refused.reason.empty()) continue;
    deps_.metrics.Add("tidegate_quarantined_total", 1);
    deps_.log.Write(4, "quarantined " + refused.model + " " + refused.pk + " / " + refused.sk + " from agent " +
                           std::to_string(link->agent()) + ": " + refused.reason);
  }
  for (const wire::RefusedKey& released : notes.released) {
    link->refusals.Add(released);
    link->ack_due = true;
  }
  if (!notes.loosened.empty()) PlanQuarantineRetry(link->agent(), notes.loosened);
  if (notes.not_listed != 0) deps_.metrics.Add("tidegate_quarantine_full_total", notes.not_listed);
}

}  // namespace tidegate::node
