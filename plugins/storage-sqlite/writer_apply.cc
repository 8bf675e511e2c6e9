// What a commit does to the tables, one mutation after the other, inside the transaction that writer.cc begins and
// ends.
#include <algorithm>

#include "writer.h"

namespace tidegate::sqlite {

void Writer::Apply(uint64_t index) {
  // A group of one needs no look before it writes: its condition fails before anything of it is applied.
  const bool alone = group_.size() == 1;
  const bool cancelled = !alone && Cancelled();
  run_first_ = state_.head + 1;
  run_last_ = state_.head;
  for (const tg_mutation* m : group_)
    if (TakesSeq(*m)) ++run_last_;
  for (uint64_t i = 0; i < group_.size(); ++i) {
    const tg_mutation& m = *group_[i];
    if (!sdk::HasChange(m)) {
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
      if (outcome.result == TG_OUTCOME_APPLIED && m.op != TG_OP_PURGE) {
        if (TakesSeq(m)) {
          ApplyRenumber(m, held, outcome);
        } else {
          ApplyRekey(*m.change, held);
          outcome.seq = held.seq;
        }
      }
    }
    outcomes_->push_back(outcome);
  }
  if (state_.head != run_last_ && state_.head >= run_first_) {
    // Fewer applied than the group hoped for.
    Use shorten(connection_.Cached("UPDATE item SET run_last = ?1 WHERE seq BETWEEN ?2 AND ?1"));
    shorten->Bind(1, state_.head).Bind(2, run_first_).Run();
  }
  state_.mutations_since_end += group_.size();
  if (state_.mutations_since_end >= TG_END_MUTATIONS || state_.bytes_since_end >= TG_END_BYTES) KeepEnd();
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

void Writer::ApplyRenumber(const tg_mutation& m, const Held& held, tg_outcome& outcome) {
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
  change.key = m.change->key;
  if (m.op == TG_OP_RENUMBER) {
    change.via = 0;
  } else {
    change.direction = m.change->direction;
    change.lane = m.change->lane;
  }
  change.seq = state_.head + 1;
  change.run_first = run_first_;
  change.run_last = run_last_;
  Delete(change.key, held);
  Insert(change, held.index_keys);
  Touch(change);
  outcome.seq = change.seq;
}

void Writer::ApplyRekey(const tg_change& change, const Held& held) {
  Use row(connection_.Cached("UPDATE item SET direction = ?2, lane = ?3 WHERE seq = ?1"));
  row->Bind(1, held.seq).Bind(2, change.direction).Bind(3, change.lane).Run();
  if (!(change.direction & TG_DIRECTION_DOWN)) return;
  // A newer one of this commit is written at its end.
  Use head(
      connection_.Cached("INSERT INTO owner_head VALUES (?1, ?2, ?3) ON CONFLICT (lane, owner)"
                         " DO UPDATE SET head = max(head, excluded.head)"));
  head->Bind(1, change.lane).Bind(2, change.key.owner).Bind(3, held.seq).Run();
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
  if (m.op == TG_OP_EPOCH) {
    KeepEnd();  // what stands before it is of the epoch before
    return AddEpoch(m.position);
  }
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
  put->Bind(1, state_.head).Bind(2, state_.epoch).Bind(3, v.hlc).Bind(4, v.agent).Bind(5, v.epoch).Run();
  state_.kept = state_.head;
  state_.end_epoch = state_.epoch;
  state_.mutations_since_end = state_.bytes_since_end = 0;
}

}  // namespace tidegate::sqlite
