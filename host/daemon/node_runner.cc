#include "host/daemon/node_runner.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "tidegate/services.h"

namespace tidegate::daemon {
namespace {

// The thread comes round at least this often, so that a watchdog can tell idle from stuck.
constexpr int64_t kRoundUsMax = 1'000'000;
// How long nothing may arrive before lingering ends.
constexpr int64_t kLingerStepUs = 200;
constexpr int64_t kRetryUs = 100'000;

}  // namespace

NodeRunner::NodeRunner(const RunnerOptions& options, node::Node& node, const Surroundings& around)
    : options_(options), node_(node), around_(around), preparer_(node.MakePreparer()) {}

void NodeRunner::Start() {
  round_us_ = around_.clock.monotonic_us();
  thread_ = std::thread([this] { Run(); });
}

void NodeRunner::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    filled_.NotifyAll();
    drained_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  std::deque<Event> left;
  {
    MutexLock lock(mutex_);
    left.swap(queue_);
  }
  for (Event& event : left) Refuse(event);
}

int64_t NodeRunner::StuckUs() const { return around_.clock.monotonic_us() - round_us_.load(std::memory_order_relaxed); }

// ---- the queue ----

void NodeRunner::Post(Event event, uint64_t items) {
  {
    MutexLock lock(mutex_);
    if (!stopping_) {
      queue_.push_back(std::move(event));
      queued_items_ += items;
      filled_.NotifyOne();
      return;
    }
  }
  Refuse(event);
}

Status NodeRunner::Stopping() { return Status::Unavailable("the daemon is stopping"); }

void NodeRunner::Refuse(Event& event) {
  if (auto* batch = std::get_if<Batch*>(&event)) {
    std::unique_ptr<Batch> refused(*batch);
    for (size_t i = refused->next; i < refused->answers.size(); i++) refused->answers[i].status = Stopping();
    refused->done(std::move(refused->answers));
  } else if (auto* task = std::get_if<Task>(&event)) {
    (*task)(false);
  }
}

void NodeRunner::SubmitMany(std::vector<replica::Transaction> transactions,
                            std::function<void(std::vector<replica::WriteAnswer>)> done) {
  if (transactions.empty()) return done({});
  size_t count = transactions.size();
  bool full = false;
  {
    MutexLock lock(mutex_);
    // A batch larger than the whole queue is let into an empty one.
    full = queued_items_ > 0 && queued_items_ + count > options_.queue_items_max;
  }
  if (full) {
    around_.metrics.Add("writes_refused_full", count);
    std::vector<replica::WriteAnswer> answers(count);
    for (auto& answer : answers) {
      answer.status = Status::Full("too many writes wait (limits.queue_items_max); come back in a moment");
    }
    return done(std::move(answers));
  }
  FreeSpent();
  auto* batch = new Batch;
  batch->answers.resize(count);
  batch->unanswered = count;
  batch->done = std::move(done);
  batch->submissions.resize(count);
  batch->runner = this;
  for (size_t i = 0; i < count; i++) {
    batch->submissions[i].transaction = std::move(transactions[i]);
    // Two words: they fit into std::function without memory of its own.
    batch->submissions[i].done = [batch, i](replica::WriteAnswer answer) { Answered(batch, i, std::move(answer)); };
  }
  {
    // Encoding is done here, by the caller's thread: the writer thread has the commits to do.
    MutexLock lock(prepare_mutex_);
    for (replica::Submission& submission : batch->submissions) preparer_->Prepare(&submission);
  }
  Post(batch, count);
}

void NodeRunner::Submit(replica::Transaction transaction, std::function<void(replica::WriteAnswer)> done) {
  std::vector<replica::Transaction> one;
  one.push_back(std::move(transaction));
  SubmitMany(std::move(one),
             [done = std::move(done)](std::vector<replica::WriteAnswer> answers) { done(std::move(answers.front())); });
}

void NodeRunner::Opened(core::TransportSession session, core::Peer peer) {
  PostTask([this, session, peer = std::move(peer)](bool run) {
    if (run) node_.SessionOpened(session, peer);
  });
}

void NodeRunner::Frame(core::TransportSession session, wire::DecodedFrame frame, uint64_t bytes) {
  MutexLock lock(mutex_);
  while (!stopping_ && queued_bytes_ > options_.queue_frame_bytes_max) drained_.Wait(mutex_);
  if (stopping_) return;  // the neighbour sends it again
  queued_bytes_ += bytes;
  queue_.push_back(FrameEvent{session, std::move(frame), bytes});
  filled_.NotifyOne();
}

void NodeRunner::BadFrame(core::TransportSession session, Status status, uint32_t unknown_type) {
  PostTask([this, session, status = std::move(status), unknown_type](bool run) {
    if (run) node_.BadFrame(session, status, unknown_type);
  });
}

void NodeRunner::Closed(core::TransportSession session, std::string reason) {
  PostTask([this, session, reason = std::move(reason)](bool run) {
    if (run) node_.SessionClosed(session, reason);
  });
}

void NodeRunner::Writable(core::TransportSession session) {
  PostTask([this, session](bool run) {
    if (run) node_.Writable(session);
  });
}

// ---- the thread ----

void NodeRunner::Run() {
  while (WaitForWork()) {
    uint64_t budget = options_.commit_items_max;
    uint64_t events = 0;
    uint64_t taken = Stage(budget, &events);
    // One event alone is not worth waiting for another.
    if (events > 1 && taken < budget) {
      int64_t until_us = around_.clock.monotonic_us() + options_.linger_max_ms * 1000;
      while (taken < budget && LingerForMore(until_us)) taken += Stage(budget - taken, &events);
    }
    Commit(taken);
  }
}

bool NodeRunner::WaitForWork() {
  int64_t now = around_.clock.monotonic_us();
  round_us_.store(now, std::memory_order_relaxed);
  int64_t until = std::min(node_.NextTimerUs(), now + kRoundUsMax);
  if (failing_) until = std::max(until, now + kRetryUs);
  MutexLock lock(mutex_);
  if (queue_.empty()) spent_.clear();
  while (!stopping_ && queue_.empty()) {
    now = around_.clock.monotonic_us();
    if (now >= until) return true;
    filled_.WaitFor(mutex_, std::chrono::microseconds(until - now));
  }
  return !stopping_;
}

bool NodeRunner::LingerForMore(int64_t until_us) {
  int64_t left = until_us - around_.clock.monotonic_us();
  if (left <= 0) return false;
  MutexLock lock(mutex_);
  if (stopping_) return false;
  if (queue_.empty()) filled_.WaitFor(mutex_, std::chrono::microseconds(std::min(left, kLingerStepUs)));
  return !queue_.empty();
}

uint64_t NodeRunner::Stage(uint64_t budget, uint64_t* events) {
  uint64_t taken = 0;
  while (taken < budget) {
    Event event;
    {
      MutexLock lock(mutex_);
      if (queue_.empty()) break;
      event = std::move(queue_.front());
      queue_.pop_front();
      if (auto* frame = std::get_if<FrameEvent>(&event)) {
        queued_bytes_ -= frame->bytes;
        drained_.NotifyAll();
      }
    }
    ++*events;
    if (auto* batch = std::get_if<Batch*>(&event)) {
      taken += StageBatch(*batch, budget - taken);
    } else if (auto* frame = std::get_if<FrameEvent>(&event)) {
      // A backlog is committed as it comes, not a window at a time: the sender would stand still meanwhile.
      const auto* changes = std::get_if<wire::Batch>(&frame->frame.body);
      taken += 1 + (changes != nullptr ? changes->changes.size() : 0);
      node_.Frame(frame->session, std::move(frame->frame), frame->bytes);
    } else {
      taken++;
      std::get<Task>(event)(true);
    }
  }
  return taken;
}

uint64_t NodeRunner::StageBatch(Batch* batch, uint64_t budget) {
  size_t begin = batch->next;
  size_t end = std::min<size_t>(batch->submissions.size(), begin + budget);
  bool all = end == batch->submissions.size();
  batch->next = end;
  {
    MutexLock lock(mutex_);
    queued_items_ -= end - begin;
    if (!all) queue_.push_front(batch);
  }
  for (size_t i = begin; i < end; i++) node_.Write(batch->submissions[i]);
  return end - begin;
}

void NodeRunner::Answered(Batch* batch, size_t index, replica::WriteAnswer answer) {
  batch->answers[index] = std::move(answer);
  if (--batch->unanswered > 0) return;
  batch->done(std::move(batch->answers));
  batch->runner->answered_.emplace_back(batch);
}

void NodeRunner::FreeSpent() {
  std::vector<std::unique_ptr<Batch>> spent;
  {
    MutexLock lock(mutex_);
    spent.swap(spent_);
  }
}

void NodeRunner::Commit(uint64_t items) {
  int64_t begun = around_.clock.monotonic_us();
  (void)node_.Commit();  // says nothing when there was nothing to commit
  if (!answered_.empty()) {
    MutexLock lock(mutex_);
    std::move(answered_.begin(), answered_.end(), std::back_inserter(spent_));
    answered_.clear();
  }
  if (items > 0) {
    around_.metrics.Add("commits", 1);
    around_.metrics.Add("commit_us", static_cast<uint64_t>(std::max<int64_t>(0, around_.clock.monotonic_us() - begun)));
  }
  const Status& last = around_.storage.last_commit();
  if (!last.ok() && !failing_) {
    around_.log.Write(TG_LOG_ERROR, "writes are refused, and nothing is acknowledged, until commits succeed again: " +
                                        last.message());
  }
  if (last.ok() && failing_) around_.log.Write(TG_LOG_INFO, "commits succeed again");
  failing_ = !last.ok();
  if (around_.storage.gave_up()) GiveUp();
}

void NodeRunner::GiveUp() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    drained_.NotifyAll();
  }
  gave_up_ = true;
  if (around_.gave_up) around_.gave_up();
}

}  // namespace tidegate::daemon
