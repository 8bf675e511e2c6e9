#include "host/sync/link.h"

#include <algorithm>

#include "host/sync/meta_keys.h"

namespace tidegate::sync {
namespace {

FeedTarget TargetOf(const wire::LinkRecord& record, uint8_t lane) {
  FeedTarget target;
  target.direction = record.is_parent ? TG_DIRECTION_UP : TG_DIRECTION_DOWN;
  target.lane = lane;
  target.neighbour = record.agent;
  if (!record.is_parent) target.owner_set = meta::OwnerSet(record.agent);
  return target;
}

}  // namespace

Link::Link(const core::Storage& storage, const SyncOptions& options, wire::LinkRecord link_record)
    : record(std::move(link_record)),
      owner_set(record.is_parent ? std::string() : meta::OwnerSet(record.agent)),
      senders{FeedSender(storage, options, TargetOf(record, 0)), FeedSender(storage, options, TargetOf(record, 1)),
              FeedSender(storage, options, TargetOf(record, 2)), FeedSender(storage, options, TargetOf(record, 3))},
      options_(options) {
  static_assert(TG_LANE_COUNT == 4);
}

Status Link::OpenFeeds(const std::vector<wire::LaneWatermark>& held, const std::array<Watermark, TG_LANE_COUNT>& start,
                       bool unsettled, uint32_t anew_lanes) {
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    Watermark theirs;
    for (const wire::LaneWatermark& entry : held) {
      if (entry.lane == lane) theirs = entry.watermark;
    }
    TG_RETURN_IF_ERROR(senders[lane].Open(theirs, start[lane], unsettled, (anew_lanes >> lane & 1) != 0));
    receivers[lane].Open();
  }
  blocked = false;
  told_older.clear();
  restamped.clear();
  refusals.Open(record.epochs.empty() ? 0 : record.epochs.front().epoch);
  whole_list.Open();
  passed_hop_.Open();
  passed_delivered_.Open();
  AckAll();  // says what is delivered and refused meanwhile
  holds.Open();
  holds_heard = holds_recorded = 0;
  return {};
}

void Link::CloseFeeds() {
  session = 0;
  session_id = 0;
  blocked = false;
  ack_due = false;
  ack_lane = {};
  reject_lane = {};
  waits_since_us = -1;
  for (FeedSender& sender : senders) sender.Close();
}

bool Link::HasPairs() const {
  return std::any_of(pairs.begin(), pairs.end(), [](const DeliveredPairs& lane) { return lane.waits(); });
}

uint64_t Link::hop_position(uint64_t head) const {
  uint64_t lowest = UINT64_MAX;
  for (const FeedSender& sender : senders) lowest = std::min(lowest, sender.hop_position(head));
  return lowest;
}

uint64_t Link::delivered_position(uint64_t head) const {
  uint64_t lowest = UINT64_MAX;
  for (const FeedSender& sender : senders) lowest = std::min(lowest, sender.delivered_position(head));
  return lowest;
}

uint64_t Link::MayLackBelow(AgentId owner) const {
  auto since = owner_unsettled_below.find(owner);
  return std::max(unsettled_below, since == owner_unsettled_below.end() ? 0 : since->second);
}

bool Link::Knows(uint32_t lane, AgentId owner, uint64_t position) const {
  return position > MayLackBelow(owner) && senders[lane].Knows(position);
}

bool Link::KnowsAll(uint64_t head) const {
  return unsettled_below == 0 && owner_unsettled_below.empty() && hop_position(head) >= head &&
         std::none_of(senders.begin(), senders.end(), [](const FeedSender& s) { return s.begun_unsettled(); });
}

void Link::AckLane(uint32_t lane, bool rejected) {
  ack_due = true;
  ack_lane[lane] = true;
  reject_lane[lane] = reject_lane[lane] || rejected;
}

void Link::AckAll() {
  ack_due = true;
  ack_lane.fill(true);
}

wire::Ack Link::TakeAck(bool delivered_at_hop, uint64_t window_bytes) {
  wire::Ack ack;
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    if (!ack_lane[lane]) continue;
    wire::LaneAck entry;
    entry.lane = lane;
    entry.held = receivers[lane].held();
    entry.delivered = delivered_at_hop ? entry.held : pairs[lane].delivered();
    entry.window_bytes = window_bytes;
    entry.begin = receivers[lane].begin();
    entry.rejected = reject_lane[lane];
    ack.lanes.push_back(entry);
  }
  refusals.Fill(&ack);
  ack.holds = holds.List();
  ack.holds_number = holds.number();
  ack.holds_recorded = holds_recorded;
  ack.edges_number = edges_number;
  ack_due = false;
  ack_lane = {};
  reject_lane = {};
  return ack;
}

int64_t Link::NextTimerUs(int64_t now_us) const {
  int64_t next = INT64_MAX;
  if (!up() || blocked) return next;
  if (!outdated.empty()) next = tell_at_us;
  for (const FeedSender& sender : senders) next = std::min(next, sender.NextTimerUs(now_us));
  return next;
}

bool Link::Waits(int64_t now_us) const {
  return up() && std::any_of(senders.begin(), senders.end(), [&](const FeedSender& s) { return s.Waits(now_us); });
}

uint32_t Link::NextLane(const std::array<bool, TG_LANE_COUNT>& exhausted) {
  for (int round = 0; round < 2; ++round) {
    for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
      if (exhausted[lane] || credits_[lane] == 0) continue;
      --credits_[lane];
      return lane;
    }
    credits_ = options_.lane_weights;
  }
  return TG_LANE_COUNT;
}

}  // namespace tidegate::sync
