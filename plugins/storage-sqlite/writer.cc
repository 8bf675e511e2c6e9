#include "writer.h"

#include <algorithm>
#include <cstring>

#include "schema.h"

namespace tidegate::sqlite {
namespace {

// A commit end is kept at least so often, so that feeds can cut frames inside a large commit.
constexpr uint64_t kEndMutations = 500;
constexpr uint64_t kEndBytes = 128 * 1024;
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

void Writer::Apply(uint64_t index) {
  // A group of one needs no look before it writes: its condition fails before anything of it is applied.
  const bool alone = group_.size() == 1;
  const bool cancelled = !alone && Cancelled();
  run_first_ = state_.head + 1;
  run_last_ = state_.head;
  for (const tg_mutation* m : group_)
    if (m->op == TG_OP_PUT || m->op == TG_OP_RENUMBER) ++run_last_;
  for (uint64_t i = 0; i < group_.size(); ++i) {
    const tg_mutation& m = *group_[i];
    if (!HasChange(m)) {
      if (!cancelled) ApplyOther(m);
      continue;
    }
    tg_outcome outcome{};
    outcome.struct_size = sizeof outcome;
    outcome.group = index;
    outcome.mutation = i;
    if (m.op == TG_OP_PUT && !cancelled) {
      ApplyPut(m, outcome, alone);
    } else {
      Held held;
      outcome.result = Find(m.change->key, held) ? uint8_t{TG_OUTCOME_APPLIED} : uint8_t{TG_OUTCOME_MISSING};
      outcome.held_kind = held.kind;
      outcome.held = held.version;
      if (cancelled || (alone && m.condition == TG_IF_VERSION && !Same(held.version, m.expected)))
        outcome.result = TG_OUTCOME_CANCELLED;
      if (outcome.result == TG_OUTCOME_APPLIED && m.op == TG_OP_PURGE) ApplyPurge(*m.change, held);
      if (outcome.result == TG_OUTCOME_APPLIED && m.op == TG_OP_RENUMBER) ApplyRenumber(*m.change, held, outcome);
    }
    outcomes_->push_back(outcome);
  }
  if (state_.head != run_last_ && state_.head >= run_first_) {
    // Fewer applied than the group hoped for.
    Use shorten(connection_.Cached("UPDATE item SET run_last = ?1 WHERE seq BETWEEN ?2 AND ?1"));
    shorten->Bind(1, state_.head).Bind(2, run_first_).Run();
  }
  state_.mutations_since_end += group_.size();
  if (state_.mutations_since_end >= kEndMutations || state_.bytes_since_end >= kEndBytes) KeepEnd();
}

// Conditions on a version are judged before anything of their group is applied.
bool Writer::Cancelled() {
  for (const tg_mutation* m : group_) {
    if (m->condition != TG_IF_VERSION) continue;
    Held held;
    Find(m->change->key, held);
    if (!Same(held.version, m->expected)) return true;
  }
  return false;
}

void Writer::ApplyPut(const tg_mutation& m, tg_outcome& outcome, bool alone) {
  tg_change change = *m.change;
  change.seq = state_.head + 1;
  change.run_first = run_first_;
  change.run_last = run_last_;
  const std::string keys = EncodeIndexKeys(change);
  const bool live = change.kind == TG_CHANGE_ITEM;
  const bool if_version = alone && m.condition == TG_IF_VERSION;
  outcome.result = TG_OUTCOME_APPLIED;

  // Most puts are of keys that hold nothing: the insert itself finds that out.
  const bool blind = !if_version || Same(m.expected, tg_version{});
  if (blind && Insert(change, keys)) {
    if (live && !keys.empty()) WriteEntries(entry_put_, change.key, keys);
  } else {
    Held held;
    Find(change.key, held);
    outcome.held_kind = held.kind;
    outcome.held = held.version;
    if (if_version && !Same(held.version, m.expected)) outcome.result = TG_OUTCOME_CANCELLED;
    if (m.condition == TG_IF_NEWER && Same(held.version, change.version)) {
      outcome.result = TG_OUTCOME_EQUAL;
    } else if (m.condition == TG_IF_NEWER && !Older(held.version, change.version)) {
      outcome.result = TG_OUTCOME_STALE;
    }
    if (outcome.result != TG_OUTCOME_APPLIED) return;
    // Index entries name the key, not the seq: those that stay the same need no write.
    const bool was_live = held.kind == TG_CHANGE_ITEM;
    const bool same_entries = was_live && live && held.index_keys == keys;
    if (!same_entries && was_live) WriteEntries(entry_delete_, change.key, held.index_keys);
    Delete(change.key, held);
    if (!Insert(change, keys)) throw sdk::Error(TG_CORRUPT, "index item_key and table item differ; restore a backup");
    if (!same_entries && live) WriteEntries(entry_put_, change.key, keys);
  }
  Touch(change);
  outcome.seq = change.seq;
}

void Writer::ApplyRenumber(const tg_change& key, const Held& held, tg_outcome& outcome) {
  // Copied out: the row goes before it is written again.
  struct Copy {
    std::string model, body, policy_meta, extra;
  } copy;
  tg_change change;
  {
    Use read(read_);
    read->Bind(1, held.seq);
    if (!read->Step()) throw sdk::Error(TG_CORRUPT, "index item_key names no row; restore a backup");
    change = reader_.Read(*read);
    copy = {std::string(sdk::View(change.model)), std::string(sdk::View(change.body)),
            std::string(sdk::View(change.policy_meta)), std::string(sdk::View(change.extra))};
  }
  change.model = sdk::Str(copy.model);
  change.body = sdk::Bytes(copy.body);
  change.policy_meta = sdk::Bytes(copy.policy_meta);
  change.extra = sdk::Bytes(copy.extra);
  change.key = key.key;
  change.via = 0;
  change.seq = state_.head + 1;
  change.run_first = run_first_;
  change.run_last = run_last_;
  Delete(change.key, held);
  Insert(change, held.index_keys);
  Touch(change);
  outcome.seq = change.seq;
}

void Writer::ApplyPurge(const tg_change& key, const Held& held) {
  if (held.kind == TG_CHANGE_ITEM) {
    WriteEntries(entry_delete_, key.key, held.index_keys);
  } else {
    // A feed from below a deleted trace would miss it.
    Use floor(
        connection_.Cached("INSERT INTO feed_floor VALUES (?1, ?2, ?3, ?4) ON CONFLICT (direction, lane, owner)"
                           " DO UPDATE SET floor = max(floor, excluded.floor)"));
    for (uint8_t direction : {uint8_t{TG_DIRECTION_UP}, uint8_t{TG_DIRECTION_DOWN}}) {
      if (!(held.direction & direction)) continue;
      const uint64_t owner = direction == TG_DIRECTION_UP ? 0 : key.key.owner;
      floor->Bind(1, direction).Bind(2, held.lane).Bind(3, owner).Bind(4, held.seq).Run();
    }
  }
  Delete(key.key, held);
}

void Writer::ApplyOther(const tg_mutation& m) {
  auto statement = [&]() -> Statement& {
    switch (m.op) {
      case TG_OP_META_PUT:
        return connection_.Cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)");
      case TG_OP_META_DELETE:
        return connection_.Cached("DELETE FROM meta WHERE key = ?1");
      case TG_OP_OWNER_ADD:
        return connection_.Cached("INSERT OR IGNORE INTO owner_set VALUES (?1, ?2)");
      default:
        return connection_.Cached("DELETE FROM owner_set WHERE name = ?1 AND owner = ?2");
    }
  };
  if (m.op == TG_OP_ENDS_TRIM) return TrimEnds(m.position);
  Use edit(statement());
  edit->BindText(1, sdk::View(m.meta_key));
  if (m.op == TG_OP_META_PUT) edit->BindBlob(2, sdk::View(m.meta_value));
  if (m.op == TG_OP_OWNER_ADD || m.op == TG_OP_OWNER_REMOVE) edit->Bind(2, m.owner);
  edit->Run();
}

void Writer::TrimEnds(uint64_t position) {
  position = std::min(position, state_.head);
  Use floor(connection_.Cached("UPDATE replica SET ends_floor = max(ends_floor, ?1)"));
  floor->Bind(1, position).Run();
  // The newest end stays: it stands at the head, or this commit is still to write it.
  Use ends(connection_.Cached("DELETE FROM commit_end WHERE position < ?1"));
  ends->Bind(1, position).Run();
  Use epochs(connection_.Cached("DELETE FROM epoch WHERE id < (SELECT max(id) FROM epoch WHERE first <= ?1)"));
  epochs->Bind(1, position).Run();
}

bool Writer::Find(const tg_key& key, Held& held) {
  Use find(find_);
  find->Bind(1, key.owner).BindText(2, sdk::View(key.pk)).BindText(3, sdk::View(key.sk));
  if (!find->Step()) return false;
  held.seq = find->Number(0);
  held.kind = static_cast<uint8_t>(find->Number(1));
  held.direction = static_cast<uint8_t>(find->Number(2));
  held.lane = static_cast<uint8_t>(find->Number(3));
  held.version = {find->Number(4), find->Number(5), find->Number(6)};
  held.model = find->Bytes(7);
  held.index_keys = find->Bytes(8);
  return true;
}

// False if the key holds a row already.
bool Writer::Insert(const tg_change& change, std::string_view keys) {
  Use insert(insert_);
  BindChange(*insert, change, keys);
  (void)insert->Step();
  if (sqlite3_changes(connection_.db()) == 0) return false;
  Count(change.key.owner, sdk::View(change.model), change.kind, 1);
  return true;
}

void Writer::Delete(const tg_key& key, const Held& held) {
  Use remove(delete_);
  remove->Bind(1, held.seq).Run();
  Count(key.owner, held.model, held.kind, -1);
}

void Writer::WriteEntries(Statement& statement, const tg_key& key, std::string_view index_keys) {
  for (const tg_index_key& entry : DecodeIndexKeys(index_keys)) {
    Use use(statement);
    use->BindText(1, sdk::View(entry.index)).BindText(2, sdk::View(entry.hash)).BindText(3, sdk::View(entry.sort));
    use->Bind(4, key.owner).BindText(5, sdk::View(key.pk)).BindText(6, sdk::View(key.sk)).Run();
  }
}

void Writer::Count(uint64_t owner, std::string_view model, uint8_t kind, int64_t delta) {
  // Neighbouring puts are mostly of one owner and model.
  if (scope_ == scopes_.end() || scope_->first.first != owner || scope_->first.second != model)
    scope_ = scopes_.try_emplace({owner, std::string(model)}).first;
  (kind == TG_CHANGE_ITEM ? scope_->second.items : scope_->second.tombstones) += delta;
}

// Notes that a change took the next seq.
void Writer::Touch(const tg_change& change) {
  state_.head = change.seq;
  state_.version = change.version;
  state_.bytes_since_end += SizeOf(change);
  if (change.direction & TG_DIRECTION_DOWN) owner_heads_[{change.lane, change.key.owner}] = change.seq;
}

void Writer::KeepEnd() {
  if (state_.head == state_.kept) return;
  const tg_version& v = state_.version;
  Use put(end_put_);
  put->Bind(1, state_.head).Bind(2, epoch_).Bind(3, v.hlc).Bind(4, v.agent).Bind(5, v.epoch).Run();
  state_.kept = state_.head;
  state_.end_epoch = epoch_;
  state_.mutations_since_end = state_.bytes_since_end = 0;
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
