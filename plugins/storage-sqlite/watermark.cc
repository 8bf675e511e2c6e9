// Positions: judged and compared by the replica that gave them.
#include <cstring>

#include "storage.h"

namespace tidegate::sqlite {
namespace {

constexpr const char* kFloor = "SELECT ends_floor FROM replica";

uint64_t One(Connection& connection, const char* sql) {
  Use statement(connection.Cached(sql));
  return statement->Step() ? statement->Number(0) : 0;
}

}  // namespace

tg_watermark SqliteStorage::HeadOf(Connection& connection) { return EndFrom(connection, UINT64_MAX); }

tg_watermark SqliteStorage::EndFrom(Connection& connection, uint64_t position) {
  tg_watermark end{};
  std::memcpy(end.replica, replica_, sizeof replica_);
  Use at(
      connection.Cached("SELECT position, epoch, version_hlc, version_agent, version_epoch FROM commit_end"
                        " WHERE position = coalesce((SELECT min(position) FROM commit_end WHERE position >= ?1),"
                        " (SELECT max(position) FROM commit_end))"));
  if (at->BindSigned(1, position > INT64_MAX ? INT64_MAX : Signed(position)).Step()) {
    end.position = at->Number(0);
    end.epoch = at->Number(1);
    end.version = {at->Number(2), at->Number(3), at->Number(4)};
  } else {
    end.epoch = One(connection, "SELECT epoch FROM epoch ORDER BY id DESC LIMIT 1");
  }
  return end;
}

// Where a page may stop behind a change: at a kept end, and where those are forgotten at the end of its run. Nobody
// resumes from such a place, but a feed that has to begin far below would be a single frame otherwise.
tg_watermark SqliteStorage::StopBehind(Connection& connection, const tg_change& change) {
  if (change.run_last >= One(connection, kFloor)) return EndFrom(connection, change.seq);
  tg_watermark stop{};
  std::memcpy(stop.replica, replica_, sizeof replica_);
  stop.position = change.run_last;
  stop.version = change.version;
  Use epoch(connection.Cached(
      "SELECT epoch FROM epoch ORDER BY first > ?1, CASE WHEN first > ?1 THEN id ELSE -id END LIMIT 1"));
  if (epoch->Bind(1, stop.position).Step()) stop.epoch = epoch->Number(0);
  return stop;
}

void SqliteStorage::Head(tg_watermark& head) {
  auto reader = Read();
  Snapshot snapshot(reader.connection());
  head = HeadOf(reader.connection());
}

void SqliteStorage::WatermarkCheck(const tg_watermark& watermark, uint32_t& verdict) {
  auto reader = Read();
  Connection& connection = reader.connection();
  Snapshot snapshot(connection);
  verdict = [&]() -> uint32_t {
    const uint64_t position = watermark.position;
    if (std::memcmp(watermark.replica, replica_, sizeof replica_) != 0) return TG_WATERMARK_OTHER_REPLICA;
    const bool below = position < One(connection, kFloor);
    if (position == 0) return below ? TG_WATERMARK_BELOW_FLOOR : TG_WATERMARK_USABLE;
    Use epoch(
        connection.Cached("SELECT (SELECT n.first FROM epoch n WHERE n.id > e.id ORDER BY n.id LIMIT 1)"
                          " FROM epoch e WHERE e.epoch = ?1"));
    // An epoch may be older than the list.
    if (!epoch->Bind(1, watermark.epoch).Step()) return below ? TG_WATERMARK_BELOW_FLOOR : TG_WATERMARK_UNKNOWN_EPOCH;
    const uint64_t last = epoch->IsNull(0) ? HeadOf(connection).position : epoch->Number(0) - 1;
    if (position > last) return TG_WATERMARK_PAST_EPOCH;
    if (below) return TG_WATERMARK_BELOW_FLOOR;
    const tg_watermark end = EndFrom(connection, position);
    if (end.position != position || end.epoch != watermark.epoch) return TG_WATERMARK_NOT_AN_END;
    return Same(end.version, watermark.version) ? TG_WATERMARK_USABLE : TG_WATERMARK_OTHER_VERSION;
  }();
}

sdk::Status SqliteStorage::WatermarkCompare(const tg_watermark& a, const tg_watermark& b, int32_t& order) {
  for (const tg_watermark* w : {&a, &b})
    if (!writer_ || std::memcmp(w->replica, replica_, sizeof replica_) != 0)
      return {TG_INVALID, "a watermark of another replica cannot be compared here"};
  if (a.position == b.position && a.position != 0 && (a.epoch != b.epoch || !Same(a.version, b.version)))
    return {TG_INVALID, "the watermarks name one position with different commits"};
  order = a.position < b.position ? -1 : a.position > b.position ? 1 : 0;
  return {};
}

void SqliteStorage::Epochs(uint64_t limit, const sdk::EpochSink& sink) {
  auto reader = Read();
  Use epochs(reader.connection().Cached("SELECT epoch, first FROM epoch ORDER BY id DESC"));
  for (uint64_t i = 0; (limit == 0 || i < limit) && epochs->Step(); ++i)
    if (!sink({epochs->Number(0), epochs->Number(1)})) return;
}

}  // namespace tidegate::sqlite
