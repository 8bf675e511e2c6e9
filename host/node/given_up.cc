#include "host/node/given_up.h"

#include <tuple>

#include "host/base/views.h"
#include "host/node/held_state.h"
#include "host/sync/inbound.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {

namespace meta = sync::meta;

// The record of an entry is that of the refusal; its `run` is the position of the state.
Status GivenUp::Restore() {
  return deps_.storage.MetaScan(meta::kGivenUpPrefix, [&](std::string_view key, std::string_view value) {
    wire::QuarantineRecord record;
    if (!wire::DecodeRecord(value, &record).ok()) return true;
    if (auto name = sync::NameOf(record)) states_[std::string(key)] = {name->version, record.run};
    return true;
  });
}

void GivenUp::Stage(const wire::RefusedKey& refused, AgentId by, core::Stage* stage) {
  Held held = HeldOf(deps_.storage, KeyOf(refused));
  if (refused.version.agent != options_.agent || held.version != refused.version) return;
  if (states_.size() >= options_.quarantine_items_max) ForgetOver(stage);
  if (states_.size() >= options_.quarantine_items_max)
    return deps_.metrics.Add("tidegate_given_up_not_listed_total", 1);
  tg_change change{};
  change.struct_size = sizeof change;
  change.kind = TG_CHANGE_ITEM;
  change.model = Str(refused.model);
  change.key = KeyOf(refused);
  change.version = refused.version.To();
  wire::QuarantineRecord record;
  record.link = record.by = by;
  record.ours = true;
  record.run = held.seq;
  record.reason = "dropped there by hand" + (refused.reason.empty() ? "" : "; it was refused: " + refused.reason);
  record.since_unix_ms = deps_.clock.unix_ms();
  record.change = wire::EncodeChange(change);
  std::string key = meta::GivenUp(refused.owner, refused.pk, refused.sk);
  stage->MetaPut(key, wire::EncodeRecord(record));
  states_[std::move(key)] = {refused.version, held.seq};
}

bool GivenUp::Knows(const wire::RefusedKey& refused) const {
  auto found = states_.find(meta::GivenUp(refused.owner, refused.pk, refused.sk));
  return found != states_.end() && found->second.version == refused.version;
}

GivenUp::State GivenUp::StateOf(const tg_change& change) { return {Version::From(change.version), change.seq}; }

bool GivenUp::Covers(const tg_change& change) const {
  if (states_.empty()) return false;
  auto found = states_.find(meta::GivenUp(change.key.owner, View(change.key.pk), View(change.key.sk)));
  if (found == states_.end()) return false;
  const State state = StateOf(change);
  return state.version == found->second.version && state.position == found->second.position;
}

std::vector<GivenUp::Entry> GivenUp::List() const {
  std::vector<Entry> entries;
  for (const auto& [key, state] : states_) {
    wire::QuarantineRecord record;
    Result<std::string> bytes = deps_.storage.MetaGet(key);
    if (!bytes.ok() || !wire::DecodeRecord(bytes.value(), &record).ok()) continue;
    auto name = sync::NameOf(record);
    if (!name) continue;
    Held held = HeldOf(deps_.storage, KeyOf(*name));
    if (held.version != state.version || held.seq != state.position) continue;
    SyncException item{name->model, name->owner, name->pk, name->sk, name->version, {}, record.reason, record.by};
    entries.push_back({std::move(item), held.seq, record.since_unix_ms});
  }
  return entries;
}

// What was written anew, removed or sent again since.
void GivenUp::ForgetOver(core::Stage* stage) {
  std::map<std::string, State> left;
  for (const Entry& entry : List()) {
    std::string key = meta::GivenUp(entry.name.owner, entry.name.pk, entry.name.sk);
    left[key] = states_[key];
  }
  for (const auto& [key, state] : states_) {
    if (!left.contains(key)) stage->MetaDelete(key);
  }
  states_ = std::move(left);
}

void GivenUp::Show(NodeStatus* status) const {
  std::map<std::tuple<std::string, AgentId, AgentId>, LossStatus> losses;
  for (const Entry& entry : List()) {
    LossStatus& loss = losses[{entry.name.model, entry.name.owner, entry.name.by}];
    const std::string version = entry.name.version.ToText();
    if (loss.items++ == 0) {
      loss.model = entry.name.model;
      loss.owner = entry.name.owner;
      loss.reason = "by hand at agent " + std::to_string(entry.name.by) + ", still here";
      loss.since_unix_ms = entry.since_unix_ms;
      loss.first = loss.last = version;
    }
    loss.since_unix_ms = std::min(loss.since_unix_ms, entry.since_unix_ms);
    loss.first = std::min(loss.first, version);
    loss.last = std::max(loss.last, version);
  }
  for (auto& [key, loss] : losses) status->losses.push_back(std::move(loss));
}

}  // namespace tidegate::node
