// Ranges of one owner's keys: what reconcile and verify compare.
#include <string>

#include "storage.h"

namespace tidegate::sqlite {
namespace {

std::string RangeSql(const tg_range& range, const char* columns) {
  // What also goes down has an index of its own: it may be little among much that only goes up.
  const bool down = range.direction_mask == TG_DIRECTION_DOWN;
  std::string sql = std::string("SELECT ") + columns + " FROM item INDEXED BY " + (down ? "item_down" : "item_key") +
                    " WHERE owner = ?1 AND (pk, sk) >= (?2, ?3)";
  if (range.has_to) sql += " AND (pk, sk) < (?4, ?5)";
  if (range.model.size != 0) sql += " AND model = ?6";
  if (range.direction_mask != 0) sql += down ? " AND direction & 2" : " AND direction & ?7";
  return sql + " ORDER BY pk, sk";
}

void BindRange(Statement& statement, const tg_range& range) {
  statement.Bind(1, range.owner).BindText(2, sdk::View(range.from_pk)).BindText(3, sdk::View(range.from_sk));
  if (range.has_to) statement.BindText(4, sdk::View(range.to_pk)).BindText(5, sdk::View(range.to_sk));
  if (range.model.size != 0) statement.BindText(6, sdk::View(range.model));
  if (range.direction_mask != 0 && range.direction_mask != TG_DIRECTION_DOWN) statement.Bind(7, range.direction_mask);
}

// Compared here: a hybrid clock is unsigned, SQLite's numbers are not.
bool Cut(const tg_range& range, uint64_t kind, uint64_t hlc, int64_t expires_ms) {
  if (kind != TG_CHANGE_ITEM) return hlc < range.cut_hlc;
  return expires_ms != 0 && expires_ms <= range.expired_ms;
}

}  // namespace

void SqliteStorage::RangeDigest(const tg_range& range, const sdk::DigestSink& sink) {
  auto reader = Read();
  Use rows(reader.connection().Cached(RangeSql(range, "kind, version_hlc, digest, pk, sk, direction, expires_ms")));
  BindRange(*rows, range);
  tg_digest digest{};
  while (rows->Step()) {
    if (Cut(range, rows->Number(0), rows->Number(1), static_cast<int64_t>(rows->Number(6)))) continue;
    if (range.chunk_items != 0 && digest.count == range.chunk_items) {
      digest.has_end = 1;
      digest.end_pk = sdk::Str(rows->Bytes(3));
      digest.end_sk = sdk::Str(rows->Bytes(4));
      if (!sink(digest)) return;
      digest = {};
    }
    const uint64_t sum = rows->Number(2);
    const uint64_t direction = rows->Number(5) & TG_DIRECTION_BOTH;
    ++digest.count;
    digest.sum += sum;
    ++digest.direction_count[direction];
    digest.direction_sum[direction] += sum;
  }
  (void)sink(digest);
}

void SqliteStorage::RangeScan(const tg_range& range, const sdk::ChangeSink& sink) {
  auto reader = Read();
  Use rows(reader.connection().Cached(RangeSql(range, kItemColumns)));
  BindRange(*rows, range);
  while (rows->Step()) {
    const tg_change& change = reader.row().Read(*rows);
    if (Cut(range, change.kind, change.version.hlc, change.expires_ms)) continue;
    if (!sink(change)) return;
  }
}

void SqliteStorage::Traces(uint64_t after, uint64_t limit, const sdk::ChangeSink& sink) {
  auto reader = Read();
  Use rows(reader.connection().Cached("SELECT " TIDEGATE_ITEM_COLUMNS
                                      " FROM item INDEXED BY item_trace WHERE kind <> 1 AND seq > ?1"
                                      " ORDER BY seq LIMIT ?2"));
  rows->BindSigned(1, after > INT64_MAX ? INT64_MAX : Signed(after));
  rows->BindSigned(2, limit == 0 || limit > INT64_MAX ? -1 : Signed(limit));
  while (rows->Step())
    if (!sink(reader.row().Read(*rows))) return;
}

void SqliteStorage::Expiring(int64_t after_ms, uint64_t after_seq, uint64_t limit, const sdk::ChangeSink& sink) {
  auto reader = Read();
  Use rows(reader.connection().Cached("SELECT " TIDEGATE_ITEM_COLUMNS
                                      " FROM item INDEXED BY item_expiry WHERE expires_ms <> 0 AND kind = 1"
                                      " AND expires_ms >= ?1 AND (expires_ms, seq) > (?1, ?2)"
                                      " ORDER BY expires_ms, seq LIMIT ?3"));
  rows->BindSigned(1, after_ms).BindSigned(2, after_seq > INT64_MAX ? INT64_MAX : Signed(after_seq));
  rows->BindSigned(3, limit == 0 || limit > INT64_MAX ? -1 : Signed(limit));
  while (rows->Step())
    if (!sink(reader.row().Read(*rows))) return;
}

}  // namespace tidegate::sqlite
