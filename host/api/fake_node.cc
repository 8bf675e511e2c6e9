#include "host/api/fake_node.h"

#include <tuple>

#include "host/api/json_text.h"
#include "host/base/views.h"

namespace tidegate::api {
namespace fake {

constexpr AgentId kSelf = 7;

// Only there to carry the fake to the members of Reader that this file defines.
class NoStorage : public core::Storage {
 public:
  explicit NoStorage(const FakeNode& fake) : node(fake) {}
  const core::StorageInfo& info() const override { return info_; }
  Epoch epoch() const override { return 1; }
  Result<Watermark> Commit(std::span<const tg_group>, const core::OutcomeFn&) override { return None(); }
  Status Get(const tg_key&, const core::ChangeFn&) const override { return None(); }
  Result<std::string> Query(const tg_query&, const core::ChangeFn&) const override { return None(); }
  Result<core::FeedPage> Changes(const tg_feed_selector&, uint64_t, uint64_t, uint64_t,
                                 const core::ChangeFn&) const override {
    return None();
  }
  Result<tg_feed_stat> FeedStat(const tg_feed_selector&, uint64_t) const override { return None(); }
  Result<Watermark> Head() const override { return None(); }
  Result<uint32_t> WatermarkCheck(const Watermark&) const override { return None(); }
  Result<int> WatermarkCompare(const Watermark&, const Watermark&) const override { return None(); }
  Result<std::vector<tg_epoch>> Epochs(uint64_t) const override { return None(); }
  Status RangeDigest(const tg_range&, const std::function<bool(const tg_digest&)>&) const override { return None(); }
  Status RangeScan(const tg_range&, const core::ChangeFn&) const override { return None(); }
  Status Scopes(const std::function<bool(const tg_scope&)>&) const override { return None(); }
  Result<std::string> MetaGet(std::string_view) const override { return None(); }
  Status MetaScan(std::string_view, const std::function<bool(std::string_view, std::string_view)>&) const override {
    return None();
  }
  Result<tg_storage_stats> Stats() const override { return None(); }
  Status Backup(std::string_view) override { return None(); }
  Status Traces(uint64_t, uint64_t, const core::ChangeFn&) const override { return None(); }

  const FakeNode& node;

 private:
  static Status None() { return Status::Internal("the fake node has no storage"); }
  core::StorageInfo info_;
};

class NoClock : public core::Clock {
 public:
  int64_t unix_ms() const override { return 0; }
  int64_t monotonic_us() const override { return 0; }
};

inline Result<std::string> IdOf(std::string_view properties, const std::string& what) {
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(properties, what));
  for (const JsonMember& member : members) {
    if (member.name == "id") return std::string(member.value);
  }
  return Status::Invalid(what + ": the key lacks id");
}

}  // namespace fake

using fake::IdOf;
using fake::kSelf;
using fake::NoClock;
using fake::NoStorage;

struct FakeNode::Data {
  explicit Data(const FakeNode& node) : storage(node), catalog(nullptr), reader(storage, catalog, clock, kSelf) {}

  using Key = std::tuple<std::string, AgentId, std::string>;  // model, owner, id
  NoStorage storage;
  replica::CatalogHolder catalog;
  NoClock clock;
  replica::Reader reader;

  mutable Mutex mutex;
  std::map<Key, std::string> items TG_GUARDED_BY(mutex);
  uint64_t seq TG_GUARDED_BY(mutex) = 0;
  uint32_t level TG_GUARDED_BY(mutex) = 2;
  bool healthy TG_GUARDED_BY(mutex) = true;
  bool sync_reaches TG_GUARDED_BY(mutex) = true;
  node::SyncAnswer sync_answer TG_GUARDED_BY(mutex);
  bool hold_syncs TG_GUARDED_BY(mutex) = false;
  bool child_off TG_GUARDED_BY(mutex) = false;
  bool links_off TG_GUARDED_BY(mutex) = false;
  node::LinkSyncRequest link_sync TG_GUARDED_BY(mutex);

  mutable Mutex watch_mutex;  // held during callbacks: Unwatch waits for them
  std::map<uint64_t, node::WatchFn> watchers TG_GUARDED_BY(watch_mutex);
  uint64_t last_watch TG_GUARDED_BY(watch_mutex) = 0;

  Status Apply(const replica::Write& write, replica::Written* written) TG_EXCLUDES(mutex);
  void Tell(uint8_t kind, const Key& key, const std::string& body, uint64_t at, AgentId via);
};

Status FakeNode::Data::Apply(const replica::Write& write, replica::Written* written) {
  if (write.model == "Nothing") return Status::Invalid("unknown model \"Nothing\"");
  if (write.model == "Full") return Status::Full("the disk is full");
  TG_ASSIGN_OR_RETURN(std::string id, IdOf(write.properties, write.model));
  Key key{write.model, write.owner.value_or(kSelf), id};
  bool remove = write.mode == replica::WriteMode::kRemove;
  {
    MutexLock lock(mutex);
    bool there = items.contains(key);
    if (write.mode == replica::WriteMode::kCreate && there) return Status::Conflict(write.model + " " + id + " exists");
    if ((write.mode == replica::WriteMode::kUpdate || remove) && !there) {
      return Status::NotFound("there is no " + write.model + " " + id);
    }
    written->seq = ++seq;
    written->item = remove ? items[key] : write.properties;
    if (remove) {
      items.erase(key);
    } else {
      items[key] = write.properties;
    }
  }
  Tell(remove ? TG_CHANGE_TOMBSTONE : TG_CHANGE_ITEM, key, remove ? "" : write.properties, written->seq, 0);
  return Status::Ok();
}

void FakeNode::Data::Tell(uint8_t kind, const Key& key, const std::string& body, uint64_t at, AgentId via) {
  const auto& [model, owner, id] = key;
  tg_change change{};
  change.struct_size = sizeof(change);
  change.kind = kind;
  change.model = Str(model);
  change.key = {owner, Str(model), Str(id)};
  change.version = {at << 16, kSelf, 1};
  change.via = via;
  change.body = Bytes(body);
  change.seq = at;
  MutexLock lock(watch_mutex);
  for (const auto& [number, fn] : watchers) fn(change);
}

FakeNode::FakeNode() : data_(std::make_unique<Data>(*this)) {}
FakeNode::~FakeNode() = default;

void FakeNode::Submit(replica::Transaction transaction, std::function<void(replica::WriteAnswer)> done) {
  replica::WriteAnswer answer;
  for (size_t i = 0; i < transaction.size() && answer.status.ok(); i++) {
    replica::Written written;
    answer.status = data_->Apply(transaction[i], &written);
    answer.failed_at = i;
    if (answer.status.ok()) answer.written.push_back(std::move(written));
  }
  done(std::move(answer));
}

void FakeNode::SubmitMany(std::vector<replica::Transaction> transactions,
                          std::function<void(std::vector<replica::WriteAnswer>)> done) {
  std::vector<replica::WriteAnswer> answers;
  for (replica::Transaction& transaction : transactions) {
    Submit(std::move(transaction), [&](replica::WriteAnswer answer) { answers.push_back(std::move(answer)); });
  }
  done(std::move(answers));
}

const replica::Reader& FakeNode::reader() const { return data_->reader; }

void FakeNode::Sync(node::SyncRequest request, std::function<void(node::SyncAnswer)> done) {
  bool reaches = true;
  node::SyncAnswer answer;
  {
    MutexLock lock(data_->mutex);
    if (data_->hold_syncs) return;
    answer = data_->sync_answer;
    reaches = data_->sync_reaches || request.wait == node::SyncTarget::kNone;
  }
  answer.pending_changes = reaches ? 0 : 3;
  if (!reaches) answer.status = Status::Timeout("3 changes are still on their way");
  done(std::move(answer));
}

void FakeNode::SyncLinks(node::LinkSyncRequest request, std::function<void(node::LinkSyncAnswer)> done) {
  bool reaches = true;
  {
    MutexLock lock(data_->mutex);
    data_->link_sync = request;
    if (data_->hold_syncs) return;
    reaches = data_->sync_reaches || !request.wait;
  }
  node::LinkSyncAnswer answer;
  if (!reaches) answer = {Status::Timeout("not done yet"), {9}};
  done(std::move(answer));
}

void FakeNode::Clear(node::ClearRequest request, std::function<void(node::ClearAnswer)> done) {
  if (request.model == "Nothing") return done({Status::NotFound("no model 'Nothing'"), 0});
  done({Status::Ok(), request.at == node::SyncTarget::kHop ? 5u : 3u});
}

node::LinkSyncRequest FakeNode::last_link_sync() const {
  MutexLock lock(data_->mutex);
  return data_->link_sync;
}

Status FakeNode::SwitchLink(AgentId agent, bool on) {
  if (agent != 9 && agent != kAgentAll)
    return Status::NotFound("agent " + std::to_string(agent) + " is no neighbour of this node");
  MutexLock lock(data_->mutex);
  if (agent == kAgentAll) {
    data_->links_off = !on;
    return Status::Ok();
  }
  data_->child_off = !on;
  return Status::Ok();
}

node::NodeStatus FakeNode::GetStatus() {
  MutexLock lock(data_->mutex);
  node::NodeStatus status;
  status.agent = kSelf;
  status.role = "router";
  status.level = data_->level;
  status.level_configured = 2;
  status.links_off = data_->links_off;
  status.replica = "000102030405060708090a0b0c0d0e0f";
  status.epoch = "0000000000000001";
  status.healthy = data_->healthy;
  status.unix_ms = 1'700'000'090'000;
  if (!data_->healthy) status.problems.push_back("the disk is full");
  status.head = data_->seq;
  status.items = data_->items.size();
  status.purge_horizon_unix_ms = 1'700'000'000'000;
  status.models = {"Reading up history"};
  node::LinkStatus parent;
  parent.agent = 1;
  parent.is_parent = true;
  parent.role = "server";
  parent.level = 1;
  parent.state = "up";
  parent.lanes.push_back({2, 41, 40, 12});
  parent.pending_changes = 1'234;
  parent.pending_bytes = 250'000;
  parent.oldest_pending_age_ms = 65'000;
  parent.last_progress_age_ms = 1'500;
  parent.last_error = "broker \"gone\" at 10:00";
  parent.last_error_unix_ms = 1'700'000'000'000;
  status.links.push_back(parent);
  node::LinkStatus child;
  child.agent = 9;
  child.role = "device";
  child.level = 65535;
  child.state = data_->child_off ? "off" : "down";
  child.stalled = !data_->healthy;
  child.bytes_sent = 1'000;
  child.plain_bytes_sent = 4'500;
  child.bytes_received = 2'000;
  child.plain_bytes_received = 7'500;
  child.last_disconnect = "nothing heard for 30 s";
  child.last_disconnect_unix_ms = 1'700'000'000'000;
  child.lease_until_unix_ms = status.unix_ms + 3 * 86'400'000;
  status.links.push_back(child);
  return status;
}

Result<std::vector<node::QuarantineEntry>> FakeNode::Quarantine() {
  node::QuarantineEntry entry;
  entry.link = 9;
  entry.model = "Fault";
  entry.owner = 9;
  entry.pk = "device#9";
  entry.sk = "fault#1";
  entry.reason = "severity: must be one of low, high";
  entry.since_unix_ms = 1'700'000'000'000;
  return std::vector<node::QuarantineEntry>{entry};
}

Result<std::vector<node::ConflictEntry>> FakeNode::Conflicts() {
  node::ConflictEntry entry;
  entry.number = 3;
  entry.link = 9;
  entry.model = "Setting";
  entry.owner = 9;
  entry.pk = "s#";
  entry.sk = "s#x";
  entry.writer = 9;
  entry.version = "1-9-1";
  entry.winner = "2-1-1";
  entry.reason = "a newer state that did not know of it took its place";
  entry.since_unix_ms = 1'700'000'000'000;
  return std::vector<node::ConflictEntry>{entry};
}

Result<node::ConflictEntry> FakeNode::Conflict(uint64_t number) {
  if (number != 3) return Status::NotFound("no conflict " + std::to_string(number) + " in the journal");
  node::ConflictEntry entry = Conflicts().value()[0];
  entry.item = R"({"name":"x","value":"7"})";
  return entry;
}

Result<node::CommandList> FakeNode::Commands(const std::string& model) {
  node::CommandList list;
  if (model == "Later") list.waits_for = "nothing is compared yet";
  if (model != "Order") return list.waits_for.empty() ? Status::Invalid(model + " is no command") : Result(list);
  // Until it is answered.
  MutexLock lock(data_->mutex);
  if (!data_->items.contains(Data::Key{"Done", kSelf, "\"7\""}))
    list.commands = {{R"({"id":"7","what":"blink"})", "Done", R"({"id":"7"})", 42, "o#", "o#7"}};
  return list;
}

Status FakeNode::RestoreConflict(uint64_t number) { return Conflict(number).status(); }

Status FakeNode::Adopt(AgentId agent) {
  return agent == 9 ? Status::Ok() : Status::NotFound("no child of agent " + std::to_string(agent) + " is waiting");
}

Status FakeNode::SetLevel(uint32_t level) {
  if (level == 1) return Status::Conflict("level 1 is not above the parent's: agent 1 has level 1");
  MutexLock lock(data_->mutex);
  data_->level = level == 0 ? 2 : level;
  return Status::Ok();
}

Status FakeNode::Backup(const std::string& path) {
  return path == "/full" ? Status::Full("no space left for " + path) : Status::Ok();
}

uint64_t FakeNode::Watch(node::WatchFn fn) {
  MutexLock lock(data_->watch_mutex);
  data_->watchers[++data_->last_watch] = std::move(fn);
  return data_->last_watch;
}

void FakeNode::Unwatch(uint64_t watch) {
  MutexLock lock(data_->watch_mutex);
  data_->watchers.erase(watch);
}

std::string FakeNode::MetricsText() { return "# TYPE tidegate_fake gauge\ntidegate_fake 1\n"; }

void FakeNode::SetHealthy(bool healthy) {
  MutexLock lock(data_->mutex);
  data_->healthy = healthy;
}
void FakeNode::SetSyncAnswer(node::SyncAnswer answer) {
  MutexLock lock(data_->mutex);
  data_->sync_answer = std::move(answer);
}

void FakeNode::SetSyncReaches(bool reaches) {
  MutexLock lock(data_->mutex);
  data_->sync_reaches = reaches;
}
void FakeNode::HoldSyncs() {
  MutexLock lock(data_->mutex);
  data_->hold_syncs = true;
}
size_t FakeNode::items() const {
  MutexLock lock(data_->mutex);
  return data_->items.size();
}
size_t FakeNode::watchers() const {
  MutexLock lock(data_->watch_mutex);
  return data_->watchers.size();
}

void FakeNode::Arrive(const std::string& model, const std::string& id, AgentId owner, AgentId via) {
  uint64_t at = 0;
  std::string body = "{\"id\":" + Quoted(id) + "}";
  Data::Key key{model, owner, Quoted(id)};
  {
    MutexLock lock(data_->mutex);
    at = ++data_->seq;
    data_->items[key] = body;
  }
  data_->Tell(TG_CHANGE_ITEM, key, body, at, via);
}

}  // namespace tidegate::api

// The reader of the fake: by `id` alone.
namespace tidegate::replica {
namespace {

const api::FakeNode& Fake(const core::Storage& storage) { return static_cast<const api::NoStorage&>(storage).node; }

}  // namespace

Result<std::string> Reader::Get(const FindRequest& request) const {
  TG_ASSIGN_OR_RETURN(std::string id, api::IdOf(request.properties, request.model));
  const api::FakeNode& fake = Fake(storage_);
  MutexLock lock(fake.data_->mutex);
  auto found = fake.data_->items.find({request.model, request.owner.value_or(self_), id});
  if (found == fake.data_->items.end()) return Status::NotFound("there is no " + request.model + " " + id);
  return found->second;
}

Result<FindAnswer> Reader::Find(const FindRequest& request) const {
  if (request.model == "Nothing") return Status::Invalid("unknown model \"Nothing\"");
  std::string id;
  if (!request.properties.empty() && request.properties != "{}") {
    TG_ASSIGN_OR_RETURN(id, api::IdOf(request.properties, request.model));
  }
  const api::FakeNode& fake = Fake(storage_);
  MutexLock lock(fake.data_->mutex);
  FindAnswer answer;
  size_t skip = request.cursor.empty() ? 0 : std::stoul(request.cursor);
  size_t at = 0;
  for (const auto& [key, item] : fake.data_->items) {
    if (!request.model.empty() && std::get<0>(key) != request.model) continue;
    if (request.owner && std::get<1>(key) != *request.owner) continue;
    if (!id.empty() && std::get<2>(key) != id) continue;
    if (at++ < skip) continue;
    if (answer.items.size() == request.limit) {
      answer.cursor = std::to_string(at - 1) + "\xff";  // bytes that are no text
      break;
    }
    answer.items.push_back(item);
  }
  return answer;
}

Result<std::vector<ScopeDigest>> Reader::Digests() const {
  ScopeDigest digest;
  digest.model = "Reading";
  digest.owner = 9;
  digest.items = 3;
  digest.tombstones = 1;
  digest.count = 4;
  digest.sum = 0xabcdef;
  return std::vector<ScopeDigest>{digest};
}

std::string Reader::Present(const tg_change& change, bool) const { return std::string(View(change.body)); }

}  // namespace tidegate::replica
