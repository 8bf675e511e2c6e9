#include "host/node/retention.h"

#include <algorithm>
#include <utility>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

constexpr uint64_t kPageItems = 500;
constexpr int kPagesInACommit = 4;
constexpr uint64_t kDropsInACommit = 1'000;
constexpr int64_t kAgeLookUs = 60'000'000;

tg_feed_selector LaneOf(uint32_t lane) {
  tg_feed_selector selector{};
  selector.struct_size = sizeof selector;
  selector.direction = TG_DIRECTION_UP;
  selector.lane = static_cast<uint8_t>(lane);
  return selector;
}

}  // namespace

void Retention::Plan() {
  drops_at_ = {};
  aged_.clear();
  auto catalog = deps_.catalog.Get();
  // The server is where it goes to: there nothing waits for a further delivery.
  const bool passes_on = options_.role != TG_ROLE_SERVER;
  for (const replica::ModelRule& rule : catalog->rules()) {
    if (rule.direction != TG_DIRECTION_UP) continue;
    if (rule.retain.drop_when_delivered != 0 && passes_on) drops_at_[rule.retain.drop_when_delivered - 1] = true;
    if (rule.retain.age_ms_max != 0) aged_[rule.name] = {};
  }
  if (passes_on)
    for (const ClearOnAck& clear : options_.clear_on_ack) drops_at_[clear.at_hop ? 0 : 1] = true;
  delivered_ = {};
  on_ = drops_at_[0] || drops_at_[1] || !aged_.empty();
  due_ = on_ || !quotas_.empty();
}

void Retention::ResetSkipped() {
  for (auto& cursors : delivered_) {
    for (DropCursor& cursor : cursors) {
      if (cursor.skipped == UINT64_MAX) continue;
      cursor.at = std::min(cursor.at, cursor.skipped - 1);
      cursor.skipped = UINT64_MAX;
    }
  }
  due_ = true;
}

// A removal was not committed.
void Retention::LookAgainFrom(uint32_t lane, uint64_t seq) {
  auto back = [&](uint64_t* at) { *at = std::min(*at, seq - 1); };
  for (auto& cursors : delivered_) back(&cursors[lane].at);
  for (auto& [model, lanes] : aged_) back(&lanes[lane]);
  for (auto& [model, usage] : quotas_.models()) back(&usage.oldest[lane].at);
  due_ = true;
}

void Retention::Run(int64_t now_us) {
  if (!hop_drops_.empty()) {
    hop_drops_.Delivered(way_up_.PassedUpwards().server);
    hop_drops_.Stage();
  }
  if (!on_ && quotas_.empty()) return;
  if (const sync::Link* parent = links_.parent(); parent != nullptr && parent->refusals_ended != refusals_ended_) {
    refusals_ended_ = parent->refusals_ended;
    ResetSkipped();
  }
  if (std::exchange(look_again_, false)) ResetSkipped();
  bool aged = now_us >= age_look_us_;
  Passed passed = way_up_.PassedUpwards();
  bool moved = on_ && (passed.hop != passed_before_.hop || passed.server != passed_before_.server);
  if (!due_ && !aged && !moved) return;
  due_ = false;
  passed_before_ = passed;
  drops_left_ = kDropsInACommit;
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    if (drops_at_[0]) DropDelivered(lane, false, passed.hop);
    if (drops_at_[1]) DropDelivered(lane, true, passed.server);
  }
  if (aged) {
    age_look_us_ = now_us + kAgeLookUs;
    if (!clocks_.Suspends()) DropAged(passed);
  }
  for (auto& [model, usage] : quotas_.models()) {
    if (usage.drops && usage.Over()) DropOldest(model, &usage, passed);
  }
  hop_drops_.Stage();
}

// By the rule of its model, or as the configuration says of its owner.
bool Retention::DropsWhenAt(const replica::ModelRule& rule, const tg_change& change, bool server) const {
  if (rule.retain.drop_when_delivered == (server ? 2u : 1u)) return true;
  return std::any_of(options_.clear_on_ack.begin(), options_.clear_on_ack.end(), [&](const ClearOnAck& clear) {
    return clear.at_hop != server && (clear.owner == kAgentAll || clear.owner == change.key.owner) &&
           (clear.model.empty() || clear.model == rule.name);
  });
}

// Of the models that are dropped when they are at the hop, or those when they are at the server.
void Retention::DropDelivered(uint32_t lane, bool server, uint64_t to) {
  auto catalog = deps_.catalog.Get();
  DropCursor& cursor = delivered_[server ? 1 : 0][lane];
  for (int pages = 0; cursor.at < to; ++pages) {
    if (pages == kPagesInACommit || drops_left_ == 0) {
      due_ = true;
      return;
    }
    auto page = deps_.storage.Changes(LaneOf(lane), cursor.at, kPageItems, 0, [&](const tg_change& change) {
      if (change.seq > to || change.kind != TG_CHANGE_ITEM) return true;
      const replica::ModelRule* rule = catalog->Find(View(change.model));
      if (rule == nullptr || rule->direction != TG_DIRECTION_UP) return true;
      if (!DropsWhenAt(*rule, change, server)) return true;
      bool stays = !way_up_.HasArrived(change, to, server ? SyncTarget::kServer : SyncTarget::kHop) ||
                   way_up_.KeepsAnswer(change);
      if (!stays && Drop(change, false, "")) return true;
      cursor.skipped = std::min(cursor.skipped, change.seq);
      look_again_ = look_again_ || !stays;  // it is just being written
      return true;
    });
    if (!page.ok()) {
      deps_.log.Write(3, "cannot read for retention: " + page.status().message());
      return;
    }
    cursor.at = std::min(page->reached.position, to);
    if (!page->more) return;
  }
}

// A model's items lie in the order of their age, but for those that were given again.
void Retention::DropAged(const Passed& passed) {
  auto catalog = deps_.catalog.Get();
  int64_t now_ms = deps_.clock.unix_ms();
  for (auto& [model, lanes] : aged_) {
    const replica::ModelRule* rule = catalog->Find(model);
    if (rule == nullptr) continue;
    for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
      for (int pages = 0;; ++pages) {
        if (pages == kPagesInACommit || drops_left_ == 0) {
          age_look_us_ = deps_.clock.monotonic_us();  // the next commit goes on
          return;
        }
        uint64_t stays = UINT64_MAX;
        auto page = deps_.storage.Changes(LaneOf(lane), lanes[lane], kPageItems, 0, [&](const tg_change& change) {
          if (View(change.model) != model || change.kind != TG_CHANGE_ITEM) return true;
          bool old = now_ms - Version::From(change.version).unix_ms() >= rule->retain.age_ms_max;
          bool drops = old && drops_left_ != 0;
          if (!drops || !Drop(change, !way_up_.IsAbove(change, passed), "age")) stays = std::min(stays, change.seq);
          return true;
        });
        if (!page.ok()) return;
        lanes[lane] = stays == UINT64_MAX ? page->reached.position : stays - 1;
        if (stays != UINT64_MAX || !page->more) break;
      }
    }
  }
  if (drops_left_ == 0) age_look_us_ = deps_.clock.monotonic_us();
}

// Makes room, oldest first, in the model's own lane and then where transactions took it.
void Retention::DropOldest(const std::string& model, Usage* usage, const Passed& passed) {
  uint64_t items = usage->rule.items_max == 0 ? 0 : usage->items - std::min(usage->items, usage->rule.items_max);
  uint64_t bytes = usage->rule.bytes_max == 0 ? 0 : usage->bytes - std::min(usage->bytes, usage->rule.bytes_max);
  bool latest = usage->rule.when_full == TG_WHEN_FULL_KEEP_LATEST;
  bool kept = false;
  for (uint32_t i = 0; i < TG_LANE_COUNT; ++i) {
    uint32_t lane = (usage->lane + i) % TG_LANE_COUNT;
    DropCursor& cursor = usage->oldest[lane];
    for (int pages = 0;; ++pages) {
      if (pages == kPagesInACommit || drops_left_ == 0) {
        due_ = true;
        return;
      }
      uint64_t enough = UINT64_MAX;  // the first that stays because nothing more has to go
      auto page = deps_.storage.Changes(LaneOf(lane), cursor.at, kPageItems, 0, [&](const tg_change& change) {
        if (View(change.model) != model || change.kind != TG_CHANGE_ITEM || enough != UINT64_MAX) return true;
        if ((items == 0 && bytes == 0) || drops_left_ == 0) {
          enough = change.seq;
        } else if (!(latest && IsLatest(change)) &&
                   Drop(change, !way_up_.IsAbove(change, passed), WhenFullName(usage->rule.when_full))) {
          items -= std::min<uint64_t>(items, 1);
          bytes -= std::min(bytes, StoredBytes(change));
        } else {
          cursor.skipped = std::min(cursor.skipped, change.seq);
        }
        return true;
      });
      if (!page.ok()) return;
      cursor.at = enough == UINT64_MAX ? page->reached.position : enough - 1;
      if (items == 0 && bytes == 0) {
        usage->second_look = false;
        return;
      }
      if (enough != UINT64_MAX) {
        due_ = true;
        return;
      }
      if (!page->more) break;
    }
    kept = kept || cursor.skipped != UINT64_MAX;
  }
  if (kept && !usage->second_look) {
    // Some of those that were the latest are not any more.
    for (DropCursor& cursor : usage->oldest) {
      if (cursor.skipped != UINT64_MAX) cursor.at = cursor.skipped - 1;
      cursor.skipped = UINT64_MAX;
    }
    usage->second_look = due_ = true;
  } else if (latest && !usage->stuck) {
    quotas_.Stick(usage);  // only the latest are left: now it is refused
  }
}

// Whether no newer item has its owner and pk.
bool Retention::IsLatest(const tg_change& change) const {
  Version version = Version::From(change.version);
  bool newer = false;
  tg_query query{};
  query.struct_size = sizeof query;
  query.flags = TG_QUERY_OWNER | TG_QUERY_HASH | TG_QUERY_REVERSE | TG_QUERY_KEYS_ONLY;
  query.owner = change.key.owner;
  query.model = change.model;
  query.hash = change.key.pk;
  query.limit = 64;
  Result<std::string> end = deps_.storage.Query(query, [&](const tg_change& other) {
    newer = Version::From(other.version) > version;
    return !newer;
  });
  return end.ok() && !newer;
}

// Counts it among what was lost; in the open group. Returns the key of the record.
std::string Retention::StageLoss(const tg_change& change, const std::string& reason) {
  Version version = Version::From(change.version);
  std::string key = sync::meta::Lost(View(change.model), change.key.owner, reason);
  wire::LostRecord& record = lost_[key];
  if (record.items == 0) {
    record.model = View(change.model);
    record.owner = change.key.owner;
    record.reason = reason;
    record.since_unix_ms = deps_.clock.unix_ms();
    record.first = version;
  }
  ++record.items;
  record.bytes += StoredBytes(change);
  record.first = std::min(record.first, version);
  record.last = std::max(record.last, version);
  stage_.MetaPut(key, wire::EncodeRecord(record));
  return key;
}

void Retention::StageLostAtHop(const HopDrops::Positions& held, const HopDrops::Positions& delivered, AgentId parent,
                               const std::function<void(const wire::LostRecord&)>& fn) {
  hop_drops_.StageLost(held, delivered, [&](const wire::LostRecord& gone) {
    const std::string reason = "dropped here when agent " + std::to_string(parent) +
                               " had it, which lost it, perhaps before the server had it";
    const std::string key = sync::meta::Lost(gone.model, gone.owner, reason);
    wire::LostRecord& record = lost_[key];
    if (record.items == 0) {
      record = gone;
      record.reason = reason;
      record.since_unix_ms = deps_.clock.unix_ms();
      record.lane = 0;
      record.position = 0;
    } else {
      record.items += gone.items;
      record.bytes += gone.bytes;
      record.first = std::min(record.first, gone.first);
      record.last = std::max(record.last, gone.last);
    }
    stage_.MetaPut(key, wire::EncodeRecord(record));
    fn(gone);
  });
}

void Retention::TakeBack(const std::string& key, uint64_t bytes) {
  auto found = lost_.find(key);
  if (found == lost_.end()) return;
  wire::LostRecord& record = found->second;
  record.items -= std::min<uint64_t>(record.items, 1);
  record.bytes -= std::min(record.bytes, bytes);
  if (record.items == 0) lost_.erase(found);
}

Retention::Told Retention::told() const {
  Told told;
  for (const auto& [key, record] : lost_) told[key] = record.told;
  return told;
}

std::vector<LossStatus> Retention::LostSince(const Told& told) const {
  std::vector<LossStatus> losses;
  for (const auto& [key, record] : lost_) {
    auto before = told.find(key);
    const uint64_t known = before == told.end() ? 0 : before->second;
    if (record.items > known) losses.push_back(StatusOf(record, record.items - known));
  }
  return losses;
}

void Retention::NoteTold() {
  stage_.Begin();
  for (auto& [key, record] : lost_) {
    if (record.told >= record.items) continue;
    record.told = record.items;
    stage_.MetaPut(key, wire::EncodeRecord(record));
  }
  stage_.End();
}

LossStatus Retention::StatusOf(const wire::LostRecord& record, uint64_t items) {
  return {record.model, record.owner,          record.reason,        items,
          record.bytes, record.first.ToText(), record.last.ToText(), record.since_unix_ms};
}

// Stages the removal without a trace. False: it is being written just now.
bool Retention::Drop(const tg_change& change, bool lost, const char* reason) {
  if (stage_.Touches(change.key) || way_up_.KeepsAnswer(change)) return false;
  tg_change name = change;
  name.body = {};
  name = stage_.arena().Copy(name);
  uint64_t bytes = StoredBytes(change);
  stage_.Begin();
  stage_.Purge(name, Version::From(change.version));
  std::string key = lost ? StageLoss(change, reason) : "";
  LossNews news = lost ? way_up_.StageLost(change, reason) : LossNews();
  if (!lost && change.seq > passed_before_.server) hop_drops_.Note(change, bytes);
  stage_.End([this, key, news = std::move(news), bytes, lane = change.lane, seq = change.seq](
                 const Status& status, std::span<const core::Effect> effects) {
    bool dropped = status.ok() && !effects.empty() && effects[0].applied();
    if (dropped) {
      deps_.metrics.Add(key.empty() ? "tidegate_dropped_total" : "tidegate_dropped_undelivered_total", 1);
    } else {
      TakeBack(key, bytes);
    }
    if (status.ok()) way_up_.TellLost(news);
    if (!status.ok()) LookAgainFrom(lane, seq);
  });
  drops_left_ -= std::min<uint64_t>(drops_left_, 1);
  return true;
}

Status Retention::Restore() {
  TG_RETURN_IF_ERROR(hop_drops_.Restore());
  lost_.clear();
  return deps_.storage.MetaScan(sync::meta::kLostPrefix, [&](std::string_view key, std::string_view value) {
    wire::LostRecord record;
    if (wire::DecodeRecord(value, &record).ok()) lost_[std::string(key)] = std::move(record);
    return true;
  });
}

void Retention::Show(NodeStatus* status) const {
  for (const auto& [key, record] : lost_) status->losses.push_back(StatusOf(record, record.items));
}

}  // namespace tidegate::node
