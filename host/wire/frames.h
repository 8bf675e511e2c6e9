// The frames of the protocol as plain values; schemas/wire.proto is their form on the wire and
// docs/format/wire.md explains it byte by byte.
// Thread safety: plain values. Ownership: strings are owned; changes are views into DecodedFrame::keep
// (received) or into whatever the sender says (sent).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "host/base/ids.h"
#include "tidegate/change.h"

namespace tidegate::wire {

inline constexpr uint32_t kProtocolMin = 1;
inline constexpr uint32_t kProtocolMax = 1;

// Number of a session: random, made by the child; every frame carries it.
using SessionId = uint64_t;

// ---- hello ----

struct EpochStart {
  Epoch epoch = 0;
  uint64_t first = 0;
};

// A route: agent is attached to parent. The highest (attach_epoch, replica_epoch) wins.
struct Edge {
  AgentId agent = 0;
  AgentId parent = 0;
  uint64_t attach_epoch = 0;
  uint64_t replica_epoch = 0;
  uint32_t role = 0;
  bool gone = false;  // the agent is no longer below the sender
  Epoch clone = 0;    // told downwards: the receiver's edge with this replica epoch was refused as a copy's
  bool operator==(const Edge&) const = default;
};

// What the sender believes about a model.
struct ModelPolicy {
  std::string model;
  uint32_t direction = 0;
  uint32_t lane = 0;
  uint64_t schema_digest = 0;
  std::string policy_id;  // of the merge policy; empty = newest wins
  uint32_t policy_revision = 0;
};

// What is unsettled or held: empty model = all models; all_owners or one owner.
struct Scope {
  std::string model;
  bool all_owners = false;
  AgentId owner = 0;
  uint64_t number = 0;   // of the mark
  bool up_only = false;  // of the mark: also what only goes up
  bool operator==(const Scope&) const = default;
};

// A feed and the watermark that the sender of the frame holds of the other's changes.
struct LaneWatermark {
  uint32_t lane = 0;
  Watermark watermark;
};

// Why a model waits. A quota lets tombstones through.
enum class HoldReason : uint32_t {
  kUnspecified = 0,
  kSchema = 1,     // the model is not known there
  kDirection = 2,  // it goes another way there
  kPolicy = 3,     // another policy, or another revision of it
  kQuota = 4,      // there is no room for it
};

const char* HoldReasonName(HoldReason reason);

// A model of the receiver of the frame that waits as a whole.
struct Hold {
  std::string model;
  HoldReason reason = HoldReason::kUnspecified;
  std::string message;               // for people: why, and what to do
  AgentId by = 0;                    // who holds it; 0 = the sender of the frame
  std::vector<LaneWatermark> since;  // by lane: where the first change was left out
};

// Both ways on each session; the child's comes first and makes the session.
struct Hello {
  uint32_t protocol_min = kProtocolMin;
  uint32_t protocol_max = kProtocolMax;
  AgentId agent = 0;
  uint32_t role = 0;
  uint32_t level = 0;
  ReplicaId replica;
  std::vector<EpochStart> epochs;  // newest first, at most 16
  std::vector<Edge> edges;         // below the sender
  uint64_t edges_number = 0;       // counts the sender's edge tables, for the answer in Ack
  std::vector<ModelPolicy> models;
  std::vector<Hold> holds;    // the full list
  uint64_t holds_number = 0;  // see Ack
  std::vector<Scope> unsettled;
  std::vector<LaneWatermark> held;       // what I hold of your feeds
  std::vector<LaneWatermark> delivered;  // of my own feed: where it would start
  int64_t unix_ms = 0;                   // the sender's clock, to report one that is off
  bool restored = false;
  uint64_t attach_epoch = 0;    // child: of its edge to this parent
  std::string software;         // "tidegate 0.1.0"
  uint64_t fall = 0;            // the newest loss of the server that the sender knows of; only grows
  uint64_t confirmed_fall = 0;  // the newest loss that an operator took for final; only grows
  Epoch rewind_epoch = 0;       // the first one since the sender last went back; 0 = it never did
  bool rewound = false;         // the sender was restored or rolled back, and has not been told newest_hlc since
  uint64_t newest_hlc = 0;      // answer to rewound: of the receiver's versions, the newest that the sender holds
  Epoch newest_epoch = 0;  // parent: the newest of the receiver's epochs that it heard, where its list lacks that one
  Epoch known_epoch = 0;   // parent: the newest of the receiver's epochs that it had heard before this session
  uint64_t purge_horizon = 0;  // tombstones with a lower hlc may be purged at the sender, or above it
  uint64_t doubts = 0;  // parent: counts its reasons for a comparison; another number than at the last one: compare
  std::string doubt;    // the last of these reasons
};

enum class RefuseReason : uint32_t {
  kUnspecified = 0,
  kProtocol = 1,  // disjoint protocol ranges
  kIdentity = 2,  // agent id and the transport's identity differ
  kReplica = 3,   // another replica id than the one registered: clone or replacement
  kClone = 4,     // an epoch returned after another
  kLevel = 5,     // a child must have a higher level than its parent
  kLoop = 6,      // the peer is above and below us
  kRole = 7,
  kUnknownSession = 8,  // say hello again
  kUnknownType = 9,     // a frame type that the receiver does not know
  kMalformed = 10,
  kStopping = 11,
  kAgentInUse = 12,
  kSwitchedOff = 13,  // by hand, until it is switched on again
  kVetoed = 14,       // a plugin of the node says no
};

const char* RefuseReasonName(RefuseReason reason);

struct Refuse {
  RefuseReason reason = RefuseReason::kUnspecified;
  std::string message;  // for people: what is wrong and what to do
  uint32_t unknown_type = 0;
};

// ---- feed ----

// Applied only if `before` equals what the receiver holds of this lane, or if it begins the feed.
struct Batch {
  uint32_t lane = 0;
  Watermark before;
  Watermark after;
  // In order; a run is never cut. Sent: neighbours with the same run_first < run_last are one run. Received:
  // seq is the place in the batch, from 1, and run_first and run_last are places too.
  std::vector<tg_change> changes;
  // A begin adopts `before` as held; numbered per session and lane, so that a late copy is known.
  uint32_t begin = 0;      // 0 = no begin
  bool unsettled = false;  // begin: what lies below `before` has to be reconciled
  bool hurry = false;      // somebody waits: what this feed has carried goes on without a sync_delay
  bool rewound = false;    // begin: the receiver holds more than the sender, which was restored or rolled back
  // Sent: `changes` as bytes already, where several neighbours get the same.
  std::shared_ptr<const std::string> encoded;
};

struct RefusedKey {
  std::string model;
  AgentId owner = 0;
  std::string pk;
  std::string sk;
  Version version;         // of the refused change
  Version held;            // refused as older, or applied since: the version held; none for quarantine
  std::string reason;      // quarantine: why; empty = older
  AgentId by = 0;          // who refused it; 0 = the sender of the ack
  uint32_t held_kind = 0;  // refused as older: of what is held
  bool dropped = false;    // it was in quarantine, and was given up there by hand
  std::string lost = {};   // it was dropped there before it had gone on, and why; no pk and sk: some of the model were
};

struct LaneAck {
  uint32_t lane = 0;
  Watermark held;             // durable at the sender of the ack
  Watermark delivered;        // of the receiver's feed: durable at its destination
  uint64_t window_bytes = 0;  // 0 = stop
  uint32_t begin = 0;         // the last begin adopted
  bool rejected = false;      // a batch did not fit `held`: send again from there
};

struct Ack {
  std::vector<LaneAck> lanes;
  std::vector<RefusedKey> refused;
  uint64_t refused_number = 0;    // of the last of `refused`, counted in this session
  uint64_t refused_recorded = 0;  // of the receiver's refusals, the last that is durable at the sender
  uint64_t refused_last = 0;      // of the last refusal that the sender knows, told in this ack or not
  uint64_t refused_from = 0;      // of the first of the list that the sender told as a whole in this session; 0 = none
  uint64_t refused_to = 0;        // and of its last; one less than refused_from: the list is empty
  std::vector<Hold> holds;        // the full list
  uint64_t holds_number = 0;      // counts the sender's lists; 0 = nothing is said of holds
  uint64_t holds_recorded = 0;    // of the receiver's lists, the last that is durable at the sender
  uint64_t edges_number = 0;      // of the last edge table that is durable here; 0 = none
  bool answer_wanted = false;     // a probe: answer with an ack at once
  int64_t unix_ms = 0;            // the sender's clock; 0 = not said
  bool settled = false;           // child: nothing is unsettled towards the receiver
  uint64_t sure_ask = 0;          // child: the last question that was not answered yet; 0 = none
  uint64_t sure_answer = 0;       // parent: you have all that I had, and am sure of, when you asked this
  bool never_sure = false;        // parent: the server was restored: nothing may be removed for its lack
  uint64_t doubts = 0;            // parent: as in its hello
};

struct Routes {
  std::vector<Edge> edges;  // the full table below the sender
  uint64_t number = 0;
};

// ---- on demand ----

// Asks the receiver to move now what waits: towards `agent` and below it (push), and from there to the
// sender (pull). The receiver passes it on if it is not meant.
struct SyncAsk {
  uint64_t number = 0;  // of the sender, in this session
  AgentId agent = 0;    // whom it is about
  bool subtree = false;
  bool push = false;
  bool pull = false;
  bool compare = false;     // each child on the way marks everything as unsettled towards its parent
  uint64_t timeout_ms = 0;  // the receiver forgets it then
  uint32_t verify = 0;      // the link is compared, and the answer has a report: 1 nothing is changed, 2 it is mended
};

// What a comparison found of one model. Here is the child, there its parent.
struct ModelDifference {
  std::string model;
  uint64_t missing_here = 0;
  uint64_t missing_there = 0;
  uint64_t differing = 0;
  uint64_t mended = 0;  // of these, or on its way
  bool operator==(const ModelDifference&) const = default;
};

struct CompareReport {
  std::vector<ModelDifference> models;  // by name
  uint64_t dropped = 0;                 // of what only goes up: not there, where it may have been dropped by retention
  uint64_t rows = 0;                    // read at the child
  uint64_t questions = 0;
  uint64_t ranges = 0;
  uint64_t bytes_sent = 0;  // by the child, in frames of the comparison
  uint64_t bytes_received = 0;
  uint64_t took_ms = 0;
  uint32_t cause = 0;         // 0 asked for, 1 by the clock, 2 a doubt
  std::string reason = {};    // of a doubt
  int64_t ended_unix_ms = 0;  // 0 = not said
  bool operator==(const CompareReport&) const = default;
};

// What was asked is done as far as the ask said, and durable; or it cannot be done.
struct SyncDone {
  uint64_t number = 0;
  std::string failure;                       // empty = done
  std::optional<CompareReport> report = {};  // of a comparison that was asked for
  bool timed_out = false;                    // the failure: it was not done in time, and goes on
};

// ---- reconcile ----

struct KeyBound {
  std::string pk;
  std::string sk;
  bool operator==(const KeyBound&) const = default;
};

struct KeyRange {
  KeyBound from;
  bool has_to = false;
  KeyBound to;
};

struct KeyVersion {
  std::string pk;
  std::string sk;
  Version version;
  uint32_t kind = 0;
  uint64_t digest = 0;     // tells joined states of one version apart; 0 = not said
  std::string model = {};  // in RangeAsk::keys and RangeAnswer::lacks
  bool missing = false;    // wants: the answerer has no row of this key
};

// The child's view of one range: a digest, or, if listed, every key of it.
struct RangeAsk {
  KeyRange range;
  uint64_t count = 0;
  uint64_t sum = 0;
  bool listed = false;
  std::vector<KeyVersion> keys;
};

struct CompareAsk {
  uint64_t pass = 0;  // of the child, so that a late answer is known
  uint64_t ask = 0;   // number of this ask in the pass
  AgentId owner = 0;
  uint32_t direction_mask = 0;
  std::string model;  // empty = all
  std::vector<RangeAsk> ranges;
  uint64_t cut = 0;        // tombstones with a lower hlc are left out of the digests and key lists
  int64_t expired_ms = 0;  // and so are items that expired until then; 0 = none
  bool up_only = false;    // the ranges are of what only goes up
  bool look = false;       // the asker changes nothing: no changes are sent, but named
  bool prepare = false;    // nothing is asked yet: the answerer may read its digests of this owner meanwhile
  bool slow = false;       // nobody waits for it: they are read at the low rate
  bool asked = false;      // somebody asked for it: what was dropped by hand counts as lacked, and is sent again
};

enum class RangeVerdict : uint32_t {
  kSame = 1,      // settled
  kSplit = 2,     // digests of the answerer for parts of the range
  kResolved = 3,  // changes for the asker, wants from the asker; covers [from, resolved end)
  kLater = 4,     // the answerer is itself unsettled here: ask again later
};

struct RangePart {
  KeyRange range;
  uint64_t count = 0;
  uint64_t sum = 0;
};

struct RangeAnswer {
  KeyRange range;
  RangeVerdict verdict = RangeVerdict::kSame;
  std::vector<RangePart> parts;      // kSplit
  std::vector<tg_change> changes;    // kResolved: newer or missing at the asker
  std::vector<KeyVersion> wants;     // kResolved: the asker renumbers these; they travel by its feed
  std::vector<KeyVersion> removals;  // kResolved: removed by a parent that is sure, for that version only
  bool has_rest = false;             // kResolved: the range from `rest` on was not answered: ask again
  KeyBound rest;
  bool later = false;                  // kResolved: there is more to say when the answerer is sure: ask again later
  std::vector<KeyVersion> lacks = {};  // kResolved, look: what the asker lacks or has older
  uint64_t dropped = 0;                // kResolved, up_only: listed keys that the answerer may have dropped by itself
};

struct CompareAnswer {
  uint64_t pass = 0;
  uint64_t ask = 0;
  AgentId owner = 0;
  std::vector<RangeAnswer> ranges;
  uint64_t purge_horizon = 0;  // of the answerer, as in Hello
  bool sure = false;           // the answerer is sure of this owner
  bool own = false;            // to a question about what the owner may have forgotten; it is passed down to it
};

// ---- any ----

using Body = std::variant<Hello, Refuse, Batch, Ack, Routes, SyncAsk, SyncDone, CompareAsk, CompareAnswer>;

struct DecodedFrame {
  SessionId session = 0;
  Body body;
  uint64_t plain_bytes = 0;          // of the frame before it was compressed
  std::shared_ptr<const void> keep;  // what the views in body point into
};

}  // namespace tidegate::wire
