// NoStorage: a storage for tests of which every call fails; a test defines the members that it needs.
// Thread safety: none. Ownership: owns its answer.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "host/core/storage.h"

namespace tidegate::core {

class NoStorage : public Storage {
 public:
  explicit NoStorage(Status answer) : answer_(std::move(answer)) {}

  const StorageInfo& info() const override { return info_; }
  Epoch epoch() const override { return 1; }
  Result<Watermark> Commit(std::span<const tg_group>, const OutcomeFn&) override { return answer_; }
  Status Get(const tg_key&, const ChangeFn&) const override { return answer_; }
  Result<std::string> Query(const tg_query&, const ChangeFn&) const override { return answer_; }
  Result<FeedPage> Changes(const tg_feed_selector&, uint64_t, uint64_t, uint64_t, const ChangeFn&) const override {
    return answer_;
  }
  Result<tg_feed_stat> FeedStat(const tg_feed_selector&, uint64_t) const override { return answer_; }
  Result<Watermark> Head() const override { return answer_; }
  Result<uint32_t> WatermarkCheck(const Watermark&) const override { return answer_; }
  Result<int> WatermarkCompare(const Watermark&, const Watermark&) const override { return answer_; }
  Result<std::vector<tg_epoch>> Epochs(uint64_t) const override { return answer_; }
  Status RangeDigest(const tg_range&, const std::function<bool(const tg_digest&)>&) const override { return answer_; }
  Status RangeScan(const tg_range&, const ChangeFn&) const override { return answer_; }
  Status Scopes(const std::function<bool(const tg_scope&)>&) const override { return answer_; }
  Result<std::string> MetaGet(std::string_view) const override { return answer_; }
  Status MetaScan(std::string_view, const std::function<bool(std::string_view, std::string_view)>&) const override {
    return answer_;
  }
  Result<tg_storage_stats> Stats() const override { return answer_; }
  Status Backup(std::string_view) override { return answer_; }
  Status Traces(uint64_t, uint64_t, const ChangeFn&) const override { return answer_; }
  Status Expiring(int64_t, uint64_t, uint64_t, const ChangeFn&) const override { return answer_; }

 private:
  Status answer_;
  StorageInfo info_;
};

}  // namespace tidegate::core
