#include "host/node/dropped_here.h"

#include <utility>

#include "host/base/views.h"
#include "host/node/held_state.h"
#include "host/sync/inbound.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {

namespace meta = sync::meta;

namespace {

std::string NameOf(const tg_key& key) { return meta::DroppedHere(key.owner, View(key.pk), View(key.sk)); }

}  // namespace

Status DroppedHere::Restore() {
  return deps_.storage.MetaScan(meta::kDroppedHerePrefix, [&](std::string_view key, std::string_view value) {
    wire::QuarantineRecord record;
    auto name = wire::DecodeRecord(value, &record).ok() ? sync::NameOf(record) : std::nullopt;
    const bool over = !name || HeldOf(deps_.storage, KeyOf(*name)).version >= name->version;
    if (over) {
      over_.emplace_back(key);
    } else {
      states_[std::string(key)] = name->version;
    }
    return true;
  });
}

void DroppedHere::Stage(const tg_change& dropped, core::Stage* stage) {
  for (const std::string& key : std::exchange(over_, {})) stage->MetaDelete(key);
  std::string key = NameOf(dropped.key);
  if (!states_.contains(key) && !states_.empty() && states_.size() >= options_.quarantine_items_max) {
    stage->MetaDelete(states_.begin()->first);
    states_.erase(states_.begin());
  }
  tg_change bare = dropped;
  bare.body = bare.policy_meta = {};
  wire::QuarantineRecord record;
  record.since_unix_ms = deps_.clock.unix_ms();
  record.change = wire::EncodeChange(bare);
  stage->MetaPut(key, wire::EncodeRecord(record));
  states_[std::move(key)] = Version::From(dropped.version);
}

bool DroppedHere::Covers(const tg_key& key, const Version& version) const {
  auto found = states_.find(NameOf(key));
  return found != states_.end() && found->second == version;
}

bool DroppedHere::Taken(const tg_change& change) {
  auto found = states_.find(NameOf(change.key));
  const Version version = Version::From(change.version);
  if (found == states_.end() || version < found->second) return false;
  const bool same = version == found->second;
  over_.push_back(found->first);
  states_.erase(found);
  return same;
}

}  // namespace tidegate::node
