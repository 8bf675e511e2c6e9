#include "host/node/loss_notes.h"

#include <algorithm>
#include <utility>

#include "host/base/views.h"
#include "host/sync/inbound.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {

namespace meta = sync::meta;

namespace {

constexpr uint64_t kNamedOfAChild = 1'000;  // there may be thousands of them

}  // namespace

// An agent is a number, so that a model is no owner.
std::string LossNotes::KeyOfNote(AgentId child, const wire::RefusedKey& lost) {
  if (lost.pk.empty() && lost.sk.empty()) return meta::LossNote(child, lost.model);
  return meta::LossNote(child, lost.owner, lost.pk, lost.sk);
}

Status LossNotes::Restore() {
  return deps_.storage.MetaScan(meta::kLossNotePrefix, [&](std::string_view key, std::string_view value) {
    wire::QuarantineRecord record;
    if (!wire::DecodeRecord(value, &record).ok()) return true;
    if (notes_[record.link].insert(std::string(key)).second) ++named_;
    return true;
  });
}

bool LossNotes::Stage(AgentId child, const wire::RefusedKey& lost, core::Stage* stage) {
  wire::RefusedKey name = lost;
  std::string key = KeyOfNote(child, name);
  std::set<std::string>& notes = notes_[child];
  bool named = !name.pk.empty() || !name.sk.empty();
  if (named && !notes.contains(key) && notes.size() >= std::min(options_.quarantine_items_max, kNamedOfAChild)) {
    named = false;
    name.pk.clear();
    name.sk.clear();
    key = KeyOfNote(child, name);
    // Those of the model that are named are among them: there is room for names again.
    std::erase_if(notes, [&](const std::string& note) {
      auto known = sync::NameOfEntry(deps_.storage, note);
      if (!known || known->model != name.model || note == key) return false;
      stage->MetaDelete(note);
      --named_;
      return true;
    });
  }
  const tg_change change = sync::StateNamed(name);
  wire::QuarantineRecord record;
  record.link = child;
  record.by = name.by;
  record.reason = name.lost;
  record.since_unix_ms = deps_.clock.unix_ms();
  record.change = wire::EncodeChange(change);
  stage->MetaPut(key, wire::EncodeRecord(record));
  if (notes.insert(std::move(key)).second) ++named_;
  return named;
}

Status LossNotes::ForEachOf(AgentId child, const std::function<void(wire::RefusedKey)>& fn) const {
  auto found = notes_.find(child);
  if (found == notes_.end()) return {};
  for (const std::string& key : found->second) {
    Result<std::string> bytes = deps_.storage.MetaGet(key);
    if (bytes.status().code() == Code::kNotFound) continue;  // its commit failed
    TG_RETURN_IF_ERROR(bytes.status());
    wire::QuarantineRecord record;
    TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes.value(), &record));
    auto name = sync::NameOf(record);
    if (!name) continue;
    name->lost = std::exchange(name->reason, "");
    name->held = name->version;
    fn(std::move(*name));
  }
  return {};
}

// What was lost once more meanwhile is still to be told.
void LossNotes::Forget(const sync::Link& child, const std::vector<wire::RefusedKey>& known, core::Stage* stage) {
  auto found = notes_.find(child.agent());
  if (found == notes_.end() || child.refusals.incomplete()) return;  // they are all told again
  std::set<std::string> waiting;
  for (const wire::RefusedKey& name : child.refusals.queue()) {
    if (!name.lost.empty()) waiting.insert(KeyOfNote(child.agent(), name));
  }
  for (const wire::RefusedKey& name : known) {
    if (name.lost.empty()) continue;
    std::string key = KeyOfNote(child.agent(), name);
    if (waiting.contains(key) || found->second.erase(key) == 0) continue;
    --named_;
    stage->MetaDelete(key);
  }
  if (found->second.empty()) notes_.erase(found);
}

}  // namespace tidegate::node
