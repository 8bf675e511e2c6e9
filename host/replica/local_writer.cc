#include "host/replica/local_writer.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "host/base/digest.h"
#include "host/base/views.h"
#include "host/core/expiry.h"
#include "host/replica/present.h"

namespace tidegate::replica {

// One write on its way into the stage.
struct LocalWriter::Staged {
  const ModelRule* rule = nullptr;
  EncodedItem own;                 // encoded here
  const EncodedItem* item = &own;  // or by a Preparer, in the submission
  Held held;
  bool looked = false;  // held was read: the put is conditional on exactly it
  uint8_t kind = TG_CHANGE_ITEM;
  WriteMode mode = WriteMode::kUpsert;
  AgentId owner = 0;
  uint64_t src = 0;
  uint64_t dst = 0;
  std::string removed;  // the item that a remove ends, as it is shown
};

LocalWriter::LocalWriter(const WriterOptions& options, core::Storage& storage, core::Stage& stage,
                         const CatalogHolder& catalog, const core::Policy& policy, core::Clock& clock,
                         core::Random& random, HybridClock& versions, core::Events* events)
    : options_(options),
      storage_(storage),
      stage_(stage),
      catalog_(catalog),
      policy_(policy),
      clock_(clock),
      versions_(versions),
      events_(events != nullptr && events->wants(core::Events::kChanging) ? events : nullptr),
      random_([&random] { return random.Next(); }),
      ulids_(random_) {}

LocalWriter::~LocalWriter() = default;

// Looking costs a read; a model written once, alone, does without: the commit's condition tells.
bool LocalWriter::Looks(const Transaction& transaction, const ModelRule* rule) const {
  return transaction.size() > 1 || looking_ || (rule != nullptr && !WritesWithoutLooking(*rule));
}

Status LocalWriter::Stage(Submission& submission) {
  const Transaction& transaction = submission.transaction;
  failed_at_ = 0;
  if (transaction.empty()) return Status::Invalid("a transaction needs at least one write");
  auto catalog = catalog_.Get();
  staged_.clear();
  staged_.reserve(transaction.size());
  std::map<std::tuple<AgentId, std::string_view, std::string_view>, size_t> keys;
  uint64_t bytes = 0;
  for (size_t i = 0; i < transaction.size(); ++i) {
    failed_at_ = i;
    Staged& one = staged_.emplace_back();  // stays where it is: there is room for all
    one.rule = catalog->Find(transaction[i].model);
    PreparedItem* prepared = submission.prepared.catalog == catalog ? &submission.prepared : nullptr;
    TG_RETURN_IF_ERROR(StageOne(transaction[i], prepared, Looks(transaction, one.rule), &one));
    bytes += one.item->body.size() + one.item->pk.size() + one.item->sk.size() + 64;
    if (bytes > options_.transaction_bytes_max) {
      return Status::Invalid("write " + std::to_string(i) + " brings the transaction to " + std::to_string(bytes) +
                             " bytes; limits.transaction_bytes_max is " +
                             std::to_string(options_.transaction_bytes_max));
    }
    if (transaction.size() == 1) break;
    auto [same, fresh] = keys.try_emplace({one.owner, one.item->pk, one.item->sk}, i);
    if (!fresh) {
      return Status::Invalid("writes " + std::to_string(same->second) + " and " + std::to_string(i) +
                             " of the transaction have the same key " + one.item->pk + " / " + one.item->sk);
    }
  }
  Fly(submission, std::move(catalog));
  return {};
}

Status LocalWriter::StageOne(const Write& write, PreparedItem* prepared, bool look, Staged* staged) {
  const ModelRule* rule = staged->rule;
  if (rule == nullptr) return Status::NotFound("no model '" + write.model + "' in the schemas of this node");
  if (rule->direction == TG_DIRECTION_DOWN && options_.role != TG_ROLE_SERVER) {
    return Status::Refused("model " + rule->name + " goes down: only the server writes it");
  }
  staged->mode = write.mode;
  if (write.mode == WriteMode::kUpdate || write.mode == WriteMode::kRemove) {
    TG_RETURN_IF_ERROR(FillEdit(*rule, write, staged));
  } else if (prepared != nullptr && !look) {
    staged->owner = prepared->owner;
    staged->src = options_.agent;
    staged->dst = prepared->dst;
    staged->item = &prepared->item;
  } else {
    TG_RETURN_IF_ERROR(FillItem(*rule, write, look, staged));
  }
  uint64_t bytes = staged->item->body.size() + staged->item->pk.size() + staged->item->sk.size();
  if (bytes > options_.item_bytes_max) {
    return Status::Invalid("the " + rule->name + " item has " + std::to_string(bytes) +
                           " bytes; limits.item_bytes_max is " + std::to_string(options_.item_bytes_max));
  }
  tg_change probe{};
  probe.struct_size = sizeof probe;
  probe.kind = staged->kind;
  probe.direction = static_cast<uint8_t>(rule->direction);
  probe.model = Str(rule->name);
  probe.key = {staged->owner, Str(staged->item->pk), Str(staged->item->sk)};
  probe.src = staged->src;
  probe.dst = staged->dst;
  probe.body = Bytes(staged->item->body);
  TG_RETURN_IF_ERROR(policy_.Accept({options_.role, options_.agent}, probe));
  if (events_ == nullptr) return {};
  probe.dst = staged->dst;
  probe.expires_ms = staged->item->expires_ms;
  return events_->Changing({sizeof(tg_change_event), 0, 0, &probe});
}

// The held state of a key: of the named owner, else the own one first, then that of 0.
Result<LocalWriter::Held> LocalWriter::Look(const ModelRule& rule, const Write& write, const ItemKey& key) {
  TG_ASSIGN_OR_RETURN(AgentId named, OwnerOfNew(options_, rule, write));
  std::vector<AgentId> owners = {named};
  if (!write.owner && !write.to) owners = {options_.agent, kAgentAll};
  if (rule.direction == TG_DIRECTION_UP || rule.direction == TG_DIRECTION_NONE) owners = {options_.agent};
  Held found;
  for (AgentId owner : owners) {
    tg_key row{owner, Str(key.pk), Str(key.sk)};
    if (stage_.Touches(row)) return Status::Unavailable("the key is being written");
    Held held;
    std::string other;
    Status status = storage_.Get(row, [&](const tg_change& change) {
      held.present = true;
      held.live = change.kind == TG_CHANGE_ITEM && !core::IsExpired(change, clock_.expiry_ms());
      held.version = Version::From(change.version);
      held.owner = owner;
      held.src = change.src;
      held.dst = change.dst;
      held.kind = change.kind;
      held.body = View(change.body);
      held.policy_meta = View(change.policy_meta);
      if (held.live && View(change.model) != rule.name) other = View(change.model);
      return true;
    });
    if (!status.ok() && status.code() != Code::kNotFound) return status;
    if (!other.empty()) {
      return Status::Conflict("the key " + key.pk + " / " + key.sk + " is that of a " + other + " item, not of a " +
                              rule.name);
    }
    if (held.live) return held;
    if (held.present && owner == named) found = held;
  }
  if (!found.present) found.owner = named;
  return found;
}

Status LocalWriter::FillItem(const ModelRule& rule, const Write& write, bool look, Staged* staged) {
  TG_ASSIGN_OR_RETURN(staged->owner, OwnerOfNew(options_, rule, write));
  staged->src = options_.agent;
  ItemContext context;
  context.now_ms = clock_.unix_ms();
  context.ulid = &ulids_;
  context.random = &random_;
  context.properties = options_.context_json;
  if (look) {
    // The key may hang on generated values: then it is new, and found only after encoding.
    Result<ItemKey> key = KeyFromProperties(*rule.model, write.properties, {options_.context_json, true});
    if (key.ok()) {
      TG_ASSIGN_OR_RETURN(staged->held, Look(rule, write, key.value()));
      staged->looked = true;
      staged->owner = staged->held.owner;
      if (staged->held.live) staged->src = staged->held.src;
    }
  }
  staged->dst = AddresseeOfNew(options_, rule, staged->owner);
  if (staged->held.live) staged->dst = staged->held.dst;
  context.envelope = {staged->src, staged->dst, staged->owner};
  if (staged->held.live && write.mode == WriteMode::kUpsert) context.held_body = staged->held.body;
  bool create = write.mode == WriteMode::kCreate;
  TG_ASSIGN_OR_RETURN(staged->own,
                      Encode(*rule.model, write.properties, create ? PutMode::kCreate : PutMode::kUpsert, context));
  if (look && !staged->looked) {
    TG_ASSIGN_OR_RETURN(staged->held, Look(rule, write, {staged->own.pk, staged->own.sk}));
    staged->looked = true;
    staged->owner = staged->held.owner;
  }
  if (create && staged->looked && staged->held.live) {
    return Status::Conflict(rule.name + " " + staged->own.pk + " / " + staged->own.sk + " exists; update or upsert it");
  }
  return {};
}

Status LocalWriter::FillEdit(const ModelRule& rule, const Write& write, Staged* staged) {
  TG_ASSIGN_OR_RETURN(ItemKey key, KeyFromProperties(*rule.model, write.properties, {options_.context_json, false}));
  TG_ASSIGN_OR_RETURN(staged->held, Look(rule, write, key));
  staged->looked = true;
  if (!staged->held.live) return Status::NotFound("no " + rule.name + " with key " + key.pk + " / " + key.sk);
  staged->owner = staged->held.owner;
  staged->src = staged->held.src;
  staged->dst = staged->held.dst;
  if (write.mode == WriteMode::kRemove) {
    staged->kind = TG_CHANGE_TOMBSTONE;
    staged->own.pk = key.pk;
    staged->own.sk = key.sk;
    if (write.answer_item) staged->removed = ShowHeld(rule, key, staged->held);
    return {};
  }
  ItemContext context;
  context.now_ms = clock_.unix_ms();
  context.ulid = &ulids_;
  context.random = &random_;
  context.envelope = {staged->src, staged->dst, staged->owner};
  TG_ASSIGN_OR_RETURN(staged->own, Update(*rule.model, staged->held.body, write.properties, context));
  if (staged->own.pk != key.pk || staged->own.sk != key.sk) {
    return Status::Invalid("the update changes the key of " + rule.name + " " + key.pk + " / " + key.sk +
                           "; remove the item and create the new one");
  }
  return {};
}

std::string LocalWriter::ShowHeld(const ModelRule& rule, const ItemKey& key, const Held& held) const {
  tg_change change{};
  change.struct_size = sizeof change;
  change.kind = TG_CHANGE_ITEM;
  change.model = Str(rule.name);
  change.key = {held.owner, Str(key.pk), Str(key.sk)};
  change.src = held.src;
  change.dst = held.dst;
  change.version = held.version.To();
  change.body = Bytes(held.body);
  return PresentChange(*catalog_.Get(), change, false);
}

// The change. What a Preparer encoded is shown in place; what was encoded here is copied to the stage's arena.
tg_change LocalWriter::MakeChange(const Staged& staged, uint8_t lane) {
  core::ChangeArena& arena = stage_.arena();
  bool copied = staged.item == &staged.own;
  auto keep = [&](auto view) { return copied ? arena.Copy(view) : view; };
  const EncodedItem& item = *staged.item;
  tg_change change{};
  change.struct_size = sizeof change;
  change.kind = staged.kind;
  change.direction = static_cast<uint8_t>(staged.rule->direction);
  change.lane = lane;
  change.model = keep(Str(staged.rule->name));
  change.key = {staged.owner, keep(Str(item.pk)), keep(Str(item.sk))};
  change.src = staged.src;
  change.dst = staged.dst;
  change.version =
      Version{versions_.Tick(clock_.unix_ms(), staged.held.version.hlc), options_.agent, storage_.epoch()}.To();
  change.expires_ms = item.expires_ms;
  change.body = keep(Bytes(item.body));
  tg_index_key* keys = arena.IndexKeys(item.index_keys.size());
  for (size_t i = 0; i < item.index_keys.size(); ++i) {
    const IndexKey& key = item.index_keys[i];
    keys[i] = {keep(Str(key.index)), keep(Str(key.hash)), keep(Str(key.sort))};
  }
  change.index_keys = keys;
  change.index_key_count = static_cast<uint32_t>(item.index_keys.size());
  if (staged.rule->merge) StampFields(staged.held, &change);
  change.digest = ChangeDigest(change);
  return change;
}

// What a join needs to know of this write later.
void LocalWriter::StampFields(const Held& held, tg_change* change) {
  tg_change before = *change;
  before.kind = held.kind;
  before.version = held.version.To();
  before.body = Bytes(held.body);
  before.policy_meta = Bytes(held.policy_meta);
  bool known = held.present && held.kind != TG_CHANGE_EVICT;
  auto meta = policy_.Stamp({options_.role, options_.agent}, known ? &before : nullptr, *change);
  if (meta) change->policy_meta = stage_.arena().Copy(Bytes(*meta));
}

void LocalWriter::Fly(Submission& submission, std::shared_ptr<const Catalog> catalog) {
  uint32_t lane = TG_LANE_COUNT - 1;  // a transaction takes its most urgent item's lane
  for (const Staged& one : staged_) lane = std::min(lane, one.rule->lane);
  const Transaction& transaction = submission.transaction;
  bool wanted = std::any_of(transaction.begin(), transaction.end(), [](const Write& w) { return w.answer_item; });
  bool guessed = false;
  std::map<size_t, std::string> removed;
  stage_.Begin();
  for (Staged& one : staged_) {
    if (!one.removed.empty()) removed[static_cast<size_t>(&one - staged_.data())] = std::move(one.removed);
    tg_change change = MakeChange(one, static_cast<uint8_t>(lane));
    if (one.looked) {
      stage_.Put(change, TG_IF_VERSION, one.held.version);
      if (over_ && one.held.present && one.rule->direction == TG_DIRECTION_NONE) over_(change, one.held.version);
    } else {
      guessed = true;
      stage_.Put(change, TG_IF_VERSION, {});  // the guess: the key holds nothing
    }
  }
  staged_.clear();
  flying_.push_back({&submission, guessed, wanted ? std::move(catalog) : nullptr, std::move(removed)});
  // One word: it needs no memory of its own.
  stage_.End([this](const Status& status, std::span<const core::Effect> effects) { Land(status, effects); });
}

// Groups land in the order they were staged.
void LocalWriter::Land(const Status& status, std::span<const core::Effect> effects) {
  Flying flight = std::move(flying_.front());
  flying_.pop_front();
  bool applied = std::all_of(effects.begin(), effects.end(), [](const core::Effect& e) { return e.applied(); });
  if (status.ok() && !applied && flight.guessed) {
    retries_.push_back(flight.submission);
    return;
  }
  WriteAnswer answer;
  answer.status = status;
  if (status.ok() && !applied) answer.status = Status::Internal("the item changed under the writer");
  if (answer.status.ok() && flight.catalog != nullptr) {
    const Transaction& transaction = flight.submission->transaction;
    for (size_t i = 0; i < effects.size(); ++i) {
      Written& written = answer.written.emplace_back();
      written.seq = effects[i].outcome.seq;
      if (!transaction[i].answer_item) continue;
      auto removed = flight.removed.find(i);
      written.item = removed != flight.removed.end() ? std::move(removed->second)
                                                     : PresentChange(*flight.catalog, *effects[i].change, false);
    }
  }
  flight.submission->done(std::move(answer));
}

}  // namespace tidegate::replica
