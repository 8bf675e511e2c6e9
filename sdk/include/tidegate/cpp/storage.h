// tg.storage/1-draft made from a class. Beside what lifecycle.h asks for, T has these methods; each
// returns void or Status and may throw. The contract of each is at its member of tg_storage_v1.
//
//   Start(const tg_storage_open& open, tg_storage_info& info)
//   Commit(std::span<const tg_group> groups, const OutcomeSink& outcomes, tg_watermark& end)
//   Get(const tg_key& key, const ChangeSink& sink)                   TG_NOT_FOUND if there is none
//   Query(const tg_query& query, const ChangeSink& sink, const CursorSink& cursor)
//   Changes(const tg_feed_selector& selector, uint64_t after, uint64_t limit_items, uint64_t limit_bytes,
//           const ChangeSink& sink, tg_watermark& reached, bool& more)
//   FeedStat(const tg_feed_selector& selector, uint64_t after, tg_feed_stat& stat)
//   Head(tg_watermark& head)
//   WatermarkCheck(const tg_watermark& watermark, uint32_t& verdict)
//   WatermarkCompare(const tg_watermark& a, const tg_watermark& b, int32_t& order)
//   Epochs(uint64_t limit, const EpochSink& sink)
//   RangeDigest(const tg_range& range, const DigestSink& sink)
//   RangeScan(const tg_range& range, const ChangeSink& sink)
//   Scopes(const ScopeSink& sink)
//   MetaGet(std::string_view key, const MetaSink& sink)              TG_NOT_FOUND if there is none
//   MetaScan(std::string_view prefix, const MetaSink& sink)
//   Stats(tg_storage_stats& stats)
//   Backup(std::string_view path)                                    optional
//   Traces(uint64_t after, uint64_t limit, const ChangeSink& sink)   optional
//   Restore(std::string_view path, std::string_view suffix)          optional
//   Expiring(int64_t after_ms, uint64_t after_seq, uint64_t limit, const ChangeSink& sink)   optional
//
// info, stat and stats arrive zeroed with struct_size set.
// Thread safety: as tagged in tidegate/storage.h. Ownership: views are valid during the call.
#pragma once

#include <span>
#include <string_view>

#include "tidegate/cpp/lifecycle.h"
#include "tidegate/storage.h"

namespace tidegate::sdk {

// A sink of the host; returns false when the host wants no more.
class ChangeSink {
 public:
  explicit ChangeSink(const tg_change_sink* sink) : sink_(sink) {}
  [[nodiscard]] bool operator()(const tg_change& change) const { return sink_->change(sink_->ctx, &change) == 0; }

 private:
  const tg_change_sink* sink_;
};

class OutcomeSink {
 public:
  explicit OutcomeSink(const tg_outcome_sink* sink) : sink_(sink) {}
  void operator()(const tg_outcome& outcome) const {
    if (sink_ != nullptr) sink_->outcome(sink_->ctx, &outcome);
  }

 private:
  const tg_outcome_sink* sink_;
};

class CursorSink {
 public:
  explicit CursorSink(const tg_cursor_sink* sink) : sink_(sink) {}
  void operator()(std::string_view cursor) const {
    if (sink_ != nullptr) sink_->cursor(sink_->ctx, Bytes(cursor));
  }

 private:
  const tg_cursor_sink* sink_;
};

class EpochSink {
 public:
  explicit EpochSink(const tg_epoch_sink* sink) : sink_(sink) {}
  [[nodiscard]] bool operator()(const tg_epoch& epoch) const { return sink_->epoch(sink_->ctx, &epoch) == 0; }

 private:
  const tg_epoch_sink* sink_;
};

class DigestSink {
 public:
  explicit DigestSink(const tg_digest_sink* sink) : sink_(sink) {}
  [[nodiscard]] bool operator()(const tg_digest& digest) const { return sink_->digest(sink_->ctx, &digest) == 0; }

 private:
  const tg_digest_sink* sink_;
};

class ScopeSink {
 public:
  explicit ScopeSink(const tg_scope_sink* sink) : sink_(sink) {}
  [[nodiscard]] bool operator()(const tg_scope& scope) const { return sink_->scope(sink_->ctx, &scope) == 0; }

 private:
  const tg_scope_sink* sink_;
};

class MetaSink {
 public:
  explicit MetaSink(const tg_meta_sink* sink) : sink_(sink) {}
  [[nodiscard]] bool operator()(std::string_view key, std::string_view value) const {
    return sink_->entry(sink_->ctx, Str(key), Bytes(value)) == 0;
  }

 private:
  const tg_meta_sink* sink_;
};

template <typename T>
class StoragePlugin {
  static T& Self(void* self) { return detail::Self<T>(self); }

  static tg_code Start(void* self, const tg_storage_open* open, tg_storage_info* info, tg_error* error) noexcept {
    return Guard("start", error, [&] { return Self(self).Start(*open, *info); });
  }
  static tg_code Commit(void* self, const tg_group* groups, uint64_t count, const tg_outcome_sink* outcomes,
                        tg_watermark* end, tg_error* error) noexcept {
    return Guard("commit", error, [&] {
      return Self(self).Commit(std::span<const tg_group>(groups, count), OutcomeSink(outcomes), *end);
    });
  }
  static tg_code Get(void* self, const tg_key* key, const tg_change_sink* sink, tg_error* error) noexcept {
    return Guard("get", error, [&] { return Self(self).Get(*key, ChangeSink(sink)); });
  }
  static tg_code Query(void* self, const tg_query* query, const tg_change_sink* sink, const tg_cursor_sink* cursor,
                       tg_error* error) noexcept {
    return Guard("query", error, [&] { return Self(self).Query(*query, ChangeSink(sink), CursorSink(cursor)); });
  }
  static tg_code Changes(void* self, const tg_feed_selector* selector, uint64_t after, uint64_t limit_items,
                         uint64_t limit_bytes, const tg_change_sink* sink, tg_watermark* reached, uint32_t* more,
                         tg_error* error) noexcept {
    bool left = false;
    tg_code code = Guard("changes", error, [&] {
      return Self(self).Changes(*selector, after, limit_items, limit_bytes, ChangeSink(sink), *reached, left);
    });
    *more = left ? 1 : 0;
    return code;
  }
  static tg_code FeedStat(void* self, const tg_feed_selector* selector, uint64_t after, tg_feed_stat* stat,
                          tg_error* error) noexcept {
    return Guard("feed_stat", error, [&] { return Self(self).FeedStat(*selector, after, *stat); });
  }
  static tg_code Head(void* self, tg_watermark* head, tg_error* error) noexcept {
    return Guard("head", error, [&] { return Self(self).Head(*head); });
  }
  static tg_code WatermarkCheck(void* self, const tg_watermark* watermark, uint32_t* verdict,
                                tg_error* error) noexcept {
    return Guard("watermark_check", error, [&] { return Self(self).WatermarkCheck(*watermark, *verdict); });
  }
  static tg_code WatermarkCompare(void* self, const tg_watermark* a, const tg_watermark* b, int32_t* order,
                                  tg_error* error) noexcept {
    return Guard("watermark_compare", error, [&] { return Self(self).WatermarkCompare(*a, *b, *order); });
  }
  static tg_code Epochs(void* self, uint64_t limit, const tg_epoch_sink* sink, tg_error* error) noexcept {
    return Guard("epochs", error, [&] { return Self(self).Epochs(limit, EpochSink(sink)); });
  }
  static tg_code RangeDigest(void* self, const tg_range* range, const tg_digest_sink* sink, tg_error* error) noexcept {
    return Guard("range_digest", error, [&] { return Self(self).RangeDigest(*range, DigestSink(sink)); });
  }
  static tg_code RangeScan(void* self, const tg_range* range, const tg_change_sink* sink, tg_error* error) noexcept {
    return Guard("range_scan", error, [&] { return Self(self).RangeScan(*range, ChangeSink(sink)); });
  }
  static tg_code Scopes(void* self, const tg_scope_sink* sink, tg_error* error) noexcept {
    return Guard("scopes", error, [&] { return Self(self).Scopes(ScopeSink(sink)); });
  }
  static tg_code MetaGet(void* self, tg_str key, const tg_meta_sink* sink, tg_error* error) noexcept {
    return Guard("meta_get", error, [&] { return Self(self).MetaGet(View(key), MetaSink(sink)); });
  }
  static tg_code MetaScan(void* self, tg_str prefix, const tg_meta_sink* sink, tg_error* error) noexcept {
    return Guard("meta_scan", error, [&] { return Self(self).MetaScan(View(prefix), MetaSink(sink)); });
  }
  static tg_code Stats(void* self, tg_storage_stats* stats, tg_error* error) noexcept {
    return Guard("stats", error, [&] { return Self(self).Stats(*stats); });
  }
  static tg_code Backup(void* self, tg_str path, tg_error* error) noexcept {
    return Guard("backup", error, [&]() -> Status {
      if constexpr (requires(T& t) { t.Backup(View(path)); }) {
        if constexpr (std::is_void_v<decltype(Self(self).Backup(View(path)))>) {
          Self(self).Backup(View(path));
          return {};
        } else {
          return Self(self).Backup(View(path));
        }
      } else {
        return {TG_UNSUPPORTED, "this storage makes no backups"};
      }
    });
  }
  static tg_code Traces(void* self, uint64_t after, uint64_t limit, const tg_change_sink* sink,
                        tg_error* error) noexcept {
    return Guard("traces", error, [&]() -> Status {
      if constexpr (requires(T& t) { t.Traces(after, limit, ChangeSink(sink)); }) {
        if constexpr (std::is_void_v<decltype(Self(self).Traces(after, limit, ChangeSink(sink)))>) {
          Self(self).Traces(after, limit, ChangeSink(sink));
          return {};
        } else {
          return Self(self).Traces(after, limit, ChangeSink(sink));
        }
      } else {
        return {TG_UNSUPPORTED, "this storage does not list its tombstones"};
      }
    });
  }
  static tg_code Expiring(void* self, int64_t after_ms, uint64_t after_seq, uint64_t limit, const tg_change_sink* sink,
                          tg_error* error) noexcept {
    return Guard("expiring", error, [&]() -> Status {
      if constexpr (requires(T& t) { t.Expiring(after_ms, after_seq, limit, ChangeSink(sink)); }) {
        if constexpr (std::is_void_v<decltype(Self(self).Expiring(after_ms, after_seq, limit, ChangeSink(sink)))>) {
          Self(self).Expiring(after_ms, after_seq, limit, ChangeSink(sink));
          return {};
        } else {
          return Self(self).Expiring(after_ms, after_seq, limit, ChangeSink(sink));
        }
      } else {
        return {TG_UNSUPPORTED, "this storage does not list what expires"};
      }
    });
  }
  static tg_code Restore(void* self, tg_str path, tg_str suffix, tg_error* error) noexcept {
    return Guard("restore", error, [&]() -> Status {
      if constexpr (requires(T& t) { t.Restore(View(path), View(suffix)); }) {
        if constexpr (std::is_void_v<decltype(Self(self).Restore(View(path), View(suffix)))>) {
          Self(self).Restore(View(path), View(suffix));
          return {};
        } else {
          return Self(self).Restore(View(path), View(suffix));
        }
      } else {
        return {TG_UNSUPPORTED, "this storage restores no backups"};
      }
    });
  }

 public:
  static constexpr std::string_view kId = TG_STORAGE_ID;
  static constexpr std::string_view kKind = TG_STORAGE_KIND;
  static constexpr tg_storage_v1 kTable{detail::Lifecycle<T, tg_storage_v1>(),
                                        &Start,
                                        &Commit,
                                        &Get,
                                        &Query,
                                        &Changes,
                                        &FeedStat,
                                        &Head,
                                        &WatermarkCheck,
                                        &WatermarkCompare,
                                        &Epochs,
                                        &RangeDigest,
                                        &RangeScan,
                                        &Scopes,
                                        &MetaGet,
                                        &MetaScan,
                                        &Stats,
                                        &Backup,
                                        &Traces,
                                        &Restore,
                                        &Expiring};
};

}  // namespace tidegate::sdk
