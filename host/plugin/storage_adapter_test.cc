// The storage adapter over a table that the SDK's C++ layer makes: both sides of the boundary in one process.
#include "host/plugin/storage_adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "host/base/views.h"
#include "host/plugin/test_log.h"
#include "tidegate/cpp/plugin.h"
#include "tidegate/cpp/storage.h"

namespace tidegate::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Counts : public core::Metrics {
 public:
  void Add(std::string_view counter, uint64_t delta) override { counters[std::string(counter)] += delta; }
  void Set(std::string_view gauge, int64_t value) override { gauges[std::string(gauge)] = value; }
  std::map<std::string, uint64_t> counters;
  std::map<std::string, int64_t> gauges;
};

class FixedClock : public core::Clock {
 public:
  int64_t unix_ms() const override { return 1'700'000'000'000; }
  int64_t monotonic_us() const override { return 42; }
};

// Echoes its arguments, so that a swapped one shows.
class EchoStorage {
 public:
  EchoStorage(const sdk::Host& host, std::string_view) : log_(host.log()), host_(host) { log_.Info("create"); }
  ~EchoStorage() { log_.Info("destroy"); }
  void Stop(uint64_t deadline_ms) { log_.Info("stop " + std::to_string(deadline_ms)); }
  sdk::Status Start(const tg_storage_open& open, tg_storage_info& info) {
    log_.Info("start");
    std::memcpy(info.replica, open.new_replica, sizeof info.replica);
    info.created = 1;
    info.durable = 1;
    info.commit_items_max = open.epoch;
    info.item_bytes_max = 9;
    host_.metrics().CounterAdd("starts");
    host_.metrics().GaugeSet("clock_us", host_.clock().monotonic_us());
    return {};
  }
  sdk::Status Commit(std::span<const tg_group> groups, const sdk::OutcomeSink& outcomes, tg_watermark& end) {
    if (groups.empty()) return {TG_FULL, "disk is full", 28};
    tg_outcome outcome{};
    outcome.seq = 77;
    outcomes(outcome);
    end.position = groups.size();
    end.version.agent = 5;
    return {};
  }
  sdk::Status Get(const tg_key& key, const sdk::ChangeSink& sink) {
    if (key.owner == 0) return {TG_NOT_FOUND, "no such item"};
    tg_change change{};
    change.key = key;
    (void)sink(change);
    return {};
  }
  void Query(const tg_query& query, const sdk::ChangeSink& sink, const sdk::CursorSink& cursor) {
    tg_change change{};
    uint64_t given = 0;
    while (given < query.limit && sink(change)) ++given;
    cursor(std::to_string(given));
  }
  void Changes(const tg_feed_selector& selector, uint64_t after, uint64_t limit_items, uint64_t limit_bytes,
               const sdk::ChangeSink& sink, tg_watermark& reached, bool& more) {
    tg_change change{};
    change.lane = selector.lane;
    change.seq = after + limit_items * 10 + limit_bytes * 100;
    more = sink(change);
    reached.position = change.seq;
  }
  void FeedStat(const tg_feed_selector&, uint64_t after, tg_feed_stat& stat) { stat.head = after + 1; }
  void Head(tg_watermark& head) { head.epoch = 11; }
  void WatermarkCheck(const tg_watermark& mark, uint32_t& verdict) { verdict = static_cast<uint32_t>(mark.position); }
  void WatermarkCompare(const tg_watermark& a, const tg_watermark& b, int32_t& order) {
    order = a.position < b.position ? -1 : 1;
  }
  void Epochs(uint64_t limit, const sdk::EpochSink& sink) {
    for (uint64_t i = 0; i < limit; ++i) (void)sink({100 + i, i});
  }
  void RangeDigest(const tg_range& range, const sdk::DigestSink& sink) {
    tg_digest digest{};
    digest.sum = range.owner;
    (void)sink(digest);
  }
  void RangeScan(const tg_range& range, const sdk::ChangeSink& sink) {
    tg_change change{};
    change.key.owner = range.owner;
    (void)sink(change);
  }
  void Scopes(const sdk::ScopeSink& sink) {
    tg_scope scope{};
    scope.items = 3;
    (void)sink(scope);
  }
  sdk::Status MetaGet(std::string_view key, const sdk::MetaSink& sink) {
    if (key != "known") return {TG_NOT_FOUND, "no entry"};
    (void)sink(key, std::string_view("\0v", 2));
    return {};
  }
  void MetaScan(std::string_view prefix, const sdk::MetaSink& sink) {
    int i = 0;
    while (sink(std::string(prefix) + std::to_string(i), "v")) ++i;
  }
  void Stats(tg_storage_stats& stats) { stats.items = 8; }

 private:
  sdk::Log log_;
  sdk::Host host_;
};

class StorageAdapter : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = PluginStorage::Create(&sdk::detail::kPlugin<sdk::StoragePlugin<EchoStorage>>, "storage-echo", "{}",
                                      environment_);
    ASSERT_TRUE(made.ok()) << made.status().message();
    storage_ = std::move(made).value();
  }
  void Start() { ASSERT_TRUE(storage_->Start(replica_, 123).ok()); }

  Lines log_;
  Counts counts_;
  FixedClock clock_;
  Environment environment_{&log_, &counts_, &clock_, nullptr};
  ReplicaId replica_{{1, 2, 3}};
  std::unique_ptr<PluginStorage> storage_;
};

TEST_F(StorageAdapter, Life_StopsAndDestroysInOrder) {
  Start();
  storage_.reset();
  EXPECT_THAT(log_.lines, ElementsAre("storage-echo: create", "storage-echo: start", "storage-echo: stop 5000",
                                      "storage-echo: destroy"));
}

TEST_F(StorageAdapter, Stop_OnceAndNothingAfterIt) {
  Start();
  EXPECT_TRUE(storage_->Stop(7).ok());
  EXPECT_TRUE(storage_->Stop(7).ok());
  EXPECT_EQ(storage_->Head().status().code(), Code::kUnavailable);
  EXPECT_EQ(storage_->Start(replica_, 1).code(), Code::kInternal);
  storage_.reset();
  EXPECT_THAT(log_.lines, ElementsAre("storage-echo: create", "storage-echo: start", "storage-echo: stop 7",
                                      "storage-echo: destroy"));
}

TEST_F(StorageAdapter, BeforeStart_Unavailable) {
  EXPECT_EQ(storage_->MetaGet("known").status().code(), Code::kUnavailable);
}

TEST_F(StorageAdapter, Start_InfoAndServices) {
  Start();
  EXPECT_EQ(storage_->info().replica, replica_);
  EXPECT_TRUE(storage_->info().created);
  EXPECT_TRUE(storage_->info().durable);
  EXPECT_FALSE(storage_->info().multi_writer);
  EXPECT_EQ(storage_->info().commit_items_max, 123u);
  EXPECT_EQ(storage_->info().item_bytes_max, 9u);
  EXPECT_EQ(storage_->epoch(), 123u);
  EXPECT_EQ(counts_.counters["storage_echo_starts"], 1u);
  EXPECT_EQ(counts_.gauges["storage_echo_clock_us"], 42);
}

TEST_F(StorageAdapter, Commit_OutcomesEndAndErrors) {
  Start();
  tg_group groups[2] = {};
  uint64_t seq = 0;
  auto end = storage_->Commit(groups, [&](const tg_outcome& outcome) { seq = outcome.seq; });
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(seq, 77u);
  EXPECT_EQ(end->position, 2u);
  EXPECT_EQ(end->version.agent, 5u);
  EXPECT_TRUE(storage_->Commit(groups, nullptr).ok()) << "outcomes are not wanted";
  auto full = storage_->Commit({}, nullptr);
  EXPECT_EQ(full.status().code(), Code::kFull);
  EXPECT_EQ(full.status().message(), "storage-echo: commit: disk is full (No space left on device)");
}

TEST_F(StorageAdapter, Reading_ArgumentsAndResultsKeepTheirPlaces) {
  Start();
  uint64_t owner = 0;
  EXPECT_TRUE(
      storage_->Get({4, Str("p"), Str("s")}, [&](const tg_change& c) { return owner = c.key.owner, true; }).ok());
  EXPECT_EQ(owner, 4u);
  EXPECT_EQ(storage_->Get({0, Str("p"), Str("s")}, [](const tg_change&) { return true; }).code(), Code::kNotFound);

  tg_query query{};
  query.limit = 5;
  EXPECT_EQ(*storage_->Query(query, [](const tg_change&) { return true; }), "5");
  EXPECT_EQ(*storage_->Query(query, [](const tg_change&) { return false; }), "0");

  tg_feed_selector selector{};
  selector.lane = 2;
  uint8_t lane = 0;
  auto page = storage_->Changes(selector, 1, 2, 3, [&](const tg_change& c) { return lane = c.lane, true; });
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(lane, 2);
  EXPECT_EQ(page->reached.position, 321u);
  EXPECT_TRUE(page->more);
  EXPECT_EQ(storage_->FeedStat(selector, 9)->head, 10u);
  EXPECT_EQ(storage_->Head()->epoch, 11u);
  Watermark mark, later;
  mark.position = 6;
  later.position = 7;
  EXPECT_EQ(*storage_->WatermarkCheck(mark), 6u);
  EXPECT_EQ(*storage_->WatermarkCompare(mark, later), -1);
  auto epochs = storage_->Epochs(2);
  ASSERT_EQ(epochs->size(), 2u);
  EXPECT_EQ((*epochs)[1].epoch, 101u);

  tg_range range{};
  range.owner = 12;
  uint64_t sum = 0;
  EXPECT_TRUE(storage_->RangeDigest(range, [&](const tg_digest& d) { return sum = d.sum, true; }).ok());
  EXPECT_EQ(sum, 12u);
  EXPECT_TRUE(storage_->RangeScan(range, [&](const tg_change& c) { return owner = c.key.owner, true; }).ok());
  EXPECT_EQ(owner, 12u);
  EXPECT_TRUE(storage_->Scopes([&](const tg_scope& s) { return sum = s.items, true; }).ok());
  EXPECT_EQ(sum, 3u);
  EXPECT_EQ(*storage_->MetaGet("known"), std::string("\0v", 2));
  EXPECT_EQ(storage_->MetaGet("other").status().code(), Code::kNotFound);
  std::vector<std::string> keys;
  EXPECT_TRUE(storage_
                  ->MetaScan("k",
                             [&](std::string_view key, std::string_view) {
                               keys.emplace_back(key);
                               return keys.size() < 3;
                             })
                  .ok());
  EXPECT_THAT(keys, ElementsAre("k0", "k1", "k2"));
  EXPECT_EQ(storage_->Stats()->items, 8u);
  EXPECT_EQ(storage_->Backup("/x").code(), Code::kUnsupported);
  EXPECT_EQ(storage_->Restore("/x", ".y").code(), Code::kConflict) << "it is started";
}

TEST_F(StorageAdapter, MissingFunction_RefusedAtCreate) {
  static tg_storage_v1 table = sdk::StoragePlugin<EchoStorage>::kTable;
  table.commit = nullptr;
  static const tg_plugin plugin{sizeof(tg_plugin), 0, [](const char*) -> const void* { return &table; }};
  auto made = PluginStorage::Create(&plugin, "storage-echo", "{}", environment_);
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.status().message(), HasSubstr("lacks a function"));
}

TEST_F(StorageAdapter, TableInHand_CreatedOrAdopted) {
  const tg_storage_v1* table = &sdk::StoragePlugin<EchoStorage>::kTable;
  auto created = PluginStorage::Create(table, "linked-in", "{}", environment_);
  ASSERT_TRUE(created.ok()) << created.status().message();
  EXPECT_TRUE((*created)->Start(replica_, 1).ok());

  void* self = nullptr;
  tg_error error{};
  ASSERT_EQ(table->base.create(nullptr, Str("{}"), &self, &error), TG_OK);
  std::unique_ptr<PluginStorage> adopted = PluginStorage::Adopt(table, self, "adopted", environment_);
  EXPECT_TRUE(adopted->Start(replica_, 2).ok());
  EXPECT_EQ(adopted->Head()->epoch, 11u);
}

}  // namespace
}  // namespace tidegate::plugin
