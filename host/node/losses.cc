// What a server that was restored, rolled back or replaced does not know any more: the list of it, and an operator who
// takes it for lost (docs/decisions/0123, 0124).
#include <algorithm>

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

constexpr uint64_t kGoneMax = 10'000;
constexpr int64_t kPruneUs = 10'000'000;

int64_t UnixMsOf(const Version& version) { return static_cast<int64_t>(version.hlc >> 16); }

}  // namespace

// Into the open group. What is listed already is widened.
void Node::Impl::StageGone(const std::string& key, wire::GoneRecord record) {
  Result<std::string> known = deps_.storage.MetaGet(key);
  wire::GoneRecord before;
  if (known.ok() && wire::DecodeRecord(known.value(), &before).ok()) {
    record.since_unix_ms = before.since_unix_ms;
    record.from = std::min(record.from, before.from);
    if (record.to <= before.to && record.from == before.from) return;
    record.to = std::max(record.to, before.to);
  } else {
    if (gone_ >= kGoneMax) return deps_.metrics.Add("tidegate_losses_not_listed_total", 1);
    ++gone_;
    if (!record.pk.empty() || !record.sk.empty()) ++gone_items_;
    record.since_unix_ms = deps_.clock.unix_ms();
  }
  stage_.MetaPut(key, wire::EncodeRecord(record));
}

// Into the open group: at the server, what the hello of a child tells of a time that this replica has forgotten.
void Node::Impl::StageLosses(const wire::Hello& hello, const sync::Link* known) {
  if (options_.role != TG_ROLE_SERVER) return;
  wire::GoneRecord own;
  own.agent = options_.agent;
  own.from = end_.version;
  for (const wire::LaneWatermark& entry : hello.held) {
    if (entry.watermark.none()) continue;
    auto verdict = deps_.storage.WatermarkCheck(entry.watermark);
    if (verdict.ok() && (verdict.value() == TG_WATERMARK_USABLE || verdict.value() == TG_WATERMARK_BELOW_FLOOR))
      continue;
    own.to = std::max(own.to, entry.watermark.version);
  }
  if (own.from < own.to) StageGone(sync::meta::GoneFeed(options_.agent, 0), own);
  for (const wire::LaneWatermark& entry : hello.delivered) {
    wire::GoneRecord feed;
    feed.agent = hello.agent;
    feed.lane = entry.lane;
    feed.to = entry.watermark.version;
    if (known != nullptr && known->record.replica == hello.replica && entry.lane < TG_LANE_COUNT) {
      const Watermark& held = known->receivers[entry.lane].held();
      if (held.position >= entry.watermark.position) continue;
      feed.from = held.version;
    } else if (hello.fall == 0 || hello.fall >= record_.fall) {
      continue;  // the first that is heard of it
    }
    StageGone(sync::meta::GoneFeed(hello.agent, entry.lane), feed);
  }
}

// What a child has and this server lacks, since it was restored: it stays there until an operator confirms.
void Node::Impl::NoteMissing(AgentId child, const wire::CompareAsk& ask, const wire::CompareAnswer& answer) {
  if (options_.role != TG_ROLE_SERVER || (record_.restored_unix_ms == 0 && record_.confirmed_fall == 0)) return;
  if (gone_ >= kGoneMax) PruneGone();
  std::map<std::pair<std::string_view, std::string_view>, std::string_view> models;
  for (const wire::RangeAsk& range : ask.ranges) {
    for (const wire::KeyVersion& key : range.keys) models[{key.pk, key.sk}] = key.model;
  }
  stage_.Begin();
  for (const wire::RangeAnswer& range : answer.ranges) {
    for (const wire::KeyVersion& want : range.wants) {
      if (want.kind != TG_CHANGE_ITEM) continue;
      if (record_.restored_unix_ms == 0 && (!want.missing || !IsLostNow(want.version))) continue;
      wire::GoneRecord record;
      record.agent = child;
      record.owner = ask.owner;
      record.pk = want.pk;
      record.sk = want.sk;
      record.from = record.to = want.version;
      record.below = want.missing ? wire::GoneBelow::kOnly : wire::GoneBelow::kNewer;
      if (auto named = models.find({want.pk, want.sk}); named != models.end()) record.model = named->second;
      StageGone(sync::meta::GoneKey(ask.owner, want.pk, want.sk), std::move(record));
    }
  }
  stage_.End();
}

// The server has it in an older state than those below, which have it from the lost life, or has no trace of it.
void Node::Impl::NoteLostBelow(AgentId child, const wire::RefusedKey& said, const tg_change& ours) {
  if (said.held_kind != TG_CHANGE_ITEM && ours.kind != TG_CHANGE_ITEM) return;  // gone at both ends
  if (gone_ >= kGoneMax) PruneGone();
  wire::GoneRecord record;
  record.agent = child;
  record.owner = said.owner;
  record.pk = said.pk;
  record.sk = said.sk;
  record.from = record.to = said.held;
  record.model = View(ours.model);
  record.below = said.held_kind == TG_CHANGE_ITEM ? wire::GoneBelow::kNewer : wire::GoneBelow::kDeleted;
  if (ours.version.agent == 0) {
    record.model = said.model;
    record.below = wire::GoneBelow::kOnly;  // there is no trace of it here
  }
  stage_.Begin();
  StageGone(sync::meta::GoneKey(said.owner, said.pk, said.sk), std::move(record));
  stage_.End();
}

// Whether it came back, or something newer took its place.
bool Node::Impl::IsBack(const wire::GoneRecord& record) const {
  if (record.pk.empty() && record.sk.empty()) return false;
  bool back = false;
  tg_key key{record.owner, Str(record.pk), Str(record.sk)};
  (void)deps_.storage.Get(key, [&](const tg_change& held) {
    back = !(Version::From(held.version) < record.to);
    return false;
  });
  return back;
}

Status Node::Impl::ForEachGone(const std::function<void(std::string_view, wire::GoneRecord)>& fn) const {
  return deps_.storage.MetaScan(sync::meta::kGonePrefix, [&](std::string_view key, std::string_view value) {
    wire::GoneRecord record;
    if (wire::DecodeRecord(value, &record).ok()) fn(key, std::move(record));
    return true;
  });
}

void Node::Impl::CountGone() {
  gone_ = gone_items_ = 0;
  (void)ForEachGone([&](std::string_view, const wire::GoneRecord& record) {
    ++gone_;
    if (!record.pk.empty() || !record.sk.empty()) ++gone_items_;
  });
}

void Node::Impl::PruneGone() {
  const int64_t now_us = deps_.clock.monotonic_us();
  if (now_us < prune_gone_at_us_) return;
  prune_gone_at_us_ = now_us + kPruneUs;
  stage_.Begin();
  uint64_t left = 0, items = 0;
  (void)ForEachGone([&](std::string_view key, const wire::GoneRecord& record) {
    if (IsBack(record)) {
      stage_.MetaDelete(std::string(key));
    } else {
      ++left;
      if (!record.pk.empty() || !record.sk.empty()) ++items;
    }
  });
  stage_.End();
  gone_ = left;
  gone_items_ = items;
}

Result<std::vector<LossEntry>> Node::Impl::Losses() const {
  std::vector<LossEntry> entries;
  TG_RETURN_IF_ERROR(ForEachGone([&](std::string_view, wire::GoneRecord record) {
    if (IsBack(record)) return;
    LossEntry entry;
    entry.agent = record.agent;
    entry.is_item = !record.pk.empty() || !record.sk.empty();
    entry.lane = entry.is_item || record.agent == options_.agent ? "" : LaneName(record.lane);
    entry.below = record.below;
    entry.model = std::move(record.model);
    entry.owner = record.owner;
    entry.pk = std::move(record.pk);
    entry.sk = std::move(record.sk);
    entry.from_unix_ms = UnixMsOf(record.from);
    entry.to_unix_ms = UnixMsOf(record.to);
    entry.since_unix_ms = record.since_unix_ms;
    entries.push_back(std::move(entry));
  }));
  return entries;
}

// The operator takes for lost what is listed: from now on the server is sure again. What is not listed is removed
// nowhere: a child that was away is listed when it comes.
void Node::Impl::ConfirmLosses(std::function<void(Status)> done) {
  Status refused;
  if (options_.role != TG_ROLE_SERVER) {
    refused = Status::Invalid("only the server loses what nobody above has: run this at agent 1");
  } else if (record_.restored_unix_ms == 0 && gone_ == 0) {
    refused =
        Status::NotFound("there is nothing to confirm: this server was not restored, or it was confirmed already");
  }
  if (!refused.ok()) {
    answers_.Add([done = std::move(done), refused] { done(refused); });
    return;
  }
  if (Status staged = CommitStage(); !staged.ok()) {  // the truth is what is on disk
    answers_.Add([done = std::move(done), staged] { done(staged); });
    return;
  }
  const auto before = std::pair(record_.restored_unix_ms, record_.confirmed_fall);
  record_.restored_unix_ms = 0;
  record_.confirmed_fall = record_.fall;
  stage_.Begin();
  std::vector<wire::GoneRecord> items;
  (void)ForEachGone([&](std::string_view key, wire::GoneRecord record) {
    stage_.MetaDelete(std::string(key));
    if (!record.pk.empty() || !record.sk.empty()) items.push_back(std::move(record));
  });
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  stage_.End([this, before, done = std::move(done)](const Status& status, std::span<const core::Effect>) {
    if (status.ok()) {
      gone_ = gone_items_ = 0;
      deps_.log.Write(
          4,
          "an operator has confirmed what was lost: what this server lacks is removed below again, and what it "
          "has goes down again");
      TellConfirmed();
    } else {
      std::tie(record_.restored_unix_ms, record_.confirmed_fall) = before;
    }
    answers_.Add([done, status] { done(status); });
  });
  for (const wire::GoneRecord& record : items) StageTruth(record);
}

// The children hear of it in hello, and compare everything with a parent that is sure again.
void Node::Impl::TellConfirmed() {
  for (const auto& [agent, link] : links_.all()) {
    if (link->is_parent()) {
      link->never_sure = false;  // or its next ack says otherwise
    } else {
      if (options_.role == TG_ROLE_SERVER) waits_.Uncompared(agent);
      if (Session* session = SessionOf(*link)) HelloAgain(session);
    }
  }
}

}  // namespace tidegate::node
