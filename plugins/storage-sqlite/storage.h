// The storage-sqlite plugin: one replica in one SQLite file, one writer beside a few readers.
// Thread safety: as tagged in tidegate/storage.h. Ownership: owns lock, connections and file.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "config.h"
#include "reader_pool.h"
#include "schema.h"
#include "tidegate/cpp/storage.h"
#include "writer.h"

namespace tidegate::sqlite {

class SqliteStorage {
 public:
  SqliteStorage(const sdk::Host& host, std::string_view config_json);

  // storage.cc
  void Start(const tg_storage_open& open, tg_storage_info& info);
  void Stop(uint64_t deadline_ms);
  void Commit(std::span<const tg_group> groups, const sdk::OutcomeSink& outcomes, tg_watermark& end);
  void Scopes(const sdk::ScopeSink& sink);
  sdk::Status MetaGet(std::string_view key, const sdk::MetaSink& sink);
  void MetaScan(std::string_view prefix, const sdk::MetaSink& sink);
  void Stats(tg_storage_stats& stats);
  void Backup(std::string_view path);

  // restore.cc
  void Restore(std::string_view path, std::string_view suffix);

  // query.cc
  sdk::Status Get(const tg_key& key, const sdk::ChangeSink& sink);
  void Query(const tg_query& query, const sdk::ChangeSink& sink, const sdk::CursorSink& cursor);

  // range.cc
  void RangeDigest(const tg_range& range, const sdk::DigestSink& sink);
  void RangeScan(const tg_range& range, const sdk::ChangeSink& sink);
  void Traces(uint64_t after, uint64_t limit, const sdk::ChangeSink& sink);
  void Expiring(int64_t after_ms, uint64_t after_seq, uint64_t limit, const sdk::ChangeSink& sink);

  // feed.cc
  void Changes(const tg_feed_selector& selector, uint64_t after, uint64_t limit_items, uint64_t limit_bytes,
               const sdk::ChangeSink& sink, tg_watermark& reached, bool& more);
  void FeedStat(const tg_feed_selector& selector, uint64_t after, tg_feed_stat& stat);

  // watermark.cc
  void Head(tg_watermark& head);
  void WatermarkCheck(const tg_watermark& watermark, uint32_t& verdict);
  sdk::Status WatermarkCompare(const tg_watermark& a, const tg_watermark& b, int32_t& order);
  void Epochs(uint64_t limit, const sdk::EpochSink& sink);

 private:
  ReaderPool::Lease Read();
  // The kept end at or after a position, else the head, as the snapshot of the connection has it.
  tg_watermark EndFrom(Connection& connection, uint64_t position);
  tg_watermark StopBehind(Connection& connection, const tg_change& change);
  tg_watermark HeadOf(Connection& connection);

  const Config config_;
  FileLock lock_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<ReaderPool> readers_;
  uint8_t replica_[16] = {};
};

}  // namespace tidegate::sqlite
