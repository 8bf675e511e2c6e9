#include "host/core/stage.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "host/base/views.h"

namespace tidegate::core {
size_t Stage::KeyHash(const tg_key& key) {
  size_t hash = std::hash<std::string_view>()(View(key.sk));
  hash ^= std::hash<std::string_view>()(View(key.pk)) * 31 + (hash << 7) + (hash >> 3);
  return hash ^ (key.owner * 0x9e3779b97f4a7c15ull);
}

tg_mutation& Stage::Add(uint8_t op) {
  tg_mutation& mutation = mutations_.emplace_back();
  mutation.struct_size = sizeof mutation;
  mutation.op = op;
  return mutation;
}

void Stage::Begin(bool shared) { groups_.push_back({mutations_.size(), 0, nullptr, shared, false}); }

void Stage::Put(const tg_change& change, uint8_t condition, const Version& expected) {
  tg_change& kept = *arena_.New(change);
  ++changes_;
  kept.struct_size = sizeof kept;
  tg_mutation& mutation = Add(TG_OP_PUT);
  mutation.condition = condition;
  mutation.expected = expected.To();
  mutation.change = &kept;
  touched_.Insert(KeyHash(kept.key));
  if (kept.kind == TG_CHANGE_ITEM && (kept.direction & TG_DIRECTION_DOWN) == 0) groups_.back().bulky = true;
}

void Stage::Purge(const tg_change& change, const Version& expected) { TakesNoRoom(TG_OP_PURGE, change, expected); }

void Stage::Renumber(const tg_change& change, const Version& expected) {
  TakesNoRoom(TG_OP_RENUMBER, change, expected);
}

void Stage::TakesNoRoom(uint8_t op, const tg_change& change, const Version& expected) {
  const bool bulky = groups_.back().bulky;
  Put(change, TG_IF_VERSION, expected);
  mutations_.back().op = op;
  groups_.back().bulky = bulky;
}

void Stage::Rekey(const tg_change& change, const Version& expected, bool again) {
  Put(change, TG_IF_VERSION, expected);
  mutations_.back().op = TG_OP_REKEY;
  mutations_.back().position = again ? 1 : 0;
}

void Stage::MetaPut(std::string_view key, std::string_view value) {
  tg_mutation& mutation = Add(TG_OP_META_PUT);
  mutation.meta_key = Str(arena_.Copy(key));
  mutation.meta_value = Bytes(arena_.Copy(value));
}

void Stage::MetaDelete(std::string_view key) { Add(TG_OP_META_DELETE).meta_key = Str(arena_.Copy(key)); }

void Stage::OwnerAdd(std::string_view set, AgentId owner) {
  tg_mutation& mutation = Add(TG_OP_OWNER_ADD);
  mutation.meta_key = Str(arena_.Copy(set));
  mutation.owner = owner;
}

void Stage::OwnerRemove(std::string_view set, AgentId owner) {
  tg_mutation& mutation = Add(TG_OP_OWNER_REMOVE);
  mutation.meta_key = Str(arena_.Copy(set));
  mutation.owner = owner;
}

void Stage::EndsTrim(uint64_t position) { Add(TG_OP_ENDS_TRIM).position = position; }

void Stage::BeginEpoch(Epoch epoch) { Add(TG_OP_EPOCH).position = epoch; }

void Stage::End(Handler handler) {
  Group& group = groups_.back();
  group.count = mutations_.size() - group.first;
  group.handler = std::move(handler);
  if (group.count == 0 && !group.handler) groups_.pop_back();  // nothing happened: no commit for it
}

bool Stage::bulky() const {
  return std::any_of(groups_.begin(), groups_.end(), [](const Group& group) { return group.bulky; });
}

bool Stage::Touches(const tg_key& key) const { return touched_.Contains(KeyHash(key)); }

Status Stage::Commit(const Committed& committed) {
  // Handlers may stage again: what this commit holds is moved out first.
  std::vector<Group> groups = std::move(groups_);
  std::vector<tg_mutation> mutations = std::move(mutations_);
  ChangeArena arena;
  arena.Swap(arena_);
  arena_.Swap(spare_);
  size_t changes = std::exchange(changes_, 0);
  groups_ = {};
  mutations_ = {};
  groups_.reserve(groups.size());
  mutations_.reserve(mutations.size());
  touched_.Clear();

  std::vector<Effect> effects;
  effects.reserve(changes);
  std::vector<std::pair<size_t, size_t>> ranges(groups.size());  // of effects, by group; of none: empty
  std::vector<tg_group> views;
  views.reserve(groups.size());
  auto write = [&](std::span<const size_t> which) {
    views.clear();
    for (size_t i : which) views.push_back({mutations.data() + groups[i].first, groups[i].count});
    return storage_.Commit(views, [&](const tg_outcome& outcome) {
      size_t group = which[outcome.group];
      auto& [first, last] = ranges[group];
      if (first == last) first = effects.size();
      effects.push_back({mutations[groups[group].first + outcome.mutation].change, outcome});
      last = effects.size();
    });
  };
  std::vector<size_t> all(groups.size());
  std::iota(all.begin(), all.end(), size_t{0});
  Result<Watermark> end = write(all);
  Status full;                               // that something did not fit
  std::vector<bool> written(groups.size());  // when it did not
  if (!end.ok() && end.status().code() == Code::kFull && groups.size() > 1) {
    full = end.status();
    for (const std::vector<size_t>& part : Parts(groups)) {
      Result<Watermark> part_end = write(part);
      if (!part_end.ok()) {
        full = part_end.status();
        // The clock is in what takes hardly any room: nothing gets a version without it.
        bool small =
            std::any_of(part.begin(), part.end(), [&](size_t i) { return !groups[i].bulky && !groups[i].shared; });
        if (full.code() == Code::kFull && part.size() > 1 && !small) continue;
        break;  // nor would the next one fit
      }
      end = std::move(part_end);
      for (size_t i : part) written[i] = true;
    }
    if (std::find(written.begin(), written.end(), false) == written.end()) full = {};
  }
  auto keep_memory = [&] {
    arena.Clear();
    spare_.Swap(arena);
  };
  if (!end.ok()) {
    for (Group& group : groups) {
      if (group.handler) group.handler(end.status(), {});
    }
    keep_memory();
    return end.status();
  }
  if (committed) committed(end.value(), effects);
  for (size_t i = 0; i < groups.size(); ++i) {
    if (!groups[i].handler) continue;
    if (!full.ok() && !written[i]) {
      groups[i].handler(full, {});
    } else {
      groups[i].handler({}, std::span(effects).subspan(ranges[i].first, ranges[i].second - ranges[i].first));
    }
  }
  keep_memory();
  return full;
}

// What is tried by itself when all does not fit together: what takes hardly any room, all that neighbours sent, and
// each local write.
std::vector<std::vector<size_t>> Stage::Parts(const std::vector<Group>& groups) {
  bool shared_bulky = std::any_of(groups.begin(), groups.end(), [](const Group& g) { return g.shared && g.bulky; });
  std::vector<size_t> small, shared;
  std::vector<std::vector<size_t>> parts;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].shared && shared_bulky) {
      shared.push_back(i);
    } else if (!groups[i].bulky) {
      small.push_back(i);
    } else {
      parts.push_back({i});
    }
  }
  if (!shared.empty()) parts.insert(parts.begin(), std::move(shared));
  if (!small.empty()) parts.insert(parts.begin(), std::move(small));
  return parts;
}

}  // namespace tidegate::core
