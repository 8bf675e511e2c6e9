#include "host/node/given_up.h"

#include <algorithm>
#include <tuple>

#include "host/base/views.h"
#include "host/node/held_state.h"
#include "host/sync/inbound.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {

namespace meta = sync::meta;

namespace {

constexpr uint64_t kPageItems = 500;

}  // namespace

// The record of an entry is that of the refusal; its `run` is the position of the state, `held` says that it goes
// again.
Status GivenUp::Restore() {
  TG_RETURN_IF_ERROR(deps_.storage.MetaScan(meta::kGivenUpPrefix, [&](std::string_view key, std::string_view value) {
    wire::QuarantineRecord record;
    if (!wire::DecodeRecord(value, &record).ok()) return true;
    if (auto name = sync::NameOf(record)) states_[std::string(key)] = {name->version, record.run, record.held};
    if (record.held) ++again_;
    return true;
  }));
  return deps_.storage.MetaScan(meta::kLostAbovePrefix, [&](std::string_view, std::string_view value) {
    wire::HeldRecord record;
    if (wire::DecodeRecord(value, &record).ok()) models_[record.hold.model].record = record;
    return true;
  });
}

void GivenUp::Stage(const wire::RefusedKey& refused, AgentId by, core::Stage* stage) {
  if (refused.version.agent != options_.agent) return;
  if (!StageState(refused, by,
                  "dropped there by hand" + (refused.reason.empty() ? "" : "; it was refused: " + refused.reason),
                  false, stage))
    deps_.metrics.Add("tidegate_given_up_not_listed_total", 1);
}

// False: there is no room.
bool GivenUp::StageState(const wire::RefusedKey& name, AgentId by, std::string reason, bool again, core::Stage* stage) {
  Held held = HeldOf(deps_.storage, KeyOf(name));
  if (held.version != name.version) return true;
  std::string key = meta::GivenUp(name.owner, name.pk, name.sk);
  auto known = states_.find(key);
  if (known == states_.end()) {
    if (states_.size() >= options_.quarantine_items_max) ForgetOver(stage);
    if (states_.size() >= options_.quarantine_items_max) return false;
  } else {
    again_ -= known->second.again ? 1 : 0;
  }
  again_ += again ? 1 : 0;
  tg_change change{};
  change.struct_size = sizeof change;
  change.kind = TG_CHANGE_ITEM;
  change.model = Str(name.model);
  change.key = KeyOf(name);
  change.version = name.version.To();
  wire::QuarantineRecord record;
  record.link = record.by = by;
  record.ours = true;
  record.run = held.seq;
  record.held = again;
  record.reason = std::move(reason);
  record.since_unix_ms = deps_.clock.unix_ms();
  record.change = wire::EncodeChange(change);
  stage->MetaPut(key, wire::EncodeRecord(record));
  states_[std::move(key)] = {name.version, held.seq, again};
  return true;
}

void GivenUp::Taken(const wire::RefusedKey& name, core::Stage* stage) {
  auto found = states_.find(meta::GivenUp(name.owner, name.pk, name.sk));
  if (found == states_.end() || found->second.again || found->second.version != name.version) return;
  stage->MetaDelete(found->first);
  states_.erase(found);
}

bool GivenUp::Knows(const wire::RefusedKey& refused) const {
  auto found = states_.find(meta::GivenUp(refused.owner, refused.pk, refused.sk));
  return found != states_.end() && found->second.version == refused.version;
}

bool GivenUp::StageLost(const wire::RefusedKey& lost, AgentId by, uint64_t end, core::Stage* stage) {
  const bool named = !lost.pk.empty() || !lost.sk.empty();
  if (named && HeldOf(deps_.storage, KeyOf(lost)).version != lost.version) return false;
  if (!named || !StageState(lost, by, "dropped there before it had gone on: " + lost.lost, true, stage))
    StageModelLost(lost, by, end, stage);
  return true;
}

void GivenUp::StageModelLost(const wire::RefusedKey& lost, AgentId by, uint64_t end, core::Stage* stage) {
  wire::HeldRecord& record = models_[lost.model].record;
  record.hold.model = lost.model;
  record.hold.reason = wire::HoldReason::kQuota;
  record.hold.message = lost.lost;
  record.hold.by = by;
  if (record.since_unix_ms == 0) record.since_unix_ms = deps_.clock.unix_ms();
  record.ranges.clear();
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) record.ranges.push_back({lane, 0, end});
  stage->MetaPut(meta::LostAbove(lost.model), wire::EncodeRecord(record));
  // Those of the model that are named are among them.
  for (auto at = states_.begin(); at != states_.end();) {
    auto name = at->second.again ? sync::NameOfEntry(deps_.storage, at->first) : std::nullopt;
    if (!name || name->model != lost.model || at->second.position > end) {
      ++at;
      continue;
    }
    stage->MetaDelete(at->first);
    --again_;
    at = states_.erase(at);
  }
}

bool GivenUp::ModelLoss::Covers(uint32_t lane, uint64_t seq) const {
  return std::any_of(record.ranges.begin(), record.ranges.end(), [&](const wire::SeqRange& range) {
    return range.lane == lane && range.from < seq && seq <= range.to;
  });
}

// What is left of it: a row that was sent again stands elsewhere.
Status GivenUp::Rows(const ModelLoss& loss, const core::ChangeFn& fn) const {
  bool more = true;
  for (const wire::SeqRange& range : loss.record.ranges) {
    tg_feed_selector selector{};
    selector.struct_size = sizeof selector;
    selector.direction = TG_DIRECTION_UP;
    selector.lane = static_cast<uint8_t>(range.lane);
    uint64_t from = range.from;
    while (more && from < range.to) {
      auto page = deps_.storage.Changes(selector, from, kPageItems, 0, [&](const tg_change& change) {
        if (change.seq > range.to || !more) return false;
        const bool meant = View(change.model) == loss.record.hold.model && change.kind == TG_CHANGE_ITEM;
        if (meant && !fn(change)) more = false;
        return more;
      });
      TG_RETURN_IF_ERROR(page.status());
      from = page->reached.position;
      if (!page->more) break;
    }
  }
  return {};
}

std::vector<wire::RefusedKey> GivenUp::Portion(size_t items_max, const WaitsFn& waits, const StaysFn& stays,
                                               core::Stage* stage) {
  std::vector<wire::RefusedKey> names;
  for (auto at = states_.begin(); at != states_.end() && names.size() < items_max;) {
    if (!at->second.again) {
      ++at;
      continue;
    }
    auto name = sync::NameOfEntry(deps_.storage, at->first);
    if (!name) {  // not committed yet
      ++at;
      continue;
    }
    Held held = HeldOf(deps_.storage, KeyOf(*name));
    if (held.version != at->second.version || held.seq != at->second.position) {
      stage->MetaDelete(at->first);
      --again_;
      at = states_.erase(at);
      continue;
    }
    if (!waits(name->model)) names.push_back(std::move(*name));
    ++at;
  }
  for (auto at = models_.begin(); at != models_.end() && names.size() < items_max;) {
    if (waits(at->first)) {
      ++at;
      continue;
    }
    bool left = false;
    Status read = Rows(at->second, [&](const tg_change& change) {
      if (stays(change)) return true;
      left = true;
      names.push_back({std::string(View(change.model)),
                       change.key.owner,
                       std::string(View(change.key.pk)),
                       std::string(View(change.key.sk)),
                       Version::From(change.version),
                       {},
                       "",
                       0,
                       0,
                       false,
                       ""});
      return names.size() < items_max;
    });
    if (!read.ok() || left) {
      ++at;
      continue;
    }
    stage->MetaDelete(meta::LostAbove(at->first));
    at = models_.erase(at);
  }
  return names;
}

GivenUp::State GivenUp::StateOf(const tg_change& change) { return {Version::From(change.version), change.seq, false}; }

bool GivenUp::Covers(const tg_change& change) const {
  if (!models_.empty()) {
    auto model = models_.find(View(change.model));
    if (model != models_.end() && model->second.Covers(change.lane, change.seq)) return true;
  }
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
    entries.push_back({std::move(item), held.seq, record.since_unix_ms, state.again});
  }
  return entries;
}

void GivenUp::ForEach(const std::function<void(Entry)>& fn) const {
  for (Entry& entry : List()) fn(std::move(entry));
  for (const auto& [model, loss] : models_) {
    Status read = Rows(loss, [&](const tg_change& row) {
      SyncException item{model,
                         row.key.owner,
                         std::string(View(row.key.pk)),
                         std::string(View(row.key.sk)),
                         Version::From(row.version),
                         {},
                         "it may have been dropped there before it had gone on: " + loss.record.hold.message,
                         loss.record.hold.by};
      fn({std::move(item), row.seq, loss.record.since_unix_ms, true});
      return true;
    });
    if (!read.ok()) deps_.log.Write(3, "cannot read what was dropped above: " + read.message());
  }
}

// What was written anew, removed or sent again since.
void GivenUp::ForgetOver(core::Stage* stage) {
  std::map<std::string, State> left;
  for (const Entry& entry : List()) {
    std::string key = meta::GivenUp(entry.name.owner, entry.name.pk, entry.name.sk);
    left[key] = states_[key];
  }
  for (const auto& [key, state] : states_) {
    if (left.contains(key)) continue;
    stage->MetaDelete(key);
    again_ -= state.again ? 1 : 0;
  }
  states_ = std::move(left);
}

void GivenUp::Show(NodeStatus* status) const {
  std::map<std::tuple<std::string, AgentId, AgentId, bool>, LossStatus> losses;
  ForEach([&](const Entry& entry) {
    LossStatus& loss = losses[{entry.name.model, entry.name.owner, entry.name.by, entry.again}];
    const std::string version = entry.name.version.ToText();
    if (loss.items++ == 0) {
      loss.model = entry.name.model;
      loss.owner = entry.name.owner;
      loss.reason = (entry.again ? "at agent " : "by hand at agent ") + std::to_string(entry.name.by) +
                    (entry.again ? ", still here and going again" : ", still here");
      loss.since_unix_ms = entry.since_unix_ms;
      loss.first = loss.last = version;
    }
    loss.since_unix_ms = std::min(loss.since_unix_ms, entry.since_unix_ms);
    loss.first = std::min(loss.first, version);
    loss.last = std::max(loss.last, version);
  });
  for (auto& [key, loss] : losses) status->losses.push_back(std::move(loss));
}

}  // namespace tidegate::node
