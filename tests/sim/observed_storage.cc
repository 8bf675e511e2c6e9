#include "tests/sim/observed_storage.h"

namespace tidegate::sim {

Result<Watermark> ObservedStorage::Commit(std::span<const tg_group> groups, const core::OutcomeFn& outcome) {
  if (frozen_) return Status(Code::kIo, "the simulated process is dead");
  if (failing_ > 0) {
    --failing_;
    return Status(failing_code_, "a simulated fault of the disk");
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
