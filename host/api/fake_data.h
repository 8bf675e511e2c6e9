// What a FakeNode keeps, shared by its parts.
// Thread safety: members say which mutex guards them. Ownership: owned by its node.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "host/api/fake_node.h"

namespace tidegate::api {
namespace fake {

inline constexpr AgentId kSelf = 7;

// Only there to carry the fake to the members of Reader that this file defines.
class NoStorage : public core::Storage {
 public:
  explicit NoStorage(const FakeNode& fake) : node(fake) {}
  const core::StorageInfo& info() const override { return info_; }
  Epoch epoch() const override { return 1; }
  Result<Watermark> Commit(std::span<const tg_group>, const core::OutcomeFn&) override { return None(); }
  Status Get(const tg_key&, const core::ChangeFn&) const override { return None(); }
  Result<std::string> Query(const tg_query&, const core::ChangeFn&) const override { return None(); }
  Result<core::FeedPage> Changes(const tg_feed_selector&, uint64_t, uint64_t, uint64_t,
                                 const core::ChangeFn&) const override {
    return None();
  }
  Result<tg_feed_stat> FeedStat(const tg_feed_selector&, uint64_t) const override { return None(); }
  Result<Watermark> Head() const override { return None(); }
  Result<uint32_t> WatermarkCheck(const Watermark&) const override { return None(); }
  Result<int> WatermarkCompare(const Watermark&, const Watermark&) const override { return None(); }
  Result<std::vector<tg_epoch>> Epochs(uint64_t) const override { return None(); }
  Status RangeDigest(const tg_range&, const std::function<bool(const tg_digest&)>&) const override { return None(); }
  Status RangeScan(const tg_range&, const core::ChangeFn&) const override { return None(); }
  Status Scopes(const std::function<bool(const tg_scope&)>&) const override { return None(); }
  Result<std::string> MetaGet(std::string_view) const override { return None(); }
  Status MetaScan(std::string_view, const std::function<bool(std::string_view, std::string_view)>&) const override {
    return None();
  }
  Result<tg_storage_stats> Stats() const override { return None(); }
  Status Backup(std::string_view) override { return None(); }
  Status Traces(uint64_t, uint64_t, const core::ChangeFn&) const override { return None(); }

  const FakeNode& node;

 private:
  static Status None() { return Status::Internal("the fake node has no storage"); }
  core::StorageInfo info_;
};

class NoClock : public core::Clock {
 public:
  int64_t unix_ms() const override { return 0; }
  int64_t monotonic_us() const override { return 0; }
};

// The text of `id` in the JSON of properties.
Result<std::string> IdOf(std::string_view properties, const std::string& what);

}  // namespace fake

struct FakeNode::Data {
  explicit Data(const FakeNode& node) : storage(node), catalog(nullptr), reader(storage, catalog, clock, fake::kSelf) {}

  using Key = std::tuple<std::string, AgentId, std::string>;  // model, owner, id
  fake::NoStorage storage;
  replica::CatalogHolder catalog;
  fake::NoClock clock;
  replica::Reader reader;

  mutable Mutex mutex;
  std::map<Key, std::string> items TG_GUARDED_BY(mutex);
  uint64_t seq TG_GUARDED_BY(mutex) = 0;
  uint32_t level TG_GUARDED_BY(mutex) = 2;
  bool healthy TG_GUARDED_BY(mutex) = true;
  bool confirmed TG_GUARDED_BY(mutex) = false;
  bool sync_reaches TG_GUARDED_BY(mutex) = true;
  node::SyncAnswer sync_answer TG_GUARDED_BY(mutex);
  bool hold_syncs TG_GUARDED_BY(mutex) = false;
  bool child_off TG_GUARDED_BY(mutex) = false;
  bool links_off TG_GUARDED_BY(mutex) = false;
  node::LinkSyncRequest link_sync TG_GUARDED_BY(mutex);

  mutable Mutex watch_mutex;  // held during callbacks: Unwatch waits for them
  std::map<uint64_t, node::WatchFn> watchers TG_GUARDED_BY(watch_mutex);
  uint64_t last_watch TG_GUARDED_BY(watch_mutex) = 0;

  Status Apply(const replica::Write& write, replica::Written* written) TG_EXCLUDES(mutex);
  void Tell(uint8_t kind, const Key& key, const std::string& body, uint64_t at, AgentId via);
};

}  // namespace tidegate::api
