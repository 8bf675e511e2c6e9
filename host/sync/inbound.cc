#include "host/sync/inbound.h"

#include "host/base/views.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::sync {
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

}  // namespace

StagedChanges StageChanges(const Link& link, const std::vector<tg_change>& changes,
                           const std::shared_ptr<const void>& keep, Admission* admission, core::Stage* stage) {
  StagedChanges result;
  stage->arena().Hold(keep);
  std::vector<tg_change> run;
  for (size_t first = 0; first < changes.size();) {
    size_t end = EndOfRun(changes, first);
    run.assign(changes.begin() + static_cast<std::ptrdiff_t>(first), changes.begin() + static_cast<std::ptrdiff_t>(end));
    std::string reason;
    for (tg_change& change : run) {
      Status admitted = admission->Admit({link.agent(), link.is_parent()}, &change, &stage->arena());
      if (!admitted.ok() && reason.empty()) reason = admitted.message();
    }
    if (!reason.empty()) {
      // One refused change of a transaction refuses all of it.
      for (const tg_change& change : run) {
        result.refused.emplace_back(change, run.size() == 1 ? reason : "its transaction was refused: " + reason);
      }
    } else {
      stage->Begin();
      for (const tg_change& change : run) {
        stage->Put(change, TG_IF_NEWER);
        if (link.quarantined.empty()) continue;
        std::string entry = EntryKey(link, change);
        if (link.quarantined.contains(entry)) result.released.push_back(std::move(entry));
      }
      stage->End();
    }
    first = end;
  }
  return result;
}

std::vector<QuarantineNote> StageQuarantine(const Link& link, const StagedChanges& staged, int64_t unix_ms,
                                            core::Stage* stage) {
  for (const std::string& key : staged.released) stage->MetaDelete(key);
  std::vector<QuarantineNote> notes;
  for (const auto& [change, reason] : staged.refused) {
    wire::QuarantineRecord record;
    record.link = link.agent();
    record.reason = reason;
    record.since_unix_ms = unix_ms;
    record.change = wire::EncodeChange(change);
    QuarantineNote note;
    note.meta_key = EntryKey(link, change);
    stage->MetaPut(note.meta_key, wire::EncodeRecord(record));
    note.refused.model = View(change.model);
    note.refused.owner = change.key.owner;
    note.refused.pk = View(change.key.pk);
    note.refused.sk = View(change.key.sk);
    note.refused.version = Version::From(change.version);
    note.refused.reason = reason;
    notes.push_back(std::move(note));
  }
  return notes;
}

void StageRefusedOurs(const Link& link, const wire::RefusedKey& refused, int64_t unix_ms, core::Stage* stage) {
  tg_change change{};
  change.struct_size = sizeof change;
  change.kind = TG_CHANGE_ITEM;
  change.model = Str(refused.model);
  change.key = {refused.owner, Str(refused.pk), Str(refused.sk)};
  change.version = refused.version.To();
  wire::QuarantineRecord record;
  record.link = link.agent();
  record.ours = true;
  record.reason = refused.reason;
  record.since_unix_ms = unix_ms;
  record.change = wire::EncodeChange(change);
  stage->MetaPut(meta::Quarantine(link.agent(), true, refused.owner, refused.pk, refused.sk),
                 wire::EncodeRecord(record));
}

}  // namespace tidegate::sync
