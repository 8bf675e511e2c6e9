#include "writer.h"

#include <algorithm>
#include <cstring>

#include "schema.h"

namespace tidegate::sqlite {
namespace {

constexpr uint64_t kEpochsMax = 1024;
// The log is copied into the file when it has so many pages; beyond the second bound a reader held it
// back, and the writer waits for it a moment.
constexpr int kCheckpointPages = 2000;
constexpr int kCheckpointPagesMin = 32;
constexpr int kLogPagesWhenFull = 32;  // while the reserve is in use

constexpr const char* kInsert =
    "INSERT INTO item (" TIDEGATE_ITEM_COLUMNS
    ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22)"
    " ON CONFLICT (owner, pk, sk) DO NOTHING";

// What takes real room: items that do not go down. A configuration, a removal, a watermark may use the reserve.
uint64_t BulkyBytes(const std::vector<const tg_mutation*>& mutations) {
  constexpr uint64_t kRowBytes = 200;
  uint64_t bytes = 0;
  for (const tg_mutation* m : mutations)
    if (m->op == TG_OP_PUT && m->change->kind == TG_CHANGE_ITEM && !(m->change->direction & TG_DIRECTION_DOWN))
      bytes += SizeOf(*m->change) + kRowBytes;
  return bytes;
}

// Already the log's index needs space.
Connection OpenWithReserve(const Config& config, Reserve& reserve) {
  try {
    return OpenWriter(config);
  } catch (const sdk::Error& error) {
    if (error.status().code() != TG_FULL || !reserve.held()) throw;
  }
  reserve.Release();
  return OpenWriter(config);
}

}  // namespace

Writer::Writer(const Config& config, uint64_t epoch)
    : reserve_(config.path, config.reserve_bytes), connection_(OpenWithReserve(config, reserve_)) {
  sqlite3* db = connection_.db();
  page_bytes_ = connection_.Number("PRAGMA page_size");
  if (config.bytes_max != 0) {
    pages_max_ = std::clamp<uint64_t>(config.bytes_max / page_bytes_, 1, 0x7ffffffe);
    pages_kept_back_ = std::min(reserve_.bytes() / page_bytes_, pages_max_ / 16);
  }
  // The log has to fit into the reserve, with room for what is written then.
  checkpoint_pages_ = kCheckpointPages;
  if (reserve_.wanted()) {
    const uint64_t pages = std::max<uint64_t>(reserve_.bytes() / 2 / page_bytes_, kCheckpointPagesMin);
    checkpoint_pages_ = static_cast<int>(std::min<uint64_t>(pages, kCheckpointPages));
  }
  begin_ = Statement(db, "BEGIN IMMEDIATE");
  commit_ = Statement(db, "COMMIT");
  find_ = Statement(db,
                    "SELECT seq, kind, direction, lane, version_hlc, version_agent, version_epoch, model, index_keys"
                    " FROM item WHERE owner = ?1 AND pk = ?2 AND sk = ?3");
  insert_ = Statement(db, kInsert);
  delete_ = Statement(db, "DELETE FROM item WHERE seq = ?1");
  read_ = Statement(db, "SELECT " TIDEGATE_ITEM_COLUMNS " FROM item WHERE seq = ?1");
  entry_put_ = Statement(db, "INSERT OR IGNORE INTO index_entry VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  entry_delete_ = Statement(db,
                            "DELETE FROM index_entry WHERE name = ?1 AND hash = ?2 AND sort = ?3 AND owner = ?4"
                            " AND pk = ?5 AND sk = ?6");
  end_put_ = Statement(db, "INSERT OR REPLACE INTO commit_end VALUES (?1, ?2, ?3, ?4, ?5)");

  Statement replica(db, "SELECT replica FROM replica");
  if (!replica.Step() || replica.Bytes(0).size() != sizeof replica_)
    throw sdk::Error(TG_CORRUPT, config.path + ": has no replica id; restore a backup");
  std::memcpy(replica_, replica.Bytes(0).data(), sizeof replica_);
  replica.Reset();
  Statement end(db,
                "SELECT position, epoch, version_hlc, version_agent, version_epoch FROM commit_end"
                " ORDER BY position DESC LIMIT 1");
  if (end.Step()) {
    state_.head = state_.kept = end.Number(0);
    state_.end_epoch = end.Number(1);
    state_.version = {end.Number(2), end.Number(3), end.Number(4)};
  }
  end.Reset();
  Statement last(db, "SELECT max(seq) FROM item");
  if (last.Step() && last.Number(0) > state_.head)
    throw sdk::Error(TG_CORRUPT, config.path + ": holds an item above its last commit; restore a backup");
  last.Reset();
  try {
    BeginEpoch(epoch);
  } catch (const sdk::Error& error) {
    if (error.status().code() != TG_FULL || !reserve_.held()) throw;
    UseReserve();
    BeginEpoch(epoch);
  }
  sqlite3_wal_hook(
      db,
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &wal_pages_);
  // A disk that has no room for the reserve is full already; the first bulky commit finds that out.
  if (reserve_.Take()) bytes_reserved_ = reserve_.bytes();
}

void Writer::BeginEpoch(uint64_t epoch) {
  begin_.Run();
  try {
    first_start_ = connection_.Number("SELECT count(*) FROM epoch") == 0;
    AddEpoch(epoch);
    commit_.Run();
  } catch (...) {
    sqlite3_exec(connection_.db(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

// Inside a transaction. The epoch begins with the next seq.
void Writer::AddEpoch(uint64_t epoch) {
  Statement known(connection_.db(), "SELECT 1 FROM epoch WHERE epoch = ?1");
  if (known.Bind(1, epoch).Step())
    throw sdk::Error(TG_CONFLICT, "the epoch was used before; make a new random one at each start");
  known.Reset();
  Statement insert(connection_.db(), "INSERT INTO epoch (epoch, first) VALUES (?1, ?2)");
  insert.Bind(1, epoch).Bind(2, state_.head + 1).Run();
  state_.epoch = epoch;
  while (connection_.Number("SELECT count(*) FROM epoch") > kEpochsMax) {
    // Epochs that gave no position are forgotten first: no watermark names them.
    const uint64_t old = connection_.Number(
        "SELECT e.id FROM epoch e WHERE e.first = (SELECT n.first FROM epoch n WHERE n.id > e.id ORDER BY n.id LIMIT "
        "1)"
        " ORDER BY e.id LIMIT 1");
    connection_.Run(old != 0 ? ("DELETE FROM epoch WHERE id = " + std::to_string(old)).c_str()
                             : "DELETE FROM epoch WHERE id = (SELECT min(id) FROM epoch)");
    const uint64_t first = connection_.Number("SELECT first FROM epoch ORDER BY id LIMIT 1");
    if (first > 1) TrimEnds(first);
  }
}

// The pages of a failed sync count as written for the operating system, and of what was checkpointed before it
// SQLite thinks the same: nothing may be written over that. The next start begins from what is on disk.
void Writer::GiveUp(const sdk::Error& why) {
  given_up_ = why.status();
  sqlite3_db_config(connection_.db(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void Writer::Undo(const State& before) {
  state_ = before;
  if (sqlite3_get_autocommit(connection_.db()) == 0)
    sqlite3_exec(connection_.db(), "ROLLBACK", nullptr, nullptr, nullptr);
}

tg_watermark Writer::Commit(std::span<const tg_group> groups, std::vector<tg_outcome>& outcomes) {
  if (!given_up_.ok()) throw sdk::Error(given_up_);
  mutations_.clear();
  for (const tg_group& group : groups) CheckMutations(group, mutations_);
  const uint64_t bulky = BulkyBytes(mutations_);
  outcomes_ = &outcomes;
  try {
    PrepareSpace(bulky);
  } catch (const SyncError& error) {
    GiveUp(error);
    throw;
  }
  try {
    return Try(groups);
  } catch (const SyncError&) {
    throw;
  } catch (const sdk::Error& error) {
    if (error.status().code() != TG_FULL || !reserve_.held()) throw;
    try {
      UseReserve();
    } catch (const SyncError& failed) {
      GiveUp(failed);
      throw;
    }
    if (bulky != 0) throw;
  }
  outcomes.clear();
  return Try(groups);
}

tg_watermark Writer::Try(std::span<const tg_group> groups) {
  const State before = state_;
  scopes_.clear();
  scope_ = scopes_.end();
  owner_heads_.clear();
  begin_.Run();
  try {
    size_t at = 0;
    for (uint64_t i = 0; i < groups.size(); ++i) {
      group_ = std::span(mutations_).subspan(at, groups[i].count);
      at += groups[i].count;
      Apply(i);
    }
    KeepEnd();
    Flush();
    commit_.Run();
  } catch (const SyncError& error) {
    Undo(before);
    GiveUp(error);
    throw;
  } catch (...) {
    Undo(before);
    throw;
  }
  try {
    Checkpoint();
  } catch (const SyncError& error) {
    GiveUp(error);
  }
  return Head();
}

// Writes what was counted once a commit.
void Writer::Flush() {
  for (const auto& [name, delta] : scopes_) {
    if (delta.items == 0 && delta.tombstones == 0) continue;
    Use count(
        connection_.Cached("INSERT INTO scope VALUES (?1, ?2, ?3, ?4) ON CONFLICT (owner, model) DO UPDATE SET"
                           " items = items + excluded.items, tombstones = tombstones + excluded.tombstones"));
    count->Bind(1, name.first).BindText(2, name.second);
    count->BindSigned(3, delta.items).BindSigned(4, delta.tombstones).Run();
    if (delta.items >= 0 && delta.tombstones >= 0) continue;
    Use empty(connection_.Cached("DELETE FROM scope WHERE owner = ?1 AND model = ?2 AND items = 0 AND tombstones = 0"));
    empty->Bind(1, name.first).BindText(2, name.second).Run();
  }
  for (const auto& [feed, head] : owner_heads_) {
    Use put(connection_.Cached("INSERT OR REPLACE INTO owner_head VALUES (?1, ?2, ?3)"));
    put->Bind(1, feed.first).Bind(2, feed.second).Bind(3, head).Run();
  }
}

// After the commit, which is durable whatever happens here: the log keeps what is not copied. Throws SyncError only.
void Writer::Checkpoint() {
  if (reserve_.wanted() && !reserve_.held()) {
    GiveBack();
    if (wal_pages_ >= kLogPagesWhenFull) ShrinkLog();
    return;
  }
  if (wal_pages_ < checkpoint_pages_) return;
  GiveBack();
  sqlite3* db = connection_.db();
  const auto run = [db](int mode) {
    const int result = sqlite3_wal_checkpoint_v2(db, "main", mode, nullptr, nullptr);
    if (result != SQLITE_OK && IsSyncError(sqlite3_extended_errcode(db))) ThrowSql(db, "checkpoint");
  };
  run(SQLITE_CHECKPOINT_PASSIVE);
  if (wal_pages_ < patience_pages_) {
    if (wal_pages_ < 4 * checkpoint_pages_) patience_pages_ = 4 * checkpoint_pages_;
    return;
  }
  // Not again before the log has grown as much once more: a reader that stays must not slow each commit.
  patience_pages_ = wal_pages_ + 4 * checkpoint_pages_;
  sqlite3_busy_timeout(db, kCheckpointPatienceMs);
  run(SQLITE_CHECKPOINT_RESTART);
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
}

tg_watermark Writer::Head() const {
  tg_watermark head{};
  std::memcpy(head.replica, replica_, sizeof head.replica);
  head.epoch = state_.head == 0 ? state_.epoch : state_.end_epoch;
  head.position = state_.head;
  head.version = state_.version;
  return head;
}

}  // namespace tidegate::sqlite
