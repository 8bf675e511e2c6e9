// The writer thread over a real node and storage-memory: many callers at once, watchers, full queue, stop.
#include "host/daemon/node_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "host/api/metrics.h"
#include "host/daemon/system.h"
#include "host/plugin/storage_adapter.h"
#include "plugins/storage-memory/storage_memory.h"

namespace tidegate::daemon {
namespace {

using testing::HasSubstr;

class QuietLog : public core::Log {
 public:
  void Write(uint32_t, std::string_view) override {}
};

class NoOutbox : public node::Outbox {
 public:
  Status Send(core::TransportSession, std::string_view) override { return Status::Unavailable("no transport"); }
  void Close(core::TransportSession, std::string_view) override {}
};

constexpr char kSchema[] =
    "{format:'onetable:1.1.0',version:'0.0.1',indexes:{primary:{hash:'pk',sort:'sk'}},models:{Reading:{"
    "pk:{type:'string',value:'reading#'},sk:{type:'string',value:'reading#${id}'},"
    "id:{type:'string',required:true},value:{type:'number'}}},params:{}}";

replica::Transaction Put(const std::string& id) {
  replica::Write write;
  write.model = "Reading";
  write.properties = "{\"id\":\"" + id + "\",\"value\":1}";
  return {write};
}

// storage-memory whose commits fail as told.
std::atomic<tg_code> commit_fails{TG_OK};
std::atomic<int32_t> fails_retryable{1};
tg_code FailingCommit(void* self, const tg_group* groups, uint64_t count, const tg_outcome_sink* outcomes,
                      tg_watermark* end, tg_error* error) {
  tg_code code = commit_fails;
  if (code == TG_OK) {
    return TidegateStorageMemoryTable()->commit(self, groups, count, outcomes, end, error);
  }
  *error = {};
  error->code = code;
  error->retryable = fails_retryable;
  std::strcpy(error->message, "the disk says no");
  return code;
}

// Waits for a callback of another thread.
template <typename T>
class Slot {
 public:
  std::function<void(T)> Callback() {
    return [this](T value) {
      MutexLock lock(mutex_);
      value_ = std::move(value);
      filled_.NotifyAll();
    };
  }
  T Take() {
    MutexLock lock(mutex_);
    while (!value_) filled_.Wait(mutex_);
    return *std::move(value_);
  }

 private:
  Mutex mutex_;
  CondVar filled_;
  std::optional<T> value_ TG_GUARDED_BY(mutex_);
};

class Runner : public testing::Test {
 protected:
  Runner() : policy_({}) {
    about_.struct_size = sizeof(about_);
    about_.role = TG_ROLE_ROUTER;
    about_.agent = 7;
    plugin::Environment environment{&log_, &metrics_, &clock_, &about_};
    commit_fails = TG_OK;
    table_ = *TidegateStorageMemoryTable();
    table_.commit = FailingCommit;
    auto storage = plugin::PluginStorage::Create(&table_, "memory", "{}", environment);
    EXPECT_TRUE(storage.ok()) << storage.status().message();
    storage_ = std::move(storage).value();
    ReplicaId id;
    id.bytes[0] = 1;
    EXPECT_TRUE(storage_->Start(id, 5).ok());
    SchemaLoad load = LoadSchema("schema.json5", kSchema);
    EXPECT_TRUE(load.status().ok()) << load.status().message();
    auto set = SchemaSet::Make({load.schema});
    auto catalog = replica::Catalog::Make(*set, policy_, nullptr);
    EXPECT_TRUE(catalog.ok());
    catalog_ = std::make_unique<replica::CatalogHolder>(*catalog);
    node::NodeOptions options;
    options.agent = 7;
    options.role = TG_ROLE_ROUTER;
    options.level = 2;
    auto node = node::Node::Open(options, {*storage_, policy_, *catalog_, clock_, random_, log_, metrics_, outbox_});
    EXPECT_TRUE(node.ok()) << node.status().message();
    node_ = std::move(node).value();
    reader_ = std::make_unique<replica::Reader>(*storage_, *catalog_, clock_, 7);
  }
  ~Runner() override { runner_.reset(); }

  NodeRunner& Make(bool start = true) {
    runner_ = std::make_unique<NodeRunner>(
        options_, *node_,
        NodeRunner::Surroundings{*storage_, *reader_, clock_, log_, metrics_, [this] { return metrics_.Text(); },
                                 nullptr, [this] { gave_up_++; }});
    if (start) runner_->Start();
    return *runner_;
  }

  SystemClock clock_;
  SystemRandom random_;
  QuietLog log_;
  api::PrometheusMetrics metrics_;
  NoOutbox outbox_;
  tg_node_v1 about_{};
  tg_storage_v1 table_{};
  core::PolicyChain policy_;
  std::unique_ptr<plugin::PluginStorage> storage_;
  std::unique_ptr<replica::CatalogHolder> catalog_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<replica::Reader> reader_;
  RunnerOptions options_;
  std::atomic<int> gave_up_{0};
  std::unique_ptr<NodeRunner> runner_;
};

TEST_F(Runner, Submit_AnswersAfterTheCommit) {
  Slot<replica::WriteAnswer> slot;
  Make().Submit(Put("a"), slot.Callback());
  replica::WriteAnswer answer = slot.Take();
  EXPECT_TRUE(answer.status.ok()) << answer.status.message();
  ASSERT_EQ(answer.written.size(), 1u);
  EXPECT_THAT(answer.written[0].item, HasSubstr("\"id\":\"a\""));
  EXPECT_EQ(runner_->GetStatus().items, 1u);
}

TEST_F(Runner, SubmitMany_AnswersInOrderAcrossCommits) {
  options_.commit_items_max = 7;
  std::vector<replica::Transaction> many;
  for (int i = 0; i < 50; i++) many.push_back(Put(i == 20 ? "" : "x" + std::to_string(i)));
  many[20][0].properties = "{\"wrong\":";
  Slot<std::vector<replica::WriteAnswer>> slot;
  Make().SubmitMany(std::move(many), slot.Callback());
  std::vector<replica::WriteAnswer> answers = slot.Take();
  ASSERT_EQ(answers.size(), 50u);
  for (size_t i = 0; i < answers.size(); i++) {
    EXPECT_EQ(answers[i].status.ok(), i != 20) << i << answers[i].status.message();
    if (i != 20) {
      EXPECT_THAT(answers[i].written.at(0).item, HasSubstr("\"id\":\"x" + std::to_string(i) + "\""));
    }
  }
}

TEST_F(Runner, ManyThreads_AllGetTheirAnswers) {
  NodeRunner& runner = Make();
  std::atomic<int> good{0};
  std::atomic<uint64_t> watched{0};
  uint64_t watch = runner.Watch([&](const tg_change&) { watched++; });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; i++) {
        Slot<replica::WriteAnswer> slot;
        runner.Submit(Put(std::to_string(t) + "-" + std::to_string(i)), slot.Callback());
        if (slot.Take().status.ok()) good++;
        if (i % 10 == 0) runner.GetStatus();
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 30; i++) runner.Unwatch(runner.Watch([](const tg_change&) {}));
  });
  threads.emplace_back([&] {
    replica::FindRequest request;
    request.model = "Reading";
    request.limit = 10;
    for (int i = 0; i < 50; i++) EXPECT_TRUE(runner.reader().Find(request).ok());
  });
  for (std::thread& thread : threads) thread.join();
  runner.Unwatch(watch);
  EXPECT_EQ(good, 200);
  EXPECT_EQ(watched, 200u);
}

TEST_F(Runner, Unwatch_EndsTheCalls) {
  NodeRunner& runner = Make();
  auto calls = std::make_unique<std::atomic<int>>(0);
  uint64_t watch = runner.Watch([raw = calls.get()](const tg_change&) { (*raw)++; });
  Slot<replica::WriteAnswer> first;
  runner.Submit(Put("a"), first.Callback());
  first.Take();
  runner.Unwatch(watch);
  EXPECT_EQ(*calls, 1);
  calls.reset();  // a later call would touch freed memory
  Slot<replica::WriteAnswer> second;
  runner.Submit(Put("b"), second.Callback());
  EXPECT_TRUE(second.Take().status.ok());
}

TEST_F(Runner, FullQueue_AnswersFull) {
  options_.queue_items_max = 2;
  NodeRunner& runner = Make(false);  // nobody takes from the queue
  Slot<replica::WriteAnswer> one, two, three;
  runner.Submit(Put("a"), one.Callback());
  runner.Submit(Put("b"), two.Callback());
  runner.Submit(Put("c"), three.Callback());
  EXPECT_EQ(three.Take().status.code(), Code::kFull);
  runner.Start();
  EXPECT_TRUE(one.Take().status.ok());
  EXPECT_TRUE(two.Take().status.ok());
}

TEST_F(Runner, Stop_AnswersWhatWaits) {
  NodeRunner& runner = Make(false);
  Slot<replica::WriteAnswer> before, after;
  Slot<node::SyncAnswer> sync;
  runner.Submit(Put("a"), before.Callback());
  runner.Sync({}, sync.Callback());
  runner.Stop();
  EXPECT_EQ(before.Take().status.code(), Code::kUnavailable);
  EXPECT_EQ(sync.Take().status.code(), Code::kUnavailable);
  runner.Submit(Put("b"), after.Callback());
  EXPECT_EQ(after.Take().status.code(), Code::kUnavailable);
  EXPECT_FALSE(runner.GetStatus().healthy);
  EXPECT_FALSE(runner.Quarantine().ok());
  EXPECT_FALSE(runner.Conflicts().ok());
  EXPECT_FALSE(runner.RestoreConflict(1).ok());
  EXPECT_FALSE(runner.Adopt(9).ok());
}

TEST_F(Runner, CommitFails_IsAnsweredShownAndTriedAgain) {
  NodeRunner& runner = Make();
  commit_fails = TG_FULL;
  for (int i = 0; i < 2; ++i) {
    Slot<replica::WriteAnswer> slot;
    runner.Submit(Put("a"), slot.Callback());
    EXPECT_EQ(slot.Take().status.code(), Code::kFull);
    // Rounds in which there is nothing to commit do not count as success.
    runner.InWriter([](node::Node&) {});
    runner.InWriter([](node::Node&) {});
    node::NodeStatus status = runner.GetStatus();
    EXPECT_FALSE(status.healthy);
    // The first failure may have been too much at once.
    ASSERT_EQ(status.problems.size(), i == 0 ? 1u : 2u);
    EXPECT_THAT(status.problems.back(), HasSubstr("the disk says no"));
    EXPECT_THAT(status.problems[0], HasSubstr(i == 0 ? "the disk says no" : "the disk is full"));
  }
  commit_fails = TG_OK;
  Slot<replica::WriteAnswer> slot;
  runner.Submit(Put("a"), slot.Callback());
  EXPECT_TRUE(slot.Take().status.ok());
  EXPECT_TRUE(runner.GetStatus().healthy);
  EXPECT_EQ(gave_up_, 0);
}

TEST_F(Runner, StorageGivesUp_NothingMoreIsTaken) {
  NodeRunner& runner = Make();
  commit_fails = TG_IO;
  Slot<replica::WriteAnswer> retryable, lost, after;
  runner.Submit(Put("a"), retryable.Callback());
  EXPECT_EQ(retryable.Take().status.code(), Code::kIo);
  runner.InWriter([](node::Node&) {});
  EXPECT_FALSE(runner.gave_up());
  fails_retryable = 0;
  runner.Submit(Put("b"), lost.Callback());
  EXPECT_EQ(lost.Take().status.code(), Code::kIo);
  while (!runner.gave_up()) std::this_thread::yield();
  commit_fails = TG_OK;
  runner.Submit(Put("c"), after.Callback());
  EXPECT_EQ(after.Take().status.code(), Code::kUnavailable);
  runner.Stop();
  EXPECT_EQ(gave_up_, 1);
  fails_retryable = 1;
}

TEST_F(Runner, FramesOfUnknownSessions_AreHarmless) {
  NodeRunner& runner = Make();
  runner.BadFrame(77, Status::Corrupt("damaged"), 0);
  runner.Frame(77, wire::DecodedFrame{}, 10);
  runner.Closed(77, "gone");
  runner.Writable(77);
  EXPECT_TRUE(runner.GetStatus().healthy);
}

}  // namespace
}  // namespace tidegate::daemon
