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
    return RangeOf(ask_.owner, range, limits_.own ? TG_DIRECTION_UP : TG_DIRECTION_DOWN, ask_.cut);
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

  void Send(const tg_change& ours, wire::RangeAnswer* answer) {
    if (limits_.own ? (ours.direction & TG_DIRECTION_DOWN) != 0 : !route_(ours)) return;
    bytes_ += ours.body.size + ours.key.pk.size + ours.key.sk.size + 64;
    answer->changes.push_back(arena_->Copy(ours));
  }

  // What only the child has in what is compared. A tombstone below the cut, and a state that does not go down, are
  // not compared, but known here.
  Status OnlyTheirs(const wire::KeyVersion& theirs, wire::RangeAnswer* answer) {
    tg_key key{ask_.owner, Str(theirs.pk), Str(theirs.sk)};
    bool item = theirs.kind == TG_CHANGE_ITEM;
    Status got = storage_.Get(key, [&](const tg_change& ours) {
      Version version = Version::From(ours.version);
      if (theirs.version > version) {
        answer->wants.push_back(theirs);
      } else if (theirs.version < version && item && ours.kind != TG_CHANGE_ITEM) {
        Send(ours, answer);
      }
      return false;
    });
    if (got.code() != Code::kNotFound) return got;
    if (!item) {
      if (theirs.version.hlc >= limits_.purge_horizon) answer->wants.push_back(theirs);
    } else if (limits_.sure == Sureness::kSure) {
      answer->removals.push_back(theirs);
    } else if (limits_.sure == Sureness::kNotYet) {
      answer->later = true;
    } else {
      answer->wants.push_back(theirs);
    }
    return {};
  }

  // Walks both key lists in order. What the child lacks or has older is sent; what it has newer it is asked for: it
  // travels up by its feed, if its model goes up.
  Status Resolve(const wire::RangeAsk& range, wire::RangeAnswer* answer) {
    answer->verdict = wire::RangeVerdict::kResolved;
    std::vector<wire::KeyVersion> keys = range.keys;
    std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return KeyOf(a) < KeyOf(b); });
    auto theirs = keys.begin();
    std::vector<wire::KeyVersion> only_theirs;
    Status status = storage_.RangeScan(Range(range.range), [&](const tg_change& ours) {
      for (; theirs != keys.end() && KeyOf(*theirs) < KeyOf(ours); ++theirs) only_theirs.push_back(*theirs);
      bool both = theirs != keys.end() && KeyOf(*theirs) == KeyOf(ours);
      Version version = Version::From(ours.version);
      if (both && theirs->version == version && (theirs->digest == 0 || theirs->digest == ours.digest)) {
        ++theirs;
        return true;
      }
      bool exchanged = both && limits_.joined && limits_.joined(ours);
      if (exchanged) answer->wants.push_back(*theirs);
      if (both && !exchanged && theirs->version > version) {
        if (limits_.outdone) limits_.outdone(ours, theirs->version);
        answer->wants.push_back(*theirs++);
        return true;
      }
      if (bytes_ >= limits_.bytes_max) {
        answer->has_rest = true;
        answer->rest = {std::string(View(ours.key.pk)), std::string(View(ours.key.sk))};
        return false;
      }
      if (both) ++theirs;
      Send(ours, answer);
      return true;
    });
    TG_RETURN_IF_ERROR(status);
    if (!answer->has_rest) only_theirs.insert(only_theirs.end(), theirs, keys.end());
    for (const wire::KeyVersion& key : only_theirs) TG_RETURN_IF_ERROR(OnlyTheirs(key, answer));
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

Version RemovalOf(const Version& version) {
  Version above = version;
  if (++above.epoch == 0) ++above.hlc;
  return above;
}

Result<wire::CompareAnswer> AnswerCompare(const core::Storage& storage, const wire::CompareAsk& ask,
                                          const AnswerLimits& limits,
                                          const std::function<bool(const tg_change&)>& route,
                                          core::ChangeArena* arena) {
  wire::CompareAnswer answer = HeaderFor(ask);
  answer.sure = limits.sure == Sureness::kSure;
  answer.purge_horizon = limits.purge_horizon;
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
