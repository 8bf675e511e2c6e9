#include "host/sync/reconcile_asker.h"

#include <algorithm>

#include "host/base/views.h"

namespace tidegate::sync {
namespace {

constexpr int64_t kSureWaitUsMin = 500'000;
constexpr int64_t kSureWaitUsMax = 30'000'000;

}  // namespace

tg_range RangeOf(AgentId owner, const wire::KeyRange& range, uint32_t direction_mask, uint64_t cut) {
  tg_range result{};
  result.struct_size = sizeof result;
  result.owner = owner;
  result.has_to = range.has_to ? 1 : 0;
  result.from_pk = Str(range.from.pk);
  result.from_sk = Str(range.from.sk);
  result.to_pk = Str(range.to.pk);
  result.to_sk = Str(range.to.sk);
  result.direction_mask = direction_mask;
  result.cut_hlc = cut;
  return result;
}

ReconcileAsker& ReconcileAsker::operator=(ReconcileAsker&& other) noexcept {
  pass_ = other.pass_;
  mark_number_ = other.mark_number_;
  cut_ = other.cut_;
  next_ask_ = other.next_ask_;
  work_ = std::move(other.work_);
  in_flight_ = std::move(other.in_flight_);
  return *this;
}

void ReconcileAsker::Start(uint64_t pass, std::vector<AgentId> owners, uint64_t mark_number, uint64_t cut) {
  Stop();
  pass_ = pass;
  mark_number_ = mark_number;
  cut_ = cut;
  for (AgentId owner : owners) work_.push_back({owner, {}});
}

void ReconcileAsker::AskOwn(AgentId self, const std::vector<wire::KeyBound>& keys) {
  for (const wire::KeyBound& key : keys) {
    wire::KeyRange range{key, true, key};
    range.to.sk.push_back('\0');
    work_.push_back({self, range, true, 0, true});
  }
}

Result<std::pair<uint64_t, uint64_t>> ReconcileAsker::Digest(AgentId owner, const wire::KeyRange& range) const {
  uint64_t count = 0;
  uint64_t sum = 0;
  TG_RETURN_IF_ERROR(storage_.RangeDigest(RangeOf(owner, range, TG_DIRECTION_DOWN, cut_), [&](const tg_digest& digest) {
    count += digest.count;
    sum += digest.sum;
    return true;
  }));
  return std::pair(count, sum);
}

// Names the keys of the range; if there are more than one ask may hold, the range is cut and the rest
// goes back to the work.
Status ReconcileAsker::ListKeys(Work* work, wire::RangeAsk* ask) {
  ask->listed = true;
  bool cut = false;
  wire::KeyBound rest;
  TG_RETURN_IF_ERROR(
      storage_.RangeScan(RangeOf(work->owner, work->range, TG_DIRECTION_DOWN, cut_), [&](const tg_change& c) {
        if (ask->keys.size() == kListedKeysMax) {
          cut = true;
          rest = {std::string(View(c.key.pk)), std::string(View(c.key.sk))};
          return false;
        }
        ask->keys.push_back(
            {std::string(View(c.key.pk)), std::string(View(c.key.sk)), Version::From(c.version), c.kind, c.digest});
        return true;
      }));
  if (cut) {
    Work remaining = *work;
    remaining.range.from = rest;
    work_.push_front(std::move(remaining));
    work->range.has_to = true;
    work->range.to = rest;
  }
  return {};
}

Status ReconcileAsker::Fill(Work* work, wire::RangeAsk* range) {
  if (work->own) {
    range->listed = true;  // it is not here
    range->range = work->range;
    return {};
  }
  TG_ASSIGN_OR_RETURN(auto digest, Digest(work->owner, work->range));
  range->count = digest.first;
  range->sum = digest.second;
  if (work->list || range->count <= kListedKeysMax) TG_RETURN_IF_ERROR(ListKeys(work, range));
  range->range = work->range;
  return {};
}

Result<std::optional<wire::CompareAsk>> ReconcileAsker::Next(int64_t now_us, int64_t retry_us,
                                                             const Delivered& delivered) {
  if (!running() || in_flight_.size() >= kAsksInFlightMax) return std::optional<wire::CompareAsk>();
  auto due = work_.begin();
  while (due != work_.end() && due->not_before_us > now_us) ++due;
  if (due == work_.end()) return std::optional<wire::CompareAsk>();
  Work work = std::move(*due);
  work_.erase(due);

  wire::CompareAsk ask;
  ask.pass = pass_;
  ask.ask = next_ask_++;
  ask.owner = work.owner;
  ask.direction_mask = work.own ? TG_DIRECTION_UP : TG_DIRECTION_DOWN;
  ask.cut = cut_;
  wire::RangeAsk range;
  if (Status read = Fill(&work, &range); !read.ok()) {
    // The range has to be asked all the same, or the pass would end without it.
    work.not_before_us = now_us + retry_us;
    work_.push_back(std::move(work));
    return read;
  }
  ask.ranges.push_back(std::move(range));
  in_flight_[ask.ask] = {std::move(work), now_us + retry_us, false, delivered};
  return std::optional<wire::CompareAsk>(std::move(ask));
}

ReconcileAsker::Delivered ReconcileAsker::DeliveredAt(uint64_t ask) const {
  auto flight = in_flight_.find(ask);
  return flight == in_flight_.end() ? Delivered{} : flight->second.delivered;
}

int64_t ReconcileAsker::NextTimerUs(int64_t now_us) const {
  int64_t next = INT64_MAX;
  for (const auto& [number, flight] : in_flight_) {
    if (!flight.answered) next = std::min(next, flight.retry_at_us);
  }
  for (const Work& work : work_) {
    // What is due already waits for room, not for a timer.
    if (work.not_before_us > now_us) next = std::min(next, work.not_before_us);
  }
  return next;
}

void ReconcileAsker::Tick(int64_t now_us) {
  for (auto it = in_flight_.begin(); it != in_flight_.end();) {
    if (!it->second.answered && it->second.retry_at_us <= now_us) {
      work_.push_front(std::move(it->second.work));
      it = in_flight_.erase(it);
    } else {
      ++it;
    }
  }
}

bool ReconcileAsker::waiting(int64_t now_us) const {
  return running() && in_flight_.empty() && !work_.empty() &&
         std::all_of(work_.begin(), work_.end(), [&](const Work& work) { return work.not_before_us > now_us; });
}

bool ReconcileAsker::Answered(const wire::CompareAnswer& answer, int64_t now_us) {
  auto flight = in_flight_.find(answer.ask);
  if (answer.pass != pass_ || flight == in_flight_.end() || flight->second.answered) return false;
  flight->second.answered = true;
  const Work asked = flight->second.work;
  for (const wire::RangeAnswer& range : answer.ranges) {
    if (range.verdict == wire::RangeVerdict::kSplit) {
      for (const wire::RangePart& part : range.parts) {
        auto own = Digest(answer.owner, part.range);
        if (own.ok() && own->first == part.count && own->second == part.sum) continue;
        // What cannot be read now is read again when it is asked.
        bool list = own.ok() && std::min(own->first, part.count) <= kListedKeysMax;
        work_.push_back({answer.owner, part.range, list});
      }
    } else if (range.verdict == wire::RangeVerdict::kLater) {
      work_.push_back({answer.owner, range.range, false, flight->second.retry_at_us, asked.own});
      continue;
    }
    if (range.later) {
      int64_t wait_us = std::clamp(asked.wait_us * 2, kSureWaitUsMin, kSureWaitUsMax);
      work_.push_back({answer.owner, range.range, asked.list, now_us + wait_us, asked.own, wait_us});
    }
    if (range.has_rest) {
      wire::KeyRange rest = range.range;
      rest.from = range.rest;
      work_.push_back({answer.owner, rest, asked.list, 0, asked.own});
    }
  }
  return true;
}

void ReconcileAsker::Failed(uint64_t ask, int64_t retry_at_us) {
  auto flight = in_flight_.find(ask);
  if (flight == in_flight_.end()) return;
  Work work = std::move(flight->second.work);
  work.not_before_us = retry_at_us;
  in_flight_.erase(flight);
  work_.push_back(std::move(work));
}

}  // namespace tidegate::sync
