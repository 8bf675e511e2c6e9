// Refusals: what one side of a link refuses of the other's changes, on its way to the one who sent them.
// Frames are lost at times, so each is told with every ack until the neighbour says that it is durable
// there. Numbers count within a session. The same object keeps how much of the neighbour's own refusals is
// known here: what an ack says is passed counts only with what it excepts (docs/replication.md, "Delivered").
// Thread safety: the writer thread. Ownership: plain value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "host/wire/frames.h"

namespace tidegate::sync {

class Refusals {
 public:
  // So many wait at most; then no more is taken in that could be refused (law 11).
  static constexpr size_t kWaitingMax = 10'000;

  bool full() const { return waiting_.size() >= kWaitingMax; }
  void Add(wire::RefusedKey refused) { waiting_.push_back(std::move(refused)); }

  // Of another neighbour, to be passed on. False: there is no room, and what is listed has to be read anew.
  bool Forward(wire::RefusedKey refused) {
    if (!full()) return waiting_.push_back(std::move(refused)), true;
    incomplete_ = true;
    return false;
  }

  // Something listed is missing here: after a start, or when there was no room. Nothing is told to be delivered
  // meanwhile. Before the next ack the lists are read again, once there is room; then Completed.
  bool incomplete() const { return incomplete_; }
  bool HasRoomForTheList() const { return waiting_.size() < kWaitingMax / 2; }
  // What is to be told is on the disk only: the lists have to be read.
  void ReadAnew() { incomplete_ = true; }
  const std::deque<wire::RefusedKey>& queue() const { return waiting_; }
  bool empty() const { return waiting_.empty(); }
  size_t waiting() const { return waiting_.size(); }
  // whole: nothing is missing in what was added since so many waited. What the neighbour has listed beyond that ended
  // while nobody could tell it.
  void Completed(bool whole, size_t waited = 0) {
    // An ack said that one more is to be told: if there is none any more, one that says nothing.
    while (confirmed_ + waiting_.size() < announced_) waiting_.emplace_back();
    incomplete_ = false;
    announced_ = 0;
    if (!whole) return;
    whole_from_ = confirmed_ + waited + 1;
    whole_to_ = confirmed_ + waiting_.size();
  }

  // A session with this start of the neighbour begins: what was not confirmed in the last one is told again, and
  // numbered anew; and everything, unless this start has taken a whole list.
  void Open(Epoch neighbour) {
    confirmed_ = recorded_ = taken_ = heard_ = whole_from_ = whole_to_ = announced_ = 0;
    heard_any_ = false;
    if (!knows_whole_ || neighbour != neighbour_) incomplete_ = true;
    knows_whole_ = !incomplete_;
    neighbour_ = neighbour;
  }

  // Into an ack: the oldest that wait, and what is durable here of the neighbour's.
  void Fill(wire::Ack* ack) {
    constexpr size_t kTellMax = 500;
    constexpr size_t kTellBytes = 64u << 10;
    size_t bytes = 0;
    for (size_t i = 0; i < std::min(waiting_.size(), kTellMax) && bytes < kTellBytes; ++i) {
      ack->refused.push_back(waiting_[i]);
      bytes += waiting_[i].pk.size() + waiting_[i].sk.size() + waiting_[i].reason.size() + 64;
    }
    ack->refused_number = confirmed_ + ack->refused.size();
    ack->refused_recorded = recorded_;
    ack->refused_last = confirmed_ + waiting_.size() + (incomplete_ ? 1 : 0);
    ack->refused_from = whole_from_;
    ack->refused_to = whole_to_;
    announced_ = incomplete_ ? ack->refused_last : 0;
  }

  // The neighbour has them up to this number. Returns true if more are to be told. dropped: those of them that were
  // given up, or lost.
  bool Confirmed(uint64_t number, std::vector<wire::RefusedKey>* dropped = nullptr) {
    while (confirmed_ < number && !waiting_.empty()) {
      wire::RefusedKey& known = waiting_.front();
      if (dropped != nullptr && (known.dropped || !known.lost.empty())) dropped->push_back(std::move(known));
      waiting_.pop_front();
      ++confirmed_;
    }
    knows_whole_ = knows_whole_ || (whole_from_ != 0 && whole_from_ <= whole_to_ && confirmed_ >= whole_to_);
    return !waiting_.empty();
  }

  // Of the refusals in an ack, how many at its beginning are durable here already, or about to be: one that was
  // overtaken by a newer ack says nothing.
  size_t Known(const wire::Ack& ack) const {
    uint64_t before = ack.refused_number - std::min<uint64_t>(ack.refused_number, ack.refused.size());
    const uint64_t taken = std::max(recorded_, taken_);
    return static_cast<size_t>(std::min<uint64_t>(taken - std::min(taken, before), ack.refused.size()));
  }
  // Staged; then Recorded, or NotRecorded if the commit failed.
  void Took(uint64_t number) { taken_ = std::max(taken_, number); }
  void NotRecorded() { taken_ = recorded_; }
  void Recorded(uint64_t number) { recorded_ = std::max(recorded_, number); }

  void Heard(const wire::Ack& ack) {
    heard_any_ = true;
    heard_ = std::max({heard_, ack.refused_number, ack.refused_last});
  }
  // Whether an ack of this session has said what is to be known, its last number, and how far it is durable.
  bool heard_any() const { return heard_any_; }
  uint64_t heard() const { return heard_; }
  uint64_t recorded() const { return recorded_; }

 private:
  std::deque<wire::RefusedKey> waiting_;  // the first has the number confirmed_ + 1
  uint64_t confirmed_ = 0;
  bool incomplete_ = true;
  uint64_t announced_ = 0;   // more than these was promised by an ack
  uint64_t whole_from_ = 0;  // see wire::Ack
  uint64_t whole_to_ = 0;
  Epoch neighbour_ = 0;       // its start
  bool knows_whole_ = false;  // and that it has taken a whole list
  uint64_t recorded_ = 0;
  uint64_t taken_ = 0;
  uint64_t heard_ = 0;
  bool heard_any_ = false;
};

// The neighbour's list as a whole, on its way in: what was listed before and is not named in it has ended.
class WholeList {
 public:
  void Open() { *this = {}; }

  // Whether an ack speaks of a list that has not been taken yet.
  bool Due(const wire::Ack& ack) const { return ack.refused_from != 0 && ack.refused_from != taken_; }
  // Before its first entry is taken. listed: meta keys of what is listed then.
  void Begin(const std::set<std::string>& listed) {
    if (!unnamed_) unnamed_ = listed;
  }
  void Named(const std::string& key) {
    if (unnamed_) unnamed_->erase(key);
  }
  bool NamesAll(const std::set<std::string>& listed) const { return unnamed_ ? unnamed_->empty() : listed.empty(); }
  std::set<std::string> unnamed() const { return unnamed_.value_or(std::set<std::string>()); }
  // After the commit that holds it, and the end of what it did not name.
  void Taken(uint64_t from) {
    taken_ = from;
    unnamed_.reset();
  }

 private:
  uint64_t taken_ = 0;
  std::optional<std::set<std::string>> unnamed_;
};

// A position that the neighbour says is passed, as it may be told on: together with every refusal that the
// neighbour knew when it said so.
class PassedPosition {
 public:
  void Open() { *this = {}; }

  // position: by the acks so far. Returns what may be told on.
  uint64_t Move(uint64_t position, const Refusals& refusals) {
    if (!refusals.heard_any()) return value_;
    if (needed_ != 0 && refusals.recorded() >= needed_) {
      value_ = std::max(value_, next_);
      needed_ = 0;
    }
    if (needed_ == 0 && position > value_) {
      if (refusals.recorded() >= refusals.heard()) {
        value_ = position;
      } else {
        next_ = position;
        needed_ = refusals.heard();
      }
    }
    return value_;
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0;
  uint64_t next_ = 0;    // passed once this many refusals are recorded
  uint64_t needed_ = 0;  // 0 = nothing waits
};

}  // namespace tidegate::sync
