#include "host/sync/reconcile_answerer.h"

#include <algorithm>
#include <tuple>

#include "host/base/views.h"
#include "host/sync/reconcile_asker.h"

namespace tidegate::sync {
namespace {

using KeyView = std::pair<std::string_view, std::string_view>;

KeyView KeyOf(const wire::KeyVersion& key) { return {key.pk, key.sk}; }
KeyView KeyOf(const tg_change& change) { return {View(change.key.pk), View(change.key.sk)}; }

wire::CompareAnswer HeaderFor(const wire::CompareAsk& ask) {
  wire::CompareAnswer answer;
  answer.pass = ask.pass;
  answer.ask = ask.ask;
  answer.owner = ask.owner;
  return answer;
}

class Answerer {
 public:
  Answerer(const core::Storage& storage, const wire::CompareAsk& ask, const AnswerLimits& limits,
           const std::function<bool(const tg_change&)>& route, core::ChangeArena* arena)
      : storage_(storage), ask_(ask), limits_(limits), route_(route), arena_(arena) {}

  Result<wire::RangeAnswer> Answer(const wire::RangeAsk& range) {
    wire::RangeAnswer answer;
    answer.range = range.range;
    if (range.listed) {
      TG_RETURN_IF_ERROR(Resolve(range, &answer));
    } else {
      TG_RETURN_IF_ERROR(CompareDigest(range, &answer));
    }
    return answer;
  }

 private:
  // What an asker may see is what goes down, whatever it asks for; and what it wrote itself.
  tg_range Range(const wire::KeyRange& range) const {
    return RangeOf(ask_.owner, range, limits_.own ? TG_DIRECTION_UP : TG_DIRECTION_DOWN);
  }

  Status CompareDigest(const wire::RangeAsk& range, wire::RangeAnswer* answer) {
    uint64_t count = 0;
    uint64_t sum = 0;
    TG_RETURN_IF_ERROR(storage_.RangeDigest(Range(range.range), [&](const tg_digest& digest) {
      count += digest.count;
      sum += digest.sum;
      return true;
    }));
    if (count == range.count && sum == range.sum) return {};
    answer->verdict = wire::RangeVerdict::kSplit;
    tg_range chunks = Range(range.range);
    chunks.chunk_items = std::max(limits_.part_items_min, count / limits_.parts + 1);
    wire::KeyBound from = range.range.from;
    return storage_.RangeDigest(chunks, [&](const tg_digest& digest) {
      wire::RangePart part;
      part.count = digest.count;
      part.sum = digest.sum;
      part.range.from = from;
      part.range.has_to = digest.has_end != 0 || range.range.has_to;
      if (digest.has_end != 0) {
        part.range.to = {std::string(View(digest.end_pk)), std::string(View(digest.end_sk))};
      } else {
        part.range.to = range.range.to;
      }
      from = part.range.to;
      answer->parts.push_back(std::move(part));
      return true;
    });
  }

  // Walks both key lists in order. What the child lacks or has older is sent; what only the child has,
  // or has newer, it is asked for: it travels up by its feed, if its model goes up.
  Status Resolve(const wire::RangeAsk& range, wire::RangeAnswer* answer) {
    answer->verdict = wire::RangeVerdict::kResolved;
    std::vector<wire::KeyVersion> keys = range.keys;
    std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return KeyOf(a) < KeyOf(b); });
    auto theirs = keys.begin();
    Status status = storage_.RangeScan(Range(range.range), [&](const tg_change& ours) {
      for (; theirs != keys.end() && KeyOf(*theirs) < KeyOf(ours); ++theirs) answer->wants.push_back(*theirs);
      bool both = theirs != keys.end() && KeyOf(*theirs) == KeyOf(ours);
      Version version = Version::From(ours.version);
      if (both && theirs->version == version && (theirs->digest == 0 || theirs->digest == ours.digest)) {
        ++theirs;
        return true;
      }
      bool exchanged = both && limits_.joined && limits_.joined(ours);
      if (exchanged) answer->wants.push_back(*theirs);
      if (both && !exchanged && theirs->version > version) {
        answer->wants.push_back(*theirs++);
        return true;
      }
      if (bytes_ >= limits_.bytes_max) {
        answer->has_rest = true;
        answer->rest = {std::string(View(ours.key.pk)), std::string(View(ours.key.sk))};
        return false;
      }
      if (both) ++theirs;
      if (limits_.own ? (ours.direction & TG_DIRECTION_DOWN) != 0 : !route_(ours)) return true;
      bytes_ += ours.body.size + ours.key.pk.size + ours.key.sk.size + 64;
      answer->changes.push_back(arena_->Copy(ours));
      return true;
    });
    TG_RETURN_IF_ERROR(status);
    if (!answer->has_rest) answer->wants.insert(answer->wants.end(), theirs, keys.end());
    return {};
  }

  const core::Storage& storage_;
  const wire::CompareAsk& ask_;
  const AnswerLimits& limits_;
  const std::function<bool(const tg_change&)>& route_;
  core::ChangeArena* arena_;
  uint64_t bytes_ = 0;
};

}  // namespace

Result<wire::CompareAnswer> AnswerCompare(const core::Storage& storage, const wire::CompareAsk& ask,
                                          const AnswerLimits& limits,
                                          const std::function<bool(const tg_change&)>& route,
                                          core::ChangeArena* arena) {
  wire::CompareAnswer answer = HeaderFor(ask);
  Answerer answerer(storage, ask, limits, route, arena);
  for (const wire::RangeAsk& range : ask.ranges) {
    TG_ASSIGN_OR_RETURN(wire::RangeAnswer part, answerer.Answer(range));
    answer.ranges.push_back(std::move(part));
  }
  return answer;
}

wire::CompareAnswer AnswerNothing(const wire::CompareAsk& ask) {
  wire::CompareAnswer answer = HeaderFor(ask);
  for (const wire::RangeAsk& range : ask.ranges) answer.ranges.emplace_back().range = range.range;
  return answer;
}

}  // namespace tidegate::sync
