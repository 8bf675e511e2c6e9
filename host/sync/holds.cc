#include "host/sync/holds.h"

#include <algorithm>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"

namespace tidegate::sync {
namespace {

bool Same(const std::vector<wire::Hold>& a, const std::vector<wire::Hold>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const wire::Hold& x, const wire::Hold& y) {
    return x.model == y.model && x.reason == y.reason && x.by == y.by && x.message == y.message;
  });
}

}  // namespace

// ---- here ----

void HoldsHere::Restore(wire::HoldRecord record) {
  Entry& entry = entries_[record.hold.model];
  entry = {};
  entry.record = std::move(record);
  entry.durable = true;
  entry.listed = number_;
}

void HoldsHere::Open() { confirmed_ = 0; }

const HoldsHere::Entry* HoldsHere::Find(std::string_view model) const {
  auto found = entries_.find(model);
  return found == entries_.end() ? nullptr : &found->second;
}

bool HoldsHere::Holds(const tg_change& change) const {
  if (entries_.empty()) return false;
  const Entry* entry = Find(View(change.model));
  return entry != nullptr && Covers(entry->record.hold, change);
}

void HoldsHere::Put(wire::Hold hold, int64_t unix_ms) {
  auto [place, fresh] = entries_.try_emplace(hold.model);
  Entry& entry = place->second;
  entry.ending = false;
  if (!fresh && entry.record.hold.reason == hold.reason && entry.record.hold.message == hold.message) return;
  hold.since = std::move(entry.record.hold.since);
  entry.record.hold = std::move(hold);
  if (fresh) entry.record.since_unix_ms = unix_ms;
  entry.dirty = true;
}

void HoldsHere::LeftOut(const std::string& model, uint32_t lane, const Watermark& before) {
  auto found = entries_.find(model);
  if (found == entries_.end()) return;
  auto& since = found->second.record.hold.since;
  if (std::any_of(since.begin(), since.end(), [&](const wire::LaneWatermark& one) { return one.lane == lane; })) return;
  since.push_back({lane, before});
  found->second.dirty = true;
}

void HoldsHere::End(const std::string& model) {
  auto found = entries_.find(model);
  if (found == entries_.end()) return;
  if (!found->second.durable && !found->second.staged && found->second.record.hold.since.empty()) {
    entries_.erase(found);  // nobody was told and nothing was left out
  } else {
    found->second.ending = true;
  }
}

bool HoldsHere::Dirty() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const auto& entry) { return entry.second.dirty; });
}

void HoldsHere::Stage(AgentId link, core::Stage* stage) {
  for (auto& [model, entry] : entries_) {
    if (!entry.dirty) continue;
    stage->MetaPut(meta::Hold(link, model), wire::EncodeRecord(entry.record));
    entry.dirty = false;
    entry.staged = true;
  }
}

void HoldsHere::Staged(bool ok) {
  bool news = false;
  for (auto& [model, entry] : entries_) {
    if (!entry.staged) continue;
    entry.staged = false;
    if (ok) {
      entry.durable = news = true;
    } else {
      entry.dirty = true;
    }
    entry.listed = number_ + 1;
  }
  if (news) ++number_;
}

std::vector<std::string> HoldsHere::Endable(bool certain) const {
  std::vector<std::string> models;
  for (const auto& [model, entry] : entries_) {
    if (!entry.ending || entry.staged || entry.dirty) continue;
    if (certain || entry.record.hold.since.empty() || confirmed_ >= entry.listed) models.push_back(model);
  }
  return models;
}

void HoldsHere::Remove(const std::string& model) {
  if (entries_.erase(model) != 0) ended_ = ++number_;
}

void HoldsHere::SetBeyond(std::vector<wire::Hold> beyond) {
  if (Same(beyond, beyond_)) return;
  beyond_ = std::move(beyond);
  ++number_;
}

std::vector<wire::Hold> HoldsHere::List() const {
  std::vector<wire::Hold> list;
  for (const auto& [model, entry] : entries_) {
    if (entry.durable) list.push_back(entry.record.hold);
  }
  list.insert(list.end(), beyond_.begin(), beyond_.end());
  return list;
}

// ---- above ----

std::string HeldAbove::MetaKey(const Key& key) { return meta::HeldAbove(key.first, key.second); }

void HeldAbove::Restore(wire::HeldRecord record) {
  Key key{record.hold.model, record.hold.by != 0};
  entries_[key] = {std::move(record), true, true};
}

bool HeldAbove::LeavesOut(const tg_change& change) const {
  if (entries_.empty() || change.run_first != change.run_last) return false;
  auto found = entries_.find({std::string(View(change.model)), false});
  if (found == entries_.end()) return false;
  const Entry& entry = found->second;
  if (!entry.open() || !entry.durable || !Covers(entry.record.hold, change)) return false;
  left_out_news_ = left_out_news_ || !entry.left_out;
  entry.left_out = true;
  return true;
}

bool HeldAbove::Excepts(std::string_view model, bool beyond_too) const {
  if (entries_.empty()) return false;
  if (entries_.contains({std::string(model), false})) return true;
  return beyond_too && entries_.contains({std::string(model), true});
}

void HeldAbove::ParentLeft() {
  std::vector<Key> beyond;
  for (const auto& [key, entry] : entries_) {
    if (entry.beyond()) beyond.push_back(key);
  }
  for (const Key& key : beyond) {
    Entry left = std::move(entries_.extract(key).mapped());
    gone_.push_back(key);
    if (!left.left_out) continue;
    auto [place, fresh] = entries_.try_emplace({key.first, false});
    Entry& entry = place->second;
    if (fresh) {
      entry.record.hold = left.record.hold;
      entry.record.hold.by = 0;
      entry.record.since_unix_ms = left.record.since_unix_ms;
    }
    entry.record.ranges.insert(entry.record.ranges.end(), left.record.ranges.begin(), left.record.ranges.end());
    entry.record.released = false;
    entry.left_out = left_out_news_ = true;
    entry.durable = false;
  }
}

bool HeldAbove::Heard(const std::vector<wire::Hold>& list, const Positions& positions, int64_t unix_ms) {
  bool changed = false;
  std::vector<Key> named;
  for (const wire::Hold& hold : list) {
    Key key{hold.model, hold.by != 0};
    named.push_back(key);
    auto [place, fresh] = entries_.try_emplace(key);
    Entry& entry = place->second;
    wire::HeldRecord& record = entry.record;
    bool again = !fresh && record.released;
    bool news = fresh || again || record.hold.reason != hold.reason || record.hold.by != hold.by;
    if (fresh) record.since_unix_ms = unix_ms;
    if (!entry.left_out && (hold.by != 0 || !hold.since.empty())) entry.left_out = left_out_news_ = true;
    if (news) {
      record.hold = hold;
      record.hold.since.clear();
      record.released = false;
    }
    if (hold.by != 0 && record.ranges.empty()) {
      for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane)
        record.ranges.push_back({lane, positions.delivered[lane], wire::SeqRange::kOpen});
    }
    for (uint32_t lane = 0; hold.by == 0 && lane < TG_LANE_COUNT; ++lane) {
      uint64_t from = positions.taken[lane];
      for (const wire::LaneWatermark& since : hold.since) {
        if (since.lane == lane) from = std::min(from, since.watermark.position);
      }
      auto open = std::find_if(record.ranges.begin(), record.ranges.end(), [&](const wire::SeqRange& range) {
        return range.lane == lane && range.to == wire::SeqRange::kOpen;
      });
      if (open == record.ranges.end()) {
        record.ranges.push_back({lane, from, wire::SeqRange::kOpen});
        news = true;
      } else if (from < open->from) {
        open->from = from;
        news = true;
      }
    }
    if (news) {
      entry.durable = false;
      changed = true;
    }
  }
  for (auto& [key, entry] : entries_) {
    if (std::find(named.begin(), named.end(), key) != named.end() || entry.record.released) continue;
    entry.record.released = true;
    if (entry.beyond()) entry.record.ranges.clear();  // who held it sends it again
    for (wire::SeqRange& range : entry.record.ranges) range.to = std::min(range.to, positions.read[range.lane]);
    std::erase_if(entry.record.ranges, [](const wire::SeqRange& range) { return range.from >= range.to; });
    entry.durable = false;
    changed = true;
  }
  return changed;
}

void HeldAbove::Stage(core::Stage* stage) const {
  for (const Key& key : gone_) {
    if (!entries_.contains(key)) stage->MetaDelete(MetaKey(key));
  }
  for (const auto& [key, entry] : entries_) {
    if (!entry.durable) stage->MetaPut(MetaKey(key), wire::EncodeRecord(entry.record));
  }
}

void HeldAbove::Staged(bool ok) {
  if (ok) gone_.clear();
  for (auto& [key, entry] : entries_) entry.durable = entry.durable || ok;
}

}  // namespace tidegate::sync
