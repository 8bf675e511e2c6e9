// The planted defects of the network.
#include <algorithm>
#include <functional>
#include <utility>

#include "host/base/views.h"
#include "tests/sim/monitor.h"
#include "tests/sim/world.h"

namespace tidegate::sim {

bool Monitor::Tamper(SimNode& from, AgentId to, wire::DecodedFrame* frame) {
  const Defect defect = world_.options().defect;
  auto* batch = std::get_if<wire::Batch>(&frame->body);
  if (defect == Defect::kBatchAltered && batch != nullptr && !batch->changes.empty() && random_.PerMille(50))
    ++batch->changes.front().version.hlc;
  if (defect == Defect::kGapAccepted && batch != nullptr && batch->begin == 0) {
    const Feed feed{from.agent(), to, batch->lane};
    auto lost = lost_.find(feed);
    if (lost != lost_.end()) {
      if (batch->before.position > lost->second.position) {
        batch->before = lost->second;
        lost_.erase(lost);
      }
    } else if (!batch->changes.empty() && random_.PerMille(100)) {
      lost_[feed] = batch->before;
      return false;
    }
  }
  if (auto* hello = std::get_if<wire::Hello>(&frame->body); hello != nullptr && defect == Defect::kFallUntold)
    hello->fall = 0;
  if (auto* hello = std::get_if<wire::Hello>(&frame->body); hello != nullptr && defect == Defect::kConfirmUntold)
    hello->confirmed_fall = 0;
  if (auto* hello = std::get_if<wire::Hello>(&frame->body); hello != nullptr && defect == Defect::kTableUntold)
    hello->models.clear();
  if (auto* hello = std::get_if<wire::Hello>(&frame->body); hello != nullptr && defect == Defect::kEpochsUntold)
    hello->epochs.resize(1);
  const SimNode* receiver = world_.Find(to);
  if (receiver != nullptr && from.level() < receiver->level()) {  // from a parent to a child, or a former one
    auto* hello = std::get_if<wire::Hello>(&frame->body);
    auto own = [to](const wire::Edge& edge) { return edge.agent == to; };
    if (defect == Defect::kHigherEdgeKept && hello != nullptr &&
        std::any_of(hello->edges.begin(), hello->edges.end(), own))
      return false;
    if (defect == Defect::kOldParentKept && std::holds_alternative<wire::Routes>(frame->body)) return false;
    if (defect == Defect::kOldParentKept && hello != nullptr) std::erase_if(hello->edges, std::not_fn(own));
  }
  if (auto* ack = std::get_if<wire::Ack>(&frame->body); ack != nullptr && defect == Defect::kAckTooEarly) {
    SimNode* child = world_.Find(to);
    if (child != nullptr && child->parent() == from.agent()) {
      for (wire::LaneAck& lane : ack->lanes) lane.delivered = lane.held;
    }
  }
  if (auto* ack = std::get_if<wire::Ack>(&frame->body); ack != nullptr && defect == Defect::kRestampMissing) {
    for (wire::RefusedKey& refused : ack->refused)
      if (refused.reason.empty()) refused.held = refused.version;
  }
  if (auto* ack = std::get_if<wire::Ack>(&frame->body); ack != nullptr && defect == Defect::kDeleteUntold) {
    for (wire::RefusedKey& refused : ack->refused)
      if (refused.held_kind == TG_CHANGE_TOMBSTONE && refused.held.agent != to) refused.held = refused.version;
  }
  if (auto* ack = std::get_if<wire::Ack>(&frame->body); ack != nullptr && defect == Defect::kDropUntold) {
    for (wire::RefusedKey& refused : ack->refused) {
      if (!std::exchange(refused.dropped, false)) continue;
      refused.held = {};
      refused.reason = "refused";
    }
  }
  if (auto* ack = std::get_if<wire::Ack>(&frame->body); ack != nullptr && defect == Defect::kLossUntold) {
    for (wire::RefusedKey& refused : ack->refused) refused.lost.clear();
  }
  if (auto* answer = std::get_if<wire::CompareAnswer>(&frame->body);
      answer != nullptr && defect == Defect::kAnswersKept && answer->owner == to) {
    for (wire::RangeAnswer& range : answer->ranges)
      std::erase_if(range.changes, [](const tg_change& change) { return View(change.model) == "Done"; });
  }
  // As if the first who was asked had nobody to ask.
  if (auto* answer = std::get_if<wire::CompareAnswer>(&frame->body);
      answer != nullptr && answer->own && defect == Defect::kAnswersUnasked && answer->owner != to) {
    for (wire::RangeAnswer& range : answer->ranges) range.changes.clear();
  }
  if (auto* answer = std::get_if<wire::CompareAnswer>(&frame->body);
      answer != nullptr && defect == Defect::kRemovedUnsure) {
    for (wire::RangeAnswer& range : answer->ranges) {
      for (const wire::KeyVersion& want : range.wants) {
        if (want.missing) range.removals.push_back(want);
      }
      std::erase_if(range.wants, [](const wire::KeyVersion& want) { return want.missing; });
    }
  }
  if (defect == Defect::kHoldsUntold) {
    if (auto* ack = std::get_if<wire::Ack>(&frame->body)) ack->holds.clear();
    if (auto* hello = std::get_if<wire::Hello>(&frame->body)) hello->holds.clear();
  }
  if (auto* ack = std::get_if<wire::Ack>(&frame->body); ack != nullptr && !ack->refused.empty()) {
    // As if each had none to tell; late: half of the acks.
    if (defect == Defect::kRefusalsUntold || (defect == Defect::kRefusalsLate && random_.PerMille(500))) {
      ack->refused_number -= ack->refused.size();
      ack->refused_last = ack->refused_number;
      ack->refused.clear();
    }
  }
  return true;
}

}  // namespace tidegate::sim
