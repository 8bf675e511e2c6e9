// ReconcileAnswerer: the parent's side of a reconcile. Compares what a child names with its own state
// of the moment, and answers: the same, digests of parts, or what each side lacks.
// Thread safety: the writer thread (it reads the storage at the moment of the answer). Ownership:
// changes of an answer are copied into the arena given.
#pragma once

#include <functional>

#include "host/core/change_arena.h"
#include "host/core/storage.h"
#include "host/sync/range_digests.h"
#include "host/wire/frames.h"

namespace tidegate::sync {

// Whether what the answerer lacks is really gone.
enum class Sureness : uint8_t { kSure, kNotYet, kNever };

// Of two states with one version and different digests, one of which was changed behind a daemon: which one stays.
enum class Alike : uint8_t { kOurs, kTheirs, kUnknown };

// The version of the tombstone that removes a state: just above it, and the same wherever it is made.
Version RemovalOf(const Version& version);

struct AnswerLimits {
  uint64_t bytes_max = 256u << 10;  // of changes in one answer
  uint64_t parts = 16;              // a range that differs is split into so many
  uint64_t part_items_min = 8;
  uint64_t listed_items_max = 16;  // the asker names its keys where so few are left
  // Of joined states neither need have what the other has, whatever their versions: both are exchanged. Null: none.
  std::function<bool(const tg_change&)> joined;
  // Asked where both have the same version of a key with different digests. Null: ours stays.
  std::function<Alike(const tg_change& ours, const wire::KeyVersion& theirs)> alike;
  // Asked only to look: what the asker has not acknowledged yet is on its way, and no difference. Null: all has passed.
  std::function<bool(const tg_change&)> passed;
  Sureness sure = Sureness::kNever;
  uint64_t purge_horizon = 0;  // tombstones below it may be forgotten here
  // Of states from this time on a delete would have left a trace here: what is lacked of them is not deleted, but lost.
  uint64_t removals_below = UINT64_MAX;
  // Told of each state here of which the asker has a newer one. True: it will not stay so, and the asker is to ask
  // again. Null: nobody.
  std::function<bool(const tg_change& ours, const wire::KeyVersion& theirs)> outdone;
  // Told of each item that only the asker has, and that is not taken for deleted. True: as above. Null: nobody.
  std::function<bool(const wire::KeyVersion& theirs)> lacked;
  // Of what only goes up: whether this node drops items of a model by itself. Null: of none.
  std::function<bool(std::string_view model)> drops;
  // Of what only goes up: whether an operator gave this very state up here. Null: none.
  std::function<bool(const wire::KeyVersion& theirs)> given_up;
};

RowClass ClassOf(const wire::CompareAsk& ask);
Cut CutOf(const wire::CompareAsk& ask);
// Whether an answer needs digests; else all ranges are listed.
bool NeedsDigests(const wire::CompareAsk& ask);
// digests: of the owner and class with the ask's cut, if they are needed. route: asked for each change; false: the
// asker does not get it.
Result<wire::CompareAnswer> AnswerCompare(const core::Storage& storage, RangeDigests* digests,
                                          const wire::CompareAsk& ask, const AnswerLimits& limits,
                                          const std::function<bool(const tg_change&)>& route, core::ChangeArena* arena);
// Says that the ranges are still being read: ask later.
wire::CompareAnswer AnswerLater(const wire::CompareAsk& ask);
// Says that nothing of these ranges is for the asker.
wire::CompareAnswer AnswerNothing(const wire::CompareAsk& ask);

}  // namespace tidegate::sync
