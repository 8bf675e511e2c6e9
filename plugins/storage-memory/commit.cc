// Writing: everything is checked first, so that nothing can fail half-way.
#include <mutex>
#include <string>

#include "storage.h"
#include "tidegate/cpp/mutation.h"

namespace tidegate::memory {
namespace {

// Items that do not go down: what fills a replica. Removals, watermarks and a configuration hardly do.
bool Bulky(const std::vector<std::vector<const tg_mutation*>>& groups) {
  for (const auto& group : groups)
    for (const tg_mutation* m : group)
      if (m->op == TG_OP_PUT && m->change->kind == TG_CHANGE_ITEM && !(m->change->direction & TG_DIRECTION_DOWN))
        return true;
  return false;
}

// One commit over a replica.
class Committer {
 public:
  explicit Committer(Replica& replica) : replica_(replica) {}

  void Apply(uint64_t index, const std::vector<const tg_mutation*>& group) {
    const bool cancelled = Cancelled(group);
    run_.clear();
    run_first_ = replica_.head + 1;
    for (uint64_t i = 0; i < group.size(); ++i) {
      const tg_mutation& m = *group[i];
      if (!sdk::HasChange(m)) {
        if (!cancelled) ApplyOther(m);
        continue;
      }
      tg_outcome outcome{};
      outcome.struct_size = sizeof outcome;
      outcome.group = index;
      outcome.mutation = i;
      RowPtr held = replica_.Find(Key::From(m.change->key));
      if (held) {
        outcome.held_kind = held->change().kind;
        outcome.held = held->change().version;
      }
      outcome.result = cancelled ? uint8_t{TG_OUTCOME_CANCELLED} : ApplyChange(m, held);
      const bool keeps_seq = m.op == TG_OP_REKEY && m.position == 0;
      if (outcome.result == TG_OUTCOME_APPLIED && m.op != TG_OP_PURGE)
        outcome.seq = keeps_seq ? held->change().seq : replica_.head;
      outcomes_.push_back(outcome);
    }
    for (const RowPtr& row : run_) row->change().run_last = replica_.head;
    since_end_ += group.size();
    if (since_end_ >= TG_END_MUTATIONS || bytes_since_end_ >= TG_END_BYTES) KeepEnd();
  }

  std::vector<tg_outcome> Finish() {
    KeepEnd();
    return std::move(outcomes_);
  }

 private:
  // Conditions on a version are judged before anything of their group is applied.
  bool Cancelled(const std::vector<const tg_mutation*>& group) const {
    for (const tg_mutation* m : group) {
      if (m->condition != TG_IF_VERSION) continue;
      RowPtr held = replica_.Find(Key::From(m->change->key));
      if (!Same(held ? held->change().version : tg_version{}, m->expected)) return true;
    }
    return false;
  }

  uint8_t ApplyChange(const tg_mutation& m, const RowPtr& held) {
    if (m.op == TG_OP_PUT) {
      if (held && m.condition == TG_IF_NEWER) {
        if (Same(held->change().version, m.change->version)) return TG_OUTCOME_EQUAL;
        if (!Older(held->change().version, m.change->version)) return TG_OUTCOME_STALE;
      }
      if (held) replica_.Erase(held);
      Put(*m.change);
      return TG_OUTCOME_APPLIED;
    }
    if (!held) return TG_OUTCOME_MISSING;
    replica_.Erase(held);
    if (m.op == TG_OP_PURGE) {
      replica_.RaiseFloors(*held);
      return TG_OUTCOME_APPLIED;
    }
    tg_change change = held->change();
    if (m.op == TG_OP_RENUMBER) {
      change.via = 0;
    } else {
      change.direction = m.change->direction;
      change.lane = m.change->lane;
    }
    if (m.op == TG_OP_REKEY && m.position == 0) {
      replica_.Insert(std::make_shared<Row>(change));
    } else {
      Put(change);
    }
    return TG_OUTCOME_APPLIED;
  }

  void Put(const tg_change& change) {
    auto row = std::make_shared<Row>(change);
    row->change().seq = ++replica_.head;
    row->change().run_first = run_first_;
    replica_.Insert(row);
    run_.push_back(row);
    last_version_ = change.version;
    bytes_since_end_ += row->bytes();
  }

  void ApplyOther(const tg_mutation& m) {
    std::string name(sdk::View(m.meta_key));
    switch (m.op) {
      case TG_OP_META_PUT:
        replica_.metas[name] = sdk::View(m.meta_value);
        break;
      case TG_OP_META_DELETE:
        replica_.metas.erase(name);
        break;
      case TG_OP_OWNER_ADD:
        replica_.owner_sets.emplace(name, m.owner);
        break;
      case TG_OP_OWNER_REMOVE:
        replica_.owner_sets.erase({name, m.owner});
        break;
      case TG_OP_EPOCH:
        KeepEnd();  // what stands before it is of the epoch before
        replica_.BeginEpoch(m.position);
        break;
      default:
        replica_.TrimEnds(m.position);
    }
  }

  void KeepEnd() {
    if (replica_.head == kept_) return;
    replica_.KeepEnd(last_version_);
    kept_ = replica_.head;
    since_end_ = bytes_since_end_ = 0;
  }

  Replica& replica_;
  std::vector<tg_outcome> outcomes_;
  std::vector<RowPtr> run_;  // the rows of this group
  uint64_t run_first_ = 0;
  uint64_t kept_ = replica_.head;  // the newest kept end
  uint64_t since_end_ = 0, bytes_since_end_ = 0;
  tg_version last_version_{};
};

}  // namespace

sdk::Status MemoryStorage::Commit(std::span<const tg_group> groups, const sdk::OutcomeSink& sink, tg_watermark& end) {
  std::vector<std::vector<const tg_mutation*>> checked;
  for (const tg_group& group : groups) sdk::CheckMutations(group, checked.emplace_back());
  std::vector<tg_outcome> outcomes;
  {
    std::unique_lock lock(mutex_);
    if (!started_) return {TG_UNAVAILABLE, "the storage is not started"};
    for (const auto& group : checked)
      for (const tg_mutation* m : group)
        if (m->op == TG_OP_EPOCH && replica_.KnowsEpoch(m->position))
          return {TG_CONFLICT, "the epoch was used before; make a new random one"};
    uint64_t rows = replica_.items + replica_.tombstones;
    for (const auto& group : checked)
      for (const tg_mutation* m : group)
        if (m->op == TG_OP_PUT && !replica_.Find(Key::From(m->change->key))) ++rows;
    // What is not bulky may go a little further, as on a disk with a reserve.
    const uint64_t limit = Bulky(checked) ? items_max_ : items_max_ + items_max_ / 8 + 16;
    if (items_max_ != 0 && rows > limit)
      return {TG_FULL, "the storage may hold " + std::to_string(items_max_) +
                           " rows; remove some, or raise items_max in its configuration"};
    Committer committer(replica_);
    for (uint64_t i = 0; i < checked.size(); ++i) committer.Apply(i, checked[i]);
    outcomes = committer.Finish();
    end = replica_.Head();
  }
  for (const tg_outcome& outcome : outcomes) sink(outcome);
  return {};
}

}  // namespace tidegate::memory
