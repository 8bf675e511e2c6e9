// The mutations of a commit, checked before anything is written.
// Thread safety: functions. Ownership: pointers into the host's arguments.
#pragma once

#include <vector>

#include "tidegate/cpp/mutation.h"

namespace tidegate::sqlite {

// Whether the row takes a new seq.
inline bool TakesSeq(const tg_mutation& m) {
  return m.op == TG_OP_PUT || m.op == TG_OP_RENUMBER || (m.op == TG_OP_REKEY && m.position != 0);
}

// Appends the mutations of a group; throws TG_INVALID at a wrong one, or one that SQLite cannot hold.
void CheckMutations(const tg_group& group, std::vector<const tg_mutation*>& mutations);

}  // namespace tidegate::sqlite
