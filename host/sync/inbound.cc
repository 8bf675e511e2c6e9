#include "host/sync/inbound.h"

#include <map>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::sync {

wire::RefusedKey NameOf(const tg_change& change) {
  wire::RefusedKey name;
  name.model = View(change.model);
  name.owner = change.key.owner;
  name.pk = View(change.key.pk);
  name.sk = View(change.key.sk);
  name.version = Version::From(change.version);
  return name;
}

tg_change StateNamed(const wire::RefusedKey& name) {
  tg_change change{};
  change.struct_size = sizeof change;
  change.kind = TG_CHANGE_ITEM;
  change.model = Str(name.model);
  change.key = {name.owner, Str(name.pk), Str(name.sk)};
  change.version = name.version.To();
  return change;
}

namespace {

std::string EntryKey(const Link& link, const tg_change& change) {
  return meta::Quarantine(link.agent(), false, change.key.owner, View(change.key.pk), View(change.key.sk));
}

// Changes of one run stand together: [first, end).
size_t EndOfRun(const std::vector<tg_change>& changes, size_t first) {
  size_t end = first + 1;
  while (end < changes.size() && changes[end].run_first == changes[first].run_first && changes[first].run_first != 0)
    ++end;
  return end;
}

// The version that an entry is about; none if there is no such entry yet. run: its transaction.
Version ListedVersion(const core::Storage& storage, const std::string& key, uint64_t* run = nullptr) {
  wire::QuarantineRecord record;
  Result<std::string> bytes = storage.MetaGet(key);
  if (!bytes.ok() || !wire::DecodeRecord(bytes.value(), &record).ok()) return {};
  if (run != nullptr) *run = record.run;
  auto entry = wire::DecodeChange(record.change);
  return entry.ok() ? Version::From(entry->change.version) : Version();
}

Version HeldVersion(const core::Storage& storage, const tg_key& key) {
  Version version;
  Status got = storage.Get(key, [&](const tg_change& held) {
    version = Version::From(held.version);
    return false;
  });
  return got.ok() ? version : Version();
}

// It was given up by hand, and its sender may not know that yet.
std::optional<wire::RefusedKey> DroppedNote(const Link& link, const tg_change& change, const core::Storage& storage) {
  auto dropped =
      NameOfEntry(storage, meta::Dropped(link.agent(), change.key.owner, View(change.key.pk), View(change.key.sk)));
  if (!dropped || dropped->version < Version::From(change.version)) return std::nullopt;
  dropped->held = dropped->version;
  dropped->dropped = true;
  return dropped;
}

// Transactions that come again without those of their members that were overwritten meanwhile, and so with another
// first one: they keep the name that they are listed with. By the name they came with.
std::map<uint64_t, uint64_t> NamesOfListed(const Link& link, const std::vector<RefusedChange>& refused,
                                           const core::Storage& storage) {
  std::map<uint64_t, uint64_t> names;
  for (const RefusedChange& one : refused) {
    std::string key = EntryKey(link, one.change);
    uint64_t run = 0;
    if (one.run == 0 || !link.quarantined.contains(key)) continue;
    if (ListedVersion(storage, key, &run) == Version::From(one.change.version) && run != 0) names[one.run] = run;
  }
  return names;
}

}  // namespace

StagedChanges StageChanges(const Link& link, const std::vector<tg_change>& changes,
                           const std::shared_ptr<const void>& keep, Admission* admission, core::Stage* stage,
                           bool sure) {
  StagedChanges result;
  stage->arena().Hold(keep);
  std::vector<tg_change> run;
  std::vector<bool> held;  // of the run
  for (size_t first = 0; first < changes.size();) {
    size_t end = EndOfRun(changes, first);
    run.assign(changes.begin() + static_cast<std::ptrdiff_t>(first),
               changes.begin() + static_cast<std::ptrdiff_t>(end));
    std::string reason;
    size_t refused = 0;  // whose reason that is
    std::string hold;
    bool waits = false;
    held.assign(run.size(), false);
    for (size_t i = 0; i < run.size(); ++i) {
      Status admitted = admission->Admit({link.agent(), link.is_parent(), sure}, &run[i], &stage->arena());
      if (admitted.code() == kHeld) {
        held[i] = true;
        hold = std::string(View(run[i].model)) + ": " + admitted.message();
        result.left_out.insert(std::string(View(run[i].model)));
      } else if (admitted.code() == kUnsure) {
        waits = true;
      } else if (!admitted.ok() && reason.empty()) {
        reason = admitted.message();
        refused = i;
      }
    }
    if (!hold.empty()) {
      // One held change of a transaction holds all of it: what is of other models is listed by key.
      for (size_t i = 0; i < run.size(); ++i) {
        if (!held[i])
          result.refused.push_back(
              {run[i], "held with its transaction: " + hold, run[0].version.hlc, true, admission->Knows(run[i])});
      }
    } else if (waits && reason.empty()) {
      for (const tg_change& change : run) result.waiting.insert(change.key.owner);
    } else if (!reason.empty()) {
      // One refused change of a transaction refuses all of it; the first one's time is the run's name.
      const tg_change& bad = run[refused];
      const std::string with_it = "its transaction was refused, for " + std::string(View(bad.model)) + " " +
                                  std::string(View(bad.key.pk)) + " / " + std::string(View(bad.key.sk)) + ": " + reason;
      for (const tg_change& change : run) {
        if (run.size() == 1) {
          result.refused.push_back({change, reason, 0, false, admission->Knows(change)});
        } else {
          const std::string why = &change == &bad ? reason + "; its transaction was refused with it" : with_it;
          result.refused.push_back({change, why, run[0].version.hlc, false, admission->Knows(change)});
        }
      }
    } else {
      stage->Begin(true);
      for (const tg_change& change : run) {
        admission->Put({link.agent(), link.is_parent()}, change);
        if (!link.quarantined.empty() && link.quarantined.contains(EntryKey(link, change)))
          result.replacing.push_back(change);
      }
      stage->End();
    }
    first = end;
  }
  return result;
}

QuarantineNotes StageQuarantine(Link* link, const StagedChanges& staged, const core::Storage& storage, uint64_t room,
                                int64_t unix_ms, core::Stage* stage) {
  QuarantineNotes notes;
  for (const tg_change& change : staged.replacing) {
    // An older one may come late.
    uint64_t run = 0;
    if (Version::From(change.version) < ListedVersion(storage, EntryKey(*link, change), &run)) continue;
    notes.released.push_back(StageRelease(link, change, stage));
    if (run != 0) notes.loosened.insert(run);
  }
  const std::map<uint64_t, uint64_t> names = NamesOfListed(*link, staged.refused, storage);
  for (const RefusedChange& refused : staged.refused) {
    wire::RefusedKey note = NameOf(refused.change);
    std::string key = EntryKey(*link, refused.change);
    bool listed = link->quarantined.contains(key);
    uint64_t run = 0;
    Version in_list = listed ? ListedVersion(storage, key, &run) : Version();
    if (in_list > note.version) continue;
    auto name = names.find(refused.run);
    uint64_t named = name != names.end() ? name->second : refused.run;
    if (run != 0 && in_list == note.version) named = run;
    if (run != 0 && run != named) notes.loosened.insert(run);
    if (refused.known) {
      note.held = HeldVersion(storage, refused.change.key);
      notes.refused.push_back(std::move(note));  // known here already, by another way: nothing is lost
      continue;
    }
    if (auto dropped = DroppedNote(*link, refused.change, storage); dropped && !listed) {
      notes.refused.push_back(std::move(*dropped));
      continue;
    }
    note.reason = refused.reason;
    notes.refused.push_back(std::move(note));
    if (!listed) {
      if (room == 0) {
        ++notes.not_listed;
        stage->MetaPut(meta::kQuarantineLeftOut, "");
        continue;
      }
      --room;
    }
    wire::QuarantineRecord record;
    record.link = link->agent();
    record.reason = refused.reason;
    record.since_unix_ms = unix_ms;
    record.change = wire::EncodeChange(refused.change);
    record.run = named;
    record.held = refused.held;
    stage->MetaPut(key, wire::EncodeRecord(record));
    link->quarantined.insert(std::move(key));
  }
  return notes;
}

wire::RefusedKey ReleaseNote(const tg_change& change, const Version& held) {
  wire::RefusedKey note = NameOf(change);
  note.held = held;
  return note;
}

wire::RefusedKey StageDropped(const Link& link, const tg_change& change, AgentId by, core::Stage* stage) {
  wire::RefusedKey note = ReleaseNote(change, Version::From(change.version));
  note.dropped = true;
  note.by = by;
  wire::QuarantineRecord record;
  record.link = link.agent();
  record.by = by;
  tg_change bare = change;
  bare.body = bare.policy_meta = {};
  record.change = wire::EncodeChange(bare);
  stage->MetaPut(meta::Dropped(link.agent(), change.key.owner, View(change.key.pk), View(change.key.sk)),
                 wire::EncodeRecord(record));
  return note;
}

wire::RefusedKey StageRelease(Link* link, const tg_change& change, core::Stage* stage) {
  std::string key = EntryKey(*link, change);
  stage->MetaDelete(key);
  link->quarantined.erase(key);
  wire::RefusedKey note = NameOf(change);
  note.held = note.version;
  return note;
}

SaidOfOurs StageSaidOfOurs(Link* link, const wire::RefusedKey& said, const core::Storage& storage, uint64_t room,
                           int64_t unix_ms, core::Stage* stage) {
  std::string key = meta::Quarantine(link->agent(), true, said.owner, said.pk, said.sk);
  bool listed = link->refused_ours.contains(key);
  if (said.reason.empty()) {
    // The neighbour holds this version, or a newer one: that ends an entry of none newer than it.
    if (!listed || ListedVersion(storage, key) > said.held) return SaidOfOurs::kNothing;
    stage->MetaDelete(key);
    link->refused_ours.erase(key);
    ++link->refusals_ended;
    return SaidOfOurs::kEnded;
  }
  if (!listed && room == 0) {
    stage->MetaPut(meta::kQuarantineLeftOut, "");
    return SaidOfOurs::kNoRoom;
  }
  if (listed) {
    auto known = NameOfEntry(storage, key);
    if (known && known->version > said.version) return SaidOfOurs::kNothing;  // told late
    if (known && known->version == said.version && known->reason == said.reason && known->by == said.by)
      return SaidOfOurs::kNothing;
  }
  const tg_change change = StateNamed(said);
  wire::QuarantineRecord record;
  record.link = link->agent();
  record.ours = true;
  record.by = said.by;
  record.reason = said.reason;
  record.since_unix_ms = unix_ms;
  record.change = wire::EncodeChange(change);
  stage->MetaPut(key, wire::EncodeRecord(record));
  link->refused_ours.insert(std::move(key));
  return SaidOfOurs::kListed;
}

std::optional<wire::RefusedKey> NameOfEntry(const core::Storage& storage, const std::string& key) {
  wire::QuarantineRecord record;
  Result<std::string> bytes = storage.MetaGet(key);
  if (!bytes.ok() || !wire::DecodeRecord(bytes.value(), &record).ok()) return std::nullopt;
  return NameOf(record);
}

std::optional<wire::RefusedKey> NameOf(const wire::QuarantineRecord& record) {
  auto entry = wire::DecodeChange(record.change);
  if (!entry.ok()) return std::nullopt;
  wire::RefusedKey name = NameOf(entry->change);
  name.reason = record.reason;
  name.by = record.by;
  return name;
}

}  // namespace tidegate::sync
