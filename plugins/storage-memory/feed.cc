// Feeds, watermarks, epochs.
#include <algorithm>
#include <cstring>

#include "storage.h"

namespace tidegate::memory {
namespace {

void Check(const tg_feed_selector& selector, bool all_rows = false) {
  if (all_rows && selector.direction == TG_DIRECTION_NONE) return;
  if (selector.direction != TG_DIRECTION_UP && selector.direction != TG_DIRECTION_DOWN)
    throw sdk::Error(TG_INVALID, "a feed goes up or down");
  if (selector.lane >= TG_LANE_COUNT) throw sdk::Error(TG_INVALID, "unknown lane");
}

}  // namespace

void MemoryStorage::Changes(const tg_feed_selector& selector, uint64_t after, uint64_t limit_items,
                            uint64_t limit_bytes, const sdk::ChangeSink& sink, tg_watermark& reached, bool& more) {
  Check(selector, true);
  std::vector<RowPtr> page;
  tg_watermark page_end;
  bool left = false;
  {
    auto lock = Read();
    page = selector.direction == TG_DIRECTION_NONE ? replica_.All(after) : replica_.Selected(selector, after);
    page_end = replica_.Head();
    size_t count = 0;
    uint64_t bytes = 0;
    bool full = false;
    while (count < page.size() && !full) {
      bytes += page[count++]->bytes();
      full = (limit_items != 0 && count >= limit_items) || (limit_bytes != 0 && bytes >= limit_bytes);
    }
    if (count < page.size()) {
      const tg_watermark end = replica_.StopBehind(page[count - 1]->change());
      while (count < page.size() && page[count]->change().seq <= end.position) ++count;
      left = count < page.size();
      if (left) page_end = end;
      page.resize(count);
    }
  }
  for (const RowPtr& row : page)
    if (!sink(row->change())) return;
  reached = page_end;
  more = left;
}

void MemoryStorage::FeedStat(const tg_feed_selector& selector, uint64_t after, tg_feed_stat& stat) {
  Check(selector);
  auto lock = Read();
  const std::vector<RowPtr> waiting = replica_.Selected(selector, after);
  stat.exact = 1;
  stat.count = waiting.size();
  for (const RowPtr& row : waiting) stat.bytes += row->bytes();
  if (!waiting.empty()) stat.oldest = waiting.front()->change().version;
  stat.head = replica_.LastSelected(selector);
  stat.floor = replica_.ends_floor;
  for (uint64_t owner : replica_.Owners(selector)) {
    auto floor = replica_.floors.find({selector.direction, selector.lane, owner, 0});
    if (floor != replica_.floors.end()) stat.floor = std::max(stat.floor, floor->second);
  }
}

void MemoryStorage::Head(tg_watermark& head) {
  auto lock = Read();
  head = replica_.Head();
}

void MemoryStorage::WatermarkCheck(const tg_watermark& watermark, uint32_t& verdict) {
  auto lock = Read();
  verdict = replica_.Judge(watermark);
}

sdk::Status MemoryStorage::WatermarkCompare(const tg_watermark& a, const tg_watermark& b, int32_t& order) {
  auto lock = Read();
  for (const tg_watermark* w : {&a, &b})
    if (std::memcmp(w->replica, replica_.id, sizeof replica_.id) != 0)
      return {TG_INVALID, "a watermark of another replica cannot be compared here"};
  if (a.position == b.position && a.position != 0 && (a.epoch != b.epoch || !Same(a.version, b.version)))
    return {TG_INVALID, "the watermarks name one position with different commits"};
  order = a.position < b.position ? -1 : a.position > b.position ? 1 : 0;
  return {};
}

void MemoryStorage::Epochs(uint64_t limit, const sdk::EpochSink& sink) {
  std::vector<tg_epoch> epochs;
  {
    auto lock = Read();
    epochs.assign(replica_.epochs.rbegin(), replica_.epochs.rend());
  }
  if (limit != 0 && limit < epochs.size()) epochs.resize(limit);
  for (const tg_epoch& epoch : epochs)
    if (!sink(epoch)) return;
}

}  // namespace tidegate::memory
