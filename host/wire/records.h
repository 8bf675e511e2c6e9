// What a node keeps about its neighbours, as values of the storage's meta entries.
// Thread safety: plain values and pure functions. Ownership: all owned.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/status.h"
#include "host/wire/frames.h"

namespace tidegate::wire {

// The node itself: fixed when the replica is created (agent, role), or carried over restarts.
struct NodeRecord {
  AgentId agent = 0;
  uint32_t role = 0;
  uint32_t level = 0;
  uint64_t mark_number = 0;   // last unsettled mark given
  uint64_t edges_number = 0;  // last edge table given
  // The last attach: its number, above all before it, and to whom. Stored before a hello names it.
  uint64_t attach_epoch = 0;
  AgentId attach_parent = 0;
  uint32_t level_set = 0;        // while running; 0 = level is the configuration's
  bool links_off = false;        // all of them, by hand
  uint64_t fall = 0;             // the newest loss of the server that this node knows of
  bool rewound = false;          // found rewound, and the clock not lifted yet
  Epoch rewind_epoch = 0;        // the first epoch since the last rewind; 0 = none is known
  int64_t restored_unix_ms = 0;  // when it was last known to be restored or rolled back; 0 = never, or confirmed
  uint64_t confirmed_fall = 0;   // the newest loss that an operator took for final
  AgentId renewed_from = 0;      // the configured agent id, where the node got another one instead; 0 = it did not
  // Law 5, as hybrid clock times: tombstones below it may have been purged here; the same above us, when
  // this replica was made or since. Neither goes back.
  uint64_t purge_horizon = 0;
  uint64_t taken_horizon = 0;
  uint64_t doubts = 0;  // reasons to compare every link, so many so far; the last one
  std::string doubt;
  uint32_t reread_lanes = 0;  // bits of the lanes that begin at the start, since this node went back
};

// A registered neighbour.
struct LinkRecord {
  AgentId agent = 0;
  bool is_parent = false;
  uint32_t role = 0;
  uint32_t level = 0;
  ReplicaId replica;
  std::vector<EpochStart> epochs;  // seen in its hellos, newest first; none: adopted, and nothing was heard yet
  uint64_t attach_epoch = 0;
  int64_t last_hello_unix_ms = 0;
  int64_t lease_until_unix_ms = 0;
  bool off = false;               // switched off by hand
  int64_t heard_unix_ms = 0;      // while the link is up, noted about once a day
  std::vector<Epoch> lineage;     // what its newest epoch comes from, as its hello named them
  std::vector<Epoch> outlived;    // child: after these one that they come from was taken again; oldest first
  uint64_t rewound_hlc = 0;       // when we learned that it was restored or rolled back; 0 = never
  Epoch rewind_epoch = 0;         // parent: as its last hello named it
  uint64_t doubted_position = 0;  // parent: what came from it up to this position of ours it may have lost
};

// How far the replica was at a time: by it the age of a row follows from its seq.
struct AgeMark {
  int64_t unix_ms = 0;
  uint64_t position = 0;
  bool operator==(const AgeMark&) const = default;
};

struct AgeRecord {
  std::vector<AgeMark> marks;  // oldest first
  int64_t noted_unix_ms = 0;   // what the clock said when this was stored: the marks are of that clock; 0 = not known
};

struct ScopeRecord {
  std::vector<Scope> scopes;
};

struct QuarantineRecord {
  AgentId link = 0;
  std::string reason;
  int64_t since_unix_ms = 0;
  std::string change;  // EncodeChange
  bool ours = false;   // true: the neighbour quarantined what we sent
  uint64_t run = 0;    // entries of one link with the same number were one transaction; 0 = alone
  AgentId by = 0;      // ours: who refused it; 0 = the neighbour
  bool held = false;   // waits with a held item of its transaction, and comes again with it
};

// A model of a neighbour that this node holds.
struct HoldRecord {
  Hold hold;
  int64_t since_unix_ms = 0;
};

// Changes of a lane with from < seq <= to.
struct SeqRange {
  static constexpr uint64_t kOpen = UINT64_MAX;
  uint32_t lane = 0;
  uint64_t from = 0;
  uint64_t to = kOpen;
  bool operator==(const SeqRange&) const = default;
};

// A model of ours that a neighbour holds, or one beyond it, and what of it is still to be sent again.
struct HeldRecord {
  Hold hold;
  int64_t since_unix_ms = 0;
  bool released = false;
  std::vector<SeqRange> ranges;
  uint64_t last = 0;  // highest seq that was given again
};

// What retention dropped before it was delivered, of one model, owner and reason.
struct LostRecord {
  std::string model;
  AgentId owner = 0;
  std::string reason;
  uint64_t items = 0;
  uint64_t bytes = 0;
  Version first;  // lowest and highest version of them
  Version last;
  int64_t since_unix_ms = 0;
  uint64_t told = 0;  // of the items: a wait has said that they are lost
  // Not lost yet: dropped when the parent had them, which has not said that the server has.
  uint32_t lane = 0;
  uint64_t position = 0;  // the highest of them
};

// The models that a neighbour declared in its last hello.
struct TableRecord {
  std::vector<ModelPolicy> models;
};

// How a model goes, and how far its rows are keyed so.
struct KeyedPolicy {
  std::string model;
  uint32_t direction = 0;
  uint64_t bound = 0;        // rows may be keyed otherwise: the head when the model changed; 0 = all are done
  bool again = false;        // all up to bound take new positions: an earlier change was not done
  uint64_t changed_hlc = 0;  // states up to here were written before the change; 0 = it never changed
  uint64_t shared_hlc = 0;   // up to here others than its present writer may have written, and deleted; 0 = never
  uint64_t up_hlc = 0;       // states up to here were written before it last stopped going up; 0 = it never did
  bool operator==(const KeyedPolicy&) const = default;
};

struct PolicyRecord {
  std::vector<KeyedPolicy> policies;
};

// A state that lost against one that did not know of it.
struct ConflictRecord {
  AgentId link = 0;  // the neighbour that the other state came from, or that refused this one
  std::string reason;
  int64_t since_unix_ms = 0;
  Version winner;
  std::string change;  // EncodeChange of the loser
};

// What the nodes below have of an item that a restored server lacks, or has in an older state.
enum class GoneBelow : uint32_t { kOnly = 0, kNewer = 1, kDeleted = 2 };

// At a restored server: an item that a child has, or what an agent had delivered after a version up to another.
struct GoneRecord {
  AgentId agent = 0;
  uint32_t lane = 0;
  AgentId owner = 0;
  std::string pk;
  std::string sk;
  Version from;
  Version to;
  int64_t since_unix_ms = 0;
  std::string model = {};  // of an item
  GoneBelow below = GoneBelow::kOnly;
};

// Of a link: what was compared last; of the one to the parent also how far a comparison is.
struct VerifyRecord {
  bool known = false;  // both ends' counts of doubts when the last one began
  uint64_t our_doubts = 0;
  uint64_t their_doubts = 0;
  uint64_t doubts = 0;  // about this link alone; the last one
  std::string doubt;
  std::optional<CompareReport> last;
  bool under_way = false;  // and of that one, when it began
  bool has_after = false;  // owners up to this one are done
  AgentId after = 0;
  uint32_t cause = 0;
  std::string reason;
  uint64_t our_doubts_begun = 0;
  uint64_t their_doubts_begun = 0;
};

std::string EncodeRecord(const NodeRecord& record);
std::string EncodeRecord(const LinkRecord& record);
std::string EncodeRecord(const AgeRecord& record);
std::string EncodeRecord(const ScopeRecord& record);
std::string EncodeRecord(const QuarantineRecord& record);
std::string EncodeRecord(const HoldRecord& record);
std::string EncodeRecord(const HeldRecord& record);
std::string EncodeRecord(const LostRecord& record);
std::string EncodeRecord(const TableRecord& record);
std::string EncodeRecord(const PolicyRecord& record);
std::string EncodeRecord(const ConflictRecord& record);
std::string EncodeRecord(const GoneRecord& record);
std::string EncodeRecord(const VerifyRecord& record);
std::string EncodeRecord(const Edge& record);
std::string EncodeRecord(const Watermark& record);
Status DecodeRecord(std::string_view bytes, NodeRecord* record);
Status DecodeRecord(std::string_view bytes, LinkRecord* record);
Status DecodeRecord(std::string_view bytes, AgeRecord* record);
Status DecodeRecord(std::string_view bytes, ScopeRecord* record);
Status DecodeRecord(std::string_view bytes, QuarantineRecord* record);
Status DecodeRecord(std::string_view bytes, HoldRecord* record);
Status DecodeRecord(std::string_view bytes, HeldRecord* record);
Status DecodeRecord(std::string_view bytes, LostRecord* record);
Status DecodeRecord(std::string_view bytes, TableRecord* record);
Status DecodeRecord(std::string_view bytes, PolicyRecord* record);
Status DecodeRecord(std::string_view bytes, ConflictRecord* record);
Status DecodeRecord(std::string_view bytes, GoneRecord* record);
Status DecodeRecord(std::string_view bytes, VerifyRecord* record);
Status DecodeRecord(std::string_view bytes, Edge* record);
Status DecodeRecord(std::string_view bytes, Watermark* record);

}  // namespace tidegate::wire
