// The quarantine by hand: entries are tried again, or dropped, at the end that refused the item or at the one that
// has it (docs/replication.md, "Retry and drop").
#include <algorithm>
#include <cstdio>
#include <utility>

#include "host/base/digest.h"
#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/schema/item.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {
namespace {

constexpr size_t kEntriesInACommit = 256;
constexpr size_t kFailedNamedMax = 100;

bool MaybeDeleted(const wire::QuarantineRecord& record) {
  return record.reason.find("maybe_deleted: ") != std::string::npos;
}

std::string IdOf(std::string_view key) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(Sha256Prefix(key)));
  return std::string(text, 12);
}

// Of the state that an entry is about.
std::string StateId(const wire::QuarantineRecord& record) {
  auto name = sync::NameOf(record);
  if (!name) return record.change;
  return std::to_string(name->owner) + '/' + name->pk + '\x1f' + name->sk + '\x1f' + name->version.ToText();
}

void MakeTombstone(tg_change* change) {
  change->kind = TG_CHANGE_TOMBSTONE;
  change->body = change->policy_meta = {};
  change->index_keys = nullptr;
  change->index_key_count = 0;
  change->expires_ms = 0;
}

}  // namespace

QuarantineEntry Node::Impl::ShowEntry(std::string_view key, const wire::QuarantineRecord& record) const {
  QuarantineEntry entry;
  entry.id = IdOf(key);
  entry.link = record.link;
  entry.ours = record.ours;
  entry.held = record.held;
  entry.by = !record.ours ? options_.agent : record.by != 0 ? record.by : record.link;
  entry.reason = record.reason;
  entry.since_unix_ms = record.since_unix_ms;
  if (auto decoded = wire::DecodeChange(record.change); decoded.ok()) {
    const tg_change& change = decoded->change;
    entry.model = View(change.model);
    entry.owner = change.key.owner;
    entry.pk = View(change.key.pk);
    entry.sk = View(change.key.sk);
    entry.version = Version::From(change.version).ToText();
    entry.writer = change.version.agent;
    entry.deletes = change.kind == TG_CHANGE_TOMBSTONE;
  }
  return entry;
}

Result<std::vector<QuarantineEntry>> Node::Impl::Quarantine() const {
  std::vector<QuarantineEntry> entries;
  TG_RETURN_IF_ERROR(
      deps_.storage.MetaScan(sync::meta::kQuarantinePrefix, [&](std::string_view key, std::string_view value) {
        wire::QuarantineRecord record;
        if (wire::DecodeRecord(value, &record).ok()) entries.push_back(ShowEntry(key, record));
        return true;
      }));
  return entries;
}

// With its item: of what was refused of ours, as it is here.
Result<QuarantineEntry> Node::Impl::Quarantined(const std::string& id) const {
  std::optional<QuarantineEntry> entry;
  std::string found;
  TG_RETURN_IF_ERROR(
      deps_.storage.MetaScan(sync::meta::kQuarantinePrefix, [&](std::string_view key, std::string_view value) {
        wire::QuarantineRecord record;
        if (IdOf(key) != id || !wire::DecodeRecord(value, &record).ok()) return true;
        entry = ShowEntry(key, record);
        found = record.change;
        return false;
      }));
  if (!entry) return NoEntry(id);
  tg_key key{entry->owner, Str(entry->pk), Str(entry->sk)};
  auto show = [&](const tg_change& change) {
    entry->deletes = change.kind == TG_CHANGE_TOMBSTONE;
    const replica::ModelRule* rule = deps_.catalog.Get()->Find(entry->model);
    entry->item = View(change.body);
    if (rule == nullptr || entry->item.empty()) return false;
    auto shown = Present(*rule->model, entry->item, entry->pk, entry->sk, {change.src, change.dst, entry->owner}, true);
    if (shown.ok()) entry->item = std::move(shown).value();
    return false;
  };
  auto decoded = wire::DecodeChange(found);
  if (!entry->ours && decoded.ok()) {
    show(decoded->change);
  } else if (entry->ours) {
    (void)deps_.storage.Get(key, [&](const tg_change& change) {
      return Version::From(change.version).ToText() == entry->version ? show(change) : false;
    });
  }
  return *entry;
}

Status Node::Impl::NoEntry(const std::string& id) {
  return Status::NotFound("no entry " + id + " in the quarantine of this node; 'tidegate quarantine list' shows them");
}

void Node::Impl::ActOnQuarantine(const QuarantineRequest& request, std::function<void(QuarantineAnswer)> done) {
  ByHand work{request, {}, std::make_shared<QuarantineAnswer>(), std::move(done)};
  bool retries = request.action == QuarantineAction::kRetry;
  using Run = std::pair<AgentId, uint64_t>;
  std::map<Run, std::vector<std::string>> runs;  // a transaction is tried as a whole
  std::set<Run> wanted;
  // What is given up is a state: it may have come by several ways, when its owner moved.
  std::map<std::string, std::vector<std::string>> states;
  std::set<std::string> dropped;
  Status read =
      deps_.storage.MetaScan(sync::meta::kQuarantinePrefix, [&](std::string_view key, std::string_view value) {
        wire::QuarantineRecord record;
        if (!wire::DecodeRecord(value, &record).ok()) return true;
        bool meant = request.id.empty() || IdOf(key) == request.id;
        if (meant && !request.model.empty()) {
          auto decoded = wire::DecodeChange(record.change);
          meant = decoded.ok() && View(decoded->change.model) == request.model;
        }
        if (retries && record.run != 0 && !record.held) {
          runs[{record.link, record.run}].emplace_back(key);
          if (meant) wanted.insert({record.link, record.run});
        } else if (!retries && !record.ours) {
          const std::string state = StateId(record);
          states[state].emplace_back(key);
          if (meant) dropped.insert(state);
        } else if (meant) {
          work.groups.push_back({std::string(key)});
        }
        return true;
      });
  for (const Run& run : wanted) work.groups.push_back(std::move(runs[run]));
  for (const std::string& state : dropped) {
    for (std::string& key : states[state]) work.groups.push_back({std::move(key)});
  }
  work.answer->status = read;
  if (read.ok() && work.groups.empty() && !request.id.empty()) work.answer->status = NoEntry(request.id);
  if (read.ok() && work.groups.empty() && !request.model.empty() &&
      deps_.catalog.Get()->Find(request.model) == nullptr) {
    work.answer->status = Status::NotFound("no model '" + request.model +
                                           "' in the schemas of this node, and nothing of it is in quarantine");
  }
  if (!work.answer->status.ok()) work.groups.clear();
  by_hand_.push_back(std::move(work));
}

// The transaction that a state of ours was written in, as long as it is here with it; 0 = none.
uint64_t Node::Impl::RunOf(const wire::QuarantineRecord& record) const {
  uint64_t run = 0;
  auto decoded = wire::DecodeChange(record.change);
  if (!decoded.ok()) return 0;
  (void)deps_.storage.Get(decoded->change.key, [&](const tg_change& held) {
    bool same = Version::From(held.version) == Version::From(decoded->change.version);
    if (same && held.run_first < held.run_last) run = held.run_first;
    return false;
  });
  return run;
}

void Node::Impl::FailEntry(QuarantineAnswer* answer, const std::string& key, const Status& status) {
  ++answer->failed_count;
  if (answer->failed.size() < kFailedNamedMax) answer->failed.push_back({IdOf(key), status.message()});
}

// Into the next commit: a portion of what was asked for.
void Node::Impl::RunByHand() {
  RetryOurs(std::exchange(sent_again_entries_, {}));
  if (by_hand_.empty()) return;
  ByHand& work = by_hand_.front();
  for (size_t entries = 0; !work.groups.empty() && entries < kEntriesInACommit;) {
    std::vector<std::string> keys = std::move(work.groups.front());
    work.groups.pop_front();
    entries += keys.size();
    if (Status acted = ActOn(work, keys); !acted.ok()) {
      for (const std::string& key : keys) FailEntry(work.answer.get(), key, acted);
    }
  }
  if (!work.groups.empty()) return;
  stage_.Begin();
  stage_.End([answer = work.answer, done = std::move(work.done)](const Status& status, std::span<const core::Effect>) {
    if (!status.ok() && answer->status.ok()) answer->status = status;
    done(*answer);
  });
  by_hand_.pop_front();
}

Status Node::Impl::ActOn(const ByHand& work, const std::vector<std::string>& keys) {
  TG_ASSIGN_OR_RETURN(std::string bytes, deps_.storage.MetaGet(keys[0]));
  wire::QuarantineRecord record;
  TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes, &record));
  TG_ASSIGN_OR_RETURN(wire::DecodedChange decoded, wire::DecodeChange(record.change));
  // What is decided by looking at the held state needs it as it is on disk.
  if (stage_.Touches(decoded.change.key)) TG_RETURN_IF_ERROR(CommitStage());
  auto count = [answer = work.answer, keys](const Status& status) {
    if (status.ok()) {
      answer->done += keys.size();
    } else {
      for (const std::string& key : keys) FailEntry(answer.get(), key, status);
    }
  };
  bool retries = work.request.action == QuarantineAction::kRetry;
  if (!record.ours && record.held)
    return Status::Conflict("it waits with its transaction and comes again with it: " + record.reason);
  if (!record.ours)
    return retries ? RetryTogether(keys, true, count) : DropRefused(keys[0], record, decoded.change, count);
  return retries ? RetryRefusedOurs(keys, record, decoded.change, count)
                 : DropOurs(keys[0], record, decoded.change, count);
}

// Whether this node may give the item a new version.
bool Node::Impl::MayWrite(const tg_change& change) const {
  return change.direction == TG_DIRECTION_BOTH || IsSingleWriter(change);
}

Status Node::Impl::NotOurs(const wire::QuarantineRecord& record, const tg_change& change, const char* verb) const {
  AgentId writer = change.direction == TG_DIRECTION_DOWN ? kAgentServer : change.key.owner;
  std::string text = "only agent " + std::to_string(writer) + " writes this item: " + verb + " it there";
  AgentId by = record.by != 0 ? record.by : record.link;
  if (record.ours && by != writer) text += ", or at agent " + std::to_string(by) + ", which refused it";
  return Status::Refused(std::move(text));
}

// A version above one that was refused and whatever is held here.
Version Node::Impl::VersionAbove(uint64_t hlc) {
  return Version{versions_.Tick(deps_.clock.unix_ms(), hlc), options_.agent, deps_.storage.epoch()};
}

// In the open group.
Version Node::Impl::PutAnew(const tg_change& state, uint64_t above_hlc, const Version& held) {
  tg_change change = state;
  change.via = 0;
  change.seq = 0;
  Version version = VersionAbove(std::max(above_hlc, held.hlc));
  change.version = version.To();
  auto catalog = deps_.catalog.Get();
  if (const replica::ModelRule* rule = catalog->Find(View(change.model)); rule != nullptr) {
    change.direction = static_cast<uint8_t>(rule->direction);
    change.lane = static_cast<uint8_t>(rule->lane);
    IndexItem(*rule->model, &change);
  }
  change.digest = ChangeDigest(change);
  stage_.Put(change, TG_IF_VERSION, held);
  return version;
}

// ---- what was refused of ours ----

// Into the open group.
void Node::Impl::StageForgetOurs(AgentId agent, const std::string& key) {
  stage_.MetaDelete(key);
  if (sync::Link* link = links_.Find(agent)) link->refused_ours.erase(key);
}

void Node::Impl::EndByHand(AgentId agent, std::function<void(const Status&)> done) {
  stage_.End([this, agent, done = std::move(done)](const Status& status, std::span<const core::Effect>) {
    sync::Link* told = links_.Find(agent);
    if (!status.ok() && told != nullptr) links_.RestoreQuarantine(told);
    done(status);
  });
}

Status Node::Impl::RetryRefusedOurs(const std::vector<std::string>& keys, const wire::QuarantineRecord& record,
                                    const tg_change& listed, std::function<void(const Status&)> done) {
  std::optional<tg_change> held = StateOf(listed.key);
  bool here = held && Version::From(held->version) == Version::From(listed.version);
  // What is not here any more in that state cannot go again. Who refused it says when that is over.
  const bool newer = held && Version::From(listed.version) < Version::From(held->version);
  if (!here && !newer && links_.Find(record.link) != nullptr)
    return Status::Conflict("it is not here any more in that state; retry it at agent " +
                            std::to_string(record.by != 0 ? record.by : record.link) + ", which refused it");
  if (!MaybeDeleted(record) || !here) {
    std::vector<std::pair<AgentId, std::string>> entries;
    for (const std::string& key : keys) entries.emplace_back(record.link, key);
    RetryOurs(entries);
    stage_.Begin();
    if (!here) StageForgetOurs(record.link, keys[0]);
    EndByHand(record.link, std::move(done));
    return {};
  }
  // What may have been deleted is taken for alive only as a state of now; a newer version ends the entry.
  std::vector<tg_change> anew;
  for (const std::string& key : keys) {
    auto name = sync::NameOfEntry(deps_.storage, key);
    if (name) held = StateOf({name->owner, Str(name->pk), Str(name->sk)});
    if (!name || !held || Version::From(held->version) != name->version) continue;
    if (!MayWrite(*held)) return NotOurs(record, *held, "retry");
    if (IsJoined(*held)) return Status::Unsupported("fields of this model are merged: write the item again");
    anew.push_back(*held);
  }
  stage_.Begin();
  for (const tg_change& change : anew) PutAnew(change, 0, Version::From(change.version));
  EndByHand(record.link, std::move(done));
  return {};
}

Status Node::Impl::DropOurs(const std::string& key, const wire::QuarantineRecord& record, const tg_change& listed,
                            std::function<void(const Status&)> done) {
  std::optional<tg_change> held = StateOf(listed.key);
  bool here = held && Version::From(held->version) == Version::From(listed.version);
  if (here && held->kind != TG_CHANGE_ITEM) return Status::Conflict("a delete is not dropped; retry it");
  if (here && !MayWrite(*held)) return NotOurs(record, *held, "drop");
  if (here && IsJoined(*held)) return Status::Unsupported("fields of this model are merged: remove the item");
  stage_.Begin();
  if (here) {
    tg_change gone = *held;
    MakeTombstone(&gone);
    Version version = PutAnew(gone, 0, Version::From(held->version));
    Journal(*held, version, record.link, "dropped by hand; it was refused: " + record.reason);
    deps_.metrics.Add("tidegate_quarantine_dropped_total", 1);
  }
  StageForgetOurs(record.link, key);
  EndByHand(record.link, std::move(done));
  return {};
}

// ---- what this node refused ----

Status Node::Impl::DropRefused(const std::string& key, const wire::QuarantineRecord& record, const tg_change& listed,
                               std::function<void(const Status&)> done) {
  tg_change change = stage_.arena().Copy(listed);
  auto catalog = deps_.catalog.Get();
  if (const replica::ModelRule* rule = catalog->Find(View(change.model)); rule != nullptr)
    change.direction = static_cast<uint8_t>(rule->direction);
  sync::Link* link = links_.Find(record.link);
  bool gives_up = change.direction == TG_DIRECTION_UP;
  if (!gives_up && !MayWrite(change)) return NotOurs(record, change, "remove");
  if (!gives_up && IsJoined(change)) return Status::Unsupported("fields of this model are merged: write the item");
  Version refused = Version::From(change.version);
  std::optional<tg_change> held = StateOf(change.key);
  Version winner = held ? Version::From(held->version) : Version();
  stage_.Begin();
  if (!gives_up && winner < refused) {
    // What is here stays, with a version above; where nothing is, the item is deleted everywhere.
    tg_change next = held && held->kind == TG_CHANGE_ITEM ? *held : change;
    if (!held || held->kind != TG_CHANGE_ITEM) MakeTombstone(&next);
    winner = PutAnew(next, refused.hlc, winner);
  }
  Journal(change, winner, record.link, "dropped by hand; it was refused: " + record.reason);
  deps_.metrics.Add("tidegate_quarantine_dropped_total", 1);
  sync::QuarantineNotes notes;
  stage_.MetaDelete(key);
  if (gives_up) dropped_here_.Stage(change, &stage_);
  if (link != nullptr) {
    link->quarantined.erase(key);
    notes.released.push_back(gives_up ? sync::StageDropped(*link, change, 0, &stage_)
                                      : sync::ReleaseNote(change, std::max(winner, refused)));
    if (record.run != 0) notes.loosened.insert(record.run);
  }
  stage_.End([this, agent = record.link, notes = std::move(notes), done = std::move(done)](
                 const Status& status, std::span<const core::Effect>) {
    sync::Link* source = links_.Find(agent);
    if (!status.ok() && source != nullptr) links_.RestoreQuarantine(source);
    if (status.ok() && source != nullptr) Tell(source, notes);
    done(status);
  });
  return {};
}

// The neighbour knows durably that these were dropped: it does not send them again by itself.
void Node::Impl::ForgetDropped(const sync::Link& link, const std::vector<wire::RefusedKey>& known) {
  if (known.empty()) return;
  stage_.Begin();
  loss_notes_.Forget(link, known, &stage_);
  for (const wire::RefusedKey& name : known)
    if (name.dropped) stage_.MetaDelete(sync::meta::Dropped(link.agent(), name.owner, name.pk, name.sk));
  stage_.End();
}

}  // namespace tidegate::node
