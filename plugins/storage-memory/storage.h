// The storage-memory plugin: a replica that lives as long as its instance. It is the smallest complete
// storage, for tests, for the simulator, and to be read before writing another one.
// Thread safety: one writer beside any number of readers. Sinks are called without the lock.
// Ownership: owns its replica, which outlives stop: a later start goes on with it in a new epoch.
#pragma once

#include <mutex>
#include <shared_mutex>
#include <span>
#include <string_view>
#include <vector>

#include "replica.h"
#include "tidegate/cpp/storage.h"

namespace tidegate::memory {

class MemoryStorage {
 public:
  MemoryStorage(const sdk::Host& host, std::string_view config_json);
  // A snapshot of the data of another instance, not started.
  MemoryStorage(const MemoryStorage& other);

  sdk::Status Start(const tg_storage_open& open, tg_storage_info& info);
  void Stop(uint64_t deadline_ms);

  // commit.cc
  sdk::Status Commit(std::span<const tg_group> groups, const sdk::OutcomeSink& outcomes, tg_watermark& end);

  // query.cc
  sdk::Status Get(const tg_key& key, const sdk::ChangeSink& sink);
  sdk::Status Query(const tg_query& query, const sdk::ChangeSink& sink, const sdk::CursorSink& cursor);
  void RangeDigest(const tg_range& range, const sdk::DigestSink& sink);
  void RangeScan(const tg_range& range, const sdk::ChangeSink& sink);
  void Traces(uint64_t after, uint64_t limit, const sdk::ChangeSink& sink);
  void Expiring(int64_t after_ms, uint64_t after_seq, uint64_t limit, const sdk::ChangeSink& sink);

  // feed.cc
  void Changes(const tg_feed_selector& selector, uint64_t after, uint64_t limit_items, uint64_t limit_bytes,
               const sdk::ChangeSink& sink, tg_watermark& reached, bool& more);
  void FeedStat(const tg_feed_selector& selector, uint64_t after, tg_feed_stat& stat);
  void Head(tg_watermark& head);
  void WatermarkCheck(const tg_watermark& watermark, uint32_t& verdict);
  sdk::Status WatermarkCompare(const tg_watermark& a, const tg_watermark& b, int32_t& order);
  void Epochs(uint64_t limit, const sdk::EpochSink& sink);

  // storage.cc
  void Scopes(const sdk::ScopeSink& sink);
  sdk::Status MetaGet(std::string_view key, const sdk::MetaSink& sink);
  void MetaScan(std::string_view prefix, const sdk::MetaSink& sink);
  void Stats(tg_storage_stats& stats);

 private:
  // A shared lock of a started storage; throws TG_UNAVAILABLE of any other.
  std::shared_lock<std::shared_mutex> Read() const;
  std::vector<RowPtr> InRange(const tg_range& range, size_t limit) const;
  template <typename Fn>
  void ForEachInRange(tg_range range, const Fn& fn) const;

  mutable std::shared_mutex mutex_;
  bool started_ = false;
  uint64_t items_max_ = 0;  // 0 = no limit
  Replica replica_;
};

}  // namespace tidegate::memory
