// Applying what a neighbour sends: changes of a batch, or of a reconcile. Each is admitted or
// quarantined, a run stays together, and everything is staged for one commit with the watermark.
// Thread safety: the writer thread. Ownership: refers to its arguments during the call.
#pragma once

#include <functional>
#include <vector>

#include "host/core/stage.h"
#include "host/sync/admission.h"
#include "host/sync/link.h"

namespace tidegate::sync {

struct QuarantineNote {
  std::string meta_key;
  wire::RefusedKey refused;
};

// Stages one group for each run. Refused changes are staged as quarantine entries by the caller, with
// StageQuarantine, in the group that holds the watermark: they are returned.
// keep: what the changes' views point into.
struct StagedChanges {
  std::vector<std::pair<tg_change, std::string>> refused;  // change, reason
  std::vector<std::string> released;                       // quarantine entries that a newer version ends
};
StagedChanges StageChanges(const Link& link, const std::vector<tg_change>& changes,
                           const std::shared_ptr<const void>& keep, Admission* admission, core::Stage* stage);

// Into the open group. Returns what to tell the neighbour, and the meta keys to remember.
std::vector<QuarantineNote> StageQuarantine(const Link& link, const StagedChanges& staged, int64_t unix_ms,
                                            core::Stage* stage);

// What the neighbour refused of ours, into the open group.
void StageRefusedOurs(const Link& link, const wire::RefusedKey& refused, int64_t unix_ms, core::Stage* stage);

}  // namespace tidegate::sync
