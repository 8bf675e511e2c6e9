// The defects that can be planted, to prove that the simulator finds them. Each is a wrapper around an
// interface of the node; no product code knows of them.
// Thread safety: none. Ownership: a defect's state belongs to its node or world.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/core/policy.h"
#include "tests/sim/forwarding_storage.h"
#include "tests/sim/random.h"
#include "tests/sim/replica_box.h"

namespace tidegate::sim {

enum class Defect : uint8_t {
  kNone,
  // storage
  kAckBeforeCommit,   // a crash takes back the last commit that was reported durable
  kTornCommit,        // a crash inside a commit leaves the first part of a transaction
  kTombstoneSkipped,  // feeds leave deletes out
  kIfNewerIgnored,    // an older state replaces a newer one
  kItemsDropped,      // a batch's watermark commits, one of its items does not
  kReachedTooFar,     // a page of a feed says it reached more than it returned
  kOwnersIgnored,     // a down feed returns every owner
  kSeqReused,         // after a restart positions are given again
  kDigestConstant,    // every digest is equal
  kRewindUnseen,      // every watermark is good, also one that the replica never gave
  kViaIgnored,        // a feed returns what came over the same link
  kPurgeUnpassed,     // what may be purged is said to go nowhere: nobody is waited for
  kHorizonForgotten,  // after a restart a node does not know what it purged
  kPolicyDeletes,     // what goes nowhere any more is dropped
  kBackfillMissing,   // what begins to go somewhere takes no new position
  kAnswerUnseen,      // the answer to a command is not found
  kExpiredKept,       // nothing is said to expire
  kExpiredBack,       // comparisons do not leave out what has expired
  kUntoldForgotten,   // a delete that its model keeps from travelling is not known to be one
  kUndirected,        // comparisons take what only goes up for what goes both ways
  kClonesForgotten,   // whose epochs are refused is not kept
  // network
  kGapAccepted,      // a lost batch is hidden by a wrong `before` in the next
  kStallIgnored,     // a link that is up and does not move is left as it is
  kAckTooEarly,      // hop is passed on as delivered
  kBatchAltered,     // a change is altered on its way
  kRefusalsUntold,   // acks name nothing that is refused
  kHoldsUntold,      // acks and hellos say nothing of what is held
  kTableUntold,      // hellos say nothing of the models
  kHeldForgotten,    // what a hold kept back gets no new position
  kDroppedTooEarly,  // retention takes what has not gone up yet for delivered
  kLossUntold,       // acks say nothing of what was dropped before it had gone on
  kDropUntold,       // acks say of what was dropped by hand that it is refused still
  kAnswersKept,      // a device that forgot its answers is not given them back
  kAnswersUnasked,   // what its parent does not have of them is not asked for further up
  kRefusalsLate,     // acks name what is refused seconds after they pass it
  kHigherEdgeKept,   // a parent that knows a higher edge of a child does not answer with it
  kDeleteUntold,     // who wrote what was deleted above meanwhile is not told so
  kEpochsUntold,     // hellos name the present epoch alone
  kOldParentKept,    // an old parent is not told that its child is elsewhere
  kRemovedUnsure,    // what a parent lacks is removed below, though it is not sure
  kFallUntold,       // a loss of the server is not told below
  kConfirmUntold,    // nor that an operator has confirmed it
  // policy, clock
  kNoneLeaks,        // the policy lets a model up that stays
  kClockForgotten,   // after a restart the clock begins below what it gave
  kClockDragged,     // a version from the future moves the clock, however far it is ahead
  kJoinTakesLast,    // a join is what came last: it is not commutative
  kStampsLost,       // writes do not say which fields they changed
  kConflictDropped,  // a state that loses is not kept
  kRestampMissing,   // nobody learns that its state is older than what another life of it wrote
  kVerifyMissing,    // no link is compared by itself, nor by hand
  kLeaseIgnored      // a tombstone is kept, and a neighbour waited for, a minute only
};

struct DefectInfo {
  Defect defect;
  const char* name;
  const char* what;
  const char* profile = "mixed";  // where it shows
};

const std::vector<DefectInfo>& AllDefects();  // without kNone
std::optional<Defect> DefectByName(std::string_view name);

// The storage that the node is given: `truth` with the defect in front; null if the defect is elsewhere.
std::unique_ptr<core::Storage> MakeDefectiveStorage(Defect defect, core::Storage& truth, SimRandom random);

// Whether a crash takes the disk back to before the last commit.
bool WantsDiskCopies(Defect defect);
// kSeqReused: what a crash does to the disk. Its rows get positions from 1 again, under the same ids.
using OwnerSets = std::set<std::pair<std::string, AgentId>>;
void GivePositionsAgain(ReplicaBox& disk, const ReplicaId& replica, Epoch last, const OwnerSets& sets);

// A policy with the defect in front of `good`; null if the defect is elsewhere.
std::unique_ptr<core::Policy> MakeDefectivePolicy(Defect defect, const core::Policy& good);

}  // namespace tidegate::sim
