#include "tests/contract/storage_driver.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "host/base/digest.h"
#include "host/base/views.h"

namespace tidegate::contract {
namespace {

// A tg_change whose views point into an Item, which must stay.
struct ChangeView {
  explicit ChangeView(const Item& item) {
    for (const auto& [index, hash, sort] : item.index_keys) keys.push_back({Str(index), Str(hash), Str(sort)});
    change.struct_size = sizeof change;
    change.kind = item.kind;
    change.direction = item.direction;
    change.lane = item.lane;
    change.model = Str(item.model);
    change.key = {item.owner, Str(item.pk), Str(item.sk)};
    change.src = item.src;
    change.dst = item.dst;
    change.version = item.version;
    change.via = item.via;
    change.expires_ms = item.expires_ms;
    change.body = Bytes(item.body);
    change.policy_meta = Bytes(item.policy_meta);
    change.extra = Bytes(item.extra);
    change.index_keys = keys.data();
    change.index_key_count = static_cast<uint32_t>(keys.size());
    change.digest = ChangeDigest(change);
  }
  std::vector<tg_index_key> keys;
  tg_change change{};
};

int32_t Collect(void* ctx, const tg_change* change) {
  static_cast<std::vector<Item>*>(ctx)->push_back(Item::From(*change));
  return 0;
}

tg_feed_selector Selector(const Feed& feed) {
  return {sizeof(tg_feed_selector), feed.direction, feed.lane, 0, feed.exclude_via, Str(feed.owner_set)};
}

tg_range RangeView(const Range& range) {
  tg_range view{};
  view.struct_size = sizeof view;
  view.has_to = range.has_to ? 1 : 0;
  view.owner = range.owner;
  view.model = Str(range.model);
  view.from_pk = Str(range.from_pk);
  view.from_sk = Str(range.from_sk);
  view.to_pk = Str(range.to_pk);
  view.to_sk = Str(range.to_sk);
  view.cut_hlc = range.cut_hlc;
  view.chunk_items = range.chunk_items;
  view.direction_mask = range.direction_mask;
  view.expired_ms = range.expired_ms;
  return view;
}

}  // namespace

const tg_storage_v1* LoadStorage(const std::string& plugin) {
  const std::string path = TIDEGATE_PLUGINS "/" + plugin + ".so";
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  auto* entry =
      library == nullptr ? nullptr : reinterpret_cast<tg_plugin_entry_fn>(dlsym(library, TG_PLUGIN_ENTRY_SYMBOL));
  if (entry == nullptr) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), dlerror());
    std::abort();
  }
  return static_cast<const tg_storage_v1*>(entry()->interface_get(TG_STORAGE_ID));
}

Driver::Driver(const tg_storage_v1* table, std::string config) : table_(table), config_(std::move(config)) {
  static const tg_host host{sizeof(tg_host), TG_ABI_MINOR, nullptr, nullptr};
  create_code_ = table_->base.create(&host, Str(config_), &self_, &error_);
}

Driver::~Driver() {
  if (self_ == nullptr) return;
  tg_error ignored{};
  table_->base.stop(self_, 1000, &ignored);
  table_->base.destroy(self_);
}

tg_code Driver::Start(uint64_t epoch) {
  tg_storage_open open{};
  open.struct_size = sizeof open;
  open.epoch = epoch;
  for (uint8_t i = 0; i < 16; ++i) open.new_replica[i] = static_cast<uint8_t>(epoch + i);
  info_ = {};
  info_.struct_size = sizeof info_;
  return table_->start(self_, &open, &info_, &error_);
}

tg_code Driver::Stop() { return table_->base.stop(self_, 1000, &error_); }

Committed Driver::Commit(const std::vector<Group>& groups) {
  std::vector<ChangeView> changes;
  std::vector<std::vector<tg_mutation>> mutations(groups.size());
  size_t count = 0;
  for (const Group& group : groups) count += group.size();
  changes.reserve(count);
  std::vector<tg_group> views;
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const Op& op : groups[g]) {
      changes.emplace_back(op.item);
      const bool change = op.op == TG_OP_PUT || op.op == TG_OP_PURGE || op.op == TG_OP_RENUMBER || op.op == TG_OP_REKEY;
      mutations[g].push_back({sizeof(tg_mutation), op.op, op.condition, 0, change ? &changes.back().change : nullptr,
                              op.expected, Str(op.meta_key), Bytes(op.meta_value), op.owner, op.position});
    }
    views.push_back({mutations[g].data(), mutations[g].size()});
  }
  Committed result;
  tg_outcome_sink sink{&result.outcomes, [](void* ctx, const tg_outcome* outcome) {
                         static_cast<std::vector<tg_outcome>*>(ctx)->push_back(*outcome);
                       }};
  result.code = table_->commit(self_, views.data(), views.size(), &sink, &result.end, &result.error);
  return result;
}

tg_code Driver::Get(const Item& key, Item* item) const {
  std::vector<Item> items;
  tg_change_sink sink{&items, Collect};
  const tg_key view{key.owner, Str(key.pk), Str(key.sk)};
  tg_error error{};
  const tg_code code = table_->get(self_, &view, &sink, &error);
  if (!items.empty()) *item = items.back();
  return code;
}

Page Driver::RunQuery(const Query& q) const {
  Page page;
  tg_change_sink sink{&page.items, Collect};
  tg_cursor_sink cursor{&page.cursor, [](void* ctx, tg_bytes bytes) { *static_cast<std::string*>(ctx) = View(bytes); }};
  const tg_query view{sizeof(tg_query), q.flags,          q.owner,        Str(q.index), Str(q.model),
                      Str(q.hash),      Str(q.sort_from), Str(q.sort_to), q.limit,      Bytes(q.cursor)};
  tg_error error{};
  page.code = table_->query(self_, &view, &sink, &cursor, &error);
  return page;
}

Page Driver::Changes(const Feed& feed, uint64_t after, uint64_t limit_items, uint64_t limit_bytes,
                     uint64_t stop_after) const {
  struct Context {
    Page page;
    uint64_t stop_after;
  } context{{}, stop_after};
  tg_change_sink sink{&context, [](void* ctx, const tg_change* change) -> int32_t {
                        auto* c = static_cast<Context*>(ctx);
                        c->page.items.push_back(Item::From(*change));
                        return c->stop_after != 0 && c->page.items.size() >= c->stop_after ? 1 : 0;
                      }};
  const tg_feed_selector selector = Selector(feed);
  tg_error error{};
  context.page.code = table_->changes(self_, &selector, after, limit_items, limit_bytes, &sink, &context.page.reached,
                                      &context.page.more, &error);
  return std::move(context.page);
}

tg_code Driver::FeedStat(const Feed& feed, uint64_t after, tg_feed_stat* stat) const {
  *stat = {};
  stat->struct_size = sizeof *stat;
  const tg_feed_selector selector = Selector(feed);
  tg_error error{};
  return table_->feed_stat(self_, &selector, after, stat, &error);
}

tg_watermark Driver::Head() const {
  tg_watermark head{};
  tg_error error{};
  table_->head(self_, &head, &error);
  return head;
}

uint32_t Driver::Check(const tg_watermark& watermark) const {
  uint32_t verdict = 0;
  tg_error error{};
  table_->watermark_check(self_, &watermark, &verdict, &error);
  return verdict;
}

tg_code Driver::Compare(const tg_watermark& a, const tg_watermark& b, int32_t* order) const {
  tg_error error{};
  return table_->watermark_compare(self_, &a, &b, order, &error);
}

std::vector<tg_epoch> Driver::Epochs(uint64_t limit) const {
  std::vector<tg_epoch> epochs;
  tg_epoch_sink sink{&epochs, [](void* ctx, const tg_epoch* epoch) {
                       static_cast<std::vector<tg_epoch>*>(ctx)->push_back(*epoch);
                       return int32_t{0};
                     }};
  tg_error error{};
  table_->epochs(self_, limit, &sink, &error);
  return epochs;
}

std::vector<Chunk> Driver::Digests(const Range& range) const {
  std::vector<Chunk> chunks;
  tg_digest_sink sink{&chunks, [](void* ctx, const tg_digest* d) {
                        Chunk chunk{d->count, d->sum, d->has_end != 0, std::string(d->has_end ? View(d->end_pk) : ""),
                                    std::string(d->has_end ? View(d->end_sk) : "")};
                        std::copy_n(d->direction_count, 4, chunk.direction_count.begin());
                        std::copy_n(d->direction_sum, 4, chunk.direction_sum.begin());
                        static_cast<std::vector<Chunk>*>(ctx)->push_back(std::move(chunk));
                        return int32_t{0};
                      }};
  const tg_range view = RangeView(range);
  tg_error error{};
  table_->range_digest(self_, &view, &sink, &error);
  return chunks;
}

std::vector<Item> Driver::Scan(const Range& range) const {
  std::vector<Item> items;
  tg_change_sink sink{&items, Collect};
  const tg_range view = RangeView(range);
  tg_error error{};
  table_->range_scan(self_, &view, &sink, &error);
  return items;
}

std::vector<Item> Driver::Traces(uint64_t after, uint64_t limit) const {
  std::vector<Item> items;
  tg_change_sink sink{&items, Collect};
  tg_error error{};
  table_->traces(self_, after, limit, &sink, &error);
  return items;
}

std::vector<Item> Driver::Expiring(int64_t after_ms, uint64_t after_seq, uint64_t limit) const {
  std::vector<Item> items;
  tg_change_sink sink{&items, Collect};
  tg_error error{};
  table_->expiring(self_, after_ms, after_seq, limit, &sink, &error);
  return items;
}

std::vector<Scope> Driver::Scopes() const {
  std::vector<Scope> scopes;
  tg_scope_sink sink{&scopes, [](void* ctx, const tg_scope* s) {
                       static_cast<std::vector<Scope>*>(ctx)->push_back(
                           {std::string(View(s->model)), s->owner, s->items, s->tombstones});
                       return int32_t{0};
                     }};
  tg_error error{};
  table_->scopes(self_, &sink, &error);
  return scopes;
}

tg_code Driver::MetaGet(const std::string& key, std::string* value) const {
  tg_meta_sink sink{value, [](void* ctx, tg_str, tg_bytes bytes) {
                      *static_cast<std::string*>(ctx) = View(bytes);
                      return int32_t{0};
                    }};
  tg_error error{};
  return table_->meta_get(self_, Str(key), &sink, &error);
}

std::vector<std::string> Driver::MetaScan(const std::string& prefix) const {
  std::vector<std::string> entries;
  tg_meta_sink sink{
      &entries, [](void* ctx, tg_str key, tg_bytes value) {
        static_cast<std::vector<std::string>*>(ctx)->push_back(std::string(View(key)) + "=" + std::string(View(value)));
        return int32_t{0};
      }};
  tg_error error{};
  table_->meta_scan(self_, Str(prefix), &sink, &error);
  return entries;
}

tg_storage_stats Driver::Stats() const {
  tg_storage_stats stats{};
  stats.struct_size = sizeof stats;
  tg_error error{};
  table_->stats(self_, &stats, &error);
  return stats;
}

tg_code Driver::Backup(const std::string& path) const { return table_->backup(self_, Str(path), &error_); }

tg_code Driver::Restore(const std::string& path, const std::string& suffix) const {
  return table_->restore(self_, Str(path), Str(suffix), &error_);
}

}  // namespace tidegate::contract
