// What a node tells about itself and its links, for `tidegate status` and metrics.
// Thread safety: plain values. Ownership: all owned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/base/ids.h"
#include "host/wire/frames.h"
#include "host/wire/records.h"

namespace tidegate::node {

// "server", "router" or "device", for a TG_ROLE_*.
const char* RoleName(uint32_t role);

struct LaneStatus {
  uint32_t lane = 0;
  uint64_t acked = 0;      // position of our feed that the neighbour has durably
  uint64_t delivered = 0;  // position up to which everything reached its destination or is listed as refused
  uint64_t held = 0;       // position of its feed that we have durably
};

// A model that waits as a whole.
struct HoldStatus {
  std::string model;
  bool ours = false;   // this node holds what the neighbour has; else what this node has is held
  AgentId by = 0;      // who holds it, if it is not the neighbour: a node beyond
  std::string reason;  // "schema", "direction", "policy", "quota"
  std::string message;
  bool released = false;  // what was kept back is on its way
  int64_t since_unix_ms = 0;
};

// A comparison of a link: the one under way, if this node does it, and the last one.
struct VerifyStatus {
  std::string state;   // "compares", "mends"; empty = none is under way, or the neighbour does it
  uint32_t cause = 0;  // of that one: 0 asked for, 1 by the clock, 2 a doubt
  std::string reason;
  uint64_t rows = 0;  // read so far
  uint64_t owners = 0;
  uint64_t owners_done = 0;
  int64_t next_in_ms = -1;  // until the next one by itself; -1 = none is planned here
  std::optional<wire::CompareReport> last;
};

struct LinkStatus {
  AgentId agent = 0;  // 0 = not known yet
  bool is_parent = false;
  std::string role;
  uint32_t level = 0;
  std::string state;  // "connecting", "hello", "up", "refused", "down", "off"
  std::string replica;
  std::string address;
  bool authenticated = false;
  std::vector<LaneStatus> lanes;
  uint64_t pending_changes = 0;  // of our feed, not yet at the neighbour
  uint64_t pending_bytes = 0;
  bool pending_exact = true;
  int64_t oldest_pending_age_ms = 0;
  int64_t last_progress_age_ms = -1;  // since an ack moved or a batch was applied; -1 = never
  uint64_t unsettled_scopes = 0;
  int64_t lease_until_unix_ms = 0;  // until then nothing that it needs is forgotten, however silent it is
  bool lease_over = false;          // it is not waited for any more, and reconciled when it comes back
  uint64_t frames_sent = 0;
  uint64_t frames_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t plain_bytes_sent = 0;  // before compression
  uint64_t plain_bytes_received = 0;
  uint64_t resends = 0;
  uint64_t quarantined = 0;  // by us of its changes, and by it of ours
  std::vector<HoldStatus> holds;
  int64_t clock_ahead_ms = 0;  // of the neighbour's clock, when it last told
  std::string last_error;
  int64_t last_error_unix_ms = 0;  // when it was; of one that lasts, now
  int64_t up_age_ms = -1;          // -1 = it is not up
  uint64_t connects = 0;
  uint64_t stalls = 0;   // opened anew because nothing moved
  bool stalled = false;  // and has not moved since
  std::string last_disconnect;
  int64_t last_disconnect_unix_ms = 0;  // 0 = never since the start
  VerifyStatus verify;
};

// A model with limits.
struct QuotaStatus {
  std::string model;
  uint64_t items = 0;
  uint64_t items_max = 0;  // 0 = no limit
  uint64_t bytes = 0;
  uint64_t bytes_max = 0;
  std::string when_full;  // "refuse", "drop_oldest", "keep_latest"
  bool full = false;
};

// What was dropped before it was delivered.
struct LossStatus {
  std::string model;
  AgentId owner = 0;
  std::string reason;
  uint64_t items = 0;
  uint64_t bytes = 0;
  std::string first;  // versions
  std::string last;
  int64_t since_unix_ms = 0;
};

struct NodeStatus {
  AgentId agent = 0;
  std::string role;
  uint32_t level = 0;
  bool links_off = false;         // all of them, by hand
  uint32_t level_configured = 0;  // another one: level was set while running
  std::string replica;
  std::string epoch;
  bool healthy = true;
  std::vector<std::string> problems;  // why it is not healthy
  uint64_t head = 0;                  // last seq
  uint64_t items = 0;
  uint64_t tombstones = 0;
  int64_t purge_horizon_unix_ms = 0;  // tombstones of deletes before it may be forgotten here; 0 = none was
  bool purge_suspended = false;       // the clock is in doubt: nothing is forgotten, no lease ends
  uint64_t storage_bytes = 0;
  uint64_t quarantined = 0;
  uint64_t conflicts = 0;           // in the journal
  uint64_t commands_asked = 0;      // of this node, which wait: nobody has told yet whether they were answered before
  uint64_t clocks_off = 0;          // neighbours whose clock differs too much from ours
  int64_t restored_unix_ms = 0;     // when it was last known that the replica was restored or rolled back; 0 = never
  bool losses_unconfirmed = false;  // the server's history was lost and no operator has confirmed the list
  int64_t unix_ms = 0;
  std::vector<LinkStatus> links;
  std::vector<std::string> models;  // "Reading up history"; "(changing)" behind it while items still go as before
  std::vector<QuotaStatus> quotas;
  std::vector<LossStatus> losses;
  bool disk_full = false;  // nothing new is taken until there is space
};

struct QuarantineEntry {
  std::string id;  // of this node's entry
  AgentId link = 0;
  bool ours = false;  // refused of what we sent
  AgentId by = 0;     // who refused it: this node, the neighbour, or one beyond it
  std::string model;
  AgentId owner = 0;
  std::string pk;
  std::string sk;
  std::string version;
  AgentId writer = 0;    // of that version
  bool deletes = false;  // it is a delete that was refused
  bool held = false;     // it waits with its transaction for a model that is held, and comes again with that
  std::string reason;
  int64_t since_unix_ms = 0;
  std::string item;  // its fields as JSON; only of a single entry
};

// A command that waits for its program.
struct DueCommand {
  std::string item;          // as find shows it
  std::string answer_model;  // whose item answers it
  std::string answer_key;    // the properties that make that item's key, as JSON
  AgentId owner = 0;
  std::string pk;
  std::string sk;
};

struct CommandList {
  std::vector<DueCommand> commands;  // empty while something is waited for
  std::string waits_for;
  std::string answer_model;
  std::vector<std::string> answer_lacks;  // of `code` and `output`, which a runner writes, those its schema lacks
};

// At the server: something of a time that its replica has forgotten, by what a child says.
struct LossEntry {
  AgentId agent = 0;     // the child that tells it; the server itself: what it had written
  bool is_item = false;  // the child has the item; otherwise all that the agent had delivered in that time
  wire::GoneBelow below = wire::GoneBelow::kOnly;  // of the item
  std::string lane;                                // of its feed
  std::string model;                               // of the item; empty: a child of an earlier version did not tell it
  AgentId owner = 0;                               // of the item
  std::string pk;
  std::string sk;
  int64_t from_unix_ms = 0;
  int64_t to_unix_ms = 0;
  int64_t since_unix_ms = 0;  // when it was found
};

// A state that lost against one that did not know of it.
struct ConflictEntry {
  uint64_t number = 0;
  AgentId link = 0;  // where the two met: the neighbour that the other state is at, or came from
  std::string model;
  AgentId owner = 0;
  std::string pk;
  std::string sk;
  AgentId writer = 0;   // of the state that lost
  std::string version;  // its version
  std::string winner;   // and that of the other
  std::string reason;
  int64_t since_unix_ms = 0;
  std::string item;  // its fields as JSON; only of a single entry
};

}  // namespace tidegate::node
