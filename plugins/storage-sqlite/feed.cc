// Feeds. An up feed is a range of index feed_up; a down feed is the merge, by seq, of the ranges of
// feed_down of those owners of the set whose head is past the position.
#include <algorithm>
#include <queue>
#include <string>
#include <vector>

#include "storage.h"

namespace tidegate::sqlite {
namespace {

// feed_stat looks at so many rows, counts on to the second bound, and estimates what lies beyond.
constexpr uint64_t kStatRows = 1000;
constexpr uint64_t kStatCount = 4000;

void Check(const tg_feed_selector& selector, bool all_rows = false) {
  if (all_rows && selector.direction == TG_DIRECTION_NONE) return;
  if (selector.direction != TG_DIRECTION_UP && selector.direction != TG_DIRECTION_DOWN)
    throw sdk::Error(TG_INVALID, "a feed goes up or down");
  if (selector.lane >= TG_LANE_COUNT) throw sdk::Error(TG_INVALID, "unknown lane");
}

int64_t Position(uint64_t after) { return after > INT64_MAX ? INT64_MAX : Signed(after); }

// The selected changes in seq order.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // The statement at its next row, of kItemColumns; null at the end.
  virtual Statement* Next() = 0;
};

class AllCursor : public Cursor {
 public:
  AllCursor(Connection& connection, uint64_t after)
      : rows_(connection.Cached("SELECT " TIDEGATE_ITEM_COLUMNS " FROM item WHERE seq > ?1 ORDER BY seq")) {
    rows_->BindSigned(1, Position(after));
  }
  Statement* Next() override { return rows_->Step() ? &*rows_ : nullptr; }

 private:
  Use rows_;
};

class UpCursor : public Cursor {
 public:
  UpCursor(Connection& connection, const tg_feed_selector& selector, uint64_t after)
      : rows_(connection.Cached("SELECT " TIDEGATE_ITEM_COLUMNS
                                " FROM item INDEXED BY feed_up WHERE direction & 1 AND lane = ?1 AND seq > ?2"
                                " AND (via = 0 OR via <> ?3) ORDER BY seq")) {
    rows_->Bind(1, selector.lane).BindSigned(2, Position(after)).Bind(3, selector.exclude_via);
  }
  Statement* Next() override { return rows_->Step() ? &*rows_ : nullptr; }

 private:
  Use rows_;
};

// Whether the owner set of a down selector is read owner by owner, as a device's is, or along the order
// of heads, which serves a neighbour that lacks little whatever the size of its set.
bool IsSmall(Connection& connection, const tg_feed_selector& selector) {
  constexpr uint64_t kSmall = 64;
  Use size(connection.Cached("SELECT count(*) FROM (SELECT 1 FROM owner_set WHERE name = ?1 LIMIT 65)"));
  return size->BindText(1, sdk::View(selector.owner_set)).Step() && size->Number(0) <= kSmall;
}

// The owners of a down selector with something after a position, and their heads, highest head first.
// Binds ?1 the set, ?2 the lane, ?3 the position.
Statement& OwnersPast(Connection& connection, const tg_feed_selector& selector, uint64_t after) {
  Statement& owners = connection.Cached(
      IsSmall(connection, selector)
          ? "SELECT h.owner, h.head FROM owner_set s CROSS JOIN owner_head h ON h.lane = ?2 AND h.owner = s.owner"
            " WHERE s.name = ?1 AND h.head > ?3 ORDER BY h.head DESC"
          : "SELECT h.owner, h.head FROM owner_head h INDEXED BY owner_head_order CROSS JOIN owner_set s"
            " ON s.name = ?1 AND s.owner = h.owner WHERE h.lane = ?2 AND h.head > ?3 ORDER BY h.head DESC");
  return owners.BindText(1, sdk::View(selector.owner_set)).Bind(2, selector.lane).BindSigned(3, Position(after));
}

class DownCursor : public Cursor {
 public:
  DownCursor(Connection& connection, const tg_feed_selector& selector, uint64_t after)
      : seqs_(connection.Cached("SELECT seq FROM item INDEXED BY feed_down WHERE direction & 2 AND lane = ?1"
                                " AND owner = ?2 AND seq > ?3 ORDER BY seq LIMIT ?4")),
        row_(connection.Cached("SELECT " TIDEGATE_ITEM_COLUMNS " FROM item WHERE seq = ?1 AND (via = 0 OR via <> ?2)")),
        lane_(selector.lane),
        exclude_via_(selector.exclude_via) {
    {
      Use past(OwnersPast(connection, selector, after));
      while (past->Step()) owners_.push_back({past->Number(0), {}, 0, 1});
    }
    for (size_t i = 0; i < owners_.size(); ++i) Refill(i, after);
  }

  Statement* Next() override {
    while (!heads_.empty()) {
      const auto [seq, index] = heads_.top();
      heads_.pop();
      Owner& owner = owners_[index];
      if (++owner.next < owner.seqs.size()) {
        heads_.push({owner.seqs[owner.next], index});
      } else {
        Refill(index, seq);
      }
      row_->Reset();
      if (row_->Bind(1, seq).Bind(2, exclude_via_).Step()) return &*row_;
    }
    return nullptr;
  }

 private:
  struct Owner {
    uint64_t owner;
    std::vector<uint64_t> seqs;  // read ahead
    size_t next;
    uint64_t ahead;  // how many to read next time
  };

  void Refill(size_t index, uint64_t after) {
    Owner& owner = owners_[index];
    owner.seqs.clear();
    owner.next = 0;
    seqs_->Reset();
    seqs_->Bind(1, lane_).Bind(2, owner.owner).BindSigned(3, Position(after)).Bind(4, owner.ahead);
    while (seqs_->Step()) owner.seqs.push_back(seqs_->Number(0));
    owner.ahead = std::min<uint64_t>(owner.ahead * 4, 256);
    if (!owner.seqs.empty()) heads_.push({owner.seqs[0], index});
  }

  Use seqs_, row_;
  const uint8_t lane_;
  const uint64_t exclude_via_;
  std::vector<Owner> owners_;
  using Head = std::pair<uint64_t, size_t>;  // seq, index of the owner
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads_;
};

std::unique_ptr<Cursor> Open(Connection& connection, const tg_feed_selector& selector, uint64_t after) {
  if (selector.direction == TG_DIRECTION_NONE) return std::make_unique<AllCursor>(connection, after);
  if (selector.direction == TG_DIRECTION_UP) return std::make_unique<UpCursor>(connection, selector, after);
  return std::make_unique<DownCursor>(connection, selector, after);
}

// The seq of the last selected change.
uint64_t LastOf(Connection& connection, const tg_feed_selector& selector) {
  if (selector.direction == TG_DIRECTION_UP) {
    Use last(
        connection.Cached("SELECT seq FROM item INDEXED BY feed_up WHERE direction & 1 AND lane = ?1"
                          " AND (via = 0 OR via <> ?2) ORDER BY seq DESC LIMIT 1"));
    return last->Bind(1, selector.lane).Bind(2, selector.exclude_via).Step() ? last->Number(0) : 0;
  }
  Use owners(OwnersPast(connection, selector, 0));
  uint64_t best = 0;
  while (owners->Step() && owners->Number(1) > best) {
    Use last(
        connection.Cached("SELECT seq FROM item INDEXED BY feed_down WHERE direction & 2 AND lane = ?1"
                          " AND owner = ?2 AND (via = 0 OR via <> ?3) ORDER BY seq DESC LIMIT 1"));
    if (last->Bind(1, selector.lane).Bind(2, owners->Number(0)).Bind(3, selector.exclude_via).Step())
      best = std::max(best, last->Number(0));
  }
  return best;
}

uint64_t FloorOf(Connection& connection, const tg_feed_selector& selector) {
  Use floor(connection.Cached(
      selector.direction == TG_DIRECTION_UP
          ? "SELECT max(ends_floor, coalesce((SELECT floor FROM feed_floor WHERE direction = 1 AND lane = ?1"
            " AND owner = 0), 0)), ?2 FROM replica"
          : "SELECT max(ends_floor, coalesce((SELECT max(f.floor) FROM feed_floor f, owner_set s WHERE f.direction = 2"
            " AND f.lane = ?1 AND s.name = ?2 AND s.owner = f.owner), 0)) FROM replica"));
  return floor->Bind(1, selector.lane).BindText(2, sdk::View(selector.owner_set)).Step() ? floor->Number(0) : 0;
}

}  // namespace

void SqliteStorage::Changes(const tg_feed_selector& selector, uint64_t after, uint64_t limit_items,
                            uint64_t limit_bytes, const sdk::ChangeSink& sink, tg_watermark& reached, bool& more) {
  Check(selector, true);
  auto reader = Read();
  Connection& connection = reader.connection();
  Snapshot snapshot(connection);
  auto cursor = Open(connection, selector, after);
  uint64_t items = 0, bytes = 0;
  tg_watermark stop{};
  bool full = false;
  while (Statement* row = cursor->Next()) {
    if (full && row->Number(0) > stop.position) {
      reached = stop;
      more = true;
      return;
    }
    const tg_change& change = reader.row().Read(*row);
    if (!sink(change)) return;
    ++items;
    bytes += SizeOf(change);
    if (!full && ((limit_items != 0 && items >= limit_items) || (limit_bytes != 0 && bytes >= limit_bytes))) {
      full = true;
      stop = StopBehind(connection, change);
    }
  }
  reached = HeadOf(connection);
  more = false;
}

void SqliteStorage::FeedStat(const tg_feed_selector& selector, uint64_t after, tg_feed_stat& stat) {
  Check(selector);
  auto reader = Read();
  Connection& connection = reader.connection();
  Snapshot snapshot(connection);
  stat.head = LastOf(connection, selector);
  stat.floor = FloorOf(connection, selector);
  stat.exact = 1;
  auto cursor = Open(connection, selector, after);
  uint64_t last = after;
  while (Statement* row = cursor->Next()) {
    if (stat.count == kStatCount) {
      // As dense as up to here.
      stat.exact = 0;
      stat.count += static_cast<uint64_t>(static_cast<double>(stat.head - last) / static_cast<double>(last - after) *
                                          static_cast<double>(stat.count));
      break;
    }
    if (stat.count == 0) stat.oldest = {row->Number(10), row->Number(11), row->Number(12)};
    if (stat.count < kStatRows) {
      stat.bytes += row->Bytes(6).size() + row->Bytes(7).size() + row->Bytes(21).size();
    }
    ++stat.count;
    last = row->Number(0);
  }
  if (stat.count > kStatRows) {
    stat.exact = 0;
    stat.bytes = static_cast<uint64_t>(static_cast<double>(stat.bytes) / kStatRows * static_cast<double>(stat.count));
  }
}

}  // namespace tidegate::sqlite
