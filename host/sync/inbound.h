// Applying what a neighbour sends: changes of a batch, or of a reconcile. Each is admitted or
// quarantined, a run stays together, and everything is staged for one commit with the watermark.
// Thread safety: the writer thread. Ownership: refers to its arguments during the call.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host/core/stage.h"
#include "host/sync/admission.h"
#include "host/sync/link.h"

namespace tidegate::sync {

struct RefusedChange {
  tg_change change;
  std::string reason;
  uint64_t run = 0;    // see wire::QuarantineRecord
  bool held = false;   // dragged along by a held item of its transaction
  bool known = false;  // what is held here says all that it says
};

// Stages one group for each run. Refused changes are staged as quarantine entries by the caller, with
// StageQuarantine, in the group that holds the watermark: they are returned.
// keep: what the changes' views point into. sure: the parent is sure of what it sends.
struct StagedChanges {
  std::vector<RefusedChange> refused;
  std::vector<tg_change> replacing;  // admitted, of a key that is listed as refused
  std::set<std::string> left_out;    // models of which something is held
  std::set<AgentId> waiting;         // owners of what was left out until the parent is sure of it
};
StagedChanges StageChanges(const Link& link, const std::vector<tg_change>& changes,
                           const std::shared_ptr<const void>& keep, Admission* admission, core::Stage* stage,
                           bool sure);

// What the commit says to the neighbour.
struct QuarantineNotes {
  std::vector<wire::RefusedKey> refused;
  std::vector<wire::RefusedKey> released;
  uint64_t not_listed = 0;  // refused, but the quarantine is full
  // Transactions of which one entry was replaced by a newer state: the rest may fit without it.
  std::set<uint64_t> loosened;
};

// Into the open group, and into link's lists at once: when the commit fails, call
// LinkTable::RestoreQuarantine. room: so many new entries may be made; what finds none is named to the
// sender all the same, who keeps the item.
QuarantineNotes StageQuarantine(Link* link, const StagedChanges& staged, const core::Storage& storage, uint64_t room,
                                int64_t unix_ms, core::Stage* stage);

// What to tell the neighbour: its refused change is here now, or `held` is.
wire::RefusedKey ReleaseNote(const tg_change& change, const Version& held);

// Given up by hand, here or (by) beyond. Until the neighbour knows it, a note is kept in the open group: it would send
// the change again.
wire::RefusedKey StageDropped(const Link& link, const tg_change& change, AgentId by, core::Stage* stage);

// Takes one entry off the list, into the open group. Returns what to tell the neighbour.
wire::RefusedKey StageRelease(Link* link, const tg_change& change, core::Stage* stage);

enum class SaidOfOurs : uint8_t {
  kNothing,  // as listed already, or of nothing that is listed
  kListed,   // a new entry, or one that says something else
  kEnded,    // an entry is off the list
  kNoRoom,   // refused, but the list is full
};

// What the neighbour says of ours, into the open group and link's list.
SaidOfOurs StageSaidOfOurs(Link* link, const wire::RefusedKey& said, const core::Storage& storage, uint64_t room,
                           int64_t unix_ms, core::Stage* stage);

// The name of a state, as neighbours speak of it.
wire::RefusedKey NameOf(const tg_change& change);
// What a name tells of its state; refers to the name's text.
tg_change StateNamed(const wire::RefusedKey& name);
// What an entry of the quarantine says to the neighbour; none if it cannot be read.
std::optional<wire::RefusedKey> NameOf(const wire::QuarantineRecord& record);
std::optional<wire::RefusedKey> NameOfEntry(const core::Storage& storage, const std::string& key);

}  // namespace tidegate::sync
