// ReconcileAnswerer: the parent's side of a reconcile. Compares what a child names with its own state
// of the moment, and answers: the same, digests of parts, or what each side lacks.
// Thread safety: the writer thread (it reads the storage at the moment of the answer). Ownership:
// changes of an answer are copied into the arena given.
#pragma once

#include <functional>

#include "host/core/change_arena.h"
#include "host/core/storage.h"
#include "host/wire/frames.h"

namespace tidegate::sync {

// Whether what the answerer lacks is really gone.
enum class Sureness : uint8_t { kSure, kNotYet, kNever };

// The version of the tombstone that removes a state: just above it, and the same wherever it is made.
Version RemovalOf(const Version& version);

struct AnswerLimits {
  uint64_t bytes_max = 256u << 10;  // of changes in one answer
  uint64_t parts = 16;              // a range that differs is split into so many
  uint64_t part_items_min = 32;
  bool own = false;  // of what the asker wrote and that goes up: it may have forgotten it
  // Of joined states neither need have what the other has, whatever their versions: both are exchanged. Null: none.
  std::function<bool(const tg_change&)> joined;
  Sureness sure = Sureness::kNever;
  uint64_t purge_horizon = 0;  // tombstones below it may be forgotten here
  // Told of each state here of which the asker has a newer one. Null: nobody.
  std::function<void(const tg_change& ours, const Version& theirs)> outdone;
};

// route: asked for each change; false: the asker does not get it.
Result<wire::CompareAnswer> AnswerCompare(const core::Storage& storage, const wire::CompareAsk& ask,
                                          const AnswerLimits& limits,
                                          const std::function<bool(const tg_change&)>& route, core::ChangeArena* arena);
// Says that nothing of these ranges is for the asker.
wire::CompareAnswer AnswerNothing(const wire::CompareAsk& ask);

}  // namespace tidegate::sync
