// FeedSender: one lane of the feed to one neighbour. There is no send queue (law 3): what the neighbour
// lacks is read from the storage, from the watermark that the neighbour says it holds (law 2).
// Thread safety: the writer thread. Ownership: refers to the storage.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "host/core/change_arena.h"
#include "host/core/clock.h"
#include "host/core/policy.h"
#include "host/core/storage.h"
#include "host/sync/options.h"
#include "host/wire/frames.h"

namespace tidegate::sync {

struct FeedTarget {
  uint8_t direction = TG_DIRECTION_UP;
  uint8_t lane = 0;
  AgentId neighbour = 0;
  std::string owner_set;  // down feeds
};

// Asked for each change; false: this neighbour does not get it (policy `route`).
using RouteFn = std::function<bool(const tg_change&)>;

class FeedSender {
 public:
  static constexpr uint64_t kIdlePositionsMax = 4096;

  FeedSender(const core::Storage& storage, const SyncOptions& options, FeedTarget target);

  // ---- a session begins ----

  // held: what the neighbour says it holds of this lane. Usable: the feed goes on from there.
  // Otherwise it begins anew at `start` (unsettled: what lies below has to be reconciled). anew: also if it is usable,
  // for this replica went back: what had been overwritten in the life that is lost was passed over, and is here again.
  Status Open(const Watermark& held, const Watermark& start, bool unsettled, bool anew = false);
  void Close();
  // What the neighbour had before a restart: for display and for keeping commit ends, not for sending.
  void Restore(const Watermark& acked) { acked_ = acked; }
  void ForgetDelivered() { delivered_ = {}; }
  bool open() const { return open_; }

  // ---- triggers ----

  // A change that this feed selects was committed.
  void NoteUnsent(uint64_t bytes, int64_t now_us);
  // Sends what waits at once.
  void Flush() { flush_ = flush_ || (open_ && !drained_); }
  // The same, and has the next hop do so with what it got and has not delivered yet.
  void Hurry(uint64_t head);
  // An idle lane's watermark falls behind, and with it the commit ends that must be kept: from a certain
  // distance on it is moved by an empty batch.
  // Returns true if it will be.
  bool Advance(uint64_t head, uint64_t behind = kIdlePositionsMax);
  // When the sync_delay of the oldest unsent change is over, or a retry is due; INT64_MAX = never.
  int64_t NextTimerUs(int64_t now_us) const;
  // Retries when an acknowledgement is overdue. Returns true if something will be sent again.
  bool Tick(int64_t now_us, core::Random& random);

  // ---- sending ----

  // Whether it is worth to ask for a frame.
  bool MaySend(int64_t now_us) const;
  // The next frame, if one is due and the window is open. Views point into *arena.
  Result<std::optional<wire::Batch>> Next(int64_t now_us, const RouteFn& route, core::ChangeArena* arena);
  // The frame was not taken by the transport: it will be read again.
  void Unsend();

  // What the neighbour has durably. Returns true if it made progress.
  Result<bool> Acked(const wire::LaneAck& ack, int64_t now_us);

  // ---- facts ----

  const FeedTarget& target() const { return target_; }
  const Watermark& acked() const { return acked_; }
  // Whether the neighbour has said that it holds our change at this position. What lies below an unsettled begin
  // it may never have seen.
  bool Knows(uint64_t position) const {
    return position <= acked_.position && (!begin_unsettled_ || position > begin_start_.position);
  }
  bool begun_unsettled() const { return begin_unsettled_; }
  // The session's begin, if there was one, is durable at the neighbour.
  bool begun() const { return open_ && !begin_unacked_; }
  // Every selected change up to here is durable at the neighbour; head, the end of the replica, when
  // nothing is left to send or to be acknowledged.
  uint64_t hop_position(uint64_t head) const;
  // The same for the final destination.
  uint64_t delivered_position(uint64_t head) const;
  const Watermark& delivered() const { return delivered_; }
  // Whether the neighbour has to acknowledge something. One that has shut its window does not: it says so.
  bool Waits(int64_t now_us) const;
  // From here on it looks for what is to be sent next.
  uint64_t read_position() const { return read_; }
  uint64_t resends() const { return resends_; }
  uint32_t begin() const { return begin_; }  // number of the last begin of this session
  tg_feed_selector Selector() const;

 private:
  struct InFlight {
    Watermark before;
    Watermark after;
    uint64_t bytes = 0;
    uint32_t begin = 0;
    bool hurry = false;
  };

  bool Due(int64_t now_us) const;
  void Rewind();
  void SendFrom(const Watermark& watermark);
  bool WindowOpen() const;
  Status Read(const RouteFn& route, core::ChangeArena* arena, wire::Batch* batch, uint64_t* bytes);
  void BeginAt(const Watermark& start, bool unsettled);
  Result<bool> CompleteFrom(uint64_t position) const;

  const core::Storage& storage_;
  const SyncOptions& options_;
  FeedTarget target_;

  bool open_ = false;
  Watermark acked_;       // the neighbour's word
  Watermark sent_;        // the end of the last frame sent: where the next one starts
  uint64_t read_ = 0;     // nothing to send lies between sent_ and here
  bool drained_ = false;  // nothing to send was left after read_ when we last looked
  Watermark delivered_;
  std::deque<InFlight> in_flight_;
  uint64_t in_flight_bytes_ = 0;
  uint64_t window_bytes_;

  uint32_t begin_ = 0;          // number of the last begin of this session
  bool begin_pending_ = false;  // the next frame is it
  bool begin_unacked_ = false;
  bool begin_unsettled_ = false;
  bool begin_rewound_ = false;
  Watermark begin_start_;

  uint64_t unsent_bytes_ = 0;
  int64_t unsent_since_us_ = -1;
  bool flush_ = false;
  bool advance_ = false;
  bool hurry_ = false;

  Watermark quick_resent_at_;  // a mismatch at this watermark was answered at once already
  bool quick_resent_ = false;
  int64_t retry_at_us_ = INT64_MAX;
  int64_t retry_ms_ = 0;
  uint64_t resends_ = 0;
};

}  // namespace tidegate::sync
