// Items that several nodes write: the newest state wins, or states are joined, and what loses without having been
// known to the winner is kept in the conflict journal. docs/replication.md, "Two writers".
#include <algorithm>

#include "host/base/digest.h"
#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/schema/item.h"
#include "host/wire/codec.h"

namespace tidegate::node {
namespace {

// Several may write it, so a state may meet one that it knows nothing of.
bool IsShared(const tg_change& change) {
  return change.direction == TG_DIRECTION_BOTH && change.kind != TG_CHANGE_EVICT;
}

bool SameState(const tg_change& a, const tg_change& b) {
  return a.kind == b.kind && Version::From(a.version) == Version::From(b.version) && View(a.body) == View(b.body) &&
         View(a.policy_meta) == View(b.policy_meta);
}

}  // namespace

std::optional<tg_change> Node::Impl::StateOf(const tg_key& key) {
  std::optional<tg_change> held;
  Status got = deps_.storage.Get(key, [&](const tg_change& change) {
    held = stage_.arena().Copy(change);
    return false;
  });
  if (!got.ok() && got.code() != Code::kNotFound) deps_.log.Write(3, "cannot read what is held: " + got.message());
  return held;
}

// What is decided by looking at the held state needs it as it is on disk.
bool Node::Impl::TouchesShared(const std::vector<tg_change>& changes) const {
  if (stage_.empty()) return false;
  auto catalog = deps_.catalog.Get();
  const char* model = nullptr;  // of the change before: the names of a batch lie in one table
  bool shared = false;
  for (const tg_change& change : changes) {
    if (change.model.data != model) {
      model = change.model.data;
      const replica::ModelRule* rule = catalog->Find(View(change.model));
      shared = (rule != nullptr ? rule->direction : change.direction) == TG_DIRECTION_BOTH;
    }
    if (shared && stage_.Touches(change.key)) return true;
  }
  return false;
}

void Node::Impl::Put(const sync::Inbound& from, const tg_change& change) {
  sync::Link* link = links_.Find(from.neighbour);
  if (link == nullptr || change.kind == TG_CHANGE_EVICT) return stage_.Put(change, TG_IF_NEWER);
  if (!link->gives_way.empty() && TakesPlace(link, change)) return;
  if (!IsShared(change)) {
    JournalOlderLife(link, change);
    JournalFormerWriter(*link, change);
    return stage_.Put(change, TG_IF_NEWER);
  }
  auto catalog = deps_.catalog.Get();
  const replica::ModelRule* rule = catalog->Find(View(change.model));
  if (rule != nullptr && rule->merge) return PutJoined(*rule, change);
  // A neighbour that holds all that is here has written in full knowledge of it: the usual case costs no read.
  if (!link->KnowsAll(end_.position)) JournalLoser(*link, change);
  stage_.Put(change, TG_IF_NEWER);
}

// The model has a single writer now. What another one wrote while the model went another way is kept aside.
void Node::Impl::JournalFormerWriter(const sync::Link& link, const tg_change& change) {
  if (!policy_changes_.HasChanged(View(change.model))) return;
  std::optional<tg_change> held = StateOf(change.key);
  if (!held || held->version.agent == change.version.agent || !policy_changes_.IsOfFormer(*held)) return;
  if (held->via == link.agent() || !(Version::From(held->version) < Version::From(change.version))) return;
  Journal(*held, Version::From(change.version), link.agent(), "the model has another writer now");
}

// Two states meet here that do not know of each other: the older one is kept aside.
void Node::Impl::JournalLoser(const sync::Link& link, const tg_change& change) {
  std::optional<tg_change> held = StateOf(change.key);
  if (!held) return;
  Version ours = Version::From(held->version), theirs = Version::From(change.version);
  // What came from it, it knows; unless that was another life of it, or its writer writes older versions now.
  bool other_life = held->seq <= link.unknown_below || (ours.agent == theirs.agent && theirs < ours);
  bool dropped = held->seq <= link.MayLackBelow(change.key.owner) && ours.agent != theirs.agent;
  if (held->via == link.agent() && !other_life && !dropped) return;
  // Of one writer the later state knows the earlier one.
  if (ours.agent == theirs.agent && ours.epoch == theirs.epoch) return;
  if (ours == theirs || link.Knows(held->lane, change.key.owner, held->seq)) return;
  if (ours < theirs) {
    Journal(*held, theirs, link.agent(), "a newer state that did not know of it took its place");
  } else {
    Journal(change, ours, link.agent(), "a newer state that it did not know of was here already");
  }
}

bool Node::Impl::IsJoined(const tg_change& change) const { return deps_.catalog.Get()->Joins(View(change.model)); }

// Into the open group. Deletes have nothing to keep.
void Node::Impl::Journal(const tg_change& loser, const Version& winner, AgentId link, std::string reason) {
  if (loser.kind != TG_CHANGE_ITEM) return;
  uint64_t dropped = conflicts_.Stage(loser, winner, link, std::move(reason), deps_.clock.unix_ms(), &stage_);
  deps_.metrics.Add("tidegate_conflicts_total", 1);
  if (dropped != 0) deps_.metrics.Add("tidegate_conflicts_dropped_total", dropped);
}

// A join has no loser. It makes no new version: whoever has seen the same writes has the same state.
void Node::Impl::PutJoined(const replica::ModelRule& rule, const tg_change& change) {
  std::optional<tg_change> held = StateOf(change.key);
  if (!held || held->kind == TG_CHANGE_EVICT) return stage_.Put(change, TG_IF_NEWER);
  std::optional<core::Joined> joined = deps_.policy.Merge({options_.role, options_.agent}, *held, change);
  if (!joined) return stage_.Put(change, TG_IF_NEWER);
  Version ours = Version::From(held->version), theirs = Version::From(change.version);
  // A delete ends also what was written later by who did not know of it.
  if (joined->body.empty() && theirs < ours)
    Journal(*held, theirs, change.via, "a delete took its place that it did not know of");
  if (joined->body.empty() && ours < theirs)
    Journal(change, ours, change.via, "a delete was here already that it did not know of");
  tg_change result = ours < Version::From(change.version) ? change : *held;
  result.kind = joined->body.empty() ? TG_CHANGE_TOMBSTONE : TG_CHANGE_ITEM;
  result.body = Bytes(joined->body);
  result.policy_meta = Bytes(joined->policy_meta);
  // It brings nothing: nothing is stored, and nothing sent on.
  if (SameState(result, *held)) {
    NoteGivenFromBelow(change);
    return TellRefusedAbove(change);
  }
  if (SameState(result, change)) {
    result = change;
  } else {
    result.via = 0;  // new to everybody, also to the neighbour
    result.body = stage_.arena().Copy(result.body);
    result.policy_meta = stage_.arena().Copy(result.policy_meta);
    result.expires_ms = 0;
    IndexItem(*rule.model, &result);
    result.digest = ChangeDigest(result);
    deps_.metrics.Add("tidegate_joins_total", 1);
  }
  result.seq = 0;  // news, even where the version is the same
  stage_.Put(result, TG_IF_VERSION, ours);
}

bool Node::Impl::Knows(const tg_change& change) {
  std::optional<tg_change> held = StateOf(change.key);
  if (!held || Version::From(held->version) < Version::From(change.version)) return false;
  if (!IsJoined(change) || held->kind == TG_CHANGE_EVICT) return true;
  // The version of a joined state is that of the newest in it, and says nothing of the others.
  std::optional<core::Joined> joined = deps_.policy.Merge({options_.role, options_.agent}, *held, change);
  return !joined || (joined->body == View(held->body) && joined->policy_meta == View(held->policy_meta));
}

// Index keys and expiry from the body.
void Node::Impl::IndexItem(const Model& model, tg_change* change) {
  change->index_keys = nullptr;
  change->index_key_count = 0;
  if (change->kind != TG_CHANGE_ITEM) return;
  Envelope envelope{change->src, change->dst, change->key.owner};
  auto admitted = tidegate::Admit(model, View(change->body), View(change->key.pk), View(change->key.sk), envelope);
  if (!admitted.ok()) {
    deps_.log.Write(
        4, "an item of model " + model.name() + " is stored without index keys: " + admitted.status().message());
    return;
  }
  core::ChangeArena& arena = stage_.arena();
  tg_index_key* keys = arena.IndexKeys(admitted->index_keys.size());
  for (size_t i = 0; i < admitted->index_keys.size(); ++i) {
    const IndexKey& key = admitted->index_keys[i];
    keys[i] = {arena.Copy(Str(key.index)), arena.Copy(Str(key.hash)), arena.Copy(Str(key.sort))};
  }
  change->index_keys = keys;
  change->index_key_count = static_cast<uint32_t>(admitted->index_keys.size());
  if (admitted->expires_ms != 0) change->expires_ms = admitted->expires_ms;
}

Result<std::vector<ConflictEntry>> Node::Impl::Conflicts() const {
  std::vector<ConflictEntry> entries;
  TG_RETURN_IF_ERROR(conflicts_.ForEach([&](uint64_t number, const wire::ConflictRecord& record) {
    entries.push_back(ShowConflict(number, record, false));
  }));
  return entries;
}

Result<ConflictEntry> Node::Impl::Conflict(uint64_t number) const {
  TG_ASSIGN_OR_RETURN(wire::ConflictRecord record, conflicts_.Find(number));
  return ShowConflict(number, record, true);
}

ConflictEntry Node::Impl::ShowConflict(uint64_t number, const wire::ConflictRecord& record, bool item) const {
  ConflictEntry entry;
  entry.number = number;
  entry.link = record.link;
  entry.reason = record.reason;
  entry.since_unix_ms = record.since_unix_ms;
  entry.winner = record.winner.ToText();
  auto decoded = wire::DecodeChange(record.change);
  if (!decoded.ok()) return entry;
  const tg_change& change = decoded->change;
  entry.model = View(change.model);
  entry.owner = change.key.owner;
  entry.pk = View(change.key.pk);
  entry.sk = View(change.key.sk);
  entry.version = Version::From(change.version).ToText();
  entry.writer = change.version.agent;
  if (!item) return entry;
  entry.item = View(change.body);
  if (const replica::ModelRule* rule = deps_.catalog.Get()->Find(entry.model)) {
    auto shown =
        Present(*rule->model, entry.item, entry.pk, entry.sk, {change.src, change.dst, change.key.owner}, true);
    if (shown.ok()) entry.item = std::move(shown).value();
  }
  return entry;
}

// The kept state is written anew, as a write of today: it wins over whatever is there.
void Node::Impl::RestoreConflict(uint64_t number, std::function<void(Status)> done) {
  Result<ConflictEntry> entry = Conflict(number);
  if (!entry.ok()) {
    answers_.Add([done = std::move(done), status = entry.status()] { done(status); });
    return;
  }
  replica::Write write;
  write.model = entry->model;
  write.properties = entry->item;
  write.owner = entry->owner;
  write.answer_item = false;
  Write({write}, [this, number, done = std::move(done)](const replica::WriteAnswer& answer) {
    if (!answer.status.ok()) return done(answer.status);
    stage_.Begin();
    conflicts_.StageRemove(number, &stage_);
    stage_.End();
    done({});
  });
}

}  // namespace tidegate::node
