#include "tests/sim/observed_storage.h"

namespace tidegate::sim {
namespace {

bool Bulky(std::span<const tg_group> groups) {
  for (const tg_group& group : groups) {
    for (const tg_mutation& m : std::span(group.mutations, group.count)) {
      if (m.op == TG_OP_PUT && m.change->kind == TG_CHANGE_ITEM && (m.change->direction & TG_DIRECTION_DOWN) == 0)
        return true;
    }
  }
  return false;
}

}  // namespace

Result<Watermark> ObservedStorage::Commit(std::span<const tg_group> groups, const core::OutcomeFn& outcome) {
  if (frozen_) return Status(Code::kIo, "the simulated process is dead");
  if (failing_ > 0) {
    --failing_;
    if (failing_code_ == Code::kFull) sink_.Full();
    return Status(failing_code_, "a simulated fault of the disk");
  }
  if (rows_max_ != 0 && Bulky(groups)) {
    auto stats = inner_.Stats();
    if (stats.ok() && stats->items + stats->tombstones >= rows_max_) {
      sink_.Full();
      return Status(Code::kFull, "the simulated disk is full");
    }
  }
  std::vector<tg_outcome> outcomes;
  Result<Watermark> end = inner_.Commit(groups, [&](const tg_outcome& o) { outcomes.push_back(o); });
  if (!end.ok()) return end;
  sink_.Durable(groups, outcomes);
  if (outcome) {
    for (const tg_outcome& o : outcomes) outcome(o);
  }
  return end;
}

}  // namespace tidegate::sim
