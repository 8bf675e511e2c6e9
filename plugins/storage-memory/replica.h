// The data of one replica, as plain ordered containers.
// Thread safety: none; MemoryStorage locks. Ownership: rows are shared and constant, so that a copy of
// a Replica is a snapshot, as cheap as its maps.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "row.h"
#include "tidegate/storage.h"

namespace tidegate::memory {

struct FeedKey {
  uint8_t direction = 0, lane = 0;
  uint64_t owner = 0;  // 0 in up feeds, which do not ask whose a change is
  uint64_t seq = 0;
  auto operator<=>(const FeedKey&) const = default;
};

struct End {
  uint64_t epoch = 0;
  tg_version version{};
};

struct Replica {
  uint8_t id[16] = {};
  std::vector<tg_epoch> epochs;  // oldest first
  uint64_t head = 0;             // the last seq given
  std::map<uint64_t, End> ends;  // kept commit ends; the newest stands at head
  uint64_t ends_floor = 0;       // ends below it were forgotten

  std::map<Place, RowPtr> rows;                             // by every index
  std::map<FeedKey, RowPtr> feeds;                          // by direction, lane, owner, seq
  std::map<uint64_t, RowPtr> traces;                        // tombstones and evicts by seq
  std::map<std::pair<int64_t, uint64_t>, RowPtr> expiring;  // items with an expiry, by it and seq
  std::map<FeedKey, uint64_t> floors;                       // by feed (its seq is 0): the last deleted trace in it
  std::map<std::string, std::string, std::less<>> metas;
  std::set<std::pair<std::string, uint64_t>> owner_sets;

  uint64_t items = 0, tombstones = 0, bytes = 0;

  RowPtr Find(const Key& key) const;
  void Insert(const RowPtr& row);
  void Erase(const RowPtr& row);
  // Tombstones and evicts leave a floor: a feed from below it would miss them.
  void RaiseFloors(const Row& row);

  // The owners whose feeds the selector reads.
  std::vector<uint64_t> Owners(const tg_feed_selector& selector) const;
  // Selected changes with seq > after, in seq order.
  std::vector<RowPtr> Selected(const tg_feed_selector& selector, uint64_t after) const;
  // Every row with seq > after, in seq order.
  std::vector<RowPtr> All(uint64_t after) const;
  // The seq of the last of them all; 0 = none.
  uint64_t LastSelected(const tg_feed_selector& selector) const;

  bool KnowsEpoch(uint64_t epoch) const;
  void BeginEpoch(uint64_t epoch);
  void KeepEnd(const tg_version& version);
  void TrimEnds(uint64_t position);
  tg_watermark Watermark(uint64_t position) const;
  tg_watermark StopBehind(const tg_change& change) const;
  tg_watermark Head() const { return Watermark(head); }
  uint32_t Judge(const tg_watermark& watermark) const;  // TG_WATERMARK_*
};

}  // namespace tidegate::memory
