// A storage plugin as core::Storage.
// Thread safety: as core::Storage; Create, Start and Stop from the control thread.
// Ownership: owns the instance; destruction stops and destroys it.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "host/core/storage.h"
#include "host/plugin/instance.h"

namespace tidegate::plugin {

class PluginStorage : public core::Storage {
 public:
  // plugin: what its entry returned. Without a file this serves a plugin that is linked in.
  static Result<std::unique_ptr<PluginStorage>> Create(const tg_plugin* plugin, const std::string& name,
                                                       const std::string& config_json, const Environment& environment);

  // The same with the table in hand, and with an instance that was created elsewhere and not started.
  static Result<std::unique_ptr<PluginStorage>> Create(const tg_storage_v1* table, const std::string& name,
                                                       const std::string& config_json, const Environment& environment);
  static std::unique_ptr<PluginStorage> Adopt(const tg_storage_v1* table, void* self, const std::string& name,
                                              const Environment& environment);

  // Opens the replica. new_replica: the id it takes if it is made now; epoch: random, of this start.
  // Everything else is allowed after this only.
  Status Start(const ReplicaId& new_replica, Epoch epoch);
  Status Stop(uint64_t deadline_ms);
  // Before Start: the copy at path takes the place of the replica, whose files are kept under names with the suffix.
  // An empty path takes them back.
  Status Restore(std::string_view path, std::string_view suffix);

  const core::StorageInfo& info() const override { return info_; }
  Epoch epoch() const override { return epoch_; }
  Result<Watermark> Commit(std::span<const tg_group> groups, const core::OutcomeFn& outcome) override;
  // How the newest commit ended; the writer thread only.
  std::string damage() const override;
  const Status& last_commit() const { return last_commit_; }
  // The storage said that it commits nothing more until it is opened anew (commit in tidegate/storage.h).
  bool gave_up() const { return gave_up_; }
  Status Get(const tg_key& key, const core::ChangeFn& fn) const override;
  Result<std::string> Query(const tg_query& query, const core::ChangeFn& fn) const override;
  Result<core::FeedPage> Changes(const tg_feed_selector& selector, uint64_t after, uint64_t limit_items,
                                 uint64_t limit_bytes, const core::ChangeFn& fn) const override;
  Result<tg_feed_stat> FeedStat(const tg_feed_selector& selector, uint64_t after) const override;
  Result<Watermark> Head() const override;
  Result<uint32_t> WatermarkCheck(const Watermark& watermark) const override;
  Result<int> WatermarkCompare(const Watermark& a, const Watermark& b) const override;
  Result<std::vector<tg_epoch>> Epochs(uint64_t limit) const override;
  Status RangeDigest(const tg_range& range, const std::function<bool(const tg_digest&)>& fn) const override;
  Status RangeScan(const tg_range& range, const core::ChangeFn& fn) const override;
  Status Scopes(const std::function<bool(const tg_scope&)>& fn) const override;
  Result<std::string> MetaGet(std::string_view key) const override;
  Status MetaScan(std::string_view prefix,
                  const std::function<bool(std::string_view key, std::string_view value)>& fn) const override;
  Result<tg_storage_stats> Stats() const override;
  Status Backup(std::string_view path) override;
  Status Traces(uint64_t after, uint64_t limit, const core::ChangeFn& fn) const override;
  Status Expiring(int64_t after_ms, uint64_t after_seq, uint64_t limit, const core::ChangeFn& fn) const override;

 private:
  static Result<std::unique_ptr<PluginStorage>> FromInstance(Result<std::unique_ptr<Instance>> instance);
  explicit PluginStorage(std::unique_ptr<Instance> instance)
      : instance_(std::move(instance)), table_(instance_->table<tg_storage_v1>()) {}
  template <typename... Parameters, typename... Arguments>
  Status Call(tg_code (*function)(void*, Parameters...), Arguments... arguments) const;

  Status Failed(tg_code code, const tg_error& error) const;

  std::unique_ptr<Instance> instance_;
  mutable std::mutex damage_mutex_;
  mutable std::string damage_;
  const tg_storage_v1* table_;
  core::StorageInfo info_;
  Epoch epoch_ = 0;
  Status last_commit_;
  bool gave_up_ = false;
};

}  // namespace tidegate::plugin
