#include "tests/sim/oracle.h"

#include <algorithm>
#include <charconv>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"
#include "host/sync/routes.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/world.h"

namespace tidegate::sim {
namespace {

uint64_t TagOf(std::string_view body) {
  constexpr std::string_view kName = "\"n\":";
  const size_t at = body.find(kName);
  uint64_t tag = 0;
  if (at != std::string_view::npos) std::from_chars(body.data() + at + kName.size(), body.data() + body.size(), tag);
  return tag;
}

size_t TextSizeOf(std::string_view body) {
  constexpr std::string_view kName = "\"text\":\"";
  const size_t at = body.find(kName);
  return at == std::string_view::npos ? 0 : body.find('"', at + kName.size()) - at - kName.size();
}

bool CountsLoss(const tg_group& group) {
  return std::any_of(group.mutations, group.mutations + group.count, [](const tg_mutation& mutation) {
    return mutation.op == TG_OP_META_PUT && View(mutation.meta_key).starts_with(sync::meta::kLostPrefix);
  });
}

const tg_mutation& MutationAt(const tg_group& group, uint64_t index) { return group.mutations[index]; }

}  // namespace

std::string KeyText(const tg_key& key) {
  std::string text = std::to_string(key.owner);
  text += '|';
  text += View(key.pk);
  text += '|';
  text += View(key.sk);
  return text;
}

tg_key KeyOf(const std::string& text, AgentId owner) {
  const size_t pk = text.find('|') + 1, sk = text.rfind('|') + 1;
  const std::string_view view = text;
  return {owner, Str(view.substr(pk, sk - 1 - pk)), Str(view.substr(sk))};
}

std::string Describe(const tg_change& change) {
  const char* kinds[] = {"?", "item", "tombstone", "evict"};
  return std::string(kinds[change.kind & 3]) + " " + std::string(View(change.model)) + " " + KeyText(change.key) + " " +
         Version::From(change.version).ToText();
}

uint64_t StateHash(const tg_change& change) {
  const ModelTruth* model = FindModel(View(change.model));
  if (model == nullptr || !model->joined) return HashText(View(change.body));
  return HashText(std::string(View(change.body)) + '\n' + std::string(View(change.policy_meta)));
}

std::optional<HeldState> Held(const SimNode& node, const tg_key& key) {
  std::optional<HeldState> held;
  Status status = node.truth().Get(key, [&](const tg_change& change) {
    held = HeldState{change.kind,      Version::From(change.version), change.via, change.seq, change.run_first,
                     StateHash(change)};
    return false;
  });
  (void)status.ok();  // not found: nothing is held
  return held;
}

bool KnowsBelow(const SimNode& node, AgentId owner) {
  bool knows = owner == node.agent();
  const std::string end = "/" + std::to_string(owner);
  (void)node.truth().MetaScan(sync::Routes::kKeyPrefix, [&](std::string_view key, std::string_view) {
    knows = knows || key.ends_with(end);
    return !knows;
  });
  return knows;
}

void Oracle::Fail(const SimNode& node, const std::string& what, const tg_change& change) {
  world_.Fail("node " + std::to_string(node.agent()) + ": " + what + ": " + Describe(change));
}

void Oracle::Started(SimNode& node) { Stepped(node); }

void Oracle::Stepped(const SimNode& node) {
  Known& known = known_[node.agent()];
  known.issued_before = known.issued;
}

void Oracle::Replaced(SimNode& node) {
  replaced_nodes_.insert(node.agent());
  known_[node.agent()] = {};
  left_.clear();
}

// Written by a life of the node that it has forgotten; of what goes up or stays nobody brings it back.
bool Oracle::IsForgotten(const SimNode& node, const Written& written) const {
  const ModelTruth* model = FindModel(written.model);
  return replaced_nodes_.contains(node.agent()) && written.owner == node.agent() && model != nullptr &&
         (model->direction & TG_DIRECTION_DOWN) == 0;
}

// What nobody holds any more, and is newer than what is written now.
void Oracle::Forget(const std::string& key, const Version& version) {
  for (auto& [of, written] : states_[key])
    if (version < of && !IsSomewhere(key, of)) written.lost = true;
}

void Oracle::Durable(SimNode& node, std::span<const tg_group> groups, std::span<const tg_outcome> outcomes) {
  std::vector<uint64_t> transaction(groups.size(), 0);
  std::vector<const tg_change*> came;
  for (const tg_outcome& outcome : outcomes) {
    const tg_mutation& mutation = MutationAt(groups[outcome.group], outcome.mutation);
    if (outcome.result != TG_OUTCOME_APPLIED) continue;
    const tg_change& change = *mutation.change;
    if (mutation.op == TG_OP_PURGE && outcome.held_kind == TG_CHANGE_TOMBSTONE) {
      purged_ = true;
      purged_hlc_ = std::max(purged_hlc_, change.version.hlc);
    }
    const ModelTruth* of = FindModel(View(change.model));
    if (mutation.op == TG_OP_PURGE && of != nullptr && of->joined) LosesJoined(node, change, outcome);
    const bool away = change.key.owner != kAgentAll && !KnowsBelow(node, change.key.owner);
    if (mutation.op == TG_OP_PURGE && outcome.held_kind == TG_CHANGE_ITEM && of != nullptr && of->changing &&
        !(away && leftovers_)) {
      Evicted(node, change);
      continue;
    }
    if (mutation.op == TG_OP_PURGE && away) {
      // What is left of a child that has moved away goes without a trace; older leftovers may still pass by.
      known_[node.agent()].newest.erase(KeyText(change.key));
      continue;
    }
    if (mutation.op == TG_OP_PURGE && outcome.held_kind == TG_CHANGE_TOMBSTONE) {
      Purged(node, change);
      continue;
    }
    if (mutation.op == TG_OP_PURGE) {
      const Written* held = Find(KeyText(change.key), Version::From(outcome.held));
      const bool ended = held != nullptr && held->kind == TG_CHANGE_ITEM && held->expires_ms != 0 &&
                         held->expires_ms <= node.clock().unix_ms() - world_.options().node.clock_drift_ms_max;
      if (held != nullptr && held->expires_ms != 0 && (ended || world_.options().retain.empty())) {
        Swept(node, change, *held);
        continue;
      }
      Dropped(node, change, outcome, CountsLoss(groups[outcome.group]));
    }
    if (mutation.op != TG_OP_PUT) continue;
    world_.trace().Line(world_.now_us(), node.agent(), "commits %s at %llu, via %llu", Describe(change).c_str(),
                        static_cast<unsigned long long>(outcome.seq), static_cast<unsigned long long>(change.via));
    if (still_) Fail(node, "a change was committed after everything had come to rest", change);
    const std::string key = KeyText(change.key);
    const Version version = Version::From(change.version);
    // A feed that begins anew may bring it once more, and it goes again. A comparison never names it.
    if (change.kind == TG_CHANGE_ITEM && known_[node.agent()].swept.erase({key, version}) != 0 &&
        known_[node.agent()].reconciled.contains({key, version}))
      Fail(node, "a comparison brought back what had expired and was swept", change);
    Version& newest = known_[node.agent()].newest[key];
    // A late tombstone may come where a newer one was purged: the item stays deleted.
    const bool gone = change.kind == TG_CHANGE_TOMBSTONE && outcome.held_kind == 0 && purged_;
    // What was dropped may pass by once more, in an older state, from where nobody had heard of the newer one.
    const bool again = WasDropped(node.agent(), key, newest);
    // A delete of a former life of the writer, which lost its disk, is forgotten here; its new life has not heard of
    // it.
    const bool reborn = outcome.held_kind == 0 && purged_ && replaced_nodes_.contains(version.agent) &&
                        newest.agent == version.agent && newest.epoch != version.epoch &&
                        Find(key, newest) != nullptr && Find(key, newest)->kind == TG_CHANGE_TOMBSTONE;
    if (reborn) Forget(key, version);
    // A delete that never left its writer, in a model that went nowhere, is forgotten there; others wrote that key,
    // too.
    const Written* last =
        of != nullptr && of->changing && outcome.held_kind == 0 && purged_ ? Find(key, newest) : nullptr;
    const bool unheard = last != nullptr && last->kind == TG_CHANGE_TOMBSTONE && last->writer == node.agent() &&
                         !last->left && version.agent != node.agent();
    if (unheard) Forget(key, version);
    if (version < newest && change.kind != TG_CHANGE_EVICT && !gone && !unheard && !again && !reborn &&
        !rotted_.contains(key))
      Fail(node, "an older state replaced " + newest.ToText(), change);
    const ModelTruth* model = FindModel(View(change.model));
    const bool joined = model != nullptr && model->joined && Find(key, version) != nullptr;
    if (version == newest && outcome.held_kind == change.kind && change.via == 0 && !joined && !rotted_.contains(key))
      Fail(node, "a version was given twice", change);
    newest = reborn || unheard ? version : std::max(newest, version);
    known_[node.agent()].since_us[key] = world_.now_us();
    if (change.kind == TG_CHANGE_TOMBSTONE) known_[node.agent()].first_us.try_emplace({key, version}, world_.now_us());
    if (change.kind == TG_CHANGE_EVICT) continue;
    if (IsRemoval(node, change)) {
      if (of != nullptr && of->joined) HoldsJoined(node, change);
      continue;
    }
    if (IsOfCopy(key, version)) TakenFromCopy(node, change);
    if (node.agent() == kAgentServer) taken_for_lost_.erase({key, version});
    if (!rewound_.empty() || !copied_.empty()) Found(key, version);
    if (change.via == 0 && Find(key, version) == nullptr) {
      uint64_t& number = transaction[outcome.group];
      if (number == 0) number = next_transaction_++;
      Local(node, change, outcome, number);
    } else {
      Remote(node, change);
      came.push_back(&change);
    }
    if (of != nullptr && of->joined) HoldsJoined(node, change);
  }
  for (const tg_change* change : came) CheckWhole(node, *change);
  if (!copies_.empty()) NoteClones(node, groups);
}

void Oracle::Local(SimNode& node, const tg_change& change, const tg_outcome& outcome, uint64_t transaction) {
  const std::string key = KeyText(change.key);
  const Version version = Version::From(change.version);
  Known& known = known_[node.agent()];
  if (version.agent != node.agent() || version.epoch != node.epoch()) Fail(node, "a state that nobody wrote", change);
  // A transaction may give one version to all its items, or one to each; time never goes back. Of several writes that
  // did not fit together what takes no room is written first.
  const Version& below = node.full_in_step() ? known.issued_before : known.issued;
  if (version < below) Fail(node, "a version below one given before, " + known.issued.ToText(), change);
  // A version that had to be above a state from the future, also one of a former life, says nothing of the clock.
  const auto& states = states_[key];
  const auto above = states.lower_bound(version);
  const bool forced = version.unix_ms() <= known.former_ms ||
                      (above != states.begin() && version.hlc <= std::prev(above)->first.hlc + 1);
  if (!forced) known.issued = std::max(known.issued, version);
  constexpr int64_t kDriftMs = 5 * 60'000 + 1'000;
  if (!forced && version.unix_ms() > node.clock().latest_ms() + kDriftMs)
    Fail(node, "a version beyond every time that its clock ever said", change);
  if (outcome.held_kind != 0) replaced_.insert({key, Version::From(outcome.held)});
  known.by_seq[outcome.seq] = {key, version};

  const ModelTruth* model = FindModel(View(change.model));
  const AgentId owner = change.key.owner;
  if (model == nullptr) return Fail(node, "an unknown model", change);
  if (world_.options().defect != Defect::kNoneLeaks && change.direction != world_.Direction(node.agent(), *model))
    Fail(node, "the direction is not the model's", change);
  const bool own = owner == node.agent();
  switch (world_.Direction(node.agent(), *model)) {
    case TG_DIRECTION_UP:
      // An edit keeps the addressee, of other times perhaps.
      if (!own || (change.dst != kAgentServer && !model->changing))
        Fail(node, "an up item that is not its writer's own", change);
      break;
    case TG_DIRECTION_NONE:
      if (!own) Fail(node, "an item that stays, of another owner", change);
      break;
    case TG_DIRECTION_DOWN:
      if (node.role() != TG_ROLE_SERVER) Fail(node, "a down item not written at the server", change);
      if (change.dst != owner && !model->changing) Fail(node, "a down item whose addressee is not its owner", change);
      break;
    default:
      // A router learns a little later that an owner has left.
      if (owner != kAgentAll && !leftovers_ && !world_.IsAtOrAbove(node.agent(), owner))
        Fail(node, "an item of an owner that is not below", change);
  }

  Written written{version,
                  change.kind,
                  change.direction,
                  change.lane,
                  std::string(View(change.model)),
                  owner,
                  change.src,
                  change.dst,
                  StateHash(change),
                  node.agent(),
                  transaction,
                  TagOf(View(change.body)),
                  false,
                  TextSizeOf(View(change.body)),
                  false,
                  change.expires_ms,
                  false};
  if (written.tag != 0) tags_.insert(written.tag);
  states_[key][version] = written;
  if (model->joined) Join(key, change);
  transactions_[transaction].push_back({key, version});
}

void Oracle::Remote(SimNode& node, const tg_change& change) {
  const Written* written = Find(KeyText(change.key), Version::From(change.version));
  if (written == nullptr) return Fail(node, "a state that nobody wrote", change);
  const ModelTruth* model = FindModel(View(change.model));
  const bool joined = model != nullptr && model->joined;
  if (written->writer != node.agent()) states_[KeyText(change.key)][written->version].left = true;
  if (joined) RemoteJoined(node, change);
  if (!joined &&
      (written->kind != change.kind || (written->direction != change.direction && !(model && model->changing)) ||
       written->model != View(change.model) || written->src != change.src || written->dst != change.dst ||
       written->body_hash != StateHash(change)))
    Fail(node, "a state that is not as it was written", change);
  if (change.via == 0) return;
  const bool from_parent = change.via == node.parent();
  const bool given_back = from_parent && change.key.owner == node.agent() && View(change.model) == "Done";
  if (given_back) return;
  if (model == nullptr ||
      (world_.Direction(node.agent(), *model) & (from_parent ? TG_DIRECTION_DOWN : TG_DIRECTION_UP)) == 0)
    Fail(node, "a state against its direction, via " + std::to_string(change.via), change);
  if (!IsDue(node, *written) && !leftovers_) Fail(node, "a state that is not due here", change);
}

bool Oracle::IsSomewhere(const std::string& key, const Version& version) const {
  return std::any_of(world_.nodes().begin(), world_.nodes().end(), [&](const auto& node) {
    auto held = node->up() ? Held(*node, KeyOf(key, Find(key, version)->owner)) : std::nullopt;
    return held && held->version == version;
  });
}

// A sender gives what it still has as a whole, as far as the receiver is due it and known to be there.
void Oracle::Batched(const SimNode& from, SimNode& node, const std::vector<tg_change>& changes) {
  // What was renumbered alone has left its transaction.
  std::map<std::pair<uint64_t, uint64_t>, std::vector<const tg_change*>> parts;
  for (const tg_change& change : changes) {
    const Written* written = Find(KeyText(change.key), Version::From(change.version));
    if (written != nullptr && transactions_[written->transaction].size() > 1)
      parts[{written->transaction, change.run_first}].push_back(&change);
  }
  Known& known = known_[node.agent()];
  const bool down = node.parent() == from.agent();
  if (!down && from.parent() != node.agent()) return;  // the end of a link of former times
  for (const auto& [number, part] : parts) {
    const std::vector<Member>& members = transactions_[number.first];
    auto first = Held(from, part.front()->key);
    std::vector<Member> together;
    for (const Member& member : members) {
      const Written* other = Find(member.key, member.version);
      const bool has = std::any_of(part.begin(), part.end(), [&](const tg_change* c) {
        return KeyText(c->key) == member.key && Version::From(c->version) == member.version;
      });
      if (has) {
        together.push_back(member);
        continue;
      }
      // Why may it be missing? It does not go that way, is not due there, was overwritten, came apart.
      if ((other->direction & (down ? TG_DIRECTION_DOWN : TG_DIRECTION_UP)) == 0 || !IsDue(node, *other)) continue;
      if (down && other->owner != kAgentAll && other->owner != node.agent() &&
          !from.truth().MetaGet(sync::Routes::Key(node.agent(), other->owner)).ok())
        continue;
      auto held = Held(from, KeyOf(member.key, other->owner));
      if (!first || !held || held->version != member.version || held->run_first != first->run_first ||
          held->via == node.agent())
        continue;
      Fail(from, "half of a transaction is sent, without " + member.key + " " + member.version.ToText(), *part.front());
    }
    for (const Member& member : together) {
      auto& ways = known.companions[{member.key, member.version}];
      if (std::find(ways.begin(), ways.end(), together) == ways.end()) ways.push_back(together);
    }
  }
}

// What came in one batch is applied in one commit, a transaction at least.
void Oracle::CheckWhole(SimNode& node, const tg_change& change) {
  const std::pair<std::string, Version> state{KeyText(change.key), Version::From(change.version)};
  Known& known = known_[node.agent()];
  auto companions = known.companions.find(state);
  if (companions == known.companions.end() || known.reconciled.contains(state)) return;
  std::string missing;
  for (const std::vector<Member>& way : companions->second) {
    auto missed = std::find_if(way.begin(), way.end(), [&](const Member& member) {
      if (purged_ && EverHeld(node.agent(), member.key) >= member.version) return false;
      if (known.swept.contains({member.key, member.version})) return false;
      auto held = Held(node, KeyOf(member.key, Find(member.key, member.version)->owner));
      if (rotted_.contains(member.key)) return false;  // the disk may have lost it since
      if (WasDropped(node.agent(), member.key, member.version) || IsGivenUp(member.key, member.version)) return false;
      // Refused with the rest, then overwritten: the rest is tried again without it.
      const Written* newest = Newest(member.key);
      if ((world_.options().strict_server || purged_) && (newest == nullptr || newest->version > member.version))
        return false;
      return !held || held->version < member.version;
    });
    if (missed == way.end()) return;
    missing = missed->key + " " + missed->version.ToText();
  }
  Fail(node, "half of a transaction, without " + missing, change);
}

void Oracle::Asked(uint64_t request, std::vector<uint64_t> tags) { requests_[request] = std::move(tags); }

void Oracle::Answered(SimNode& node, uint64_t request, const replica::WriteAnswer& answer) {
  const std::string who = "node " + std::to_string(node.agent()) + ": ";
  const std::vector<uint64_t> tags = requests_[request];
  if (!answer.status.ok()) {
    ++refused_;
    refused_requests_.insert(request);
    for (uint64_t tag : tags) {
      if (tag != 0 && tags_.contains(tag))
        world_.Fail(who + "a write that was answered with " + answer.status.message() + " is durable");
    }
    return;
  }
  ++acknowledged_;
  if (answer.written.size() != tags.size())
    world_.Fail(who + "an answer for " + std::to_string(answer.written.size()) + " writes of " +
                std::to_string(tags.size()));
  uint64_t transaction = 0;
  for (const replica::Written& write : answer.written) {
    Known& known = known_[node.agent()];
    auto found = known.by_seq.find(write.seq);
    if (found == known.by_seq.end()) {
      world_.Fail(who + "acknowledged, but not durable: seq " + std::to_string(write.seq));
      continue;
    }
    Written& state = states_[found->second.first][found->second.second];
    state.acknowledged = true;
    if (transaction != 0 && state.transaction != transaction)
      world_.Fail(who + "the writes of one transaction were committed apart");
    transaction = state.transaction;
  }
  if (transaction != 0 && transactions_[transaction].size() != tags.size())
    world_.Fail(who + "a transaction of " + std::to_string(tags.size()) + " writes committed " +
                std::to_string(transactions_[transaction].size()));
  requests_.erase(request);
}

void Oracle::Reconciled(const SimNode& node, const tg_change& change) {
  known_[node.agent()].reconciled.insert({KeyText(change.key), Version::From(change.version)});
}

const Written* Oracle::Find(const std::string& key, const Version& version) const {
  auto states = states_.find(key);
  if (states == states_.end()) return nullptr;
  auto found = states->second.find(version);
  return found == states->second.end() ? nullptr : &found->second;
}

const Written* Oracle::Newest(const std::string& key) const {
  if (joined_.contains(key)) return NewestJoined(key);
  auto states = states_.find(key);
  if (states == states_.end()) return nullptr;
  auto newest =
      std::find_if(states->second.rbegin(), states->second.rend(), [](const auto& s) { return !s.second.lost; });
  return newest == states->second.rend() ? nullptr : &newest->second;
}

bool Oracle::IsDue(SimNode& node, const Written& written) {
  const ModelTruth* model = FindModel(written.model);
  if (model == nullptr) return false;
  if (model->changing) return written.owner == kAgentAll || world_.IsAtOrAbove(node.agent(), written.owner);
  if (model->direction == TG_DIRECTION_NONE) return node.agent() == written.owner;
  if (written.owner == kAgentAll) return true;
  // What was delivered over a former parent does not go up again over the new one.
  if (leftovers_ && model->direction == TG_DIRECTION_UP && node.role() == TG_ROLE_ROUTER)
    return node.agent() == written.owner;
  return world_.IsAtOrAbove(node.agent(), written.owner);
}

}  // namespace tidegate::sim
