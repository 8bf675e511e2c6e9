// ForwardingStorage: a core::Storage that hands every call to another one; wrappers change what they need.
// Thread safety: as the inner one. Ownership: refers to the inner storage, which outlives it.
#pragma once

#include "host/core/storage.h"

namespace tidegate::sim {

class ForwardingStorage : public core::Storage {
 public:
  explicit ForwardingStorage(core::Storage& inner) : inner_(inner) {}

  const core::StorageInfo& info() const override { return inner_.info(); }
  Epoch epoch() const override { return inner_.epoch(); }
  Result<Watermark> Commit(std::span<const tg_group> groups, const core::OutcomeFn& outcome) override {
    return inner_.Commit(groups, outcome);
  }
  Status Get(const tg_key& key, const core::ChangeFn& fn) const override { return inner_.Get(key, fn); }
  Result<std::string> Query(const tg_query& query, const core::ChangeFn& fn) const override {
    return inner_.Query(query, fn);
  }
  Result<core::FeedPage> Changes(const tg_feed_selector& selector, uint64_t after, uint64_t limit_items,
                                 uint64_t limit_bytes, const core::ChangeFn& fn) const override {
    return inner_.Changes(selector, after, limit_items, limit_bytes, fn);
  }
  Result<tg_feed_stat> FeedStat(const tg_feed_selector& selector, uint64_t after) const override {
    return inner_.FeedStat(selector, after);
  }
  Result<Watermark> Head() const override { return inner_.Head(); }
  Result<uint32_t> WatermarkCheck(const Watermark& watermark) const override {
    return inner_.WatermarkCheck(watermark);
  }
  Result<int> WatermarkCompare(const Watermark& a, const Watermark& b) const override {
    return inner_.WatermarkCompare(a, b);
  }
  Result<std::vector<tg_epoch>> Epochs(uint64_t limit) const override { return inner_.Epochs(limit); }
  Status RangeDigest(const tg_range& range, const std::function<bool(const tg_digest&)>& fn) const override {
    return inner_.RangeDigest(range, fn);
  }
  Status RangeScan(const tg_range& range, const core::ChangeFn& fn) const override {
    return inner_.RangeScan(range, fn);
  }
  Status Scopes(const std::function<bool(const tg_scope&)>& fn) const override { return inner_.Scopes(fn); }
  Result<std::string> MetaGet(std::string_view key) const override { return inner_.MetaGet(key); }
  Status MetaScan(std::string_view prefix,
                  const std::function<bool(std::string_view key, std::string_view value)>& fn) const override {
    return inner_.MetaScan(prefix, fn);
  }
  Result<tg_storage_stats> Stats() const override { return inner_.Stats(); }
  Status Backup(std::string_view path) override { return inner_.Backup(path); }
  Status Traces(uint64_t after, uint64_t limit, const core::ChangeFn& fn) const override {
    return inner_.Traces(after, limit, fn);
  }
  Status Expiring(int64_t after_ms, uint64_t after_seq, uint64_t limit, const core::ChangeFn& fn) const override {
    return inner_.Expiring(after_ms, after_seq, limit, fn);
  }

 protected:
  core::Storage& inner_;
};

}  // namespace tidegate::sim
