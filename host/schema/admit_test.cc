#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/schema/item.h"
#include "host/schema/test_support.h"

namespace tidegate {
namespace {

using ::testing::HasSubstr;

class Admission : public ::testing::Test {
 protected:
  Admission() : schema_(test::Load(test::ReadFile(std::string(TIDEGATE_SCHEMA_EXAMPLES) + "/device.json5"))) {}
  const Model& model(const char* name) { return *schema_->Find(name); }
  std::string Refusal(const std::string& body) {
    return Check(model("Fault"), body, "fault#d", "fault#1", {7, 1, 7}).message();
  }
  static std::string Fault(const std::string& more = "", const std::string& id = "1") {
    return R"({"device":"d","id":")" + id +
           R"(","message":"m","severity":"warn","subject":"s","time":"2026-01-02T03:04:05.678Z")" + more + "}";
  }
  std::shared_ptr<const Schema> schema_;
};

TEST_F(Admission, GoodItem_GivesItsIndexKeys) {
  auto admitted = Admit(model("Fault"), Fault(), "fault#d", "fault#1", {7, 1, 7});
  ASSERT_TRUE(admitted.ok()) << admitted.status().message();
  ASSERT_EQ(admitted->index_keys.size(), 2u);
  EXPECT_EQ(admitted->index_keys[0].index, "severity");
  EXPECT_EQ(admitted->index_keys[0].hash, "fault#warn");
  EXPECT_EQ(admitted->index_keys[0].sort, "2026-01-02T03:04:05.678Z#1");
  EXPECT_EQ(admitted->index_keys[1].index, "source");
  EXPECT_EQ(admitted->index_keys[1].hash, "7");
  EXPECT_EQ(admitted->index_keys[1].sort, "fault#1");
}

TEST_F(Admission, UnknownAttribute_IsLetThrough) { EXPECT_EQ(Refusal(Fault(R"(,"zone":{"a":1})")), ""); }

TEST_F(Admission, BadItem_IsRefusedWithTheReason) {
  EXPECT_THAT(Refusal("{}"), HasSubstr("model Fault: field 'device' is required"));
  EXPECT_THAT(Refusal(Fault("", "2")), HasSubstr("the key 'sk' is not what the fields give"));
  std::string body = Fault();
  body.replace(body.find("warn"), 4, "fine");
  EXPECT_THAT(Refusal(body), HasSubstr("field 'severity' must be one of"));
  body = Fault();
  body.replace(body.find("\"2026-01-02T03:04:05.678Z\""), 26, "5");
  EXPECT_THAT(Refusal(body), HasSubstr("field 'time' must be of type date"));
  EXPECT_THAT(Refusal(R"({"device":5})"), HasSubstr("field 'device' must be of type string"));
  EXPECT_THAT(Refusal(R"({"device":null})"), HasSubstr("field 'device' is required"));
  EXPECT_THAT(Refusal(R"({"id":"1","device":"d"})"), HasSubstr("body: 'device' is out of order"));
  EXPECT_THAT(Refusal(R"({"device":"d","device":"d"})"), HasSubstr("body: 'device' is out of order"));
  EXPECT_THAT(Refusal(""), HasSubstr("body: it is empty"));
  EXPECT_THAT(Refusal("null"), HasSubstr("body must be a JSON object"));
  EXPECT_THAT(Refusal("{\"device\":\"\xC3\"}"), HasSubstr("body: it is not UTF-8"));
  EXPECT_THAT(Check(model("Fault"), Fault(), "fault#other", "fault#1", {}).message(), HasSubstr("the key 'pk' is not"));
  EXPECT_THAT(Check(model("Metric"), R"({"host":"h","name":"n","time":"2026-01-02T03:04:05.678Z","value":"5"})",
                    "metric#h", "metric#n", {})
                  .message(),
              HasSubstr("field 'value' must be of type number"));
  EXPECT_THAT(Check(model("Note"), R"({"expires":1.5,"id":"1","text":"x"})", "note#", "note#1", {}).message(),
              "model Note: field 'expires' must be of type date");
  EXPECT_THAT(Check(model("Note"), R"({"id":"1","tags":[],"text":"x"})", "note#", "note#1", {}).message(),
              HasSubstr("field 'tags' must be of type set"));
}

// No byte of a body may make Admit crash, and what it lets through it shows and encodes again.
TEST_F(Admission, DamagedBodies_NeverCrash) {
  std::string body = Fault(R"(,"x":{"a":[1,-2.5e-3,"\u00e9\ud83d\ude00",true,null]})");
  uint64_t state = 7;
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = body;
    for (int k = 0; k < 3; ++k) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      size_t at = (state >> 33) % damaged.size();
      if ((state >> 20) % 4 == 0) {
        damaged.erase(at, 1);
      } else {
        damaged[at] = static_cast<char>(state >> 40);
      }
    }
    if (!Check(model("Fault"), damaged, "fault#d", "fault#1", {}).ok()) continue;
    EXPECT_TRUE(Present(model("Fault"), damaged, "fault#d", "fault#1", {}).ok()) << damaged;
  }
}

}  // namespace
}  // namespace tidegate
