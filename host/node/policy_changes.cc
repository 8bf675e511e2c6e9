#include "host/node/policy_changes.h"

#include <algorithm>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

constexpr uint64_t kPortionItems = 1'000;
constexpr uint64_t kPortionBytes = 256u << 10;
constexpr int kPagesInACommit = 16;
constexpr int64_t kPortionWaitUs = 1'000'000;  // so long at most a slow neighbour keeps the next portion back

const char* DirectionText(uint32_t direction) {
  static const char* const kNames[] = {"none", "up", "down", "both"};
  return direction <= TG_DIRECTION_BOTH ? kNames[direction] : "?";
}

}  // namespace

bool PolicyChanges::IsLawful(uint32_t direction, const tg_change& change) {
  if (direction == TG_DIRECTION_UP) return change.version.agent == change.key.owner;
  if (direction == TG_DIRECTION_DOWN) return change.version.agent == kAgentServer;
  return true;
}

Status PolicyChanges::Restore() {
  Result<std::string> bytes = deps_.storage.MetaGet(sync::meta::kPolicies);
  if (!bytes.ok()) return bytes.status().code() == Code::kNotFound ? Status() : bytes.status();
  wire::PolicyRecord record;
  TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes.value(), &record));
  known_ = true;
  for (wire::KeyedPolicy& policy : record.policies) {
    changed_ = changed_ || policy.changed_hlc != 0;
    policies_[policy.model] = std::move(policy);
  }
  return {};
}

// By the schemas, and at a router by what its parent declared of models that the schemas do not know.
std::map<std::string_view, uint32_t> PolicyChanges::DirectionsNow(const replica::Catalog& catalog) const {
  std::map<std::string_view, uint32_t> now;
  for (const replica::ModelRule& rule : catalog.rules()) now[rule.name] = rule.direction;
  if (options_.role == TG_ROLE_ROUTER) {
    for (const auto& [model, declared] : declared_) now.try_emplace(model, declared.direction);
  }
  return now;
}

void PolicyChanges::Look() {
  auto catalog = deps_.catalog.Get();
  bool news = false;
  for (const auto& [model, direction] : DirectionsNow(*catalog)) {
    auto [place, fresh] = policies_.try_emplace(std::string(model));
    wire::KeyedPolicy& policy = place->second;
    if (fresh) {
      policy.model = model;
      // The rows of a replica without such a record may be keyed in any way.
      if (!known_) policy.bound = end_.position;
    } else if (policy.direction != direction) {
      deps_.log.Write(6, "model " + policy.model + " goes " + DirectionText(direction) + " instead of " +
                             DirectionText(policy.direction));
      policy.again = policy.bound != 0;  // feeds may have passed over rows that are not keyed yet
      policy.bound = end_.position;
      policy.changed_hlc = versions_.last();
      if ((policy.direction & TG_DIRECTION_DOWN) != 0) policy.shared_hlc = versions_.last();
      if ((policy.direction & ~direction & TG_DIRECTION_UP) != 0) policy.up_hlc = versions_.last();
      changed_ = true;
      if ((direction & ~policy.direction & TG_DIRECTION_DOWN) != 0 && options_.role != TG_ROLE_SERVER)
        widened_down_ = true;
    } else {
      continue;
    }
    policy.direction = direction;
    news = true;
  }
  known_ = true;
  keying_ = std::any_of(policies_.begin(), policies_.end(), [](const auto& entry) { return entry.second.bound != 0; });
  if (!news) return;
  keyed_at_ = portion_ = 0;
  around_.PoliciesChanged();
  StageRecord();
}

void PolicyChanges::StageRecord() {
  stored_ = false;
  at_us_ = deps_.clock.monotonic_us() + options_.resend_ms * 1000;
  wire::PolicyRecord record;
  for (const auto& [model, policy] : policies_) record.policies.push_back(policy);
  stage_.Begin();
  stage_.MetaPut(sync::meta::kPolicies, wire::EncodeRecord(record));
  if (widened_down_) around_.StageCompareAll();  // what goes down now may have been missed, or evicted
  stage_.End([this](const Status& status, std::span<const core::Effect>) {
    if (!status.ok()) return;
    stored_ = true;
    widened_down_ = false;
    at_us_ = 0;
  });
}

bool PolicyChanges::IsBeingKeyed(std::string_view model) const {
  if (!keying_) return false;
  auto found = policies_.find(model);
  return found != policies_.end() && found->second.bound != 0;
}

bool PolicyChanges::GoesUp(std::string_view model) const {
  auto found = policies_.find(model);
  return found != policies_.end() && (found->second.direction & TG_DIRECTION_UP) != 0;
}

bool PolicyChanges::HasChanged(std::string_view model) const {
  if (!changed_) return false;
  auto found = policies_.find(model);
  return found != policies_.end() && found->second.changed_hlc != 0;
}

bool PolicyChanges::IsOfFormer(const tg_change& change) const {
  auto found = policies_.find(View(change.model));
  return found != policies_.end() && change.version.hlc <= found->second.changed_hlc;
}

// In the open group of the write.
void PolicyChanges::WritesOver(const tg_change& written, const Version& held) {
  if (options_.role == TG_ROLE_SERVER || !HasChanged(View(written.model))) return;
  if (held.hlc > policies_.find(View(written.model))->second.up_hlc) return;  // noted, if that was over another
  stage_.MetaPut(sync::meta::Untold(written.key.owner, View(written.key.pk), View(written.key.sk)), "");
}

// While the model goes up, what does not is another writer's, and goes nowhere. What came from above is known there.
bool PolicyChanges::IsUntold(const tg_change& trace) const {
  if (!HasChanged(View(trace.model)) || GoesUp(View(trace.model)) || around_.CameFromAbove(trace.via)) return false;
  return deps_.storage.MetaGet(sync::meta::Untold(trace.key.owner, View(trace.key.pk), View(trace.key.sk))).ok();
}

// Whether others than the writer of today might write, and delete, when it was written.
bool PolicyChanges::WasShared(const tg_change& change) const {
  auto found = policies_.find(View(change.model));
  return found != policies_.end() && change.version.hlc <= found->second.shared_hlc;
}

bool PolicyChanges::KeepsWhatGoesNowhere() const {
  return changed_ && std::any_of(policies_.begin(), policies_.end(), [](const auto& entry) {
           return entry.second.direction == TG_DIRECTION_DOWN && entry.second.changed_hlc != 0;
         });
}

// What this node has no right to any more, and its parent has: others' items of a model that does not go down now.
bool PolicyChanges::IsToBeEvicted(uint32_t direction, const tg_change& change) const {
  if (change.kind != TG_CHANGE_ITEM || (direction & TG_DIRECTION_DOWN) != 0 || !around_.CameFromAbove(change.via))
    return false;
  const sync::Link* parent = links_.parent();
  if (parent == nullptr || parent->never_sure) return false;
  // Never at its owner; what goes up passes here.
  AgentId owner = change.key.owner;
  if (owner == options_.agent || change.version.agent == options_.agent) return false;
  return direction == TG_DIRECTION_NONE || owner == kAgentAll;
}

std::optional<PolicyChanges::Rekeying> PolicyChanges::RekeyingOf(const tg_change& change) const {
  auto found = policies_.find(View(change.model));
  if (found == policies_.end() || found->second.bound == 0) return std::nullopt;
  const wire::KeyedPolicy& policy = found->second;
  if (IsToBeEvicted(policy.direction, change)) return Rekeying{true, 0, 0, false, false};
  uint32_t direction = IsLawful(policy.direction, change) ? policy.direction : TG_DIRECTION_NONE;
  uint32_t gained = policy.again && change.seq <= policy.bound ? direction : direction & ~change.direction;
  // What goes both ways is removed here if it is lacked above: it has to be there first.
  bool up = options_.role != TG_ROLE_SERVER && !around_.CameFromAbove(change.via) &&
            (direction & TG_DIRECTION_UP) != 0 &&
            ((gained & TG_DIRECTION_UP) != 0 || (gained != 0 && direction == TG_DIRECTION_BOTH));
  bool down = options_.role != TG_ROLE_DEVICE && (gained & TG_DIRECTION_DOWN) != 0;
  if (direction == change.direction && !up && !down) return std::nullopt;
  uint32_t lane = change.lane;  // at its old position a row of another lane would be behind that lane's watermark
  if (up || down) lane = LaneHere(View(change.model)).value_or(lane);
  return Rekeying{false, static_cast<uint8_t>(direction), static_cast<uint8_t>(lane), up, down};
}

std::optional<uint32_t> PolicyChanges::LaneHere(std::string_view model) const {
  if (const replica::ModelRule* rule = deps_.catalog.Get()->Find(model)) return rule->lane;
  auto declared = declared_.find(model);
  if (declared == declared_.end() || declared->second.lane >= TG_LANE_COUNT) return std::nullopt;
  return declared->second.lane;
}

// Whether a neighbour that gets the last portion has yet to take it. What is written meanwhile has to wait for one
// portion only, not for all of the history.
bool PolicyChanges::Waits(int64_t now_us) const {
  if (portion_ == 0) return now_us < at_us_;
  const sync::Link* parent = links_.parent();
  if (goes_up_ && (parent == nullptr || !parent->up())) return true;
  if (now_us >= at_us_) return false;
  if (goes_up_ && parent->hop_position(end_.position) < portion_) return true;
  if (!goes_down_) return false;
  return std::any_of(links_.still().begin(), links_.still().end(), [&](const auto& entry) {
    const sync::Link& link = *entry.second;
    return !link.is_parent() && link.up() && link.hop_position(end_.position) < portion_;
  });
}

int64_t PolicyChanges::NextUs(int64_t now_us) const {
  if (!stored_) return at_us_;
  if (!keying_) return INT64_MAX;
  if (!Waits(now_us)) return now_us;
  return at_us_ > now_us ? at_us_ : INT64_MAX;
}

// The next one when it has been taken, or with the next commit if nothing of it travels.
void PolicyChanges::Run(int64_t now_us) {
  if (!stored_) {
    if (now_us < at_us_) return;
    StageRecord();
  }
  if (!stored_ || !keying_ || Waits(now_us)) return;
  // Rows are looked at as they are on the disk.
  if (!around_.CommitStage().ok()) {
    at_us_ = now_us + options_.resend_ms * 1000;
    return;
  }
  portion_ = 0;
  goes_up_ = goes_down_ = false;
  tg_feed_selector every{};
  every.struct_size = sizeof every;
  uint64_t reached = keyed_at_;
  bool more = true;
  std::vector<std::pair<tg_change, Rekeying>> rows;
  for (int page = 0; page < kPagesInACommit && more && rows.empty(); ++page) {
    auto read = deps_.storage.Changes(every, reached, kPortionItems, kPortionBytes, [&](const tg_change& change) {
      if (std::optional<Rekeying> rekeying = RekeyingOf(change)) {
        tg_change name = change;
        name.body = name.policy_meta = name.extra = {};
        name.index_keys = nullptr;
        name.index_key_count = 0;
        rows.emplace_back(stage_.arena().Copy(name), *rekeying);
      }
      return true;
    });
    if (!read.ok()) {
      deps_.log.Write(3, "cannot read what is to be keyed anew: " + read.status().message());
      at_us_ = now_us + options_.resend_ms * 1000;
      return;
    }
    reached = read->reached.position;
    more = read->more;
  }
  if (rows.empty() && !more) return End();
  for (const auto& [row, rekeying] : rows) StageRekeying(row, rekeying);
  keyed_at_ = reached;
  at_us_ = goes_up_ || goes_down_ ? now_us + kPortionWaitUs : 0;
}

void PolicyChanges::StageRekeying(const tg_change& row, const Rekeying& rekeying) {
  stage_.Begin();
  bool again = rekeying.up || rekeying.down;
  if (rekeying.evict) {
    stage_.Purge(row, Version::From(row.version));
  } else {
    tg_change keyed = row;
    keyed.direction = rekeying.direction;
    keyed.lane = rekeying.lane;
    stage_.Rekey(keyed, Version::From(row.version), again);
    const bool stops = (row.direction & TG_DIRECTION_UP) != 0 && !GoesUp(View(row.model));
    if (stops && row.kind == TG_CHANGE_TOMBSTONE && !around_.IsAtServer(row))
      stage_.MetaPut(sync::meta::Untold(row.key.owner, View(row.key.pk), View(row.key.sk)), "");
  }
  goes_up_ = goes_up_ || rekeying.up;
  goes_down_ = goes_down_ || rekeying.down;
  stage_.End(
      [this, from = row.seq, evict = rekeying.evict](const Status& status, std::span<const core::Effect> effects) {
        if (!status.ok()) {
          keyed_at_ = std::min(keyed_at_, from - 1);  // once more
          at_us_ = deps_.clock.monotonic_us() + options_.resend_ms * 1000;
          portion_ = 0;
          return;
        }
        if (effects.empty() || !effects[0].applied()) return;
        deps_.metrics.Add(evict ? "tidegate_evicted_total" : "tidegate_rekeyed_total", 1);
        if (evict || effects[0].outcome.seq == from) return;
        portion_ = std::max(portion_, effects[0].outcome.seq);
        around_.Renumbered(from, effects[0].outcome.seq);
      });
}

void PolicyChanges::End() {
  for (auto& [model, policy] : policies_) {
    if (policy.bound != 0) deps_.log.Write(6, "all items of model " + model + " are keyed anew");
    policy.bound = 0;
    policy.again = false;
  }
  keying_ = false;
  StageRecord();
  around_.KeyedAnew();
}

}  // namespace tidegate::node
