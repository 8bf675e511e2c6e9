// Admission: may this incoming change be applied here? Direction and owner at every hop (law 8),
// validity only at the destination (law 10).
// Thread safety: the writer thread. Ownership: index keys are put into the arena.
#pragma once

#include "host/base/ids.h"
#include "host/base/status.h"
#include "host/core/change_arena.h"
#include "tidegate/change.h"

namespace tidegate::sync {

// What Admit says of a change whose model waits as a whole; any other error is of the change alone.
inline constexpr Code kHeld = Code::kUnavailable;
// It may have been deleted, and the parent is not sure yet.
inline constexpr Code kUnsure = Code::kConflict;

struct Inbound {
  AgentId neighbour = 0;
  bool from_parent = false;
  bool sure = false;   // the parent is sure of what it sends
  bool alive = false;  // somebody says by hand that it was not deleted
};

class Admission {
 public:
  virtual ~Admission() = default;
  // Fills in what is not on the wire: via, index keys, expiry, digest. kHeld: its model is held. kUnsure: it is left
  // out, and its scope has to be reconciled later. Any other error is the reason to quarantine the change.
  virtual Status Admit(const Inbound& from, tg_change* change, core::ChangeArena* arena) = 0;
  // Puts an admitted change into the stage's open group: if it is newer, or joined with what is held.
  virtual void Put(const Inbound& from, const tg_change& change) = 0;
  // Whether what is held says all that a change says: it is that state, a newer one, or a join of both.
  virtual bool Knows(const tg_change& change) = 0;
};

}  // namespace tidegate::sync
