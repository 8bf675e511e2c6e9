#include "writer.h"

#include <cstring>

#include "schema.h"

namespace tidegate::sqlite {
namespace {

constexpr uint64_t kEpochsMax = 1024;
// The log is copied into the file when it has so many pages; beyond the second bound a reader held it
// back, and the writer waits for it a moment.
constexpr int kCheckpointPages = 2000;
constexpr int kCheckpointPagesMax = 4 * kCheckpointPages;
constexpr int kCheckpointPatienceMs = 100;

constexpr const char* kInsert =
    "INSERT INTO item (" TIDEGATE_ITEM_COLUMNS
    ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22)"
    " ON CONFLICT (owner, pk, sk) DO NOTHING";

}  // namespace

Writer::Writer(const Config& config, uint64_t epoch) : connection_(OpenWriter(config)) {
  sqlite3* db = connection_.db();
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
  BeginEpoch(epoch);
  sqlite3_wal_hook(
      db,
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &wal_pages_);
}

void Writer::BeginEpoch(uint64_t epoch) {
  begin_.Run();
  try {
    Statement known(connection_.db(), "SELECT 1 FROM epoch WHERE epoch = ?1");
    if (known.Bind(1, epoch).Step())
      throw sdk::Error(TG_CONFLICT, "the epoch was used before; make a new random one at each start");
    known.Reset();
    first_start_ = connection_.Number("SELECT count(*) FROM epoch") == 0;
    Statement insert(connection_.db(), "INSERT INTO epoch (epoch, first) VALUES (?1, ?2)");
    insert.Bind(1, epoch).Bind(2, state_.head + 1).Run();
    epoch_ = epoch;
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
    commit_.Run();
  } catch (...) {
    sqlite3_exec(connection_.db(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
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
  const State before = state_;
  outcomes_ = &outcomes;
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
  if (wal_pages_ < kCheckpointPages) return;
  sqlite3* db = connection_.db();
  const auto run = [db](int mode) {
    const int result = sqlite3_wal_checkpoint_v2(db, "main", mode, nullptr, nullptr);
    if (result != SQLITE_OK && IsSyncError(sqlite3_extended_errcode(db))) ThrowSql(db, "checkpoint");
  };
  run(SQLITE_CHECKPOINT_PASSIVE);
  if (wal_pages_ < patience_pages_) {
    if (wal_pages_ < kCheckpointPagesMax) patience_pages_ = kCheckpointPagesMax;
    return;
  }
  // Not again before the log has grown as much once more: a reader that stays must not slow each commit.
  patience_pages_ = wal_pages_ + kCheckpointPagesMax;
  sqlite3_busy_timeout(db, kCheckpointPatienceMs);
  run(SQLITE_CHECKPOINT_RESTART);
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
}

tg_watermark Writer::Head() const {
  tg_watermark head{};
  std::memcpy(head.replica, replica_, sizeof head.replica);
  head.epoch = state_.head == 0 ? epoch_ : state_.end_epoch;
  head.position = state_.head;
  head.version = state_.version;
  return head;
}

}  // namespace tidegate::sqlite
