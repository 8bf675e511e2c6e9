#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/schema/item.h"
#include "host/schema/test_support.h"

namespace tidegate {
namespace {

using ::testing::HasSubstr;

class Find : public ::testing::Test {
 protected:
  Find() : schema_(test::Load(test::ReadFile(std::string(TIDEGATE_SCHEMA_EXAMPLES) + "/device.json5"))) {}
  const Model& model(const char* name) { return *schema_->Find(name); }
  FindPlan Plan(const char* name, const std::string& json, const std::string& index = "") {
    auto plan = PlanFind(model(name), json, index);
    EXPECT_TRUE(plan.ok()) << plan.status().message();
    return plan.ok() ? *plan : FindPlan{};
  }
  std::string PlanError(const char* name, const std::string& json, const std::string& index = "") {
    return PlanFind(model(name), json, index).status().message();
  }
  bool Finds(const char* name, const std::string& json) {
    static constexpr const char* kBody =
        R"({"device":"d","id":"1","magnitude":2.5,"message":"m","severity":"warn","subject":"s","time":"2026-01-02T03:04:05.678Z"})";
    return Matches(model(name), kBody, {7, 1, 7}, Plan(name, json).filter);
  }
  std::shared_ptr<const Schema> schema_;
};

TEST_F(Find, WholeKey_IsExact) {
  FindPlan plan = Plan("Fault", R"({"device":"d","id":"1"})");
  EXPECT_TRUE(plan.exact);
  EXPECT_TRUE(plan.has_hash);
  EXPECT_EQ(plan.hash, "fault#d");
  EXPECT_EQ(plan.sort_from, "fault#1");
  EXPECT_EQ(plan.sort_to, std::string("fault#1\0", 8));
  EXPECT_EQ(plan.filter.size(), 2u);
  EXPECT_TRUE(Plan("Status", "{}").exact);
}

TEST_F(Find, PartOfTheKey_IsAPrefix) {
  FindPlan plan = Plan("Fault", R"({"device":"d"})");
  EXPECT_FALSE(plan.exact);
  EXPECT_EQ(plan.hash, "fault#d");
  EXPECT_EQ(plan.sort_from, "fault#");
  EXPECT_EQ(plan.sort_to, "fault$");
  plan = Plan("Fault", R"({"device":"d","sk":{"begins":"fault#01"}})");
  EXPECT_EQ(plan.sort_from, "fault#01");
  EXPECT_EQ(plan.sort_to, "fault#02");
  plan = Plan("Fault", R"({"device":"d","sk":{">":"fault#5"}})");
  EXPECT_EQ(plan.sort_from, std::string("fault#5\0", 8));
  EXPECT_EQ(plan.sort_to, "fault$");
}

TEST_F(Find, NoHash_IsAllOfTheModel) {
  FindPlan plan = Plan("Fault", R"({"severity":"warn"})");
  EXPECT_FALSE(plan.has_hash);
  EXPECT_FALSE(plan.exact);
  EXPECT_EQ(plan.sort_from, "");
  ASSERT_EQ(plan.filter.size(), 1u);
  EXPECT_EQ(plan.filter[0].value, "\"warn\"");
}

TEST_F(Find, SecondaryIndex_UsesItsKeys) {
  FindPlan plan = Plan("Fault", R"({"severity":"warn","time":"2026-01-02"})", "severity");
  EXPECT_EQ(plan.index, "severity");
  EXPECT_EQ(plan.hash, "fault#warn");
  EXPECT_EQ(plan.sort_from, "2026-01-02T00:00:00.000Z#");
  plan = Plan("Fault", R"({"severity":"warn","severityTime":{"between":["2026-01","2026-02"]}})", "severity");
  EXPECT_EQ(plan.sort_from, "2026-01");
  EXPECT_EQ(plan.sort_to, std::string("2026-02\0", 8));
  plan = Plan("Fault", R"({"severity":"warn","severityTime":{"begins":"2026-01-0"}})", "severity");
  EXPECT_EQ(plan.sort_from, "2026-01-0");
  EXPECT_EQ(plan.sort_to, "2026-01-1");
  EXPECT_EQ(Plan("Fault", R"({"_src":7})", "source").hash, "7");
  EXPECT_EQ(Plan("Fault", R"({"_src":"7","id":"1"})", "source").sort_from, "fault#1");
}

TEST_F(Find, Wrong_SaysWhat) {
  EXPECT_THAT(PlanError("Fault", "{}", "nope"),
              HasSubstr("model Fault: there is no index 'nope'; it has 'severity', 'source' beside its key"));
  EXPECT_THAT(PlanError("Fault", "{}", "severity"), HasSubstr("index 'severity' needs 'severity'"));
  EXPECT_THAT(PlanError("Fault", "{}", "source"), HasSubstr("index 'source' needs '_src'"));
  EXPECT_THAT(PlanError("Status", R"({"_src":1})", "source"),
              HasSubstr("no item of it is in index 'source'; it has none beside its key"));
  EXPECT_THAT(PlanError("Fault", R"({"sverity":"x"})"),
              HasSubstr("there is no field 'sverity'; did you mean 'severity'?"));
  EXPECT_THAT(PlanError("Fault", R"({"time":{"after":1}})"), HasSubstr("'after' is no operator"));
  EXPECT_THAT(PlanError("Fault", R"({"time":{"between":[1]}})"), HasSubstr("between needs an array of two"));
  EXPECT_THAT(PlanError("Fault", R"({"time":"x"})"), HasSubstr("field 'time' is no date"));
  EXPECT_THAT(PlanError("Fault", R"({"_src":"me"})"), HasSubstr("'_src' must be an agent id"));
  EXPECT_THAT(PlanError("Fault", R"({"_type":"Other"})"), HasSubstr("can only be 'Fault'"));
}

TEST_F(Find, Filter_TestsFieldsAndEnvelope) {
  EXPECT_TRUE(Finds("Fault", "{}"));
  EXPECT_TRUE(Finds("Fault", R"({"severity":"warn","_src":7,"_dst":"1","_owner":7,"_type":"Fault"})"));
  EXPECT_FALSE(Finds("Fault", R"({"_src":8})"));
  EXPECT_FALSE(Finds("Fault", R"({"severity":"info"})"));
  EXPECT_TRUE(Finds("Fault", R"({"time":{">":"2026-01-02","<":"2026-01-03"}})"));
  EXPECT_FALSE(Finds("Fault", R"({"time":{">":"2026-01-03"}})"));
  EXPECT_TRUE(Finds("Fault", R"({"time":{"begins":"2026-01"}})"));
  EXPECT_TRUE(Finds("Fault", R"({"magnitude":{">=":2.5,"<=":10}})"));
  EXPECT_FALSE(Finds("Fault", R"({"magnitude":{"<":2.5}})"));
  EXPECT_TRUE(Finds("Fault", R"({"magnitude":"2.50"})"));
  EXPECT_TRUE(Finds("Fault", R"({"severity":{"<>":"info"}})"));
  EXPECT_TRUE(Finds("Fault", R"({"source":null})"));
  EXPECT_FALSE(Finds("Fault", R"({"subject":null})"));
  EXPECT_TRUE(Finds("Fault", R"({"severityKey":"fault#warn"})"));
}

TEST_F(Find, KeyFromProperties_NeedsAllOfIt) {
  auto key = KeyFromProperties(model("Fault"), R"({"device":"d","id":"1"})");
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->pk, "fault#d");
  EXPECT_EQ(key->sk, "fault#1");
  EXPECT_EQ(KeyFromProperties(model("Fault"), R"({"device":"d"})").status().message(),
            "model Fault: the key 'sk' needs 'id'");
  EXPECT_EQ(KeyFromProperties(model("Fault"), R"({"pk":"a","sk":"b"})")->pk, "a");
}

TEST_F(Find, KeyContext_StandsInOrWins) {
  const char* context = R"({"device":"own","other":1})";
  EXPECT_EQ(KeyFromProperties(model("Fault"), R"({"id":"1"})", {context, false})->pk, "fault#own");
  EXPECT_EQ(KeyFromProperties(model("Fault"), R"({"id":"1","device":"d"})", {context, false})->pk, "fault#d");
  EXPECT_EQ(KeyFromProperties(model("Fault"), R"({"id":"1","device":"d"})", {context, true})->pk, "fault#own");
}

}  // namespace
}  // namespace tidegate
