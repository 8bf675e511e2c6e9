// Link: the durable relation with one neighbour, and the session it has at the moment.
// Thread safety: the writer thread. Ownership: refers to the storage; owned by LinkTable.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "host/core/storage.h"
#include "host/core/transport.h"
#include "host/sync/delivered_pairs.h"
#include "host/sync/feed_receiver.h"
#include "host/sync/feed_sender.h"
#include "host/sync/holds.h"
#include "host/sync/options.h"
#include "host/sync/refusals.h"
#include "host/wire/frames.h"
#include "host/wire/records.h"

namespace tidegate::sync {

struct LinkStats {
  uint64_t frames_sent = 0;
  uint64_t frames_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t plain_bytes_sent = 0;  // before compression
  uint64_t plain_bytes_received = 0;
  int64_t last_progress_us = -1;
  int64_t up_since_us = -1;  // -1 = it is down
  uint64_t connects = 0;
  uint64_t stalls = 0;  // opened anew because nothing moved
  std::string last_disconnect;
  int64_t last_disconnect_unix_ms = 0;
  std::string last_error;
  int64_t last_error_unix_ms = 0;
};

class Link {
 public:
  Link(const core::Storage& storage, const SyncOptions& options, wire::LinkRecord record);

  AgentId agent() const { return record.agent; }
  bool is_parent() const { return record.is_parent; }
  bool up() const { return session != 0; }

  // Opens every lane; held and start are by lane.
  Status OpenFeeds(const std::vector<wire::LaneWatermark>& held, const std::array<Watermark, TG_LANE_COUNT>& start,
                   bool unsettled, uint32_t anew_lanes = 0);
  void CloseFeeds();

  // What all lanes together have passed by the neighbour's acks: its hop, the final destination.
  uint64_t hop_position(uint64_t head) const;
  uint64_t delivered_position(uint64_t head) const;
  // The same as it may be told on: what is excepted of it is durable here.
  uint64_t PassedHop(uint64_t head) { return passed_hop_.Move(hop_position(head), refusals); }
  uint64_t PassedDelivered(uint64_t head) { return passed_delivered_.Move(delivered_position(head), refusals); }
  // Whether the neighbour holds our change at this position, or every one up to head, as it says itself.
  bool Knows(uint32_t lane, AgentId owner, uint64_t position) const;
  // What is here of this owner up to this position a child that has yet to compare may lack: also what it gave us
  // itself, for what is delivered of an owner who was forgotten is dropped.
  uint64_t MayLackBelow(AgentId owner) const;
  bool KnowsAll(uint64_t head) const;

  // Whether something that came from it is not known to be delivered.
  bool HasPairs() const;

  // The ack that is due, for the lanes that moved.
  wire::Ack TakeAck(bool delivered_at_hop, uint64_t window_bytes);
  void AckLane(uint32_t lane, bool rejected);
  void AckAll();

  int64_t NextTimerUs(int64_t now_us) const;
  // Whether the neighbour has to acknowledge something.
  bool Waits(int64_t now_us) const;

  wire::LinkRecord record;
  wire::VerifyRecord verify;
  int64_t doubted_us = -1;  // when it was doubted last
  std::string owner_set;    // of a child: whose down items it gets
  std::array<FeedSender, TG_LANE_COUNT> senders;
  std::array<FeedReceiver, TG_LANE_COUNT> receivers;
  std::array<DeliveredPairs, TG_LANE_COUNT> pairs;
  std::array<Watermark, TG_LANE_COUNT> acked_stored;  // what the storage has of the senders' acked()
  std::set<std::string> quarantined;                  // meta keys of what we quarantined from it
  std::set<std::string> refused_ours;                 // and of what it quarantined of ours
  uint64_t refusals_ended = 0;                        // of ours
  Refusals refusals;
  WholeList whole_list;
  uint64_t not_listed = 0;                                    // refused of ours, but the quarantine was full
  HoldsHere holds;                                            // models of the neighbour that wait here
  std::map<std::string, wire::Hold, std::less<>> held_there;  // of a child: models of ours that wait there
  uint64_t holds_heard = 0;                                   // number of the neighbour's last list
  uint64_t holds_recorded = 0;                                // of its last list that is durable here
  std::vector<wire::ModelPolicy> table;                       // declared in its last hello

  // The session; 0 = none.
  core::TransportSession session = 0;
  wire::SessionId session_id = 0;
  bool blocked = false;  // the transport is full

  // What the next ack says.
  bool ack_due = false;
  std::array<bool, TG_LANE_COUNT> ack_lane{};
  std::array<bool, TG_LANE_COUNT> reject_lane{};
  uint64_t edges_number = 0;  // child: of its last table that is durable here
  // Child: higher edges than those of its last table; told until its table comes without them.
  std::map<AgentId, wire::Edge> outdated;
  int64_t tell_at_us = INT64_MAX;
  int64_t tell_wait_ms = 0;

  // Progress of what we want of the neighbour.
  int64_t waits_since_us = -1;  // since when it owes us something, or last moved; -1 = it does not
  int64_t moved_us = -1;
  bool stalled = false;  // opened anew for that, and it has not moved since
  // Child: an epoch that has returned, in which session first, when, and which session was the last to be taken then.
  Epoch returned_epoch = 0;
  int64_t returned_at_us = 0;
  wire::SessionId returned_session = 0;
  wire::SessionId returned_over = 0;
  Epoch known_epoch = 0;  // the newest of its epochs that was heard before its session

  int64_t seen_us = -1;  // when it was up last, as far as this start knows

  int64_t clock_ahead_ms = 0;  // how far the neighbour's clock was ahead of ours when it last told
  bool clock_known = false;    // and whether that was since our clock last jumped

  // What is here of a child up to this position came from another life of it, or was here before it was.
  uint64_t unknown_below = 0;
  // A child that has yet to compare may lack what is here up to this position, whatever it has acknowledged.
  uint64_t unsettled_below = 0;
  std::map<AgentId, uint64_t> owner_unsettled_below;  // the same of those that came to lie below it in this session

  // Keys of single writers, of this session: those whose state was told to be older here, and those of ours that
  // were given a new version because the neighbour said so. Bounded by kToldMax.
  static constexpr size_t kToldMax = 10'000;
  std::set<std::string> told_older;
  std::set<std::string> restamped;
  // Keys and versions of which the neighbour's state takes the place of ours, though it is no newer. By kToldMax.
  std::set<std::string> gives_way;
  // Sureness (host/node/sure.cc). Of a child: what it asked, the position it has to hold for the answer, what it was
  // answered, and which of our own questions has to be answered before we are sure towards it.
  bool settled = false;  // it has nothing unsettled towards us
  uint64_t sure_asked = 0;
  uint64_t sure_said = 0;
  uint64_t sure_need = 0;
  uint64_t sure_position = 0;
  bool sure_noted = false;
  bool never_sure = false;  // of the parent: it said so

  LinkStats stats;

  // LinkTable's: whether it is among the stirred, and its place among the timers.
  bool stirred = false;
  int64_t wake_us = INT64_MAX;

 private:
  PassedPosition passed_hop_;
  PassedPosition passed_delivered_;
  std::array<uint32_t, TG_LANE_COUNT> credits_{};
  const SyncOptions& options_;

 public:
  // The lane whose turn it is, by weight, among those not yet exhausted; TG_LANE_COUNT = none.
  uint32_t NextLane(const std::array<bool, TG_LANE_COUNT>& exhausted);
};

}  // namespace tidegate::sync
