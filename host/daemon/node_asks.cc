// What other threads ask of the node: it runs in the writer thread, between commits.
#include <memory>
#include <utility>

#include "host/daemon/node_runner.h"

namespace tidegate::daemon {

bool NodeRunner::InWriter(const std::function<void(node::Node&)>& fn) {
  struct Shared {
    Mutex mutex;
    CondVar ended;
    bool done TG_GUARDED_BY(mutex) = false;
    bool ran TG_GUARDED_BY(mutex) = false;
  };
  Shared shared;
  PostTask([this, &shared, &fn](bool run) {
    if (run) fn(node_);
    MutexLock lock(shared.mutex);
    shared.done = true;
    shared.ran = run;
    shared.ended.NotifyAll();
  });
  MutexLock lock(shared.mutex);
  while (!shared.done) shared.ended.Wait(shared.mutex);
  return shared.ran;
}

void NodeRunner::Sync(node::SyncRequest request, std::function<void(node::SyncAnswer)> done) {
  PostTask([this, request, done = std::move(done)](bool run) {
    if (run) return node_.Sync(request, done);
    node::SyncAnswer answer;
    answer.status = Stopping();
    done(std::move(answer));
  });
}

node::NodeStatus NodeRunner::GetStatus() {
  node::NodeStatus status;
  bool asked = InWriter([&](node::Node& node) {
    status = node.GetStatus();
    if (failing_) status.problems.push_back("the last commit failed: " + around_.storage.last_commit().message());
    status.healthy = status.problems.empty();
  });
  if (!asked) {
    status.healthy = false;
    status.problems.push_back("the daemon is stopping");
  } else if (around_.complete_status) {
    around_.complete_status(&status);
  }
  return status;
}

Result<std::vector<node::QuarantineEntry>> NodeRunner::Quarantine() {
  Result<std::vector<node::QuarantineEntry>> entries = Stopping();
  InWriter([&](node::Node& node) { entries = node.Quarantine(); });
  return entries;
}

Result<node::QuarantineEntry> NodeRunner::Quarantined(const std::string& id) {
  Result<node::QuarantineEntry> entry = Stopping();
  InWriter([&](node::Node& node) { entry = node.Quarantined(id); });
  return entry;
}

void NodeRunner::ActOnQuarantine(node::QuarantineRequest request, std::function<void(node::QuarantineAnswer)> done) {
  PostTask([this, request = std::move(request), done = std::move(done)](bool run) {
    if (run) return node_.ActOnQuarantine(request, done);
    node::QuarantineAnswer answer;
    answer.status = Stopping();
    done(std::move(answer));
  });
}

Result<std::vector<node::ConflictEntry>> NodeRunner::Conflicts() {
  Result<std::vector<node::ConflictEntry>> entries = Stopping();
  InWriter([&](node::Node& node) { entries = node.Conflicts(); });
  return entries;
}

Result<std::vector<node::LossEntry>> NodeRunner::Losses() {
  Result<std::vector<node::LossEntry>> entries = Stopping();
  InWriter([&](node::Node& node) { entries = node.Losses(); });
  return entries;
}

Result<node::ConflictEntry> NodeRunner::Conflict(uint64_t number) {
  Result<node::ConflictEntry> entry = Stopping();
  InWriter([&](node::Node& node) { entry = node.Conflict(number); });
  return entry;
}

Result<node::CommandList> NodeRunner::Commands(const std::string& model) {
  Result<node::CommandList> list = Stopping();
  InWriter([&](node::Node& node) { list = node.Commands(model); });
  return list;
}

Status NodeRunner::RestoreConflict(uint64_t number) {
  return AskNode(
      [number](node::Node& node, std::function<void(Status)> done) { node.RestoreConflict(number, std::move(done)); });
}

// Asks the node for something that takes a commit, and waits for its answer.
Status NodeRunner::AskNode(std::function<void(node::Node&, std::function<void(Status)>)> ask) {
  struct Shared {
    Mutex mutex;
    CondVar ended;
    bool done TG_GUARDED_BY(mutex) = false;
    Status status TG_GUARDED_BY(mutex);
  };
  auto shared = std::make_shared<Shared>();
  auto end = [shared](Status status) {
    MutexLock lock(shared->mutex);
    shared->done = true;
    shared->status = std::move(status);
    shared->ended.NotifyAll();
  };
  PostTask([this, ask = std::move(ask), end](bool run) { run ? ask(node_, end) : end(Stopping()); });
  MutexLock lock(shared->mutex);
  while (!shared->done) shared->ended.Wait(shared->mutex);
  return shared->status;
}

Status NodeRunner::Adopt(AgentId agent) {
  return AskNode([agent](node::Node& node, auto done) { node.Adopt(agent, std::move(done)); });
}

Status NodeRunner::ConfirmLosses() {
  return AskNode([](node::Node& node, auto done) { node.ConfirmLosses(std::move(done)); });
}

Status NodeRunner::SetLevel(uint32_t level) {
  return AskNode([level](node::Node& node, auto done) { node.SetLevel(level, std::move(done)); });
}

Status NodeRunner::SwitchLink(AgentId agent, bool on) {
  return AskNode([agent, on](node::Node& node, auto done) { node.SwitchLink(agent, on, std::move(done)); });
}

void NodeRunner::Clear(node::ClearRequest request, std::function<void(node::ClearAnswer)> done) {
  PostTask([this, request = std::move(request), done = std::move(done)](bool run) {
    if (run) return node_.Clear(request, done);
    done({Stopping(), 0});
  });
}

void NodeRunner::SyncLinks(node::LinkSyncRequest request, std::function<void(node::LinkSyncAnswer)> done) {
  PostTask([this, request, done = std::move(done)](bool run) {
    if (run) return node_.SyncLinks(request, done);
    done({Stopping(), {}});
  });
}

Status NodeRunner::Backup(const std::string& path) {
  MutexLock lock(backup_mutex_);  // [control]: one at a time
  return around_.storage.Backup(path);
}

uint64_t NodeRunner::Watch(node::WatchFn fn) {
  uint64_t id = watchers_.Add(std::move(fn));
  // In force when this returns: what is committed later is seen.
  InWriter([this](node::Node& node) { node.SetWatcher([this](const tg_change& change) { watchers_.Tell(change); }); });
  return id;
}

void NodeRunner::Unwatch(uint64_t watch) {
  watchers_.Remove(watch);
  InWriter([this](node::Node& node) {
    if (watchers_.empty()) node.SetWatcher(nullptr);
  });
}

}  // namespace tidegate::daemon
