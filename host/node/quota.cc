// Quotas: how much of a model is stored here, and who waits when there is no more room (docs/replication.md,
// "Retention").
#include <algorithm>
#include <utility>

#include "host/base/views.h"
#include "host/node/impl.h"

namespace tidegate::node {
namespace {

constexpr int64_t kRecountUs = 10'000'000;

uint64_t SizeOf(const tg_change& change) { return change.body.size + change.key.pk.size + change.key.sk.size; }

}  // namespace

// ---- usage ----

bool Node::Impl::Usage::Over() const {
  return (rule.items_max != 0 && items > rule.items_max) || (rule.bytes_max != 0 && bytes > rule.bytes_max);
}

// No room for one more. staged: what the next commit brings.
bool Node::Impl::Usage::Full(uint64_t more_items, uint64_t more_bytes) const {
  return (rule.items_max != 0 && items + more_items >= rule.items_max) ||
         (rule.bytes_max != 0 && bytes + more_bytes >= rule.bytes_max);
}

// An eighth is free again: a hold that ends must be worth the while.
bool Node::Impl::Usage::Roomy() const {
  bool items_fit = rule.items_max == 0 || items * 8 < rule.items_max * 7;
  bool bytes_fit = rule.bytes_max == 0 || bytes * 8 < rule.bytes_max * 7;
  return items_fit && bytes_fit;
}

// What the models with limits hold, counted anew.
Status Node::Impl::CountUsage() {
  auto catalog = deps_.catalog.Get();
  std::map<std::string, Usage, std::less<>> usage;
  drops_at_ = {};
  aged_.clear();
  for (const replica::ModelRule& rule : catalog->rules()) {
    const tg_retain& retain = rule.retain;
    if (rule.direction == TG_DIRECTION_UP) {
      // The server is where it goes to: there nothing waits for a further delivery.
      if (retain.drop_when_delivered != 0 && options_.role != TG_ROLE_SERVER)
        drops_at_[retain.drop_when_delivered - 1] = true;
      if (retain.age_ms_max != 0) aged_[rule.name] = {};
    }
    if (retain.items_max == 0 && retain.bytes_max == 0) continue;
    Usage& one = usage[rule.name];
    one.rule = retain;
    one.lane = rule.lane;
    one.direction = rule.direction;
    one.drops = rule.direction == TG_DIRECTION_UP && retain.when_full != TG_WHEN_FULL_REFUSE;
    if (auto known = usage_.find(rule.name); known != usage_.end()) one.held = known->second.held;
  }
  if (options_.role != TG_ROLE_SERVER)
    for (const ClearOnAck& clear : options_.clear_on_ack) drops_at_[clear.at_hop ? 0 : 1] = true;
  for (auto& [model, one] : usage) TG_RETURN_IF_ERROR(CountModel(model, &one));
  for (const auto& [model, one] : usage_) {
    if (one.held && !usage.contains(model)) HoldForRoom(model, one.direction, false, "");
  }
  usage_ = std::move(usage);
  retained_ = {};
  usage_moved_ = true;
  retains_ = drops_at_[0] || drops_at_[1] || !aged_.empty();
  retain_due_ = retains_ || !usage_.empty();
  return {};
}

Status Node::Impl::CountModel(const std::string& model, Usage* usage) {
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
    usage->bytes += SizeOf(change);
    return true;
  });
  return end.ok() ? Status() : end.status();
}

// After a commit. The size of what is replaced or dropped is not known any more: the average stands for it, and
// everything is counted again before it matters.
void Node::Impl::NoteUsage(const core::Effect& effect) {
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
    usage.bytes += SizeOf(*effect.change);
  }
  if (usage.items == 0) usage.bytes = 0;
  usage_moved_ = true;
}

void Node::Impl::NoteStaged(const tg_change& change) {
  if (change.kind != TG_CHANGE_ITEM) return;
  auto found = usage_.find(View(change.model));
  if (found == usage_.end()) return;
  ++found->second.staged_items;
  found->second.staged_bytes += SizeOf(change);
}

// ---- no more room ----

// A quota is of the node: whoever sends the model waits.
void Node::Impl::HoldForRoom(const std::string& model, uint32_t direction, bool hold, const std::string& message) {
  quota_news_ = true;
  deps_.log.Write(6, "model " + model + (hold ? " waits: " + message : " has room again"));
  for (const auto& [agent, link] : links_.all()) {
    if ((direction & (link->is_parent() ? TG_DIRECTION_DOWN : TG_DIRECTION_UP)) == 0) continue;
    if (hold) {
      HoldModel(link.get(), model, wire::HoldReason::kQuota, message);
    } else if (const auto* entry = link->holds.Find(model);
               entry != nullptr && entry->record.hold.reason == wire::HoldReason::kQuota) {
      link->holds.End(model);
      holds_ending_.insert(agent);
    }
  }
}

std::string Node::Impl::NoRoomMessage(const Usage& usage) const {
  bool items = usage.rule.items_max != 0 && usage.items + usage.staged_items >= usage.rule.items_max;
  return items
             ? "there are " + std::to_string(usage.rule.items_max) + " items here, as many as retain.items_max allows"
             : "there are " + std::to_string(usage.rule.bytes_max) + " bytes here, as many as retain.bytes_max allows";
}

// A batch is taken whole: what would not fit any more waits from here on. Holds only ever begin here.
void Node::Impl::HoldWhatIsFull() {
  for (auto& [model, usage] : usage_) {
    if (usage.drops && !usage.stuck) continue;
    if (usage.held || !usage.Full(usage.staged_items, usage.staged_bytes)) continue;
    usage.held = true;
    HoldForRoom(model, usage.direction, true, NoRoomMessage(usage));
  }
}

// After a commit.
void Node::Impl::UpdateQuotas() {
  for (auto& [model, usage] : usage_) usage.staged_items = usage.staged_bytes = 0;
  if (!usage_moved_) return;
  usage_moved_ = false;
  int64_t now_us = deps_.clock.monotonic_us();
  for (auto& [model, usage] : usage_) {
    bool near = usage.Full(0, 0);
    if (near && usage.rule.bytes_max != 0 && now_us - usage.counted_us >= kRecountUs) {
      if (Status counted = CountModel(model, &usage); !counted.ok())
        deps_.log.Write(3, "cannot count " + model + ": " + counted.message());
    }
    if (usage.drops && usage.Over()) retain_due_ = true;
    if (usage.held && usage.Roomy()) {
      usage.held = usage.stuck = false;
      HoldForRoom(model, usage.direction, false, "");
    }
  }
  HoldWhatIsFull();
  if (!std::exchange(quota_news_, false)) return;
  for (const auto& [agent, link] : links_.all()) StageHolds(link.get());
}

// A child that comes finds the holds of the moment.
void Node::Impl::ApplyQuotas(sync::Link* link) {
  for (const auto& [model, usage] : usage_) {
    bool comes = (usage.direction & (link->is_parent() ? TG_DIRECTION_DOWN : TG_DIRECTION_UP)) != 0;
    if (usage.held && comes) HoldModel(link, model, wire::HoldReason::kQuota, NoRoomMessage(usage));
  }
  std::vector<std::string> over;
  for (const auto& [model, entry] : link->holds.entries()) {
    if (entry.record.hold.reason != wire::HoldReason::kQuota) continue;
    auto usage = usage_.find(model);
    if (usage == usage_.end() || !usage->second.held) over.push_back(model);
  }
  for (const std::string& model : over) link->holds.End(model);
  if (!over.empty()) holds_ending_.insert(link->agent());
}

// Back-pressure ends at the program that writes: something new finds no room, an edit or a removal does.
Status Node::Impl::RoomFor(const replica::Transaction& transaction) const {
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

}  // namespace tidegate::node
