#include "host/replica/local_writer.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "host/base/digest.h"
#include "host/base/views.h"
#include "host/replica/present.h"

namespace tidegate::replica {

// One write on its way into the stage.
struct LocalWriter::Staged {
  const ModelRule* rule = nullptr;
  EncodedItem item;
  Held held;
  bool looked = false;  // held was read: the put is conditional on exactly it
  uint8_t kind = TG_CHANGE_ITEM;
  WriteMode mode = WriteMode::kUpsert;
  AgentId owner = 0;
  uint64_t src = 0;
  uint64_t dst = 0;
  bool answer_item = true;
};

LocalWriter::LocalWriter(const WriterOptions& options, core::Storage& storage, core::Stage& stage,
                         const CatalogHolder& catalog, const core::Policy& policy, core::Clock& clock,
                         core::Random& random, HybridClock& versions)
    : options_(options),
      storage_(storage),
      stage_(stage),
      catalog_(catalog),
      policy_(policy),
      clock_(clock),
      versions_(versions),
      random_([&random] { return random.Next(); }),
      ulids_(random_),
      epoch_(storage.epoch()) {}

Status LocalWriter::StageTransaction(Transaction& transaction, const WriteDone& done) {
  failed_at_ = 0;
  if (transaction.empty()) return Status::Invalid("a transaction needs at least one write");
  auto catalog = catalog_.Get();
  std::vector<Staged> staged(transaction.size());
  std::map<std::tuple<AgentId, std::string_view, std::string_view>, size_t> keys;
  uint64_t bytes = 0;
  for (size_t i = 0; i < transaction.size(); ++i) {
    failed_at_ = i;
    const Write& write = transaction[i];
    const ModelRule* rule = catalog->Find(write.model);
    // Looking costs a read; a model written once, alone, does without: the commit's condition tells.
    bool look = transaction.size() > 1 || looking_ || (rule != nullptr && rule->lane < TG_LANE_HISTORY) ||
                (rule != nullptr && rule->direction == TG_DIRECTION_BOTH);
    TG_RETURN_IF_ERROR(StageOne(*catalog, write, look, &staged[i]));
    bytes += staged[i].item.body.size() + staged[i].item.pk.size() + staged[i].item.sk.size() + 64;
    if (bytes > options_.transaction_bytes_max) {
      return Status::Invalid("write " + std::to_string(i) + " brings the transaction to " + std::to_string(bytes) +
                             " bytes; limits.transaction_bytes_max is " +
                             std::to_string(options_.transaction_bytes_max));
    }
    if (transaction.size() == 1) break;
    const Staged& one = staged[i];  // stays where it is: staged has its size
    auto [same, fresh] = keys.try_emplace({one.owner, one.item.pk, one.item.sk}, i);
    if (!fresh) {
      return Status::Invalid("writes " + std::to_string(same->second) + " and " + std::to_string(i) +
                             " of the transaction have the same key " + one.item.pk + " / " + one.item.sk);
    }
  }
  Commit(transaction, std::move(staged), done);
  return {};
}

Status LocalWriter::StageOne(const Catalog& catalog, const Write& write, bool look, Staged* staged) {
  const ModelRule* rule = catalog.Find(write.model);
  if (rule == nullptr) return Status::NotFound("no model '" + write.model + "' in the schemas of this node");
  if (rule->direction == TG_DIRECTION_DOWN && options_.role != TG_ROLE_SERVER) {
    return Status::Refused("model " + rule->name + " goes down: only the server writes it");
  }
  staged->rule = rule;
  staged->mode = write.mode;
  staged->answer_item = write.answer_item;
  bool edit = write.mode == WriteMode::kUpdate || write.mode == WriteMode::kRemove;
  TG_RETURN_IF_ERROR(edit ? FillEdit(*rule, write, staged) : FillItem(*rule, write, look, staged));
  uint64_t bytes = staged->item.body.size() + staged->item.pk.size() + staged->item.sk.size();
  if (bytes > options_.item_bytes_max) {
    return Status::Invalid("the " + rule->name + " item has " + std::to_string(bytes) +
                           " bytes; limits.item_bytes_max is " + std::to_string(options_.item_bytes_max));
  }
  tg_change probe{};
  probe.struct_size = sizeof probe;
  probe.kind = staged->kind;
  probe.direction = static_cast<uint8_t>(rule->direction);
  probe.model = Str(rule->name);
  probe.key = {staged->owner, Str(staged->item.pk), Str(staged->item.sk)};
  probe.src = staged->src;
  probe.dst = staged->dst;
  probe.body = Bytes(staged->item.body);
  return policy_.Accept({options_.role, options_.agent}, probe);
}

Result<AgentId> LocalWriter::NewOwner(const ModelRule& rule, const Write& write) const {
  bool server = options_.role == TG_ROLE_SERVER;
  if (write.to && !server) return Status::Refused("only the server addresses items; leave the addressee out");
  if (write.to && write.owner && *write.to != *write.owner) {
    return Status::Invalid("owner and addressee differ; a down item belongs to its addressee");
  }
  switch (rule.direction) {
    case TG_DIRECTION_DOWN:
      return write.to ? *write.to : write.owner.value_or(kAgentAll);
    case TG_DIRECTION_BOTH:
      if (write.to) return *write.to;
      if (options_.role == TG_ROLE_DEVICE && write.owner && *write.owner != options_.agent &&
          *write.owner != kAgentAll) {
        return Status::Refused("an item of agent " + std::to_string(*write.owner) +
                               " is written at that agent or above it, not at this device");
      }
      return write.owner.value_or(server ? kAgentAll : options_.agent);
    default:
      if (write.owner.value_or(options_.agent) != options_.agent) {
        return Status::Refused("model " + rule.name + " is written by its owner only, and that is agent " +
                               std::to_string(*write.owner) + ", not this node");
      }
      if (write.to) return Status::Refused("model " + rule.name + " does not go down: it has no addressee");
      return options_.agent;
  }
}

// The held state of a key: of the named owner, else the own one first, then that of 0.
Result<LocalWriter::Held> LocalWriter::Look(const ModelRule& rule, const Write& write, const ItemKey& key) {
  TG_ASSIGN_OR_RETURN(AgentId named, NewOwner(rule, write));
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
      held.live = change.kind == TG_CHANGE_ITEM && (change.expires_ms == 0 || change.expires_ms > clock_.unix_ms());
      held.version = Version::From(change.version);
      held.owner = owner;
      held.src = change.src;
      held.dst = change.dst;
      held.body = View(change.body);
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
  TG_ASSIGN_OR_RETURN(staged->owner, NewOwner(rule, write));
  staged->src = options_.agent;
  ItemContext context;
  context.now_ms = clock_.unix_ms();
  context.ulid = &ulids_;
  context.random = &random_;
  context.properties = options_.context_json;
  if (look) {
    // The key may hang on generated values: then it is new, and found only after encoding.
    Result<ItemKey> key = KeyFromProperties(*rule.model, write.properties);
    if (key.ok()) {
      TG_ASSIGN_OR_RETURN(staged->held, Look(rule, write, key.value()));
      staged->looked = true;
      staged->owner = staged->held.owner;
      if (staged->held.live) staged->src = staged->held.src;
    }
  }
  bool to_server =
      rule.direction == TG_DIRECTION_UP || (rule.direction == TG_DIRECTION_BOTH && options_.role != TG_ROLE_SERVER);
  staged->dst = to_server ? kAgentServer : staged->owner;
  if (staged->held.live) staged->dst = staged->held.dst;
  context.envelope = {staged->src, staged->dst, staged->owner};
  if (staged->held.live && write.mode == WriteMode::kUpsert) context.held_body = staged->held.body;
  bool create = write.mode == WriteMode::kCreate;
  TG_ASSIGN_OR_RETURN(staged->item,
                      Encode(*rule.model, write.properties, create ? PutMode::kCreate : PutMode::kUpsert, context));
  if (look && !staged->looked) {
    TG_ASSIGN_OR_RETURN(staged->held, Look(rule, write, {staged->item.pk, staged->item.sk}));
    staged->looked = true;
    staged->owner = staged->held.owner;
  }
  if (create && staged->looked && staged->held.live) {
    return Status::Conflict(rule.name + " " + staged->item.pk + " / " + staged->item.sk +
                            " exists; update or upsert it");
  }
  return {};
}

Status LocalWriter::FillEdit(const ModelRule& rule, const Write& write, Staged* staged) {
  TG_ASSIGN_OR_RETURN(ItemKey key, KeyFromProperties(*rule.model, write.properties));
  TG_ASSIGN_OR_RETURN(staged->held, Look(rule, write, key));
  staged->looked = true;
  if (!staged->held.live) return Status::NotFound("no " + rule.name + " with key " + key.pk + " / " + key.sk);
  staged->owner = staged->held.owner;
  staged->src = staged->held.src;
  staged->dst = staged->held.dst;
  if (write.mode == WriteMode::kRemove) {
    staged->kind = TG_CHANGE_TOMBSTONE;
    staged->item.pk = key.pk;
    staged->item.sk = key.sk;
    return {};
  }
  ItemContext context;
  context.now_ms = clock_.unix_ms();
  context.ulid = &ulids_;
  context.random = &random_;
  context.envelope = {staged->src, staged->dst, staged->owner};
  TG_ASSIGN_OR_RETURN(staged->item, Update(*rule.model, staged->held.body, write.properties, context));
  if (staged->item.pk != key.pk || staged->item.sk != key.sk) {
    return Status::Invalid("the update changes the key of " + rule.name + " " + key.pk + " / " + key.sk +
                           "; remove the item and create the new one");
  }
  return {};
}

// The change, with its texts in the stage's arena.
tg_change LocalWriter::MakeChange(const ModelRule& rule, const Staged& staged, uint8_t lane) {
  core::ChangeArena& arena = stage_.arena();
  tg_change change{};
  change.struct_size = sizeof change;
  change.kind = staged.kind;
  change.direction = static_cast<uint8_t>(rule.direction);
  change.lane = lane;
  change.model = arena.Copy(Str(rule.name));
  change.key = {staged.owner, arena.Copy(Str(staged.item.pk)), arena.Copy(Str(staged.item.sk))};
  change.src = staged.src;
  change.dst = staged.dst;
  change.version = Version{versions_.Tick(clock_.unix_ms(), staged.held.version.hlc), options_.agent, epoch_}.To();
  change.expires_ms = staged.item.expires_ms;
  change.body = arena.Copy(Bytes(staged.item.body));
  tg_index_key* keys = arena.IndexKeys(staged.item.index_keys.size());
  for (size_t i = 0; i < staged.item.index_keys.size(); ++i) {
    const IndexKey& key = staged.item.index_keys[i];
    keys[i] = {arena.Copy(Str(key.index)), arena.Copy(Str(key.hash)), arena.Copy(Str(key.sort))};
  }
  change.index_keys = keys;
  change.index_key_count = static_cast<uint32_t>(staged.item.index_keys.size());
  change.digest = ChangeDigest(change);
  return change;
}

void LocalWriter::Commit(Transaction& transaction, std::vector<Staged> staged, const WriteDone& done) {
  uint32_t lane = TG_LANE_COUNT - 1;  // a transaction takes its most urgent item's lane
  for (const Staged& one : staged) lane = std::min(lane, one.rule->lane);
  stage_.Begin();
  bool guessed = false;
  std::vector<bool> answer_item;
  for (const Staged& one : staged) {
    tg_change change = MakeChange(*one.rule, one, static_cast<uint8_t>(lane));
    answer_item.push_back(one.answer_item);
    if (one.looked) {
      stage_.Put(change, TG_IF_VERSION, one.held.version);
    } else {
      guessed = true;
      bool create = one.mode == WriteMode::kCreate;
      stage_.Put(change, create ? TG_IF_VERSION : TG_IF_NEWER, {});
    }
  }
  // Only a guess may have to be written again, so only then the transaction is kept.
  Transaction kept = guessed ? std::move(transaction) : Transaction();
  stage_.End([this, done, guessed, kept = std::move(kept), answer_item = std::move(answer_item),
              catalog = catalog_.Get()](const Status& status, std::span<const core::Effect> effects) {
    WriteAnswer answer;
    answer.status = status;
    bool applied = std::all_of(effects.begin(), effects.end(), [](const core::Effect& e) { return e.applied(); });
    if (status.ok() && !applied && guessed) {
      retries_.push_back({kept, done});
      return;
    }
    if (status.ok() && !applied) answer.status = Status::Internal("the item changed under the writer");
    if (answer.status.ok()) {
      for (size_t i = 0; i < effects.size(); ++i) {
        const core::Effect& effect = effects[i];
        Written& written = answer.written.emplace_back();
        written.seq = effect.outcome.seq;
        if (answer_item[i]) written.item = PresentChange(*catalog, *effect.change, false);
      }
    }
    done(std::move(answer));
  });
}

}  // namespace tidegate::replica
