#include "host/sync/reconcile_answerer.h"

#include <algorithm>
#include <tuple>

#include "host/base/views.h"

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
  Answerer(const core::Storage& storage, RangeDigests* digests, const wire::CompareAsk& ask, const AnswerLimits& limits,
           const std::function<bool(const tg_change&)>& route, core::ChangeArena* arena)
      : storage_(storage), digests_(digests), ask_(ask), limits_(limits), route_(route), arena_(arena) {}

  Result<wire::RangeAnswer> Answer(const wire::RangeAsk& range) {
    wire::RangeAnswer answer;
    answer.range = range.range;
    if (!range.listed) {
      TG_RETURN_IF_ERROR(CompareDigest(range, &answer));
    } else if (ask_.up_only) {
      TG_RETURN_IF_ERROR(ResolveUpOnly(range, &answer));
    } else {
      TG_RETURN_IF_ERROR(Resolve(range, &answer));
    }
    return answer;
  }

 private:
  // What an asker may see is what goes down, whatever it asks for.
  tg_range Range(const wire::KeyRange& range) const {
    return RangeOf(ask_.owner, range, TG_DIRECTION_DOWN, CutOf(ask_));
  }

  Status CompareDigest(const wire::RangeAsk& range, wire::RangeAnswer* answer) {
    if (digests_ == nullptr) return Status::Internal("a comparison by digests without digests");
    TG_ASSIGN_OR_RETURN(DigestSum ours, digests_->Of(range.range));
    if (ours.count == range.count && ours.sum == range.sum) return {};
    answer->verdict = wire::RangeVerdict::kSplit;
    if (ours.count <= limits_.listed_items_max) {
      answer->parts.push_back({range.range, ours.count, ours.sum});
      return {};
    }
    const uint64_t part_items = std::max(limits_.part_items_min, ours.count / limits_.parts + 1);
    TG_ASSIGN_OR_RETURN(answer->parts, digests_->Parts(range.range, part_items));
    return {};
  }

  // The same key, version and kind as the asker would name them.
  wire::KeyVersion Name(const tg_change& ours) const {
    wire::KeyVersion key;
    key.pk = View(ours.key.pk);
    key.sk = View(ours.key.sk);
    key.version = Version::From(ours.version);
    key.kind = ours.kind;
    key.digest = ours.digest;
    key.model = View(ours.model);
    return key;
  }

  static void Want(const wire::KeyVersion& theirs, bool missing, wire::RangeAnswer* answer) {
    answer->wants.push_back(theirs);
    answer->wants.back().missing = missing;
    answer->wants.back().model.clear();
  }

  // The asker has it newer.
  void Outdone(const tg_change& ours, const wire::KeyVersion& theirs, wire::RangeAnswer* answer) {
    if (limits_.outdone && limits_.outdone(ours, theirs)) answer->later = true;
    Want(theirs, false, answer);
  }

  void Send(const tg_change& ours, wire::RangeAnswer* answer) {
    if (!route_(ours)) return;
    bytes_ += (ask_.look ? 0 : ours.body.size) + ours.key.pk.size + ours.key.sk.size + 64;
    if (!ask_.look) {
      answer->changes.push_back(arena_->Copy(ours));
    } else if (!limits_.passed || limits_.passed(ours)) {
      answer->lacks.push_back(Name(ours));
    }
  }

  // Both have this version, and one of the two rows was changed behind its daemon.
  void ResolveAlike(const tg_change& ours, const wire::KeyVersion& theirs, wire::RangeAnswer* answer) {
    const Alike stays = limits_.alike ? limits_.alike(ours, theirs) : Alike::kOurs;
    if (stays == Alike::kTheirs) {
      Want(theirs, false, answer);
    } else if (stays == Alike::kOurs) {
      Send(ours, answer);
    } else if (ask_.look) {
      answer->lacks.push_back(Name(ours));
    }
  }

  // What only goes up: nothing of it goes down, and the lack of it here, or there, proves nothing. The asker sends
  // again what is not here, or is another state.
  Status ResolveUpOnly(const wire::RangeAsk& range, wire::RangeAnswer* answer) {
    answer->verdict = wire::RangeVerdict::kResolved;
    for (const wire::KeyVersion& theirs : range.keys) {
      const tg_key key{ask_.owner, Str(theirs.pk), Str(theirs.sk)};
      bool same = false;
      Status got = storage_.Get(key, [&](const tg_change& ours) {
        const bool alike = Version::From(ours.version) == theirs.version;
        same = alike && (theirs.digest == 0 || theirs.digest == ours.digest);
        if (alike && !same && limits_.alike) same = limits_.alike(ours, theirs) == Alike::kOurs;
        return false;
      });
      if (!got.ok() && got.code() != Code::kNotFound) return got;
      const bool missing = !got.ok();
      if (same) continue;
      // A tombstone may be forgotten here.
      if (missing && theirs.kind != TG_CHANGE_ITEM && theirs.version.hlc < limits_.purge_horizon) continue;
      // Somebody decided that it is not here; somebody else may decide again.
      if (missing && !ask_.asked && limits_.given_up && limits_.given_up(theirs)) continue;
      if (missing && limits_.drops && limits_.drops(theirs.model)) {
        ++answer->dropped;
        continue;
      }
      Want(theirs, missing, answer);
    }
    return {};
  }

  // Whether it takes no part: only a state that the other end has of it makes it worth telling.
  bool IsCut(const tg_change& ours) const {
    if (ours.kind != TG_CHANGE_ITEM) return ours.version.hlc < ask_.cut;
    return ours.expires_ms != 0 && ours.expires_ms <= ask_.expired_ms;
  }

  // What only the child has in what is compared. What is cut, and a state that does not go down, are not compared, but
  // known here.
  Status OnlyTheirs(const wire::KeyVersion& theirs, wire::RangeAnswer* answer) {
    tg_key key{ask_.owner, Str(theirs.pk), Str(theirs.sk)};
    bool item = theirs.kind == TG_CHANGE_ITEM;
    Status got = storage_.Get(key, [&](const tg_change& ours) {
      Version version = Version::From(ours.version);
      if (theirs.version > version) {
        Outdone(ours, theirs, answer);
      } else if (theirs.version < version && item && (ours.kind != TG_CHANGE_ITEM || IsCut(ours))) {
        Send(ours, answer);
      }
      return false;
    });
    if (got.code() != Code::kNotFound) return got;
    if (!item) {
      if (theirs.version.hlc >= limits_.purge_horizon) Want(theirs, true, answer);
    } else if (limits_.sure == Sureness::kSure && theirs.version.hlc < limits_.removals_below) {
      answer->removals.push_back(theirs);
    } else if (limits_.sure == Sureness::kNotYet && !ask_.look) {
      answer->later = true;
    } else {
      if (limits_.lacked && limits_.lacked(theirs)) answer->later = true;
      Want(theirs, true, answer);
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
      if (both && !exchanged && theirs->version == version && bytes_ < limits_.bytes_max) {
        ResolveAlike(ours, *theirs++, answer);
        return true;
      }
      if (exchanged) Want(*theirs, false, answer);
      if (both && !exchanged && theirs->version > version) {
        Outdone(ours, *theirs++, answer);
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
  RangeDigests* digests_;
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

RowClass ClassOf(const wire::CompareAsk& ask) { return ask.up_only ? RowClass::kUpOnly : RowClass::kDown; }

Cut CutOf(const wire::CompareAsk& ask) { return {ask.cut, ask.expired_ms}; }

bool NeedsDigests(const wire::CompareAsk& ask) {
  return std::any_of(ask.ranges.begin(), ask.ranges.end(), [](const wire::RangeAsk& range) { return !range.listed; });
}

Result<wire::CompareAnswer> AnswerCompare(const core::Storage& storage, RangeDigests* digests,
                                          const wire::CompareAsk& ask, const AnswerLimits& limits,
                                          const std::function<bool(const tg_change&)>& route,
                                          core::ChangeArena* arena) {
  wire::CompareAnswer answer = HeaderFor(ask);
  answer.sure = limits.sure == Sureness::kSure;
  answer.purge_horizon = limits.purge_horizon;
  Answerer answerer(storage, digests, ask, limits, route, arena);
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

wire::CompareAnswer AnswerLater(const wire::CompareAsk& ask) {
  wire::CompareAnswer answer = AnswerNothing(ask);
  for (wire::RangeAnswer& range : answer.ranges) range.verdict = wire::RangeVerdict::kLater;
  return answer;
}

}  // namespace tidegate::sync
