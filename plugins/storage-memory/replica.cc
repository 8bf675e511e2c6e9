#include "replica.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace tidegate::memory {
namespace {

constexpr size_t kEpochsMax = 1024;

// The feeds that a row stands in.
std::vector<FeedKey> FeedsOf(const Row& row) {
  const tg_change& change = row.change();
  std::vector<FeedKey> feeds;
  if (change.direction & TG_DIRECTION_UP) feeds.push_back({TG_DIRECTION_UP, change.lane, 0, change.seq});
  if (change.direction & TG_DIRECTION_DOWN)
    feeds.push_back({TG_DIRECTION_DOWN, change.lane, change.key.owner, change.seq});
  return feeds;
}

}  // namespace

RowPtr Replica::Find(const Key& key) const {
  auto found = rows.find(Place{{}, {}, {}, key});
  return found == rows.end() ? nullptr : found->second;
}

void Replica::Insert(const RowPtr& row) {
  for (const Place& place : row->Places()) rows.emplace(place, row);
  for (const FeedKey& feed : FeedsOf(*row)) feeds.emplace(feed, row);
  if (!row->live()) traces.emplace(row->change().seq, row);
  if (row->expires()) expiring.emplace(row->expiry(), row);
  ++(row->live() ? items : tombstones);
  bytes += row->bytes();
}

void Replica::Erase(const RowPtr& row) {
  for (const FeedKey& feed : FeedsOf(*row)) feeds.erase(feed);
  if (!row->live()) traces.erase(row->change().seq);
  if (row->expires()) expiring.erase(row->expiry());
  --(row->live() ? items : tombstones);
  bytes -= row->bytes();
  for (const Place& place : row->Places()) rows.erase(place);
}

void Replica::RaiseFloors(const Row& row) {
  if (row.live()) return;
  for (FeedKey feed : FeedsOf(row)) {
    uint64_t& floor = floors[{feed.direction, feed.lane, feed.owner, 0}];
    floor = std::max(floor, feed.seq);
  }
}

std::vector<uint64_t> Replica::Owners(const tg_feed_selector& selector) const {
  if (selector.direction == TG_DIRECTION_UP) return {0};
  std::vector<uint64_t> owners;
  const std::string name(sdk::View(selector.owner_set));
  for (auto it = owner_sets.lower_bound({name, 0}); it != owner_sets.end() && it->first == name; ++it)
    owners.push_back(it->second);
  return owners;
}

std::vector<RowPtr> Replica::Selected(const tg_feed_selector& selector, uint64_t after) const {
  std::vector<RowPtr> selected;
  for (uint64_t owner : Owners(selector)) {
    const FeedKey last{selector.direction, selector.lane, owner, UINT64_MAX};
    for (auto it = feeds.upper_bound({last.direction, last.lane, owner, after}); it != feeds.end() && it->first < last;
         ++it) {
      const uint64_t via = it->second->change().via;
      if (via == 0 || via != selector.exclude_via) selected.push_back(it->second);
    }
  }
  std::sort(selected.begin(), selected.end(),
            [](const RowPtr& a, const RowPtr& b) { return a->change().seq < b->change().seq; });
  return selected;
}

std::vector<RowPtr> Replica::All(uint64_t after) const {
  std::vector<RowPtr> all;
  const std::string primary;
  for (auto it = rows.begin(); it != rows.end() && it->first.index == primary; ++it) {
    if (it->second->change().seq > after) all.push_back(it->second);
  }
  std::sort(all.begin(), all.end(), [](const RowPtr& a, const RowPtr& b) { return a->change().seq < b->change().seq; });
  return all;
}

uint64_t Replica::LastSelected(const tg_feed_selector& selector) const {
  uint64_t last = 0;
  for (uint64_t owner : Owners(selector)) {
    const FeedKey first{selector.direction, selector.lane, owner, 0};
    auto it = feeds.upper_bound({first.direction, first.lane, owner, UINT64_MAX});
    while (it != feeds.begin() && first < std::prev(it)->first) {
      --it;
      const uint64_t via = it->second->change().via;
      if (via != 0 && via == selector.exclude_via) continue;
      last = std::max(last, it->first.seq);
      break;
    }
  }
  return last;
}

bool Replica::KnowsEpoch(uint64_t epoch) const {
  return std::any_of(epochs.begin(), epochs.end(), [&](const tg_epoch& known) { return known.epoch == epoch; });
}

void Replica::BeginEpoch(uint64_t epoch) {
  epochs.push_back({epoch, head + 1});
  if (epochs.size() <= kEpochsMax) return;
  // Epochs that gave no position are forgotten first: no watermark names them.
  auto old = std::adjacent_find(epochs.begin(), epochs.end(),
                                [](const tg_epoch& a, const tg_epoch& b) { return a.first == b.first; });
  epochs.erase(old == epochs.end() ? epochs.begin() : old);
  if (epochs.front().first > 1) TrimEnds(epochs.front().first);
}

void Replica::KeepEnd(const tg_version& version) { ends[head] = {epochs.back().epoch, version}; }

void Replica::TrimEnds(uint64_t position) {
  position = std::min(position, head);
  ends_floor = std::max(ends_floor, position);
  ends.erase(ends.begin(), ends.lower_bound(position));
  while (epochs.size() > 1 && epochs[1].first <= position) epochs.erase(epochs.begin());
}

tg_watermark Replica::Watermark(uint64_t position) const {
  tg_watermark watermark{};
  std::memcpy(watermark.replica, id, sizeof id);
  watermark.position = position;
  watermark.epoch = epochs.back().epoch;
  if (position != 0) {
    const End& end = ends.at(position);
    watermark.epoch = end.epoch;
    watermark.version = end.version;
  }
  return watermark;
}

// Where ends are forgotten, the end of a run: nobody resumes from there, but a feed has to get on.
tg_watermark Replica::StopBehind(const tg_change& change) const {
  if (change.run_last >= ends_floor) return Watermark(ends.lower_bound(change.seq)->first);
  tg_watermark stop{};
  std::memcpy(stop.replica, id, sizeof id);
  stop.position = change.run_last;
  stop.version = change.version;
  stop.epoch = epochs.front().epoch;
  for (const tg_epoch& epoch : epochs) {
    if (epoch.first <= stop.position) stop.epoch = epoch.epoch;
  }
  return stop;
}

uint32_t Replica::Judge(const tg_watermark& watermark) const {
  const uint64_t position = watermark.position;
  if (std::memcmp(watermark.replica, id, sizeof id) != 0) return TG_WATERMARK_OTHER_REPLICA;
  const bool below = position < ends_floor;
  if (position == 0) return below ? TG_WATERMARK_BELOW_FLOOR : TG_WATERMARK_USABLE;
  auto epoch =
      std::find_if(epochs.begin(), epochs.end(), [&](const tg_epoch& e) { return e.epoch == watermark.epoch; });
  // An epoch may be older than the list.
  if (epoch == epochs.end()) return below ? TG_WATERMARK_BELOW_FLOOR : TG_WATERMARK_UNKNOWN_EPOCH;
  const uint64_t last = epoch + 1 == epochs.end() ? head : (epoch + 1)->first - 1;
  if (position > last) return TG_WATERMARK_PAST_EPOCH;
  if (below) return TG_WATERMARK_BELOW_FLOOR;
  auto end = ends.find(position);
  if (end == ends.end() || end->second.epoch != watermark.epoch) return TG_WATERMARK_NOT_AN_END;
  return Same(end->second.version, watermark.version) ? TG_WATERMARK_USABLE : TG_WATERMARK_OTHER_VERSION;
}

}  // namespace tidegate::memory
