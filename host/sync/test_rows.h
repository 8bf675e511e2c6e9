// TestRows: rows of owner 7 under pk "p" as a storage that can only be compared: Get, RangeScan, RangeDigest.
// Thread safety: none. Ownership: owns its rows.
#pragma once

#include <map>
#include <string>

#include "host/base/views.h"
#include "host/core/no_storage.h"
#include "host/sync/range_digests.h"

namespace tidegate::sync {

class TestRows : public core::NoStorage {
 public:
  TestRows() : NoStorage(None()) {}
  static constexpr AgentId kOwner = 7;

  void Put(const std::string& sk, uint8_t direction, uint64_t digest, uint8_t kind = TG_CHANGE_ITEM,
           uint64_t hlc = 100) {
    Row& row = rows_[sk];
    row.change = {};
    row.change.kind = kind;
    row.change.direction = direction;
    row.change.digest = digest;
    row.change.version = {hlc, kOwner, 1};
    row.change.seq = ++seq_;
    row.change.lane = TG_LANE_HISTORY;
    row.change.model = Str("Reading");
  }
  void Remove(const std::string& sk) { rows_.erase(sk); }
  bool Has(const std::string& sk) const { return rows_.contains(sk); }
  uint64_t VersionOf(const std::string& sk) const { return rows_.at(sk).change.version.hlc; }
  size_t size() const { return rows_.size(); }
  static tg_key KeyOf(const std::string& sk) { return {kOwner, Str("p"), Str(sk)}; }

  // By counting, whatever RangeDigest says.
  DigestSum Sum(const wire::KeyRange& range, RowClass row_class) const {
    DigestSum sum;
    Walk(RangeOf(kOwner, range, 0), [&](const tg_change& change) {
      if (ClassOf(change.direction) != row_class) return true;
      ++sum.count;
      sum.sum += change.digest;
      return true;
    });
    return sum;
  }

  Status Get(const tg_key& key, const core::ChangeFn& fn) const override {
    auto row = rows_.find(std::string(View(key.sk)));
    if (row == rows_.end() || key.owner != kOwner) return Status::NotFound("no such row");
    fn(ChangeOf(*row));
    return {};
  }
  Status RangeScan(const tg_range& range, const core::ChangeFn& fn) const override {
    if (fails) return None();
    Walk(range, [&](const tg_change& change) {
      ++seen;
      return fn(change);
    });
    return {};
  }
  Status RangeDigest(const tg_range& range, const std::function<bool(const tg_digest&)>& fn) const override {
    if (fails) return None();
    tg_digest digest{};
    bool stopped = false;
    Walk(range, [&](const tg_change& change) {
      ++seen;
      if (range.chunk_items != 0 && digest.count == range.chunk_items) {
        digest.has_end = 1;
        digest.end_pk = change.key.pk;
        digest.end_sk = change.key.sk;
        stopped = !fn(digest);
        digest = {};
      }
      ++digest.count;
      digest.sum += change.digest;
      ++digest.direction_count[change.direction];
      digest.direction_sum[change.direction] += change.digest;
      return !stopped;
    });
    if (!stopped) fn(digest);
    return {};
  }

  mutable uint64_t seen = 0;  // rows that were read
  bool fails = false;

 private:
  struct Row {
    tg_change change{};
  };
  using Rows = std::map<std::string, Row>;

  static Status None() { return Status::Io("the disk of the test"); }
  static tg_change ChangeOf(const Rows::value_type& row) {
    tg_change change = row.second.change;
    change.key = KeyOf(row.first);
    return change;
  }
  template <typename Fn>
  void Walk(const tg_range& range, const Fn& fn) const {
    if (range.owner != kOwner) return;
    // pk is "p" for all of them.
    auto at = View(range.from_pk) > "p"   ? rows_.end()
              : View(range.from_pk) < "p" ? rows_.begin()
                                          : rows_.lower_bound(std::string(View(range.from_sk)));
    for (; at != rows_.end(); ++at) {
      if (range.has_to != 0) {
        if (View(range.to_pk) < "p" || (View(range.to_pk) == "p" && at->first >= View(range.to_sk))) return;
      }
      const tg_change change = ChangeOf(*at);
      if (range.direction_mask != 0 && (change.direction & range.direction_mask) == 0) continue;
      if (change.kind != TG_CHANGE_ITEM && change.version.hlc < range.cut_hlc) continue;
      if (change.kind == TG_CHANGE_ITEM && change.expires_ms != 0 && change.expires_ms <= range.expired_ms) continue;
      if (!fn(change)) return;
    }
  }

  Rows rows_;
  uint64_t seq_ = 0;
};

}  // namespace tidegate::sync
