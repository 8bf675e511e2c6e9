#include "host/node/difference_count.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "host/base/views.h"
#include "host/core/change_arena.h"
#include "host/node/held_state.h"

namespace tidegate::node {
namespace {

constexpr size_t kCountedMax = 100'000;  // keys that are kept so as to count none twice

}  // namespace

uint64_t DifferenceCount::Found(const Models& models) {
  uint64_t found = 0;
  for (const auto& [model, difference] : models) found += Found(difference);
  return found;
}

wire::ModelDifference& DifferenceCount::Of(std::string_view model) {
  wire::ModelDifference& difference = models_[std::string(model)];
  difference.model = model;
  return difference;
}

void DifferenceCount::Lacking(std::string_view model, bool ours) {
  wire::ModelDifference& difference = Of(model);
  ++(ours ? difference.differing : difference.missing_here);
  if (mends_) ++difference.mended;
}

void DifferenceCount::Note(const sync::Link& parent, const wire::CompareAnswer& answer,
                           const sync::ReconcileAsker::Positions& held_there) {
  auto count = [&](std::string_view pk, std::string_view sk, auto fn) {
    std::optional<tg_change> ours;
    core::ChangeArena arena;
    (void)storage_.Get({answer.owner, Str(pk), Str(sk)}, [&](const tg_change& change) {
      ours = arena.Copy(change);
      return false;
    });
    if (ours && IsRefused(parent, *ours)) return;  // it is listed, and stays where it is
    std::string key = std::to_string(answer.owner) + '\0' + std::string(pk) + '\0' + std::string(sk);
    if (counted_.size() < kCountedMax && !counted_.insert(std::move(key)).second) return;
    fn(ours);
  };
  auto offered = [&](const std::optional<tg_change>& ours, bool missing, bool removed) {
    if (!ours || ours->seq > held_there[std::min<uint32_t>(ours->lane, TG_LANE_COUNT - 1)]) return;
    // It was removed here for want of it there: both lack it.
    if (missing && ours->kind != TG_CHANGE_ITEM && (ours->direction & TG_DIRECTION_UP) == 0) return;
    wire::ModelDifference& difference = Of(View(ours->model));
    ++(missing ? difference.missing_there : difference.differing);
    // Of what only the server writes it makes its own state the newer one.
    const bool made_newer = !missing && ours->direction == TG_DIRECTION_DOWN && !parent.never_sure;
    if (mends_ && (removed || made_newer || (ours->direction & TG_DIRECTION_UP) != 0)) ++difference.mended;
  };
  for (const wire::RangeAnswer& range : answer.ranges) {
    for (const wire::KeyVersion& key : range.lacks)
      count(key.pk, key.sk, [&](const auto& ours) { Lacking(key.model, ours.has_value()); });
    for (const tg_change& change : range.changes)
      count(View(change.key.pk), View(change.key.sk),
            [&](const auto& ours) { Lacking(View(change.model), ours.has_value()); });
    for (const wire::KeyVersion& key : range.wants)
      count(key.pk, key.sk, [&](const auto& ours) { offered(ours, key.missing, false); });
    for (const wire::KeyVersion& key : range.removals)
      count(key.pk, key.sk, [&](const auto& ours) { offered(ours, true, true); });
    report_.dropped += range.dropped;
  }
}

}  // namespace tidegate::node
