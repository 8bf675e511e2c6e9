#include "host/sync/reconcile_asker.h"

#include "host/base/views.h"

namespace tidegate::sync {

tg_range RangeOf(AgentId owner, const wire::KeyRange& range, uint32_t direction_mask) {
  tg_range result{};
  result.struct_size = sizeof result;
  result.owner = owner;
  result.has_to = range.has_to ? 1 : 0;
  result.from_pk = Str(range.from.pk);
  result.from_sk = Str(range.from.sk);
  result.to_pk = Str(range.to.pk);
  result.to_sk = Str(range.to.sk);
  result.direction_mask = direction_mask;
  return result;
}

ReconcileAsker& ReconcileAsker::operator=(ReconcileAsker&& other) noexcept {
  pass_ = other.pass_;
  mark_number_ = other.mark_number_;
  next_ask_ = other.next_ask_;
  work_ = std::move(other.work_);
  in_flight_ = std::move(other.in_flight_);
  return *this;
}

void ReconcileAsker::Start(uint64_t pass, std::vector<AgentId> owners, uint64_t mark_number) {
  Stop();
  pass_ = pass;
  mark_number_ = mark_number;
  for (AgentId owner : owners) work_.push_back({owner, {}, false, 0, false});
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
  TG_RETURN_IF_ERROR(storage_.RangeDigest(RangeOf(owner, range, TG_DIRECTION_DOWN), [&](const tg_digest& digest) {
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
  TG_RETURN_IF_ERROR(storage_.RangeScan(RangeOf(work->owner, work->range, TG_DIRECTION_DOWN), [&](const tg_change& c) {
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

Result<std::optional<wire::CompareAsk>> ReconcileAsker::Next(int64_t now_us, int64_t retry_us) {
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
  wire::RangeAsk range;
  if (Status read = Fill(&work, &range); !read.ok()) {
    // The range has to be asked all the same, or the pass would end without it.
    work.not_before_us = now_us + retry_us;
    work_.push_back(std::move(work));
    return read;
  }
  ask.ranges.push_back(std::move(range));
  in_flight_[ask.ask] = {std::move(work), now_us + retry_us, false};
  return std::optional<wire::CompareAsk>(std::move(ask));
}

int64_t ReconcileAsker::NextTimerUs() const {
  int64_t next = INT64_MAX;
  for (const auto& [number, flight] : in_flight_) {
    if (!flight.answered) next = std::min(next, flight.retry_at_us);
  }
  for (const Work& work : work_) {
    if (work.not_before_us > 0) next = std::min(next, work.not_before_us);
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

bool ReconcileAsker::Answered(const wire::CompareAnswer& answer) {
  auto flight = in_flight_.find(answer.ask);
  if (answer.pass != pass_ || flight == in_flight_.end() || flight->second.answered) return false;
  flight->second.answered = true;
  for (const wire::RangeAnswer& range : answer.ranges) {
    if (range.verdict == wire::RangeVerdict::kSplit) {
      for (const wire::RangePart& part : range.parts) {
        auto own = Digest(answer.owner, part.range);
        if (own.ok() && own->first == part.count && own->second == part.sum) continue;
        // What cannot be read now is read again when it is asked.
        bool list = own.ok() && std::min(own->first, part.count) <= kListedKeysMax;
        work_.push_back({answer.owner, part.range, list, 0, false});
      }
    } else if (range.verdict == wire::RangeVerdict::kLater) {
      work_.push_back({answer.owner, range.range, false, flight->second.retry_at_us, flight->second.work.own});
    } else if (range.has_rest) {
      wire::KeyRange rest = range.range;
      rest.from = range.rest;
      work_.push_back({answer.owner, rest, flight->second.work.list, 0, flight->second.work.own});
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
