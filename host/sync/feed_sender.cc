#include "host/sync/feed_sender.h"

#include <algorithm>

#include "host/base/views.h"

namespace tidegate::sync {
namespace {

uint64_t BytesOf(const tg_change& change) {
  return change.body.size + change.key.pk.size + change.key.sk.size + change.policy_meta.size + 64;
}

}  // namespace

FeedSender::FeedSender(const core::Storage& storage, const SyncOptions& options, FeedTarget target)
    : storage_(storage), options_(options), target_(std::move(target)), window_bytes_(options.window_bytes) {}

tg_feed_selector FeedSender::Selector() const {
  tg_feed_selector selector{};
  selector.struct_size = sizeof selector;
  selector.direction = target_.direction;
  selector.lane = target_.lane;
  selector.exclude_via = target_.neighbour;
  selector.owner_set = Str(target_.owner_set);
  return selector;
}

Status FeedSender::Open(const Watermark& held, const Watermark& start, bool unsettled, bool anew) {
  Close();
  open_ = true;
  flush_ = true;
  begin_ = 0;
  begin_unsettled_ = false;
  quick_resent_ = false;
  retry_ms_ = options_.resend_ms;
  window_bytes_ = options_.window_bytes;  // what was said in a former session is over
  begin_rewound_ = anew;
  if (!held.none() && !anew) {
    TG_ASSIGN_OR_RETURN(uint32_t verdict, storage_.WatermarkCheck(held));
    TG_ASSIGN_OR_RETURN(bool complete, CompleteFrom(held.position));
    // Upwards what comes after is all that is to be sent. Downwards what the neighbour once had, and wrote, is not sent
    // back to it: that it holds less than it did has to be compared.
    const bool went_back = unsettled && acked_.replica == held.replica && held.position < acked_.position;
    if (verdict == TG_WATERMARK_USABLE && complete && !went_back) {
      acked_ = held;
      SendFrom(held);
      return {};
    }
    begin_rewound_ =
        verdict != TG_WATERMARK_USABLE && verdict != TG_WATERMARK_BELOW_FLOOR && verdict != TG_WATERMARK_OTHER_REPLICA;
  }
  BeginAt(start, unsettled);
  return {};
}

// Down, a purged tombstone would be missed by who holds less; up, it was delivered before it was purged.
Result<bool> FeedSender::CompleteFrom(uint64_t position) const {
  if (target_.direction == TG_DIRECTION_UP) return true;
  TG_ASSIGN_OR_RETURN(tg_feed_stat stat, storage_.FeedStat(Selector(), UINT64_MAX));
  return position >= stat.floor;
}

void FeedSender::BeginAt(const Watermark& start, bool unsettled) {
  ++begin_;
  begin_pending_ = begin_unacked_ = true;
  begin_unsettled_ = unsettled;
  begin_start_ = start;
  acked_ = start;
  SendFrom(start);
}

void FeedSender::SendFrom(const Watermark& watermark) {
  in_flight_.clear();
  in_flight_bytes_ = 0;
  sent_ = watermark;
  read_ = watermark.position;
  drained_ = false;
  flush_ = true;
}

void FeedSender::Close() {
  open_ = false;
  begin_pending_ = begin_unacked_ = advance_ = hurry_ = false;
  in_flight_.clear();
  in_flight_bytes_ = 0;
  drained_ = false;
  retry_at_us_ = INT64_MAX;
}

void FeedSender::NoteUnsent(uint64_t bytes, int64_t now_us) {
  drained_ = false;
  unsent_bytes_ += bytes;
  if (unsent_since_us_ < 0) unsent_since_us_ = now_us;
}

bool FeedSender::Due(int64_t now_us) const {
  if (begin_pending_ || flush_ || hurry_ || target_.lane == TG_LANE_URGENT) return true;
  if (unsent_since_us_ < 0) return false;
  return unsent_bytes_ >= options_.sync_limit_bytes || now_us - unsent_since_us_ >= options_.sync_delay_ms * 1000;
}

int64_t FeedSender::NextTimerUs(int64_t now_us) const {
  if (!open_) return INT64_MAX;
  int64_t next = retry_at_us_;
  if (!drained_ && unsent_since_us_ >= 0) {
    // What is due already waits for the window, not for a timer.
    int64_t due_us = unsent_since_us_ + options_.sync_delay_ms * 1000;
    if (due_us > now_us) next = std::min(next, due_us);
  }
  return next;
}

bool FeedSender::Tick(int64_t now_us, core::Random& random) {
  if (!open_ || now_us < retry_at_us_) return false;
  retry_at_us_ = INT64_MAX;
  if (in_flight_.empty()) return false;
  Rewind();
  ++resends_;
  int64_t jitter = static_cast<int64_t>(random.Next() % static_cast<uint64_t>(retry_ms_ / 2 + 1));
  retry_ms_ = std::min(retry_ms_ * 2, options_.resend_ms_max) - jitter / 2;
  return true;
}

void FeedSender::Rewind() {
  hurry_ =
      hurry_ || std::any_of(in_flight_.begin(), in_flight_.end(), [](const InFlight& frame) { return frame.hurry; });
  begin_pending_ = begin_unacked_;
  SendFrom(begin_unacked_ ? begin_start_ : acked_);
}

bool FeedSender::WindowOpen() const {
  if (in_flight_.size() >= options_.window_frames) return false;
  return in_flight_bytes_ < window_bytes_ || begin_pending_;
}

Status FeedSender::Read(const RouteFn& route, core::ChangeArena* arena, wire::Batch* batch, uint64_t* bytes) {
  // Pages in which nothing is for this neighbour are passed over without a frame.
  for (;;) {
    TG_ASSIGN_OR_RETURN(core::FeedPage page, storage_.Changes(Selector(), read_, options_.batch_items_max,
                                                              options_.frame_bytes_max, [&](const tg_change& change) {
                                                                if (!route(change)) return true;
                                                                batch->changes.push_back(arena->Copy(change));
                                                                *bytes += BytesOf(change);
                                                                return true;
                                                              }));
    read_ = page.reached.position;
    batch->after = page.reached;
    drained_ = !page.more;
    if (!batch->changes.empty() || drained_) return {};
  }
}

bool FeedSender::MaySend(int64_t now_us) const {
  return open_ && WindowOpen() && Due(now_us) && (!drained_ || begin_pending_ || hurry_);
}

Result<std::optional<wire::Batch>> FeedSender::Next(int64_t now_us, const RouteFn& route, core::ChangeArena* arena) {
  if (!MaySend(now_us)) return std::optional<wire::Batch>();

  wire::Batch batch;
  batch.lane = target_.lane;
  batch.before = batch.after = sent_;
  uint64_t bytes = 0;
  // A begin goes out also when the window is shut, but alone.
  if (in_flight_bytes_ < window_bytes_) TG_RETURN_IF_ERROR(Read(route, arena, &batch, &bytes));
  if (drained_) {
    flush_ = false;
    unsent_bytes_ = 0;
    unsent_since_us_ = -1;
  }
  if (batch.changes.empty() && !begin_pending_ && !advance_ && !hurry_) return std::optional<wire::Batch>();
  if (batch.changes.empty() && !advance_) batch.after = batch.before;
  advance_ = false;
  if (begin_pending_) {
    batch.begin = begin_;
    batch.unsettled = begin_unsettled_;
    batch.rewound = begin_rewound_;
    begin_pending_ = false;
  }
  batch.hurry = hurry_ && drained_;  // the last frame says it: by then the next hop has the others
  if (drained_) hurry_ = false;
  in_flight_.push_back({batch.before, batch.after, bytes, batch.begin, batch.hurry});
  in_flight_bytes_ += bytes;
  sent_ = batch.after;
  if (retry_at_us_ == INT64_MAX) retry_at_us_ = now_us + retry_ms_ * 1000;
  return std::optional<wire::Batch>(std::move(batch));
}

void FeedSender::Unsend() {
  if (in_flight_.empty()) return;
  InFlight last = in_flight_.back();
  in_flight_.pop_back();
  in_flight_bytes_ -= last.bytes;
  sent_ = last.before;
  read_ = sent_.position;
  begin_pending_ = begin_pending_ || last.begin != 0;
  hurry_ = hurry_ || last.hurry;
  drained_ = false;
  flush_ = true;
  if (in_flight_.empty()) retry_at_us_ = INT64_MAX;
}

Result<bool> FeedSender::Acked(const wire::LaneAck& ack, int64_t now_us) {
  if (!open_) return false;
  window_bytes_ = std::min(ack.window_bytes, options_.window_bytes);
  if (ack.begin != begin_) return false;  // says nothing of this feed, or not yet
  if (!ack.delivered.none()) delivered_ = ack.delivered;
  begin_unacked_ = false;
  begin_pending_ = false;

  bool progress = false;
  // The last one that ends there: a frame that only hurries ends where the one before it did.
  auto match = std::find_if(in_flight_.rbegin(), in_flight_.rend(),
                            [&](const InFlight& frame) { return frame.after == ack.held; });
  if (match != in_flight_.rend()) {
    for (auto it = in_flight_.begin(); it != match.base(); ++it) in_flight_bytes_ -= it->bytes;
    in_flight_.erase(in_flight_.begin(), match.base());
    acked_ = ack.held;
    progress = true;
  } else if (ack.held.position > acked_.position) {
    // Frames sent before a rewind have arrived after all. (A lower one is an ack that was overtaken.)
    TG_ASSIGN_OR_RETURN(uint32_t verdict, storage_.WatermarkCheck(ack.held));
    if (verdict != TG_WATERMARK_USABLE) {
      BeginAt(acked_, false);
      return false;
    }
    acked_ = ack.held;
    SendFrom(acked_);
    progress = true;
  }
  if (progress) {
    retry_ms_ = options_.resend_ms;
    quick_resent_ = quick_resent_ && quick_resent_at_ == acked_;
    retry_at_us_ = in_flight_.empty() ? INT64_MAX : now_us + retry_ms_ * 1000;
  }
  if (ack.rejected && !in_flight_.empty() && !(quick_resent_ && quick_resent_at_ == acked_)) {
    quick_resent_ = true;
    quick_resent_at_ = acked_;
    ++resends_;
    Rewind();
  }
  return progress;
}

void FeedSender::Hurry(uint64_t head) {
  if (!open_) return;
  flush_ = flush_ || !drained_;
  hurry_ = hurry_ || !drained_ || delivered_position(head) < head;
}

bool FeedSender::Advance(uint64_t head, uint64_t behind) {
  if (!open_ || !drained_ || !in_flight_.empty() || begin_unacked_) return false;
  if (head < acked_.position || head - acked_.position < behind) return false;
  advance_ = true;
  drained_ = false;
  flush_ = true;
  return true;
}

bool FeedSender::Waits(int64_t now_us) const {
  if (!open_ || window_bytes_ == 0) return false;
  return !in_flight_.empty() || begin_unacked_ || (!drained_ && Due(now_us));
}

uint64_t FeedSender::hop_position(uint64_t head) const {
  bool all = open_ && drained_ && in_flight_.empty() && !begin_unacked_;
  return all ? head : acked_.position;
}

uint64_t FeedSender::delivered_position(uint64_t head) const {
  return delivered_.position >= acked_.position ? hop_position(head) : delivered_.position;
}

}  // namespace tidegate::sync
