// Get, and queries by primary key or index: each is a range of one index, in its order.
#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "storage.h"

namespace tidegate::sqlite {
namespace {

// Where a row stands: in the primary index hash and sort are empty.
struct Place {
  std::string hash, sort;
  uint64_t owner = 0;
  std::string pk, sk;
};

// A cursor is the place of the last row given: owner, then four texts with their sizes.
std::string CursorOf(const Place& place) {
  std::string cursor;
  auto add = [&](uint64_t number) { cursor.append(reinterpret_cast<const char*>(&number), sizeof number); };
  add(place.owner);
  for (const std::string* text : {&place.hash, &place.sort, &place.pk, &place.sk}) {
    add(text->size());
    cursor += *text;
  }
  return cursor;
}

Place PlaceOf(std::string_view cursor) {
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
  Place place;
  place.owner = number();
  for (std::string* text : {&place.hash, &place.sort, &place.pk, &place.sk}) *text = take(number());
  take(cursor.empty() ? 0 : UINT64_MAX);  // nothing may follow
  return place;
}

using Value = std::variant<uint64_t, std::string_view>;

// A WHERE under construction: the conditions, and what their question marks take.
struct Where {
  std::string sql;
  std::vector<Value> values;

  void Add(const char* condition, std::initializer_list<Value> bound) {
    sql += (sql.empty() ? " WHERE " : " AND ") + std::string(condition);
    values.insert(values.end(), bound);
  }
  void Bind(Statement& statement) const {
    int at = 0;
    for (const Value& value : values) {
      ++at;
      if (const auto* number = std::get_if<uint64_t>(&value)) {
        statement.Bind(at, *number);
      } else {
        statement.BindText(at, std::get<std::string_view>(value));
      }
    }
  }
};

// One query on one connection.
class Queryer {
 public:
  Queryer(Connection& connection, RowReader& row, const tg_query& query, const sdk::ChangeSink& sink)
      : connection_(connection), row_(row), query_(query), sink_(sink) {
    if (query.cursor.size != 0) after_ = PlaceOf(sdk::View(query.cursor));
  }

  // False if the sink wanted no more.
  bool Run() {
    if (query_.index.size != 0) {
      ByIndex();
    } else if (Has(TG_QUERY_OWNER)) {
      ByOwner(query_.owner);
    } else {
      for (uint64_t owner : Owners())
        if (!ByOwner(owner)) break;
    }
    return !stopped_;
  }

  // Where to go on; empty at the end.
  const std::string& next() const { return next_; }

 private:
  bool Has(uint32_t flag) const { return (query_.flags & flag) != 0; }
  bool reverse() const { return Has(TG_QUERY_REVERSE); }

  std::vector<uint64_t> Owners() {
    Use owners(connection_.Cached(reverse() ? "SELECT DISTINCT owner FROM scope ORDER BY owner DESC"
                                            : "SELECT DISTINCT owner FROM scope ORDER BY owner"));
    std::vector<uint64_t> found;
    while (owners->Step()) found.push_back(owners->Number(0));
    return found;
  }

  // The rows of one owner in primary order; false to end the query.
  bool ByOwner(uint64_t owner) {
    Where where;
    where.Add("i.owner = ?", {owner});
    if (Has(TG_QUERY_HASH)) {
      where.Add("i.pk = ?", {sdk::View(query_.hash)});
      const bool here = after_ && owner == after_->owner && after_->pk == sdk::View(query_.hash);
      Bounds(where, {"i.sk >= ?", "i.sk < ?", "i.sk <= ?"}, here ? &after_->sk : nullptr);
    }
    if (after_) {
      if (reverse() ? owner > after_->owner : owner < after_->owner) return true;
      if (owner == after_->owner)
        where.Add(reverse() ? "(i.pk, i.sk) < (?, ?)" : "(i.pk, i.sk) > (?, ?)", {after_->pk, after_->sk});
    }
    return Emit(where, " FROM item i INDEXED BY item_key", "'', ''",
                reverse() ? " ORDER BY i.pk DESC, i.sk DESC" : " ORDER BY i.pk, i.sk");
  }

  void ByIndex() {
    Where where;
    where.Add("e.name = ?", {sdk::View(query_.index)});
    if (Has(TG_QUERY_HASH)) {
      where.Add("e.hash = ?", {sdk::View(query_.hash)});
      const bool here = after_ && after_->hash == sdk::View(query_.hash);
      Bounds(where, {"e.sort >= ?", "e.sort < ?", "e.sort <= ?"}, here ? &after_->sort : nullptr);
    }
    if (after_)
      where.Add(reverse() ? "(e.hash, e.sort, e.owner, e.pk, e.sk) < (?, ?, ?, ?, ?)"
                          : "(e.hash, e.sort, e.owner, e.pk, e.sk) > (?, ?, ?, ?, ?)",
                {after_->hash, after_->sort, after_->owner, after_->pk, after_->sk});
    if (Has(TG_QUERY_OWNER)) where.Add("e.owner = ?", {query_.owner});
    Emit(where,
         " FROM index_entry e CROSS JOIN item i INDEXED BY item_key ON i.owner = e.owner AND i.pk = e.pk"
         " AND i.sk = e.sk",
         "e.hash, e.sort",
         reverse() ? " ORDER BY e.hash DESC, e.sort DESC, e.owner DESC, e.pk DESC, e.sk DESC"
                   : " ORDER BY e.hash, e.sort, e.owner, e.pk, e.sk");
  }

  struct BoundSql {
    const char *from, *to, *up_to;
  };

  // The sort bounds; where the cursor stands in the same hash it narrows them, so that a page costs as
  // much as it gives.
  void Bounds(Where& where, const BoundSql& sql, const std::string* after) {
    std::string_view from = sdk::View(query_.sort_from);
    const std::string_view to = sdk::View(query_.sort_to);
    if (after != nullptr && !reverse()) from = std::max<std::string_view>(from, *after);
    if (!from.empty()) where.Add(sql.from, {from});
    if (after != nullptr && reverse() && (to.empty() || *after < to)) {
      where.Add(sql.up_to, {*after});
    } else if (!to.empty()) {
      where.Add(sql.to, {to});
    }
  }

  bool Emit(Where& where, const char* from, const char* place, const char* order) {
    if (!Has(TG_QUERY_TOMBSTONES)) where.Add("i.kind = ?", {uint64_t{TG_CHANGE_ITEM}});
    if (query_.model.size != 0) where.Add("i.model = ?", {sdk::View(query_.model)});
    Use rows(connection_.Cached(std::string("SELECT ") + kItemColumnsOfI + ", " + place + from + where.sql + order));
    where.Bind(*rows);
    while (rows->Step()) {
      if (query_.limit != 0 && given_ == query_.limit) {
        next_ = CursorOf(last_);
        return false;
      }
      const tg_change& change = row_.Read(*rows);
      ++given_;
      if (given_ == query_.limit)
        last_ = {std::string(rows->Bytes(22)), std::string(rows->Bytes(23)), change.key.owner,
                 std::string(sdk::View(change.key.pk)), std::string(sdk::View(change.key.sk))};
      stopped_ = !sink_(change);
      if (stopped_) return false;
    }
    return true;
  }

  Connection& connection_;
  RowReader& row_;
  const tg_query& query_;
  const sdk::ChangeSink& sink_;
  std::optional<Place> after_;  // the cursor
  Place last_;                  // of the row that reached the limit
  uint64_t given_ = 0;
  bool stopped_ = false;
  std::string next_;
};

}  // namespace

sdk::Status SqliteStorage::Get(const tg_key& key, const sdk::ChangeSink& sink) {
  auto reader = Read();
  Use row(reader.connection().Cached("SELECT " TIDEGATE_ITEM_COLUMNS
                                     " FROM item WHERE owner = ?1 AND pk = ?2 AND sk = ?3"));
  row->Bind(1, key.owner).BindText(2, sdk::View(key.pk)).BindText(3, sdk::View(key.sk));
  if (!row->Step()) return {TG_NOT_FOUND, "no row of this key"};
  (void)sink(reader.row().Read(*row));
  return {};
}

void SqliteStorage::Query(const tg_query& query, const sdk::ChangeSink& sink, const sdk::CursorSink& cursor) {
  auto reader = Read();
  Snapshot snapshot(reader.connection());
  Queryer queryer(reader.connection(), reader.row(), query, sink);
  if (queryer.Run()) cursor(queryer.next());
}

}  // namespace tidegate::sqlite
