#include "host/node/quotas.h"

#include <algorithm>
#include <utility>

#include "host/base/views.h"

namespace tidegate::node {
namespace {

constexpr int64_t kRecountUs = 10'000'000;

}  // namespace

uint64_t StoredBytes(const tg_change& change) { return change.body.size + change.key.pk.size + change.key.sk.size; }

const char* WhenFullName(uint32_t when_full) {
  static const char* const kNames[] = {"refuse", "drop_oldest", "keep_latest"};
  return when_full <= TG_WHEN_FULL_KEEP_LATEST ? kNames[when_full] : "?";
}

// ---- usage ----

bool Usage::Over() const {
  return (rule.items_max != 0 && items > rule.items_max) || (rule.bytes_max != 0 && bytes > rule.bytes_max);
}

bool Usage::Full(uint64_t more_items, uint64_t more_bytes) const {
  return (rule.items_max != 0 && items + more_items >= rule.items_max) ||
         (rule.bytes_max != 0 && bytes + more_bytes >= rule.bytes_max);
}

bool Usage::Roomy() const {
  bool items_fit = rule.items_max == 0 || items * 8 < rule.items_max * 7;
  bool bytes_fit = rule.bytes_max == 0 || bytes * 8 < rule.bytes_max * 7;
  return items_fit && bytes_fit;
}

Status Quotas::Count() {
  auto catalog = deps_.catalog.Get();
  std::map<std::string, Usage, std::less<>> usage;
  for (const replica::ModelRule& rule : catalog->rules()) {
    const tg_retain& retain = rule.retain;
    if (retain.items_max == 0 && retain.bytes_max == 0) continue;
    Usage& one = usage[rule.name];
    one.rule = retain;
    one.lane = rule.lane;
    one.direction = rule.direction;
    one.drops = rule.direction == TG_DIRECTION_UP && retain.when_full != TG_WHEN_FULL_REFUSE;
    if (auto known = usage_.find(rule.name); known != usage_.end()) one.held = known->second.held;
  }
  for (auto& [model, one] : usage) TG_RETURN_IF_ERROR(CountModel(model, &one));
  for (auto& [model, one] : usage_) {
    if (one.held && !usage.contains(model)) news_.push_back({model, one.direction, false, ""});
  }
  usage_ = std::move(usage);
  moved_ = true;
  return {};
}

Status Quotas::CountModel(const std::string& model, Usage* usage) {
  usage->items = usage->bytes = 0;
  usage->counted_us = deps_.clock.monotonic_us();
  if (usage->rule.bytes_max == 0) {
    return deps_.storage.Scopes([&](const tg_scope& scope) {
      if (View(scope.model) == model) usage->items += scope.items;
      return true;
    });
  }
  tg_query query{};
  query.struct_size = sizeof query;
  query.model = Str(model);
  Result<std::string> end = deps_.storage.Query(query, [&](const tg_change& change) {
    ++usage->items;
    usage->bytes += StoredBytes(change);
    return true;
  });
  return end.ok() ? Status() : end.status();
}

// After a commit. The size of what is replaced or dropped is not known any more: the average stands for it, and
// everything is counted again before it matters.
void Quotas::NoteCommitted(const core::Effect& effect) {
  auto found = usage_.find(View(effect.change->model));
  if (found == usage_.end()) return;
  Usage& usage = found->second;
  bool was = effect.outcome.held_kind == TG_CHANGE_ITEM;
  bool purged = effect.outcome.seq == 0;
  if (!purged && was && Version::From(effect.outcome.held) == Version::From(effect.change->version)) return;
  bool is = !purged && effect.change->kind == TG_CHANGE_ITEM;
  if (was) {
    uint64_t average = usage.items == 0 ? 0 : usage.bytes / usage.items;
    usage.bytes -= std::min(usage.bytes, average);
    usage.items -= std::min<uint64_t>(usage.items, 1);
  }
  if (is) {
    ++usage.items;
    usage.bytes += StoredBytes(*effect.change);
  }
  if (usage.items == 0) usage.bytes = 0;
  moved_ = true;
}

void Quotas::NoteStaged(const tg_change& change) {
  if (change.kind != TG_CHANGE_ITEM) return;
  auto found = usage_.find(View(change.model));
  if (found == usage_.end()) return;
  ++found->second.staged_items;
  found->second.staged_bytes += StoredBytes(change);
}

// ---- no more room ----

void Quotas::Tell(const std::string& model, const Usage& usage) {
  news_.push_back({model, usage.direction, usage.held, usage.held ? NoRoomMessage(usage) : ""});
}

void Quotas::Stick(Usage* usage) { usage->stuck = moved_ = true; }

std::string Quotas::NoRoomMessage(const Usage& usage) const {
  bool items = usage.rule.items_max != 0 && usage.items + usage.staged_items >= usage.rule.items_max;
  return items
             ? "there are " + std::to_string(usage.rule.items_max) + " items here, as many as retain.items_max allows"
             : "there are " + std::to_string(usage.rule.bytes_max) + " bytes here, as many as retain.bytes_max allows";
}

void Quotas::HoldWhatIsFull() {
  for (auto& [model, usage] : usage_) {
    if (usage.drops && !usage.stuck) continue;
    if (usage.held || !usage.Full(usage.staged_items, usage.staged_bytes)) continue;
    usage.held = true;
    Tell(model, usage);
  }
}

bool Quotas::EndCommit() {
  for (auto& [model, usage] : usage_) usage.staged_items = usage.staged_bytes = 0;
  if (!std::exchange(moved_, false)) return false;
  int64_t now_us = deps_.clock.monotonic_us();
  bool over = false;
  for (auto& [model, usage] : usage_) {
    bool near = usage.Full(0, 0);
    if (near && usage.rule.bytes_max != 0 && now_us - usage.counted_us >= kRecountUs) {
      if (Status counted = CountModel(model, &usage); !counted.ok())
        deps_.log.Write(3, "cannot count " + model + ": " + counted.message());
    }
    over = over || (usage.drops && usage.Over());
    if (usage.held && usage.Roomy()) {
      usage.held = usage.stuck = false;
      Tell(model, usage);
    }
  }
  HoldWhatIsFull();
  return over;
}

Status Quotas::RoomFor(const replica::Transaction& transaction) const {
  auto catalog = deps_.catalog.Get();
  for (const replica::Write& write : transaction) {
    if (write.mode == replica::WriteMode::kUpdate || write.mode == replica::WriteMode::kRemove) continue;
    auto found = usage_.find(write.model);
    if (found == usage_.end() || (found->second.drops && !found->second.stuck)) continue;
    const Usage& usage = found->second;
    if (!usage.held && !usage.Full(usage.staged_items, usage.staged_bytes)) continue;
    const replica::ModelRule* rule = catalog->Find(write.model);
    if (rule == nullptr) continue;  // refused as unknown
    Result<ItemKey> key = KeyFromProperties(*rule->model, write.properties);
    bool exists = false;
    for (AgentId owner : {write.owner.value_or(write.to.value_or(options_.agent)), kAgentAll}) {
      if (!key.ok()) break;
      Status got = deps_.storage.Get({owner, Str(key->pk), Str(key->sk)}, [&](const tg_change& change) {
        exists = exists || change.kind == TG_CHANGE_ITEM;
        return false;
      });
      if (!got.ok() && got.code() != Code::kNotFound) return got;
    }
    if (!exists) {
      return Status::Full("no room for another " + write.model + ": " + NoRoomMessage(usage) +
                          "; it goes on when some are delivered and dropped, or removed");
    }
  }
  return {};
}

void Quotas::Show(NodeStatus* status) const {
  for (const auto& [model, usage] : usage_) {
    status->quotas.push_back({model, usage.items, usage.rule.items_max, usage.bytes, usage.rule.bytes_max,
                              WhenFullName(usage.rule.when_full), usage.held || usage.Full(0, 0)});
  }
}

}  // namespace tidegate::node
