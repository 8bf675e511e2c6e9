// The C++ layer through the C tables it makes: what a class throws or returns is what a host sees.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "tidegate/cpp/plugin.h"
#include "tidegate/cpp/policy.h"
#include "tidegate/cpp/storage.h"
#include "tidegate/cpp/transport.h"

namespace tidegate::sdk {
namespace {

using ::testing::HasSubstr;

// Answers each call with what the configuration names.
class Moody {
 public:
  Moody(const Host&, std::string_view config_json) : mood_(config_json) {
    if (mood_ == "throw at create") throw Error(TG_INVALID, "no good configuration");
  }
  void Stop(uint64_t) {
    if (mood_ == "throw a number") throw 7;
  }
  Status Start(const tg_storage_open&, tg_storage_info&) { return {TG_IO, "cannot open x.db", 13}; }
  void Commit(std::span<const tg_group> groups, const OutcomeSink& outcomes, tg_watermark& end) {
    tg_outcome outcome{};
    for (const tg_group& group : groups) {
      outcome.mutation = group.count;
      outcomes(outcome);
    }
    end.position = groups.size();
  }
  Status Get(const tg_key&, const ChangeSink&) { return {TG_NOT_FOUND, "no such item"}; }
  void Query(const tg_query&, const ChangeSink&, const CursorSink& cursor) { cursor("next"); }
  void Changes(const tg_feed_selector&, uint64_t after, uint64_t, uint64_t, const ChangeSink& sink,
               tg_watermark& reached, bool& more) {
    tg_change change{};
    change.seq = after + 1;
    more = !sink(change);
    reached.position = change.seq;
  }
  void FeedStat(const tg_feed_selector&, uint64_t, tg_feed_stat&) { throw std::runtime_error("plain exception"); }
  void Head(tg_watermark&) { throw std::bad_alloc(); }
  void WatermarkCheck(const tg_watermark&, uint32_t& verdict) { verdict = TG_WATERMARK_USABLE; }
  void WatermarkCompare(const tg_watermark&, const tg_watermark&, int32_t&) { throw Error(TG_OK, "fine?"); }
  void Epochs(uint64_t, const EpochSink&) {}
  void RangeDigest(const tg_range&, const DigestSink&) {}
  void RangeScan(const tg_range&, const ChangeSink&) {}
  void Scopes(const ScopeSink&) {}
  Status MetaGet(std::string_view key, const MetaSink& sink) {
    (void)sink(key, "value");
    return {};
  }
  void MetaScan(std::string_view, const MetaSink&) {}
  void Stats(tg_storage_stats&) {}

 private:
  std::string mood_;
};

constexpr const tg_storage_v1& kTable = StoragePlugin<Moody>::kTable;

class StorageTable : public ::testing::Test {
 protected:
  void Make(std::string_view config) { ASSERT_EQ(kTable.base.create(nullptr, Str(config), &self_, &error_), TG_OK); }
  void TearDown() override {
    if (self_ != nullptr) kTable.base.destroy(self_);
  }
  void* self_ = nullptr;
  tg_error error_{};
};

TEST_F(StorageTable, Create_ThrownErrorBecomesCodeAndNoInstance) {
  EXPECT_EQ(kTable.base.create(nullptr, Str("throw at create"), &self_, &error_), TG_INVALID);
  EXPECT_EQ(self_, nullptr);
  EXPECT_STREQ(error_.message, "no good configuration");
  EXPECT_STREQ(error_.where, "create");
  EXPECT_EQ(error_.retryable, 0);
}

TEST_F(StorageTable, Start_StatusKeepsErrno) {
  Make("");
  tg_storage_open open{};
  tg_storage_info info{};
  EXPECT_EQ(kTable.start(self_, &open, &info, &error_), TG_IO);
  EXPECT_EQ(error_.sys_errno, 13);
}

TEST_F(StorageTable, Commit_GroupsAndOutcomesPass) {
  Make("");
  std::vector<uint64_t> seen;
  tg_outcome_sink sink{&seen, [](void* ctx, const tg_outcome* outcome) {
                         static_cast<std::vector<uint64_t>*>(ctx)->push_back(outcome->mutation);
                       }};
  tg_group groups[2] = {{nullptr, 3}, {nullptr, 4}};
  tg_watermark end{};
  ASSERT_EQ(kTable.commit(self_, groups, 2, &sink, &end, &error_), TG_OK);
  EXPECT_EQ(end.position, 2u);
  EXPECT_THAT(seen, ::testing::ElementsAre(3u, 4u));
}

TEST_F(StorageTable, Changes_SinkThatStopsIsSeenByTheClass) {
  Make("");
  tg_watermark reached{};
  uint32_t more = 0;
  tg_feed_selector selector{};
  tg_change_sink stop{nullptr, [](void*, const tg_change*) -> int32_t { return 1; }};
  ASSERT_EQ(kTable.changes(self_, &selector, 41, 0, 0, &stop, &reached, &more, &error_), TG_OK);
  EXPECT_EQ(reached.position, 42u);
  EXPECT_EQ(more, 1u);
}

TEST_F(StorageTable, Exceptions_AllEndAtTheBoundary) {
  Make("throw a number");
  tg_feed_selector selector{};
  tg_feed_stat stat{};
  EXPECT_EQ(kTable.feed_stat(self_, &selector, 0, &stat, &error_), TG_INTERNAL);
  EXPECT_STREQ(error_.message, "plain exception");
  tg_watermark mark{};
  EXPECT_EQ(kTable.head(self_, &mark, &error_), TG_FULL);
  EXPECT_EQ(error_.retryable, 1);
  int32_t order = 0;
  EXPECT_EQ(kTable.watermark_compare(self_, &mark, &mark, &order, &error_), TG_INTERNAL);
  EXPECT_EQ(kTable.base.stop(self_, 0, nullptr), TG_INTERNAL);
}

TEST_F(StorageTable, Backup_ClassWithoutItSaysUnsupported) {
  Make("");
  EXPECT_EQ(kTable.backup(self_, Str("/x"), &error_), TG_UNSUPPORTED);
  EXPECT_EQ(kTable.restore(self_, Str("/x"), Str(".y"), &error_), TG_UNSUPPORTED);
}

TEST(Fail, LongText_IsCutAtACharacter) {
  tg_error error{};
  std::string text(510, 'a');
  text += "\xc3\xa4";  // would be cut in the middle: 511 bytes fit
  Fail(&error, "here", TG_INVALID, text);
  EXPECT_EQ(std::string(error.message), std::string(510, 'a'));
}

class Shouting {
 public:
  Shouting(const Host&, std::string_view) {}
  std::optional<uint32_t> Lane(std::string_view model) const {
    if (model == "Bad") throw std::runtime_error("no");
    if (model == "Alarm") return TG_LANE_URGENT;
    return std::nullopt;
  }
  std::optional<std::string> Accept(const tg_policy_item&) const { throw std::runtime_error("no"); }
};

TEST(PolicyTable, MissingMethods_AreNullAndPresentOnesDecide) {
  const tg_policy_v1& table = PolicyPlugin<Shouting>::kTable;
  EXPECT_EQ(table.route, nullptr);
  EXPECT_EQ(table.reload, nullptr);
  void* self = nullptr;
  tg_error error{};
  ASSERT_EQ(table.base.create(nullptr, Str("{}"), &self, &error), TG_OK);
  uint32_t lane = 99;
  EXPECT_EQ(table.lane(self, Str("Alarm"), &lane), TG_DECIDED);
  EXPECT_EQ(lane, TG_LANE_URGENT);
  EXPECT_EQ(table.lane(self, Str("Other"), &lane), TG_PASS);
  EXPECT_EQ(table.lane(self, Str("Bad"), &lane), TG_PASS);
  tg_policy_item item{};
  std::string reason;
  tg_text_sink sink{&reason, [](void* ctx, tg_str text) { *static_cast<std::string*>(ctx) = View(text); }};
  EXPECT_EQ(table.accept(self, &item, &sink), TG_DENIED);
  EXPECT_THAT(reason, HasSubstr("failed"));
  table.base.destroy(self);
}

class Wire {
 public:
  Wire(const Host&, std::string_view) {}
  void Info(tg_transport_info& info) { info.frame_bytes_max = 5; }
  void Start(const TransportEvents& events) { events_ = events; }
  Status Send(tg_session session, std::string_view frame) {
    if (frame.size() > 5) return {TG_FULL, "queue is full"};
    last_ = session;
    return {};
  }
  void Close(tg_session session, std::string_view reason) { events_.Closed(session, reason); }
  void Stats(tg_transport_stats& stats) { stats.connects = last_; }

 private:
  TransportEvents events_;
  tg_session last_ = 0;
};

TEST(TransportTable, CallsAndEvents_ReachTheOtherSide) {
  const tg_transport_v1& table = TransportPlugin<Wire>::kTable;
  void* self = nullptr;
  tg_error error{};
  ASSERT_EQ(table.base.create(nullptr, Str("{}"), &self, &error), TG_OK);
  std::string closed;
  tg_transport_events events{};
  events.struct_size = sizeof events;
  events.ctx = &closed;
  events.closed = [](void* ctx, tg_session, tg_str reason) { *static_cast<std::string*>(ctx) = View(reason); };
  ASSERT_EQ(table.start(self, &events, &error), TG_OK);
  EXPECT_EQ(table.send(self, 9, Bytes("abc"), &error), TG_OK);
  EXPECT_EQ(table.send(self, 9, Bytes("abcdef"), &error), TG_FULL);
  EXPECT_EQ(error.retryable, 1);
  tg_transport_stats stats{};
  EXPECT_EQ(table.stats(self, &stats, &error), TG_OK);
  EXPECT_EQ(stats.connects, 9u);
  EXPECT_EQ(table.close(self, 9, Str("bye"), &error), TG_OK);
  EXPECT_EQ(closed, "bye");
  EXPECT_EQ(table.base.stop(self, 0, &error), TG_OK);
  table.base.destroy(self);
}

}  // namespace
}  // namespace tidegate::sdk
