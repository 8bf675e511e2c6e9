// Storage: one replica, as the node sees it. The same calls as tg.storage (docs in
// sdk/include/tidegate/storage.h), with C++ callbacks and Status.
// Thread safety: Commit from the writer thread only; const functions from any thread beside it.
// Ownership: arguments are views for the call; changes given to callbacks live during the callback.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/ids.h"
#include "host/base/status.h"
#include "tidegate/storage.h"

namespace tidegate::core {

struct StorageInfo {
  ReplicaId replica;
  bool created = false;
  bool durable = false;
  bool multi_writer = false;
  uint64_t commit_items_max = 0;
  uint64_t item_bytes_max = 0;
};

struct FeedPage {
  Watermark reached;
  bool more = false;
};

// Callbacks return true to go on.
using ChangeFn = std::function<bool(const tg_change&)>;
using OutcomeFn = std::function<void(const tg_outcome&)>;

class Storage {
 public:
  virtual ~Storage() = default;

  // Facts of this start; the storage has been started with an epoch already.
  virtual const StorageInfo& info() const = 0;
  // The present one: of this start, or one that a commit began since (TG_OP_EPOCH). The writer thread only.
  virtual Epoch epoch() const = 0;

  // What it said first when it found rows that cannot be read any more (TG_CORRUPT); empty: nothing. Any thread.
  virtual std::string damage() const { return {}; }

  // Durable when it returns; on error nothing of it happened. Returns the watermark at its end.
  virtual Result<Watermark> Commit(std::span<const tg_group> groups, const OutcomeFn& outcome) = 0;

  // kNotFound if the key has no row.
  virtual Status Get(const tg_key& key, const ChangeFn& fn) const = 0;
  // Returns the cursor to go on with; empty at the end.
  virtual Result<std::string> Query(const tg_query& query, const ChangeFn& fn) const = 0;
  virtual Result<FeedPage> Changes(const tg_feed_selector& selector, uint64_t after, uint64_t limit_items,
                                   uint64_t limit_bytes, const ChangeFn& fn) const = 0;
  virtual Result<tg_feed_stat> FeedStat(const tg_feed_selector& selector, uint64_t after) const = 0;
  virtual Result<Watermark> Head() const = 0;
  virtual Result<uint32_t> WatermarkCheck(const Watermark& watermark) const = 0;
  virtual Result<int> WatermarkCompare(const Watermark& a, const Watermark& b) const = 0;
  virtual Result<std::vector<tg_epoch>> Epochs(uint64_t limit) const = 0;
  virtual Status RangeDigest(const tg_range& range, const std::function<bool(const tg_digest&)>& fn) const = 0;
  virtual Status RangeScan(const tg_range& range, const ChangeFn& fn) const = 0;
  virtual Status Scopes(const std::function<bool(const tg_scope&)>& fn) const = 0;
  // kNotFound if there is none.
  virtual Result<std::string> MetaGet(std::string_view key) const = 0;
  virtual Status MetaScan(std::string_view prefix,
                          const std::function<bool(std::string_view key, std::string_view value)>& fn) const = 0;
  virtual Result<tg_storage_stats> Stats() const = 0;
  virtual Status Backup(std::string_view path) = 0;
  // Tombstones and evicts with seq > after, in seq order. kUnsupported: this storage is never purged.
  virtual Status Traces(uint64_t after, uint64_t limit, const ChangeFn& fn) const = 0;
  // Items with an expiry, in the order of (expires_ms, seq). kUnsupported: what has expired is never removed.
  virtual Status Expiring(int64_t after_ms, uint64_t after_seq, uint64_t limit, const ChangeFn& fn) const = 0;
};

}  // namespace tidegate::core
