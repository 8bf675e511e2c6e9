#include "host/sync/reconcile_asker.h"

#include <algorithm>

#include "host/base/views.h"

namespace tidegate::sync {
namespace {

constexpr int64_t kSureWaitUsMin = 500'000;
constexpr int64_t kSureWaitUsMax = 30'000'000;
constexpr size_t kReadAtOnce = 2;  // owners whose digests are being read

}  // namespace

void ReconcileAsker::Stop() {
  plan_ = {};
  next_ask_ = 1;
  questions_ = ranges_ = 0;
  work_.clear();
  in_flight_.clear();
  prepared_.clear();
  to_prepare_.clear();
}

void ReconcileAsker::Start(ComparePlan plan) {
  Stop();
  plan_ = std::move(plan);
  for (AgentId owner : plan_.owners) {
    work_.push_back({owner, {}, RowClass::kDown});
    if (plan_.up_only) work_.push_back({owner, {}, RowClass::kUpOnly});
  }
}

void ReconcileAsker::Pause() {
  for (auto flight = in_flight_.rbegin(); flight != in_flight_.rend(); ++flight) {
    work_.insert(work_.begin(), flight->second.works.begin(), flight->second.works.end());
  }
  in_flight_.clear();
  prepared_.clear();
  to_prepare_.clear();
}

RangeDigests* ReconcileAsker::Digests(const Work& work, int64_t now_us) {
  return shelf_.Find(work.owner, work.row_class, plan_.cut, now_us, plan_.slow);
}

// Names the keys of the range; if there are more than there is room for, the range is cut and the rest goes back to
// the work.
Status ReconcileAsker::ListKeys(Work* work, const Now& now, size_t room, wire::RangeAsk* ask) {
  ask->listed = true;
  const bool up_only = work->row_class == RowClass::kUpOnly;
  const uint32_t mask = up_only ? TG_DIRECTION_UP : TG_DIRECTION_DOWN;
  std::vector<wire::KeyRange> filled = {work->range};
  // Rows that also go down may lie between, by the million.
  if (up_only) {
    RangeDigests* digests = Digests(*work, now.us);
    if (digests != nullptr) {
      TG_ASSIGN_OR_RETURN(filled, digests->Filled(work->range));
    }
  }
  bool cut = false;
  wire::KeyBound rest;
  auto name = [&](const tg_change& change) {
    if (ClassOf(change.direction) != work->row_class) return true;
    // What the parent does not hold yet is on its way.
    if (up_only && change.seq > now.held[std::min<uint32_t>(change.lane, TG_LANE_COUNT - 1)]) return true;
    if (ask->keys.size() == room) {
      cut = true;
      rest = {std::string(View(change.key.pk)), std::string(View(change.key.sk))};
      return false;
    }
    wire::KeyVersion& key = ask->keys.emplace_back();
    key.pk = View(change.key.pk);
    key.sk = View(change.key.sk);
    key.version = Version::From(change.version);
    key.kind = change.kind;
    key.digest = change.digest;
    key.model = View(change.model);
    return true;
  };
  for (const wire::KeyRange& range : filled) {
    if (!cut) TG_RETURN_IF_ERROR(storage_.RangeScan(RangeOf(work->owner, range, mask, plan_.cut), name));
  }
  if (cut) {
    Work remaining = *work;
    remaining.range.from = rest;
    work_.push_front(std::move(remaining));
    work->range.has_to = true;
    work->range.to = rest;
  }
  return {};
}

Status ReconcileAsker::Fill(Work* work, const Now& now, size_t room, wire::RangeAsk* range) {
  if (!work->list) {
    RangeDigests* digests = Digests(*work, now.us);
    if (digests == nullptr) return Status::Unavailable("the digests of an owner are not read yet");
    TG_ASSIGN_OR_RETURN(DigestSum sum, digests->Of(work->range));
    range->count = sum.count;
    range->sum = sum.sum;
  }
  if (work->list || range->count <= kListedAtOnceMax) TG_RETURN_IF_ERROR(ListKeys(work, now, room, range));
  range->range = work->range;
  return {};
}

Result<wire::CompareAsk> ReconcileAsker::AskFor(uint64_t number, std::vector<Work>* works, const Now& now) {
  wire::CompareAsk ask;
  ask.pass = plan_.pass;
  ask.ask = number;
  ask.owner = works->front().owner;
  const bool up = works->front().row_class == RowClass::kUpOnly;
  ask.direction_mask = up ? TG_DIRECTION_UP : TG_DIRECTION_DOWN;
  ask.up_only = up;
  ask.cut = plan_.cut.hlc;
  ask.expired_ms = plan_.cut.expired_ms;
  ask.look = plan_.look;
  ask.slow = plan_.slow;
  ask.asked = plan_.asked;
  size_t keys = 0;
  for (Work& work : *works) {
    wire::RangeAsk range;
    TG_RETURN_IF_ERROR(
        Fill(&work, now, std::max(kListedKeysMax, kKeysOfAnAskMax - std::min(keys, kKeysOfAnAskMax)), &range));
    keys += range.keys.size();
    ask.ranges.push_back(std::move(range));
  }
  ++questions_;
  ranges_ += ask.ranges.size();
  return ask;
}

// Whether it can be asked now; what it needs is read, if it is not too much.
bool ReconcileAsker::IsReady(const Work& work, const Now& now, std::set<Scope>* unread) {
  if (work.not_before_us > now.us) return false;
  if (work.list) return true;
  const Scope scope{work.owner, work.row_class};
  if (unread->contains(scope) || unread->size() >= kReadAtOnce) return false;
  if (Digests(work, now.us) != nullptr) return true;
  unread->insert(scope);
  // It is much: the parent may read its own meanwhile.
  if (prepared_.insert(scope).second) to_prepare_.push_back(scope);
  return false;
}

std::optional<wire::CompareAsk> ReconcileAsker::Prepare() {
  if (to_prepare_.empty()) return std::nullopt;
  wire::CompareAsk ask;
  ask.pass = plan_.pass;
  ask.owner = to_prepare_.back().first;
  ask.up_only = to_prepare_.back().second == RowClass::kUpOnly;
  ask.direction_mask = ask.up_only ? TG_DIRECTION_UP : TG_DIRECTION_DOWN;
  ask.cut = plan_.cut.hlc;
  ask.expired_ms = plan_.cut.expired_ms;
  ask.prepare = true;
  ask.slow = plan_.slow;
  to_prepare_.pop_back();
  return ask;
}

Result<std::optional<wire::CompareAsk>> ReconcileAsker::Next(const Now& now) {
  if (!running()) return std::optional<wire::CompareAsk>();
  for (auto& [number, flight] : in_flight_) {
    if (flight.answered || flight.retry_at_us > now.us) continue;
    // It was lost, or takes long: an answer to either of the two is good.
    TG_ASSIGN_OR_RETURN(wire::CompareAsk again, AskFor(number, &flight.works, now));
    NoteNamed(again, &flight);
    flight.wait_us = std::min(flight.wait_us * 2, now.wait_us_max);
    flight.retry_at_us = now.us + flight.wait_us;
    return std::optional<wire::CompareAsk>(std::move(again));
  }
  if (in_flight_.size() >= (plan_.slow ? 1 : kAsksInFlightMax)) return std::optional<wire::CompareAsk>();
  std::set<Scope> unread;
  auto due = work_.begin();
  while (due != work_.end() && !IsReady(*due, now, &unread)) ++due;
  if (due == work_.end()) return Prepare();

  std::vector<Work> works;
  works.push_back(std::move(*due));
  due = work_.erase(due);
  for (size_t looked = 0; due != work_.end() && works.size() < kRangesOfAnAskMax && looked < 64; ++looked) {
    const Work& first = works.front();
    const bool fits = due->owner == first.owner && due->row_class == first.row_class;
    if (fits && IsReady(*due, now, &unread)) {
      works.push_back(std::move(*due));
      due = work_.erase(due);
    } else {
      ++due;
    }
  }
  const uint64_t number = next_ask_++;
  Result<wire::CompareAsk> ask = AskFor(number, &works, now);
  if (!ask.ok()) {
    // The ranges have to be asked all the same, or the pass would end without them.
    for (Work& work : works) {
      work.not_before_us = now.us + now.wait_us;
      work_.push_back(std::move(work));
    }
    return ask.status();
  }
  InFlight& flight = in_flight_[number];
  flight = {std::move(works), now.us + now.wait_us, now.wait_us, false, now.delivered, now.held, {}};
  NoteNamed(*ask, &flight);
  return std::optional<wire::CompareAsk>(std::move(ask).value());
}

void ReconcileAsker::NoteNamed(const wire::CompareAsk& ask, InFlight* flight) {
  for (const wire::RangeAsk& range : ask.ranges) {
    for (const wire::KeyVersion& key : range.keys) {
      if (key.kind != TG_CHANGE_EVICT) flight->named.emplace(key.pk, key.sk, key.version);
    }
  }
}

bool ReconcileAsker::Named(uint64_t ask, std::string_view pk, std::string_view sk, const Version& version) const {
  auto flight = in_flight_.find(ask);
  return flight != in_flight_.end() && flight->second.named.contains({std::string(pk), std::string(sk), version});
}

ReconcileAsker::Positions ReconcileAsker::DeliveredAt(uint64_t ask) const {
  auto flight = in_flight_.find(ask);
  return flight == in_flight_.end() ? Positions{} : flight->second.delivered;
}

ReconcileAsker::Positions ReconcileAsker::HeldAt(uint64_t ask) const {
  auto flight = in_flight_.find(ask);
  return flight == in_flight_.end() ? Positions{} : flight->second.held;
}

int64_t ReconcileAsker::NextTimerUs(int64_t now_us) const {
  int64_t next = INT64_MAX;
  // What is due already waits for room, or to be read, and not for a timer.
  for (const auto& [number, flight] : in_flight_) {
    if (!flight.answered && flight.retry_at_us > now_us) next = std::min(next, flight.retry_at_us);
  }
  for (const Work& work : work_) {
    if (work.not_before_us > now_us) next = std::min(next, work.not_before_us);
  }
  return next;
}

bool ReconcileAsker::waiting(int64_t now_us) const {
  return running() && in_flight_.empty() && !work_.empty() &&
         std::all_of(work_.begin(), work_.end(), [&](const Work& work) { return work.not_before_us > now_us; });
}

// The parts that differ are asked next.
void ReconcileAsker::Split(const Work& asked, const wire::RangeAnswer& answer, int64_t now_us) {
  for (const wire::RangePart& part : answer.parts) {
    RangeDigests* digests = Digests(asked, now_us);
    // What cannot be read now is read again when it is asked.
    bool list = false;
    if (digests != nullptr) {
      Result<DigestSum> ours = digests->Of(part.range);
      if (ours.ok() && ours->count == part.count && ours->sum == part.sum) continue;
      list = ours.ok() && std::min(ours->count, part.count) <= kListedKeysMax;
    }
    work_.push_back({asked.owner, part.range, asked.row_class, list});
  }
}

bool ReconcileAsker::Answered(const wire::CompareAnswer& answer, int64_t now_us) {
  auto found = in_flight_.find(answer.ask);
  if (answer.pass != plan_.pass || found == in_flight_.end() || found->second.answered) return false;
  InFlight& flight = found->second;
  if (answer.ranges.size() != flight.works.size()) return false;
  flight.answered = true;
  for (size_t i = 0; i < answer.ranges.size(); ++i) {
    const wire::RangeAnswer& range = answer.ranges[i];
    Work again = flight.works[i];
    again.range = range.range;
    again.not_before_us = 0;
    if (range.verdict == wire::RangeVerdict::kSplit) {
      Split(again, range, now_us);
    } else if (range.verdict == wire::RangeVerdict::kLater) {
      again.not_before_us = now_us + flight.wait_us;
      work_.push_back(again);
      continue;
    }
    if (range.later && !plan_.look) {
      again.wait_us = std::clamp(again.wait_us * 2, kSureWaitUsMin, kSureWaitUsMax);
      again.not_before_us = now_us + again.wait_us;
      work_.push_back(again);
    }
    if (range.has_rest) {
      again.range.from = range.rest;
      again.not_before_us = again.wait_us = 0;
      work_.push_back(again);
    }
  }
  return true;
}

void ReconcileAsker::Failed(uint64_t ask, int64_t retry_at_us) {
  auto flight = in_flight_.find(ask);
  if (flight == in_flight_.end()) return;
  for (Work& work : flight->second.works) {
    work.not_before_us = retry_at_us;
    work_.push_back(std::move(work));
  }
  in_flight_.erase(flight);
}

}  // namespace tidegate::sync
