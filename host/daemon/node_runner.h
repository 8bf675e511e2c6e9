// NodeRunner: the one thread that runs a node. Writes, frames, sessions and timers queue up; the thread
// takes what is there (at most commit_items_max items), lets the node commit it at once, and goes on:
// group commit. While much is arriving it lingers for more, never longer than linger_max_ms.
// Commits that fail are answered and tried again; when the storage gives up, so does the runner: it stops taking
// anything and says so, and the daemon ends.
// Thread safety: as NodeService and SessionSink; Start and Stop from the control thread. Ownership:
// refers to the node and its surroundings, which outlive it.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <variant>

#include "host/base/mutex.h"
#include "host/daemon/transport_hub.h"
#include "host/daemon/watchers.h"
#include "host/node/node.h"
#include "host/node/service.h"
#include "host/plugin/storage_adapter.h"

namespace tidegate::daemon {

struct RunnerOptions {
  uint64_t queue_items_max = 10'000;           // of local writes
  uint64_t queue_frame_bytes_max = 16u << 20;  // transports wait above this
  uint64_t commit_items_max = 1'000;
  int64_t linger_max_ms = 5;
};

class NodeRunner : public node::NodeService, public SessionSink {
 public:
  struct Surroundings {
    plugin::PluginStorage& storage;
    const replica::Reader& reader;
    const core::Clock& clock;
    core::Log& log;
    core::Metrics& metrics;
    std::function<std::string()> metrics_text;
    // Adds to a status what the node itself does not know; may be empty.
    std::function<void(node::NodeStatus*)> complete_status = nullptr;
    // Called once, in the writer thread, when the storage gave up; may be empty.
    std::function<void()> gave_up = nullptr;
  };

  NodeRunner(const RunnerOptions& options, node::Node& node, const Surroundings& around);
  ~NodeRunner() override { Stop(); }

  void Start();
  // Answers what waits with kUnavailable and joins the thread. No event may come in afterwards.
  void Stop();
  // Microseconds since the thread last came round; large when it is stuck.
  int64_t StuckUs() const;
  // The storage gave up: nothing is committed any more.
  bool gave_up() const { return gave_up_; }
  // Runs fn in the writer thread and waits; false if it was stopped before.
  bool InWriter(const std::function<void(node::Node&)>& fn);

  // ---- NodeService ----
  void Submit(replica::Transaction transaction, std::function<void(replica::WriteAnswer)> done) override;
  void SubmitMany(std::vector<replica::Transaction> transactions,
                  std::function<void(std::vector<replica::WriteAnswer>)> done) override;
  const replica::Reader& reader() const override { return around_.reader; }
  void Sync(node::SyncRequest request, std::function<void(node::SyncAnswer)> done) override;
  void SyncLinks(node::LinkSyncRequest request, std::function<void(node::LinkSyncAnswer)> done) override;
  void Clear(node::ClearRequest request, std::function<void(node::ClearAnswer)> done) override;
  Status SwitchLink(AgentId agent, bool on) override;
  node::NodeStatus GetStatus() override;
  Result<std::vector<node::QuarantineEntry>> Quarantine() override;
  Result<node::QuarantineEntry> Quarantined(const std::string& id) override;
  void ActOnQuarantine(node::QuarantineRequest request, std::function<void(node::QuarantineAnswer)> done) override;
  Result<std::vector<node::ConflictEntry>> Conflicts() override;
  Result<node::ConflictEntry> Conflict(uint64_t number) override;
  Status RestoreConflict(uint64_t number) override;
  Result<node::CommandList> Commands(const std::string& model) override;
  Status Adopt(AgentId agent) override;
  Status ConfirmLosses() override;
  Result<std::vector<node::LossEntry>> Losses() override;
  Status SetLevel(uint32_t level) override;
  Status Backup(const std::string& path) override;
  uint64_t Watch(node::WatchFn fn) override;
  void Unwatch(uint64_t watch) override;
  std::string MetricsText() override { return around_.metrics_text(); }

  // ---- SessionSink ----
  void Opened(core::TransportSession session, core::Peer peer) override;
  void Frame(core::TransportSession session, wire::DecodedFrame frame, uint64_t bytes) override;
  void BadFrame(core::TransportSession session, Status status, uint32_t unknown_type) override;
  void Closed(core::TransportSession session, std::string reason) override;
  void Writable(core::TransportSession session) override;

 private:
  // Many transactions with one callback; counts down to it.
  struct Batch {
    NodeRunner* runner;
    std::vector<replica::Submission> submissions;
    std::vector<replica::WriteAnswer> answers;
    std::function<void(std::vector<replica::WriteAnswer>)> done;
    size_t next = 0;  // first that the node has not got
    size_t unanswered = 0;
  };
  struct FrameEvent {
    core::TransportSession session;
    wire::DecodedFrame frame;
    uint64_t bytes;
  };
  // run = false: the runner is stopping.
  using Task = std::function<void(bool run)>;
  using Event = std::variant<Batch*, FrameEvent, Task>;

  void Post(Event event, uint64_t items);
  void PostTask(Task task) { Post(std::move(task), 0); }
  Status AskNode(std::function<void(node::Node&, std::function<void(Status)>)> ask);
  void Run();
  // Waits for an event or the node's timer; false when stopping.
  bool WaitForWork();
  // Stages events up to the budget and returns what it took of it.
  uint64_t Stage(uint64_t budget, uint64_t* events);
  bool LingerForMore(int64_t until_us);
  uint64_t StageBatch(Batch* batch, uint64_t budget);
  static void Answered(Batch* batch, size_t index, replica::WriteAnswer answer);
  void FreeSpent();
  void Commit(uint64_t items);
  void GiveUp();
  void Refuse(Event& event);
  static Status Stopping();  // what is refused with

  const RunnerOptions options_;
  node::Node& node_;
  const Surroundings around_;
  std::thread thread_;
  Watchers watchers_;
  std::atomic<int64_t> round_us_{0};
  std::atomic<bool> gave_up_{false};
  bool failing_ = false;                          // the storage's last commit failed; writer thread only
  std::vector<std::unique_ptr<Batch>> answered_;  // in this commit; writer thread only

  Mutex backup_mutex_;
  Mutex prepare_mutex_;
  const std::unique_ptr<replica::Preparer> preparer_ TG_GUARDED_BY(prepare_mutex_);
  mutable Mutex mutex_;
  CondVar filled_;
  CondVar drained_;
  std::deque<Event> queue_ TG_GUARDED_BY(mutex_);
  uint64_t queued_items_ TG_GUARDED_BY(mutex_) = 0;
  uint64_t queued_bytes_ TG_GUARDED_BY(mutex_) = 0;
  bool stopping_ TG_GUARDED_BY(mutex_) = false;
  // Answered batches, to be freed by who submits the next one, or by the writer when it has nothing to do:
  // that costs half as much as staging them.
  std::vector<std::unique_ptr<Batch>> spent_ TG_GUARDED_BY(mutex_);
};

}  // namespace tidegate::daemon
