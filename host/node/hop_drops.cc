#include "host/node/hop_drops.h"

#include <algorithm>
#include <utility>

#include "host/base/views.h"
#include "host/node/quotas.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

constexpr uint64_t kPortionItems = 1'000;
constexpr int kPortionsMax = 8;  // of a model, owner and lane; the last one takes the rest

}  // namespace

Status HopDrops::Restore() {
  portions_.clear();
  changed_.clear();
  return deps_.storage.MetaScan(sync::meta::kHopDropPrefix, [&](std::string_view key, std::string_view value) {
    wire::LostRecord record;
    if (wire::DecodeRecord(value, &record).ok()) portions_[std::string(key)] = std::move(record);
    return true;
  });
}

void HopDrops::Note(const tg_change& change, uint64_t bytes) {
  const std::string prefix = sync::meta::HopDrops(View(change.model), change.key.owner, change.lane);
  auto last = portions_.end();
  int count = 0;
  for (auto at = portions_.lower_bound(prefix); at != portions_.end() && at->first.starts_with(prefix); ++at) {
    last = at;
    ++count;
  }
  if (last == portions_.end() || (last->second.items >= kPortionItems && count < kPortionsMax)) {
    std::string number = std::to_string(change.seq);
    number.insert(0, 20 - std::min<size_t>(number.size(), 20), '0');  // in the order of their positions
    last = portions_.emplace(prefix + number, wire::LostRecord{}).first;
  }
  wire::LostRecord& record = last->second;
  const Version version = Version::From(change.version);
  if (record.items == 0) {
    record.model = View(change.model);
    record.owner = change.key.owner;
    record.lane = change.lane;
    record.first = version;
    record.since_unix_ms = deps_.clock.unix_ms();
  }
  ++record.items;
  record.bytes += bytes;
  record.first = std::min(record.first, version);
  record.last = std::max(record.last, version);
  record.position = std::max(record.position, change.seq);
  changed_.insert(last->first);
}

void HopDrops::Stage() {
  if (changed_.empty()) return;
  stage_.Begin();
  for (const std::string& key : changed_) {
    auto portion = portions_.find(key);
    if (portion == portions_.end()) {
      stage_.MetaDelete(key);
    } else {
      stage_.MetaPut(key, wire::EncodeRecord(portion->second));
    }
  }
  stage_.End([this, keys = std::exchange(changed_, {})](const Status& status, std::span<const core::Effect>) {
    if (!status.ok()) changed_.insert(keys.begin(), keys.end());  // with the next
  });
}

void HopDrops::Delivered(uint64_t position) {
  std::erase_if(portions_, [&](const auto& portion) {
    if (portion.second.position > position) return false;
    changed_.insert(portion.first);
    return true;
  });
}

void HopDrops::StageLost(const Positions& held, const Positions& delivered,
                         const std::function<void(const wire::LostRecord&)>& fn) {
  std::erase_if(portions_, [&](const auto& portion) {
    const wire::LostRecord& record = portion.second;
    const uint32_t lane = std::min<uint32_t>(record.lane, TG_LANE_COUNT - 1);
    if (record.position > delivered[lane] && record.position <= held[lane]) return false;
    if (record.position > delivered[lane]) fn(record);
    stage_.MetaDelete(portion.first);
    changed_.erase(portion.first);
    return true;
  });
}

}  // namespace tidegate::node
