#include "host/api/fake_node.h"

#include "host/api/fake_data.h"
#include "host/api/json_text.h"
#include "host/base/views.h"

namespace tidegate::api {
namespace fake {

Result<std::string> IdOf(std::string_view properties, const std::string& what) {
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(properties, what));
  for (const JsonMember& member : members) {
    if (member.name == "id") return std::string(member.value);
  }
  return Status::Invalid(what + ": the key lacks id");
}

}  // namespace fake

using fake::IdOf;
using fake::kSelf;

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
  if (reaches && request.verify != 0) {
    answer.report.emplace();
    if (request.agent == 8) answer.report->models = {{"Reading", 1, 2, 3, request.verify == 2 ? 6u : 0u}};
    answer.report->bytes_sent = 700;
    answer.report->questions = 5;
  }
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
