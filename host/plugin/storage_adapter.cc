#include "host/plugin/storage_adapter.h"

#include <cstring>

#include "host/base/views.h"

namespace tidegate::plugin {
namespace {

// Sinks call std::functions of the host from foreign frames: noexcept, nothing passes through them.
tg_change_sink Sink(const core::ChangeFn& fn) {
  return {const_cast<core::ChangeFn*>(&fn), [](void* ctx, const tg_change* change) noexcept -> int32_t {
            return (*static_cast<const core::ChangeFn*>(ctx))(*change) ? 0 : 1;
          }};
}

bool Complete(const tg_storage_v1& t) {
  return t.start != nullptr && t.commit != nullptr && t.get != nullptr && t.query != nullptr && t.changes != nullptr &&
         t.feed_stat != nullptr && t.head != nullptr && t.watermark_check != nullptr &&
         t.watermark_compare != nullptr && t.epochs != nullptr && t.range_digest != nullptr &&
         t.range_scan != nullptr && t.scopes != nullptr && t.meta_get != nullptr && t.meta_scan != nullptr &&
         t.stats != nullptr;
}

}  // namespace

Result<std::unique_ptr<PluginStorage>> PluginStorage::Create(const tg_plugin* plugin, const std::string& name,
                                                             const std::string& config_json,
                                                             const Environment& environment) {
  return FromInstance(
      Instance::Create(plugin, TG_STORAGE_ID, TG_END_OF(tg_storage_v1, stats), name, config_json, environment));
}

Result<std::unique_ptr<PluginStorage>> PluginStorage::Create(const tg_storage_v1* table, const std::string& name,
                                                             const std::string& config_json,
                                                             const Environment& environment) {
  return FromInstance(Instance::Create(static_cast<const void*>(table), TG_STORAGE_ID, TG_END_OF(tg_storage_v1, stats),
                                       name, config_json, environment));
}

std::unique_ptr<PluginStorage> PluginStorage::Adopt(const tg_storage_v1* table, void* self, const std::string& name,
                                                    const Environment& environment) {
  return std::unique_ptr<PluginStorage>(new PluginStorage(Instance::Adopt(table, self, name, environment)));
}

Result<std::unique_ptr<PluginStorage>> PluginStorage::FromInstance(Result<std::unique_ptr<Instance>> instance) {
  if (!instance.ok()) return instance.status();
  if (!Complete(*(*instance)->table<tg_storage_v1>())) {
    return Status::Invalid((*instance)->name() +
                           ": its table of " TG_STORAGE_ID
                           " lacks a function; only backup, traces, restore and expiring may be missing");
  }
  return std::unique_ptr<PluginStorage>(new PluginStorage(std::move(instance).value()));
}

// Every call but start needs a started storage; after stop it is unavailable, not undefined.
template <typename... Parameters, typename... Arguments>
Status PluginStorage::Call(tg_code (*function)(void*, Parameters...), Arguments... arguments) const {
  if (!instance_->started()) return Status::Unavailable(instance_->name() + ": the storage is not started");
  tg_error error{};
  tg_code code = function(instance_->self(), arguments..., &error);
  return code == TG_OK ? Status::Ok() : Failed(code, error);
}

Status PluginStorage::Failed(tg_code code, const tg_error& error) const {
  Status status = instance_->Failed(code, error);
  if (code == TG_CORRUPT) {
    std::lock_guard lock(damage_mutex_);
    if (damage_.empty()) damage_ = status.message();
  }
  return status;
}

std::string PluginStorage::damage() const {
  std::lock_guard lock(damage_mutex_);
  return damage_;
}

Status PluginStorage::Start(const ReplicaId& new_replica, Epoch epoch) {
  tg_storage_open open{};
  open.struct_size = sizeof open;
  std::memcpy(open.new_replica, new_replica.bytes.data(), sizeof open.new_replica);
  open.epoch = epoch;
  tg_storage_info info{};
  info.struct_size = sizeof info;
  TG_RETURN_IF_ERROR(
      instance_->Start([&](void* self, tg_error* error) { return table_->start(self, &open, &info, error); }));
  std::memcpy(info_.replica.bytes.data(), info.replica, sizeof info.replica);
  info_.created = info.created != 0;
  info_.durable = info.durable != 0;
  info_.multi_writer = info.multi_writer != 0;
  info_.commit_items_max = info.commit_items_max;
  info_.item_bytes_max = info.item_bytes_max;
  epoch_ = epoch;
  return {};
}

Status PluginStorage::Stop(uint64_t deadline_ms) { return instance_->Stop(deadline_ms); }

Result<Watermark> PluginStorage::Commit(std::span<const tg_group> groups, const core::OutcomeFn& outcome) {
  tg_outcome_sink sink{const_cast<core::OutcomeFn*>(&outcome), [](void* ctx, const tg_outcome* result) noexcept {
                         const auto& fn = *static_cast<const core::OutcomeFn*>(ctx);
                         if (fn) fn(*result);
                       }};
  if (!instance_->started()) return Status::Unavailable(instance_->name() + ": the storage is not started");
  tg_watermark end{};
  tg_error error{};
  tg_code code = table_->commit(instance_->self(), groups.data(), groups.size(), &sink, &end, &error);
  last_commit_ = code == TG_OK ? Status::Ok() : Failed(code, error);
  if (code == TG_IO && error.retryable == 0) gave_up_ = true;
  if (!last_commit_.ok()) return last_commit_;
  for (const tg_group& group : groups) {
    if (group.count != 0 && group.mutations->op == TG_OP_EPOCH) epoch_ = group.mutations->position;
  }
  return Watermark::From(end);
}

Status PluginStorage::Get(const tg_key& key, const core::ChangeFn& fn) const {
  tg_change_sink sink = Sink(fn);
  return Call(table_->get, &key, &sink);
}

Result<std::string> PluginStorage::Query(const tg_query& query, const core::ChangeFn& fn) const {
  tg_change_sink sink = Sink(fn);
  std::string next;
  tg_cursor_sink cursor{
      &next, [](void* ctx, tg_bytes bytes) noexcept { static_cast<std::string*>(ctx)->assign(View(bytes)); }};
  TG_RETURN_IF_ERROR(Call(table_->query, &query, &sink, &cursor));
  return next;
}

Result<core::FeedPage> PluginStorage::Changes(const tg_feed_selector& selector, uint64_t after, uint64_t limit_items,
                                              uint64_t limit_bytes, const core::ChangeFn& fn) const {
  tg_change_sink sink = Sink(fn);
  tg_watermark reached{};
  uint32_t more = 0;
  TG_RETURN_IF_ERROR(Call(table_->changes, &selector, after, limit_items, limit_bytes, &sink, &reached, &more));
  return core::FeedPage{Watermark::From(reached), more != 0};
}

Result<tg_feed_stat> PluginStorage::FeedStat(const tg_feed_selector& selector, uint64_t after) const {
  tg_feed_stat stat{};
  stat.struct_size = sizeof stat;
  TG_RETURN_IF_ERROR(Call(table_->feed_stat, &selector, after, &stat));
  return stat;
}

Result<Watermark> PluginStorage::Head() const {
  tg_watermark head{};
  TG_RETURN_IF_ERROR(Call(table_->head, &head));
  return Watermark::From(head);
}

Result<uint32_t> PluginStorage::WatermarkCheck(const Watermark& watermark) const {
  tg_watermark raw = watermark.To();
  uint32_t verdict = 0;
  TG_RETURN_IF_ERROR(Call(table_->watermark_check, &raw, &verdict));
  return verdict;
}

Result<int> PluginStorage::WatermarkCompare(const Watermark& a, const Watermark& b) const {
  tg_watermark raw_a = a.To(), raw_b = b.To();
  int32_t order = 0;
  TG_RETURN_IF_ERROR(Call(table_->watermark_compare, &raw_a, &raw_b, &order));
  return int{order};
}

Result<std::vector<tg_epoch>> PluginStorage::Epochs(uint64_t limit) const {
  std::vector<tg_epoch> epochs;
  tg_epoch_sink sink{&epochs, [](void* ctx, const tg_epoch* epoch) noexcept -> int32_t {
                       static_cast<std::vector<tg_epoch>*>(ctx)->push_back(*epoch);
                       return 0;
                     }};
  TG_RETURN_IF_ERROR(Call(table_->epochs, limit, &sink));
  return epochs;
}

Status PluginStorage::RangeDigest(const tg_range& range, const std::function<bool(const tg_digest&)>& fn) const {
  using Fn = std::function<bool(const tg_digest&)>;
  tg_digest_sink sink{const_cast<Fn*>(&fn), [](void* ctx, const tg_digest* digest) noexcept -> int32_t {
                        return (*static_cast<const Fn*>(ctx))(*digest) ? 0 : 1;
                      }};
  return Call(table_->range_digest, &range, &sink);
}

Status PluginStorage::RangeScan(const tg_range& range, const core::ChangeFn& fn) const {
  tg_change_sink sink = Sink(fn);
  return Call(table_->range_scan, &range, &sink);
}

Status PluginStorage::Scopes(const std::function<bool(const tg_scope&)>& fn) const {
  using Fn = std::function<bool(const tg_scope&)>;
  tg_scope_sink sink{const_cast<Fn*>(&fn), [](void* ctx, const tg_scope* scope) noexcept -> int32_t {
                       return (*static_cast<const Fn*>(ctx))(*scope) ? 0 : 1;
                     }};
  return Call(table_->scopes, &sink);
}

Result<std::string> PluginStorage::MetaGet(std::string_view key) const {
  std::string value;
  tg_meta_sink sink{&value, [](void* ctx, tg_str, tg_bytes bytes) noexcept -> int32_t {
                      static_cast<std::string*>(ctx)->assign(View(bytes));
                      return 0;
                    }};
  TG_RETURN_IF_ERROR(Call(table_->meta_get, Str(key), &sink));
  return value;
}

Status PluginStorage::MetaScan(std::string_view prefix,
                               const std::function<bool(std::string_view key, std::string_view value)>& fn) const {
  using Fn = std::function<bool(std::string_view, std::string_view)>;
  tg_meta_sink sink{const_cast<Fn*>(&fn), [](void* ctx, tg_str key, tg_bytes value) noexcept -> int32_t {
                      return (*static_cast<const Fn*>(ctx))(View(key), View(value)) ? 0 : 1;
                    }};
  return Call(table_->meta_scan, Str(prefix), &sink);
}

Result<tg_storage_stats> PluginStorage::Stats() const {
  tg_storage_stats stats{};
  stats.struct_size = sizeof stats;
  TG_RETURN_IF_ERROR(Call(table_->stats, &stats));
  return stats;
}

Status PluginStorage::Backup(std::string_view path) {
  if (table_->base.struct_size < TG_END_OF(tg_storage_v1, backup) || table_->backup == nullptr) {
    return Status::Unsupported(instance_->name() + ": this storage makes no backups");
  }
  return Call(table_->backup, Str(path));
}

Status PluginStorage::Traces(uint64_t after, uint64_t limit, const core::ChangeFn& fn) const {
  if (table_->base.struct_size < TG_END_OF(tg_storage_v1, traces) || table_->traces == nullptr) {
    return Status::Unsupported(instance_->name() + ": this storage does not list its tombstones");
  }
  tg_change_sink sink = Sink(fn);
  return Call(table_->traces, after, limit, &sink);
}

Status PluginStorage::Expiring(int64_t after_ms, uint64_t after_seq, uint64_t limit, const core::ChangeFn& fn) const {
  if (table_->base.struct_size < TG_END_OF(tg_storage_v1, expiring) || table_->expiring == nullptr) {
    return Status::Unsupported(instance_->name() + ": this storage does not list what expires");
  }
  tg_change_sink sink = Sink(fn);
  return Call(table_->expiring, after_ms, after_seq, limit, &sink);
}

Status PluginStorage::Restore(std::string_view path, std::string_view suffix) {
  if (table_->base.struct_size < TG_END_OF(tg_storage_v1, restore) || table_->restore == nullptr) {
    return Status::Unsupported(instance_->name() + ": this storage restores no backups");
  }
  if (instance_->started()) return Status::Conflict(instance_->name() + ": the storage is in use; stop it first");
  tg_error error{};
  tg_code code = table_->restore(instance_->self(), Str(path), Str(suffix), &error);
  return code == TG_OK ? Status::Ok() : instance_->Failed(code, error);
}

}  // namespace tidegate::plugin
