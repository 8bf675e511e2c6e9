// Local writes and reads over storage-memory: what a program on this machine sees.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/core/stage.h"
#include "host/plugin/storage_adapter.h"
#include "host/replica/local_writer.h"
#include "host/replica/reader.h"
#include "plugins/storage-memory/storage_memory.h"

namespace tidegate::replica {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSchema[] = R"({
  format: 'onetable:1.1.0', version: '1.0.0', indexes: {primary: {hash: 'pk', sort: 'sk'}},
  params: {isoDates: true, timestamps: true},
  models: {
    Reading: {pk: {type: String, value: 'r#'}, sk: {type: String, value: 'r#${id}'},
              id: {type: String, generate: 'ulid'}, value: {type: Number, required: true}},
    Status: {pk: {type: String, value: 'status#'}, sk: {type: String, value: 'status#'}, state: {type: String}},
    Config: {pk: {type: String, value: 'c#'}, sk: {type: String, value: 'c#${name}'},
             name: {type: String, required: true}, value: {type: String}},
  },
})";

class FakeClock : public core::Clock {
 public:
  int64_t unix_ms() const override { return now_ms; }
  int64_t monotonic_us() const override { return now_ms * 1000; }
  int64_t now_ms = 1'700'000'000'000;
};

class FakeRandom : public core::Random {
 public:
  uint64_t Next() override { return next_ += 0x9e3779b97f4a7c15ull; }

 private:
  uint64_t next_ = 1;
};

// Readings are history and go up; Status goes both ways; Config goes down.
class FakePolicy : public core::Policy {
 public:
  Status Reload(std::string_view, std::vector<std::string>*) override { return {}; }
  std::optional<uint32_t> Placement(std::string_view) const override { return std::nullopt; }
  std::optional<uint32_t> Direction(std::string_view model) const override {
    if (model == "Reading") return TG_DIRECTION_UP;
    return model == "Config" ? TG_DIRECTION_DOWN : TG_DIRECTION_BOTH;
  }
  std::optional<uint32_t> Lane(std::string_view model) const override {
    return model == "Reading" ? TG_LANE_HISTORY : TG_LANE_STATE;
  }
  std::optional<uint32_t> Route(const core::PolicyContext&, const tg_change&, AgentId) const override {
    return std::nullopt;
  }
  Status Accept(const core::PolicyContext&, const tg_change&) const override { return {}; }
};

// Every write once as the writer alone does it and once prepared by another thread before: no difference.
class ReplicaTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { Start(7, TG_ROLE_DEVICE); }

  void Start(AgentId agent, uint32_t role, const std::string& context = {}) {
    auto created = plugin::PluginStorage::Create(TidegateStorageMemoryTable(), "memory", "{}", {});
    ASSERT_TRUE(created.ok()) << created.status().message();
    storage_ = std::move(created).value();
    ReplicaId replica;
    replica.bytes.fill(9);
    ASSERT_TRUE(storage_->Start(replica, 77).ok());
    catalog_ = std::make_unique<CatalogHolder>(MakeCatalog(kSchema));
    stage_ = std::make_unique<core::Stage>(*storage_);
    WriterOptions options;
    options.agent = agent;
    options.role = role;
    options.context_json = context;
    writer_ =
        std::make_unique<LocalWriter>(options, *storage_, *stage_, *catalog_, policy_, clock_, random_, versions_);
    if (GetParam()) preparer_ = std::make_unique<Preparer>(options, *catalog_, clock_, random_);
    reader_ = std::make_unique<Reader>(*storage_, *catalog_, clock_, agent, context);
  }

  std::shared_ptr<const Catalog> MakeCatalog(const std::string& schema) {
    SchemaLoad loaded = LoadSchema("test.json5", schema);
    EXPECT_TRUE(loaded.status().ok()) << loaded.status().message();
    auto catalog = Catalog::Make(SchemaSet::Make({loaded.schema}).value(), policy_, nullptr);
    EXPECT_TRUE(catalog.ok()) << catalog.status().message();
    return catalog.value();
  }

  // Writes as the node does: stage, commit, and once more what was guessed wrong.
  WriteAnswer Write(Transaction transaction) {
    WriteAnswer answer;
    Submission submission;
    submission.transaction = std::move(transaction);
    submission.done = [&](WriteAnswer given) { answer = std::move(given); };
    if (preparer_ != nullptr) preparer_->Prepare(&submission);
    if (before_staging_) before_staging_();
    answer.status = writer_->Stage(submission);
    if (!answer.status.ok()) return answer;
    Status committed = stage_->Commit(nullptr);
    for (Submission* retry : writer_->TakeRetries()) {
      writer_->set_looking(true);
      Status again = writer_->Stage(*retry);
      writer_->set_looking(false);
      if (!again.ok()) answer.status = again;
      committed = stage_->Commit(nullptr);
    }
    EXPECT_TRUE(committed.ok()) << committed.message();
    return answer;
  }

  WriteAnswer Write(WriteMode mode, const std::string& model, const std::string& json) {
    tidegate::replica::Write write;
    write.mode = mode;
    write.model = model;
    write.properties = json;
    return Write({write});
  }

  std::string Get(const std::string& model, const std::string& json) {
    FindRequest request;
    request.model = model;
    request.properties = json;
    Result<std::string> item = reader_->Get(request);
    return item.ok() ? item.value() : CodeName(item.status().code());
  }

  FakePolicy policy_;
  FakeClock clock_;
  FakeRandom random_;
  HybridClock versions_;
  std::unique_ptr<plugin::PluginStorage> storage_;
  std::unique_ptr<CatalogHolder> catalog_;
  std::unique_ptr<core::Stage> stage_;
  std::unique_ptr<LocalWriter> writer_;
  std::unique_ptr<Preparer> preparer_;
  std::function<void()> before_staging_;
  std::unique_ptr<Reader> reader_;
};

TEST_P(ReplicaTest, CreateHistory_Twice_SecondIsConflict) {
  EXPECT_TRUE(Write(WriteMode::kCreate, "Reading", R"({"id":"a","value":1})").status.ok());
  EXPECT_EQ(Write(WriteMode::kCreate, "Reading", R"({"id":"a","value":2})").status.code(), Code::kConflict);
  EXPECT_THAT(Get("Reading", R"({"id":"a"})"), HasSubstr("\"value\":1"));
}

TEST_P(ReplicaTest, CreateHistory_AfterRemove_IsNewAndNewer) {
  std::string first = Write(WriteMode::kCreate, "Reading", R"({"id":"a","value":1})").written.at(0).item;
  EXPECT_TRUE(Write(WriteMode::kRemove, "Reading", R"({"id":"a"})").status.ok());
  EXPECT_EQ(Get("Reading", R"({"id":"a"})"), "not_found");
  clock_.now_ms -= 60'000;  // also when the wall clock steps back
  WriteAnswer again = Write(WriteMode::kCreate, "Reading", R"({"id":"a","value":2})");
  ASSERT_TRUE(again.status.ok()) << again.status.message();
  EXPECT_THAT(Get("Reading", R"({"id":"a"})"), HasSubstr("\"value\":2"));
}

TEST_P(ReplicaTest, UpsertHistory_Twice_KeepsCreated) {
  ASSERT_TRUE(Write(WriteMode::kUpsert, "Reading", R"({"id":"a","value":1})").status.ok());
  std::string created = R"("created":"2023-11-14T22:13:20.000Z")";
  ASSERT_THAT(Get("Reading", R"({"id":"a"})"), HasSubstr(created));
  clock_.now_ms += 60'000;
  WriteAnswer again = Write(WriteMode::kUpsert, "Reading", R"({"id":"a","value":2})");
  ASSERT_TRUE(again.status.ok()) << again.status.message();
  EXPECT_THAT(again.written.at(0).item, HasSubstr(created));
  EXPECT_THAT(Get("Reading", R"({"id":"a"})"), AllOf(HasSubstr(created), HasSubstr("\"value\":2")));
}

TEST_P(ReplicaTest, Context_MakesTheKeyOfEachOperation) {
  Start(kAgentServer, TG_ROLE_SERVER, R"({"name":"own"})");
  // The context wins over what is given, so the second put finds what the first has written.
  ASSERT_TRUE(Write(WriteMode::kUpsert, "Config", R"({"name":"other","value":"1"})").status.ok());
  WriteAnswer again = Write(WriteMode::kUpsert, "Config", R"({"name":"other","value":"2"})");
  ASSERT_TRUE(again.status.ok()) << again.status.message();
  EXPECT_EQ(Write(WriteMode::kCreate, "Config", R"({"name":"other"})").status.code(), Code::kConflict);
  EXPECT_THAT(Get("Config", "{}"), HasSubstr(R"("name":"own","value":"2")"));
  ASSERT_TRUE(Write(WriteMode::kUpdate, "Config", R"({"value":"3"})").status.ok());
  EXPECT_THAT(Get("Config", R"({"name":"own"})"), HasSubstr(R"("value":"3")"));
  EXPECT_EQ(Get("Config", R"({"name":"other"})"), "not_found");
  EXPECT_TRUE(Write(WriteMode::kRemove, "Config", "{}").status.ok());
  EXPECT_EQ(Get("Config", "{}"), "not_found");
}

TEST_P(ReplicaTest, Remove_AnswersWithTheItemThatIsGone) {
  ASSERT_TRUE(Write(WriteMode::kUpsert, "Reading", R"({"id":"a","value":1})").status.ok());
  std::string item = Get("Reading", R"({"id":"a"})");
  WriteAnswer answer = Write(WriteMode::kRemove, "Reading", R"({"id":"a"})");
  ASSERT_TRUE(answer.status.ok());
  EXPECT_EQ(answer.written.at(0).item, item);
  EXPECT_THAT(item, HasSubstr(R"("value":1)"));
}

TEST_P(ReplicaTest, Update_MergesFieldsAndNullRemoves) {
  ASSERT_TRUE(Write(WriteMode::kUpsert, "Status", R"({"state":"ok"})").status.ok());
  ASSERT_TRUE(Write(WriteMode::kUpdate, "Status", R"({"state":null})").status.ok());
  EXPECT_THAT(Get("Status", "{}"), Not(HasSubstr("\"state\"")));
  EXPECT_EQ(Write(WriteMode::kUpdate, "Reading", R"({"id":"none","value":3})").status.code(), Code::kNotFound);
}

TEST_P(ReplicaTest, Transaction_OneWriteFails_NothingIsWritten) {
  Transaction transaction(2);
  transaction[0].model = "Reading";
  transaction[0].properties = R"({"id":"a","value":1})";
  transaction[1].model = "Reading";
  transaction[1].properties = R"({"id":"b"})";
  WriteAnswer answer = Write(transaction);
  EXPECT_EQ(answer.status.code(), Code::kInvalid);
  EXPECT_EQ(writer_->failed_at(), 1u);
  EXPECT_EQ(Get("Reading", R"({"id":"a"})"), "not_found");
}

TEST_P(ReplicaTest, Transaction_TakesConsecutiveRun) {
  Transaction transaction(3);
  for (size_t i = 0; i < 3; ++i) {
    transaction[i].model = "Reading";
    transaction[i].properties = "{\"id\":\"" + std::to_string(i) + "\",\"value\":1}";
  }
  WriteAnswer answer = Write(transaction);
  ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  EXPECT_EQ(answer.written.at(1).seq, answer.written.at(0).seq + 1);
  EXPECT_EQ(answer.written.at(2).seq, answer.written.at(0).seq + 2);
}

TEST_P(ReplicaTest, DownModel_AtDevice_IsRefused) {
  WriteAnswer answer = Write(WriteMode::kUpsert, "Config", R"({"name":"x"})");
  EXPECT_EQ(answer.status.code(), Code::kRefused);
  EXPECT_THAT(answer.status.message(), HasSubstr("only the server"));
}

TEST_P(ReplicaTest, UpModel_OfAnotherOwner_IsRefused) {
  tidegate::replica::Write write;
  write.model = "Reading";
  write.properties = R"({"id":"a","value":1})";
  write.owner = 8;
  EXPECT_EQ(Write({write}).status.code(), Code::kRefused);
}

TEST_P(ReplicaTest, DownModel_AtServer_BelongsToItsAddressee) {
  Start(1, TG_ROLE_SERVER);
  tidegate::replica::Write write;
  write.model = "Config";
  write.properties = R"({"name":"x","value":"1"})";
  write.to = 42;
  ASSERT_TRUE(Write({write}).status.ok());
  write.to.reset();
  ASSERT_TRUE(Write({write}).status.ok());
  FindAnswer found = reader_->Find({"Config", R"({"name":"x"})", "", {}, 0, false, false, ""}).value();
  ASSERT_EQ(found.items.size(), 2u);
  EXPECT_THAT(found.items[0], HasSubstr("\"_owner\":0,\"_src\":1,\"_dst\":0"));
  EXPECT_THAT(found.items[1], HasSubstr("\"_owner\":42,\"_src\":1,\"_dst\":42"));
}

TEST_P(ReplicaTest, TwoWritesOfOneKey_InOneTransaction_AreInvalid) {
  Transaction transaction(2);
  for (auto& write : transaction) {
    write.model = "Reading";
    write.properties = R"({"id":"same","value":1})";
  }
  EXPECT_EQ(Write(transaction).status.code(), Code::kInvalid);
}

TEST_P(ReplicaTest, TransactionOfThousands_NamesTheTwoOfOneKey) {
  Transaction transaction(5000);
  for (size_t i = 0; i < transaction.size(); ++i) {
    transaction[i].model = "Reading";
    transaction[i].properties = "{\"id\":\"" + std::to_string(i == 4998 ? 3 : i) + "\",\"value\":1}";
  }
  EXPECT_EQ(Write(transaction).status.message(), "writes 3 and 4998 of the transaction have the same key r# / r#3");
  EXPECT_EQ(writer_->failed_at(), 4998u);
  transaction[4998].properties = R"({"id":"fresh","value":1})";
  EXPECT_EQ(Write(transaction).written.size(), 5000u);
}

TEST_P(ReplicaTest, TransactionTooLarge_NamesTheWriteThatWasTooMuch) {
  Transaction transaction(20'000);
  for (size_t i = 0; i < transaction.size(); ++i) {
    transaction[i].model = "Reading";
    transaction[i].properties = "{\"id\":\"" + std::to_string(i) + "\",\"value\":1}";
  }
  WriteAnswer answer = Write(transaction);
  EXPECT_EQ(answer.status.code(), Code::kInvalid);
  EXPECT_THAT(answer.status.message(), HasSubstr("limits.transaction_bytes_max is 1048576"));
  EXPECT_LT(writer_->failed_at(), 16'384u);  // each counts at least 64 bytes
}

TEST_P(ReplicaTest, Find_PrefixLimitAndCursor_PagesThroughAll) {
  for (const char* id : {"a1", "a2", "a3", "b1"}) {
    ASSERT_TRUE(Write(WriteMode::kCreate, "Reading", std::string("{\"value\":1,\"id\":\"") + id + "\"}").status.ok());
  }
  FindRequest request;
  request.model = "Reading";
  request.limit = 2;
  size_t seen = 0;
  for (int page = 0; page < 3; ++page) {
    FindAnswer answer = reader_->Find(request).value();
    seen += answer.items.size();
    request.cursor = answer.cursor;
    if (answer.cursor.empty()) break;
  }
  EXPECT_EQ(seen, 4u);
}

TEST_P(ReplicaTest, UnknownModel_SaysWhichThereAre) {
  FindRequest request;
  request.model = "Readings";
  EXPECT_THAT(reader_->Find(request).status().message(), HasSubstr("Reading"));
}

TEST_P(ReplicaTest, SchemaChangesOnTheWay_ItemIsThatOfTheNewOne) {
  std::string changed = kSchema;
  changed.replace(changed.find("r#${id}"), 7, "new#${id}");
  before_staging_ = [&] { catalog_->Set(MakeCatalog(changed)); };
  WriteAnswer answer = Write(WriteMode::kCreate, "Reading", R"({"id":"a","value":1})");
  ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  FindRequest request;
  request.model = "Reading";
  request.properties = R"({"id":"a"})";
  request.hidden = true;
  Result<std::string> item = reader_->Get(request);
  ASSERT_TRUE(item.ok()) << item.status().message();
  EXPECT_THAT(item.value(), HasSubstr("new#a"));
}

TEST_P(ReplicaTest, ItemThatNobodyWants_IsNotShown) {
  tidegate::replica::Write write;
  write.model = "Reading";
  write.properties = R"({"id":"a","value":1})";
  write.answer_item = false;
  WriteAnswer answer = Write({write});
  ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  EXPECT_TRUE(answer.written.empty());
  EXPECT_THAT(Get("Reading", R"({"id":"a"})"), HasSubstr("\"value\":1"));
}

INSTANTIATE_TEST_SUITE_P(Writes, ReplicaTest, ::testing::Values(false, true),
                         [](const auto& which) { return which.param ? "Prepared" : "AtOnce"; });

}  // namespace
}  // namespace tidegate::replica
