// Reading by key, by index and by range.
#include <algorithm>
#include <cstring>
#include <string>

#include "storage.h"

namespace tidegate::memory {
namespace {

// The text right after every text that begins with `text` and ends there: "a" < "a\0" < "ab".
std::string After(std::string_view text) { return std::string(text) + '\0'; }

// A cursor is the place of the last row given: owner, then four texts with their lengths.
std::string CursorOf(const Place& place) {
  std::string cursor;
  auto add = [&](uint64_t number) { cursor.append(reinterpret_cast<const char*>(&number), sizeof number); };
  add(place.key.owner);
  for (std::string_view text : {place.hash, place.sort, place.key.pk, place.key.sk}) {
    add(text.size());
    cursor += text;
  }
  return cursor;
}

Place PlaceOf(std::string_view index, std::string_view cursor) {
  auto take = [&](uint64_t size) {
    if (cursor.size() < size) throw sdk::Error(TG_INVALID, "the cursor is damaged; begin the query again");
    std::string_view taken = cursor.substr(0, size);
    cursor.remove_prefix(size);
    return taken;
  };
  auto number = [&] {
    uint64_t value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  };
  Place place{index, {}, {}, {number(), {}, {}}};
  for (std::string_view* text : {&place.hash, &place.sort, &place.key.pk, &place.key.sk}) *text = take(number());
  take(cursor.empty() ? 0 : UINT64_MAX);  // nothing may follow
  return place;
}

bool Shown(const Row& row, const tg_query& query) {
  if (!row.live() && !(query.flags & TG_QUERY_TOMBSTONES)) return false;
  return query.model.size == 0 || sdk::View(row.change().model) == sdk::View(query.model);
}

// What the bounds of the range do not say already.
bool Matches(const Place& place, const tg_query& query) {
  if ((query.flags & TG_QUERY_OWNER) && place.key.owner != query.owner) return false;
  if (!(query.flags & TG_QUERY_HASH)) return true;
  const bool primary = place.index.empty();
  const std::string_view sort = primary ? place.key.sk : place.sort;
  return (primary ? place.key.pk : place.hash) == sdk::View(query.hash) && sort >= sdk::View(query.sort_from) &&
         (query.sort_to.size == 0 || sort < sdk::View(query.sort_to));
}

}  // namespace

sdk::Status MemoryStorage::Get(const tg_key& key, const sdk::ChangeSink& sink) {
  RowPtr row;
  {
    auto lock = Read();
    row = replica_.Find(Key::From(key));
  }
  if (!row) return {TG_NOT_FOUND, "no row of this key"};
  (void)sink(row->change());
  return {};
}

sdk::Status MemoryStorage::Query(const tg_query& query, const sdk::ChangeSink& sink, const sdk::CursorSink& cursor) {
  // The range [low, high) of places to look at, as narrow as the order of the index allows.
  const std::string_view index = sdk::View(query.index), hash = sdk::View(query.hash);
  const std::string after_index = After(index), after_hash = After(hash);
  const bool by_hash = query.flags & TG_QUERY_HASH, by_owner = query.flags & TG_QUERY_OWNER;
  Place low{index, {}, {}, {}}, high{after_index, {}, {}, {}};
  if (index.empty() && by_owner) {
    low.key.owner = query.owner;
    high = {index, {}, {}, {query.owner + 1, {}, {}}};
    if (by_hash) {
      low.key = {query.owner, hash, sdk::View(query.sort_from)};
      high.key = {query.owner, after_hash, {}};
      if (query.sort_to.size != 0) high.key = {query.owner, hash, sdk::View(query.sort_to)};
    }
  } else if (!index.empty() && by_hash) {
    low = {index, hash, sdk::View(query.sort_from), {}};
    high = {index, after_hash, {}, {}};
    if (query.sort_to.size != 0) high = {index, hash, sdk::View(query.sort_to), {}};
  }

  std::vector<RowPtr> page;
  std::string next;
  {
    auto lock = Read();
    auto begin = replica_.rows.lower_bound(low), end = replica_.rows.lower_bound(high);
    if (query.cursor.size != 0) {
      const Place place = PlaceOf(index, sdk::View(query.cursor));
      if (query.flags & TG_QUERY_REVERSE) {
        if (place < high) end = replica_.rows.lower_bound(high = place);
      } else if (low <= place) {
        begin = replica_.rows.upper_bound(low = place);
      }
    }
    if (!(low < high)) begin = end;
    Place last;
    auto take = [&](const auto& entry) {
      if (!Matches(entry.first, query) || !Shown(*entry.second, query)) return true;
      if (query.limit != 0 && page.size() == query.limit) {
        next = CursorOf(last);
        return false;
      }
      page.push_back(entry.second);
      last = entry.first;
      return true;
    };
    if (query.flags & TG_QUERY_REVERSE) {
      while (begin != end && take(*--end)) continue;
    } else {
      while (begin != end && take(*begin)) ++begin;
    }
  }
  for (const RowPtr& row : page)
    if (!sink(row->change())) return {};
  cursor(next);
  return {};
}

// At most so many rows (0 = all), in key order.
std::vector<RowPtr> MemoryStorage::InRange(const tg_range& range, size_t limit) const {
  const Place low{{}, {}, {}, {range.owner, sdk::View(range.from_pk), sdk::View(range.from_sk)}};
  Place high{{}, {}, {}, {range.owner + 1, {}, {}}};
  if (range.has_to) high.key = {range.owner, sdk::View(range.to_pk), sdk::View(range.to_sk)};
  std::vector<RowPtr> rows;
  auto lock = Read();
  if (!(low < high)) return rows;
  auto end = replica_.rows.lower_bound(high);
  for (auto it = replica_.rows.lower_bound(low); it != end; ++it) {
    const tg_change& change = it->second->change();
    if (range.model.size != 0 && sdk::View(change.model) != sdk::View(range.model)) continue;
    if (change.kind != TG_CHANGE_ITEM && change.version.hlc < range.cut_hlc) continue;
    if (it->second->expires() && change.expires_ms <= range.expired_ms) continue;
    if (range.direction_mask != 0 && (change.direction & range.direction_mask) == 0) continue;
    rows.push_back(it->second);
    if (rows.size() == limit) break;
  }
  return rows;
}

// Page by page: no lock is held while the caller looks at a row, and one that stops early pays for what it saw.
template <typename Fn>
void MemoryStorage::ForEachInRange(tg_range range, const Fn& fn) const {
  constexpr size_t kPage = 4096;
  RowPtr last;
  for (;;) {
    std::vector<RowPtr> page = InRange(range, last == nullptr ? kPage : kPage + 1);
    const bool more = page.size() >= kPage;
    for (const RowPtr& row : page) {
      const tg_key& key = row->change().key;
      const bool again = last != nullptr && sdk::View(key.pk) == sdk::View(range.from_pk) &&
                         sdk::View(key.sk) == sdk::View(range.from_sk);
      if (!again && !fn(row->change())) return;
    }
    if (!more) return;
    last = page.back();
    range.from_pk = last->change().key.pk;
    range.from_sk = last->change().key.sk;
  }
}

void MemoryStorage::RangeDigest(const tg_range& range, const sdk::DigestSink& sink) {
  tg_digest digest{};
  bool stopped = false;
  ForEachInRange(range, [&](const tg_change& change) {
    if (range.chunk_items != 0 && digest.count == range.chunk_items) {
      digest.has_end = 1;
      digest.end_pk = change.key.pk;
      digest.end_sk = change.key.sk;
      stopped = !sink(digest);
      if (stopped) return false;
      digest = {};
    }
    const uint32_t direction = change.direction & TG_DIRECTION_BOTH;
    ++digest.count;
    digest.sum += change.digest;
    ++digest.direction_count[direction];
    digest.direction_sum[direction] += change.digest;
    return true;
  });
  if (!stopped) (void)sink(digest);
}

void MemoryStorage::RangeScan(const tg_range& range, const sdk::ChangeSink& sink) {
  ForEachInRange(range, [&](const tg_change& change) { return sink(change); });
}

void MemoryStorage::Traces(uint64_t after, uint64_t limit, const sdk::ChangeSink& sink) {
  std::vector<RowPtr> page;
  {
    auto lock = Read();
    for (auto it = replica_.traces.upper_bound(after); it != replica_.traces.end(); ++it) {
      if (limit != 0 && page.size() == limit) break;
      page.push_back(it->second);
    }
  }
  for (const RowPtr& row : page)
    if (!sink(row->change())) return;
}

void MemoryStorage::Expiring(int64_t after_ms, uint64_t after_seq, uint64_t limit, const sdk::ChangeSink& sink) {
  std::vector<RowPtr> page;
  {
    auto lock = Read();
    for (auto it = replica_.expiring.upper_bound({after_ms, after_seq}); it != replica_.expiring.end(); ++it) {
      if (limit != 0 && page.size() == limit) break;
      page.push_back(it->second);
    }
  }
  for (const RowPtr& row : page)
    if (!sink(row->change())) return;
}

}  // namespace tidegate::memory
