#include "tests/sim/defects.h"

#include <algorithm>
#include <deque>
#include <set>
#include <string>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"
#include "host/wire/records.h"
#include "tests/sim/model_truth.h"

namespace tidegate::sim {
namespace {

constexpr std::string_view kNothing = "sim.nothing";    // a meta entry that never exists
constexpr std::string_view kEveryone = "sim.everyone";  // an owner set of all owners

// A commit that may be altered before it goes on: mutations taken out are replaced by one without any
// effect, so that every index stays, and are reported as applied.
class AlteredCommit {
 public:
  explicit AlteredCommit(std::span<const tg_group> groups) {
    for (const tg_group& group : groups) {
      auto& copy = mutations_.emplace_back(group.mutations, group.mutations + group.count);
      groups_.push_back({copy.data(), copy.size()});
    }
  }
  std::deque<std::vector<tg_mutation>>& mutations() { return mutations_; }
  void Drop(size_t group, size_t index) {
    tg_outcome outcome{};
    outcome.struct_size = sizeof outcome;
    outcome.result = TG_OUTCOME_APPLIED;
    outcome.group = group;
    outcome.mutation = index;
    dropped_.push_back(outcome);
    tg_mutation nothing{};
    nothing.struct_size = sizeof nothing;
    nothing.op = TG_OP_META_DELETE;
    nothing.meta_key = Str(kNothing);
    mutations_[group][index] = nothing;
  }
  Result<Watermark> Commit(core::Storage& storage, const core::OutcomeFn& outcome) {
    std::vector<tg_outcome> all = dropped_;
    auto end = storage.Commit(groups_, [&](const tg_outcome& o) { all.push_back(o); });
    if (!end.ok() || !outcome) return end;
    std::stable_sort(all.begin(), all.end(), [](const tg_outcome& a, const tg_outcome& b) {
      return a.group != b.group ? a.group < b.group : a.mutation < b.mutation;
    });
    for (const tg_outcome& o : all) outcome(o);
    return end;
  }
  std::vector<tg_group>& groups() { return groups_; }

 private:
  std::deque<std::vector<tg_mutation>> mutations_;
  std::vector<tg_group> groups_;
  std::vector<tg_outcome> dropped_;
};

class DefectiveStorage : public ForwardingStorage {
 public:
  DefectiveStorage(Defect defect, core::Storage& truth, SimRandom random)
      : ForwardingStorage(truth), defect_(defect), random_(random) {}

  Status Get(const tg_key& key, const core::ChangeFn& fn) const override {
    if (defect_ == Defect::kAnswerUnseen && View(key.pk) == "done#") return Status::NotFound("no row of this key");
    return ForwardingStorage::Get(key, fn);
  }
  Result<Watermark> Commit(std::span<const tg_group> groups, const core::OutcomeFn& outcome) override;
  Result<core::FeedPage> Changes(const tg_feed_selector& selector, uint64_t after, uint64_t limit_items,
                                 uint64_t limit_bytes, const core::ChangeFn& fn) const override;
  Result<tg_feed_stat> FeedStat(const tg_feed_selector& selector, uint64_t after) const override {
    return inner_.FeedStat(Altered(selector), after);
  }
  Result<uint32_t> WatermarkCheck(const Watermark& watermark) const override {
    if (defect_ == Defect::kSeqReused || defect_ == Defect::kRewindUnseen) return TG_WATERMARK_USABLE;
    return inner_.WatermarkCheck(watermark);
  }
  Status Expiring(int64_t after_ms, uint64_t after_seq, uint64_t limit, const core::ChangeFn& fn) const override {
    if (defect_ == Defect::kExpiredKept) return {};
    return inner_.Expiring(after_ms, after_seq, limit, fn);
  }
  Status RangeDigest(const tg_range& whole, const std::function<bool(const tg_digest&)>& fn) const override {
    const tg_range range = Altered(whole);
    if (defect_ != Defect::kDigestConstant) return inner_.RangeDigest(range, fn);
    return inner_.RangeDigest(range, [&](const tg_digest& digest) {
      tg_digest constant = digest;
      constant.count = 1'000;
      constant.sum = 7;
      for (uint64_t& count : constant.direction_count) count = 1'000;
      for (uint64_t& sum : constant.direction_sum) sum = 7;
      return fn(constant);
    });
  }
  Result<std::string> MetaGet(std::string_view key) const override {
    if (defect_ == Defect::kClockForgotten && key.find("clock") != std::string_view::npos)
      return Status::NotFound("forgotten");
    if (defect_ == Defect::kUntoldForgotten && key.starts_with(sync::meta::kUntoldPrefix))
      return Status::NotFound("forgotten");
    if (defect_ == Defect::kHorizonForgotten && key == sync::meta::kNode) {
      TG_ASSIGN_OR_RETURN(std::string bytes, inner_.MetaGet(key));
      wire::NodeRecord record;
      TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes, &record));
      record.purge_horizon = record.taken_horizon = 0;
      return wire::EncodeRecord(record);
    }
    return inner_.MetaGet(key);
  }

  Status RangeScan(const tg_range& range, const core::ChangeFn& fn) const override {
    if (defect_ != Defect::kUndirected) return inner_.RangeScan(Altered(range), fn);
    tg_range every = range;
    every.direction_mask = 0;
    return inner_.RangeScan(every, [&](const tg_change& change) {
      tg_change altered = change;
      if (altered.direction == TG_DIRECTION_UP) altered.direction = TG_DIRECTION_BOTH;
      return fn(altered);
    });
  }

  Status Traces(uint64_t after, uint64_t limit, const core::ChangeFn& fn) const override {
    return inner_.Traces(after, limit, [&](const tg_change& change) {
      tg_change trace = change;
      if (defect_ == Defect::kPurgeUnpassed) trace.direction = TG_DIRECTION_NONE;
      return fn(trace);
    });
  }

 private:
  tg_feed_selector Altered(const tg_feed_selector& selector) const {
    tg_feed_selector altered = selector;
    if (defect_ == Defect::kViaIgnored) altered.exclude_via = 0;
    if (defect_ == Defect::kOwnersIgnored) altered.owner_set = Str(kEveryone);
    return altered;
  }

  tg_range Altered(tg_range range) const {
    if (defect_ == Defect::kExpiredBack) range.expired_ms = 0;
    return range;
  }

  Defect defect_;
  SimRandom random_;
};

Result<Watermark> DefectiveStorage::Commit(std::span<const tg_group> groups, const core::OutcomeFn& outcome) {
  AlteredCommit altered(groups);
  bool torn = false;
  for (size_t g = 0; g < groups.size(); ++g) {
    auto& mutations = altered.mutations()[g];
    size_t local_puts = 0;
    for (size_t i = 0; i < mutations.size(); ++i) {
      tg_mutation& m = mutations[i];
      const bool put = m.op == TG_OP_PUT;
      if (defect_ == Defect::kConflictDropped && m.op == TG_OP_META_PUT && View(m.meta_key).starts_with("conflict/"))
        m.meta_key = Str(kNothing);
      if (defect_ == Defect::kClonesForgotten && m.op == TG_OP_META_PUT &&
          View(m.meta_key).starts_with(sync::meta::kClonePrefix))
        m.meta_key = Str(kNothing);
      if (m.op == TG_OP_REKEY && defect_ == Defect::kPolicyDeletes && m.change->direction == TG_DIRECTION_NONE)
        m.op = TG_OP_PURGE;
      if (m.op == TG_OP_REKEY && defect_ == Defect::kBackfillMissing) m.position = 0;
      if (put && m.change->via == 0) ++local_puts;
      if (put && defect_ == Defect::kIfNewerIgnored && m.condition == TG_IF_NEWER) m.condition = TG_IF_ALWAYS;
      if (m.op == TG_OP_RENUMBER && defect_ == Defect::kHeldForgotten) altered.Drop(g, i);
      if (put && defect_ == Defect::kItemsDropped && m.change->via != 0 && random_.PerMille(30)) altered.Drop(g, i);
    }
    if (defect_ == Defect::kOwnersIgnored) {
      std::set<uint64_t> owners;
      for (const tg_mutation& m : mutations)
        if (m.op == TG_OP_PUT) owners.insert(m.change->key.owner);
      for (uint64_t owner : owners) {
        tg_mutation add{};
        add.struct_size = sizeof add;
        add.op = TG_OP_OWNER_ADD;
        add.meta_key = Str(kEveryone);
        add.owner = owner;
        mutations.push_back(add);
      }
      altered.groups()[g] = {mutations.data(), mutations.size()};
    }
    if (defect_ == Defect::kTornCommit && local_puts >= 2 && random_.PerMille(300)) {
      torn = true;
      size_t keep = 1;
      while (keep < mutations.size() && mutations[keep - 1].op != TG_OP_PUT) ++keep;
      altered.groups()[g].count = keep;
      altered.groups().resize(g + 1);
      break;
    }
  }
  auto end = altered.Commit(inner_, torn ? core::OutcomeFn() : outcome);
  if (torn && end.ok()) return Status::Io("a commit that failed half-way");
  return end;
}

Result<core::FeedPage> DefectiveStorage::Changes(const tg_feed_selector& selector, uint64_t after, uint64_t limit_items,
                                                 uint64_t limit_bytes, const core::ChangeFn& fn) const {
  auto page = inner_.Changes(Altered(selector), after, limit_items, limit_bytes, [&](const tg_change& change) {
    if (defect_ == Defect::kTombstoneSkipped && change.kind == TG_CHANGE_TOMBSTONE) return true;
    if (defect_ == Defect::kDroppedTooEarly && selector.exclude_via == 0) {
      // Retention alone reads what goes up for nobody.
      tg_change early = change;
      early.seq = after + 1;
      return fn(early);
    }
    return fn(change);
  });
  if (page.ok() && defect_ == Defect::kReachedTooFar && page->more) {
    auto head = inner_.Head();
    if (head.ok()) page->reached = *head;
    page->more = false;
  }
  return page;
}

// Says of a model that stays that it goes up.
class LeakingPolicy : public core::Policy {
 public:
  explicit LeakingPolicy(const core::Policy& good) : good_(good) {}
  std::optional<core::MergeRule> Merges(std::string_view model) const override { return good_.Merges(model); }
  std::optional<std::string> Stamp(const core::PolicyContext& at, const tg_change* held,
                                   const tg_change& written) const override {
    return good_.Stamp(at, held, written);
  }
  std::optional<core::Joined> Merge(const core::PolicyContext& at, const tg_change& held,
                                    const tg_change& incoming) const override {
    return good_.Merge(at, held, incoming);
  }
  Status Reload(std::string_view, std::vector<std::string>*) override { return {}; }
  std::optional<uint32_t> Placement(std::string_view model) const override { return good_.Placement(model); }
  std::optional<uint32_t> Direction(std::string_view model) const override {
    return leaks() && model == "Note" ? TG_DIRECTION_UP : good_.Direction(model);
  }
  std::optional<uint32_t> Lane(std::string_view model) const override { return good_.Lane(model); }
  std::optional<uint32_t> Route(const core::PolicyContext& at, const tg_change& change,
                                AgentId neighbour) const override {
    return good_.Route(at, change, neighbour);
  }
  Status Accept(const core::PolicyContext& at, const tg_change& change) const override {
    return good_.Accept(at, change);
  }

 protected:
  virtual bool leaks() const { return true; }
  const core::Policy& good_;
};

// Joins or stamps as one would who had not thought of order.
class BadMergePolicy : public LeakingPolicy {
 public:
  BadMergePolicy(Defect defect, const core::Policy& good) : LeakingPolicy(good), defect_(defect) {}
  std::optional<std::string> Stamp(const core::PolicyContext& at, const tg_change* held,
                                   const tg_change& written) const override {
    return defect_ == Defect::kStampsLost ? std::string() : good_.Stamp(at, held, written);
  }
  std::optional<core::Joined> Merge(const core::PolicyContext& at, const tg_change& held,
                                    const tg_change& incoming) const override {
    if (defect_ != Defect::kJoinTakesLast) return good_.Merge(at, held, incoming);
    return core::Joined{std::string(View(incoming.body)), std::string(View(incoming.policy_meta))};
  }

 private:
  bool leaks() const override { return false; }
  Defect defect_;
};

}  // namespace

const std::vector<DefectInfo>& AllDefects() {
  static const std::vector<DefectInfo> defects = {
      {Defect::kAckBeforeCommit, "ack-before-commit", "a crash takes back the last commit that was reported durable"},
      {Defect::kTornCommit, "torn-commit", "a commit that fails leaves the first part of a transaction"},
      {Defect::kTombstoneSkipped, "tombstone-skipped", "feeds leave deletes out"},
      {Defect::kIfNewerIgnored, "if-newer-ignored", "an older state replaces a newer one"},
      {Defect::kItemsDropped, "items-dropped", "the watermark of a batch commits, one of its items does not"},
      {Defect::kReachedTooFar, "reached-too-far", "a page of a feed says that it reached more than it returned"},
      {Defect::kOwnersIgnored, "owners-ignored", "a down feed returns the changes of every owner"},
      {Defect::kSeqReused, "seq-reused", "positions are given again after a restart, and watermarks not judged"},
      {Defect::kDigestConstant, "digest-constant", "all digests are equal"},
      {Defect::kViaIgnored, "via-ignored", "a feed returns what came over the same link"},
      {Defect::kGapAccepted, "gap-accepted", "a batch is lost and the next one names its `before`"},
      {Defect::kStallIgnored, "stall-ignored", "a link that is up and does not move is left as it is"},
      {Defect::kAckTooEarly, "ack-too-early", "what is durable at the hop is called delivered"},
      {Defect::kBatchAltered, "batch-altered", "the version of a change is altered on its way"},
      {Defect::kRefusalsUntold, "refusals-untold", "acks name nothing that is refused", "strict"},
      {Defect::kHoldsUntold, "holds-untold", "acks and hellos say nothing of what is held", "tight"},
      {Defect::kDroppedTooEarly, "dropped-too-early", "retention takes what has not gone up yet for delivered",
       "tight"},
      {Defect::kHeldForgotten, "held-forgotten", "what a hold kept back gets no new position", "tight"},
      {Defect::kRefusalsLate, "refusals-late", "acks say that something is passed before what is refused of it",
       "strict"},
      {Defect::kTableUntold, "table-untold", "hellos do not say how models go: nothing is held that does not fit",
       "policies"},
      {Defect::kLossUntold, "drop-untold-quota", "who sent what a quota dropped undelivered is not told so", "tight"},
      {Defect::kDropUntold, "drop-untold", "who sent what was dropped by hand is not told so", "strict"},
      {Defect::kHigherEdgeKept, "higher-edge-kept", "a hello is not answered where a higher edge is known", "roam"},
      {Defect::kOldParentKept, "old-parent-kept", "an old parent is not told that its child is elsewhere", "roam"},
      {Defect::kRewindUnseen, "rewind-unseen", "watermarks of a lost life are taken as good", "rewinds"},
      {Defect::kFallUntold, "fall-untold", "that the server has lost something is not told below", "rewinds"},
      {Defect::kConfirmUntold, "confirm-untold", "that an operator has confirmed the losses is not told below",
       "rewinds"},
      {Defect::kExpiredKept, "expired-kept", "rows of items that have expired are never removed", "expiry"},
      {Defect::kExpiredBack, "expired-back", "comparisons do not leave out what has expired", "expiry"},
      {Defect::kUntoldForgotten, "untold-forgotten",
       "what is deleted while its model goes nowhere is forgotten after a lease", "seasons"},
      {Defect::kDeleteUntold, "delete-untold", "who wrote what was deleted above meanwhile is not told so", "policies"},
      {Defect::kUndirected, "undirected", "comparisons take what only goes up for what goes both ways", "verify"},
      {Defect::kClonesForgotten, "clones-forgotten", "a restarted node does not know which epochs are a copy's",
       "clones"},
      {Defect::kEpochsUntold, "epochs-untold", "hellos name the present epoch, and none that it comes from", "clones"},
      {Defect::kNoneLeaks, "none-leaks", "the policy lets a model up that is to stay"},
      {Defect::kClockForgotten, "clock-forgotten", "a restarted node does not know the versions it gave"},
      {Defect::kClockDragged, "clock-dragged", "a version from the future moves the clock of whoever sees it",
       "clocks"},
      {Defect::kJoinTakesLast, "join-takes-last", "a join is what came last: it is not commutative", "clocks"},
      {Defect::kStampsLost, "stamps-lost", "writes do not say which fields they changed", "clocks"},
      {Defect::kConflictDropped, "conflict-dropped", "a state that loses is not kept in the journal", "clocks"},
      {Defect::kRestampMissing, "restamp-missing", "a writer that went back is not told that its state is older",
       "clocks"},
      {Defect::kPurgeUnpassed, "purge-unpassed", "tombstones are purged before others have them", "leases"},
      {Defect::kLeaseIgnored, "lease-ignored", "tombstones are kept, and neighbours waited for, a minute", "leases"},
      {Defect::kAnswerUnseen, "answer-unseen", "the answer to a command is not found: it is applied twice", "commands"},
      {Defect::kAnswersKept, "answers-kept", "a device that was restored is not given its answers back", "restores"},
      {Defect::kAnswersUnasked, "answers-unasked", "what a parent has no answer to is not asked further up",
       "restores"},
      {Defect::kHorizonForgotten, "horizon-forgotten", "a restarted node does not know what it has purged", "leases"},
      {Defect::kVerifyMissing, "verify-missing", "links are never compared: what a disk lost stays lost", "verify"},
      {Defect::kRemovedUnsure, "removed-unsure", "what a parent lacks is removed below, though it is not sure",
       "verify"},
      {Defect::kPolicyDeletes, "policy-deletes", "items of a model that goes nowhere any more are dropped", "policies"},
      {Defect::kBackfillMissing, "backfill-missing", "a model that begins to go somewhere leaves its history behind",
       "policies"},
  };
  return defects;
}

std::optional<Defect> DefectByName(std::string_view name) {
  for (const DefectInfo& info : AllDefects())
    if (info.name == name) return info.defect;
  return std::nullopt;
}

std::unique_ptr<core::Storage> MakeDefectiveStorage(Defect defect, core::Storage& truth, SimRandom random) {
  switch (defect) {
    case Defect::kTornCommit:
    case Defect::kTombstoneSkipped:
    case Defect::kIfNewerIgnored:
    case Defect::kItemsDropped:
    case Defect::kReachedTooFar:
    case Defect::kOwnersIgnored:
    case Defect::kSeqReused:
    case Defect::kDigestConstant:
    case Defect::kRewindUnseen:
    case Defect::kViaIgnored:
    case Defect::kClockForgotten:
    case Defect::kConflictDropped:
    case Defect::kPurgeUnpassed:
    case Defect::kHorizonForgotten:
    case Defect::kAnswerUnseen:
    case Defect::kHeldForgotten:
    case Defect::kExpiredKept:
    case Defect::kExpiredBack:
    case Defect::kClonesForgotten:
    case Defect::kUntoldForgotten:
    case Defect::kUndirected:
    case Defect::kPolicyDeletes:
    case Defect::kBackfillMissing:
    case Defect::kDroppedTooEarly:
      return std::make_unique<DefectiveStorage>(defect, truth, random);
    default:
      return nullptr;
  }
}

bool WantsDiskCopies(Defect defect) { return defect == Defect::kAckBeforeCommit; }

std::unique_ptr<core::Policy> MakeDefectivePolicy(Defect defect, const core::Policy& good) {
  if (defect == Defect::kNoneLeaks) return std::make_unique<LeakingPolicy>(good);
  if (defect == Defect::kJoinTakesLast || defect == Defect::kStampsLost)
    return std::make_unique<BadMergePolicy>(defect, good);
  return nullptr;
}

}  // namespace tidegate::sim
