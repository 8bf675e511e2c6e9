// policy-onetable through its C table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "plugins/policy-onetable/policy.h"

namespace policy_onetable {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using tidegate::sdk::Str;
using tidegate::sdk::View;

constexpr const tg_policy_v1& kTable = tidegate::sdk::PolicyPlugin<OnetablePolicy>::kTable;
constexpr uint32_t kNoOpinion = 99;

// A schema with the models Status (fixed key) and Fault (key with a generated id).
std::string Schema(const std::string& more) {
  return R"({"indexes":{"primary":{"hash":"pk","sort":"sk"}},"models":{
    "Status":{"pk":{"type":"string","value":"status#"},"sk":{"type":"string","value":"status#"}},
    "Fault":{"pk":{"type":"string","value":"device#${deviceId}"},"sk":{"type":"string","value":"fault#${id}"},
             "deviceId":{"type":"string"},"id":{"type":"string","generate":"ulid"}}})" +
         (more.empty() ? "" : "," + more) + "}";
}

class OnetablePolicyTable : public ::testing::Test {
 protected:
  void SetUp() override { Make("{}"); }
  void TearDown() override { Drop(); }
  void Make(std::string_view config) {
    Drop();
    ASSERT_EQ(kTable.base.create(nullptr, Str(config), &self_, &error_), TG_OK) << error_.message;
  }
  void Drop() {
    if (self_ != nullptr) kTable.base.destroy(self_);
    self_ = nullptr;
  }
  tg_code Reload(const std::string& schemas) {
    warnings_.clear();
    tg_text_sink sink{&warnings_, [](void* ctx, tg_str text) {
                        static_cast<std::vector<std::string>*>(ctx)->emplace_back(View(text));
                      }};
    return kTable.reload(self_, Str(schemas), &sink, &error_);
  }
  void Load(const std::string& more) { ASSERT_EQ(Reload("[" + Schema(more) + "]"), TG_OK) << error_.message; }
  std::string Error(const std::string& more) {
    EXPECT_EQ(Reload("[" + Schema(more) + "]"), TG_INVALID);
    return error_.message;
  }
  uint32_t Ask(uint32_t (*function)(void*, tg_str, uint32_t*), std::string_view model) {
    uint32_t value = 0;
    return function(self_, Str(model), &value) == TG_DECIDED ? value : kNoOpinion;
  }
  // The reason of a denial; empty = accepted.
  std::string Denial(std::string_view model, uint32_t role) {
    tg_change change{};
    change.model = Str(model);
    tg_policy_item item{sizeof item, role, 7, &change};
    std::string reason;
    tg_text_sink sink{&reason, [](void* ctx, tg_str text) { *static_cast<std::string*>(ctx) = View(text); }};
    uint32_t verdict = kTable.accept(self_, &item, &sink);
    EXPECT_EQ(verdict, reason.empty() ? TG_PASS : TG_DENIED);
    return reason;
  }

  void* self_ = nullptr;
  tg_error error_{};
  std::vector<std::string> warnings_;
};

TEST_F(OnetablePolicyTable, NoProcess_EverythingBothAndNone) {
  Load("");
  EXPECT_EQ(Ask(kTable.placement, "Fault"), TG_PLACE_BOTH);
  EXPECT_EQ(Ask(kTable.direction, "Fault"), TG_DIRECTION_NONE);
  EXPECT_EQ(Denial("Fault", TG_ROLE_SERVER), "");
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(OnetablePolicyTable, Sync_EachWordIsADirection) {
  Load(R"("process":{"Fault":{"sync":"up"},"Status":{"sync":"down"}})");
  EXPECT_EQ(Ask(kTable.direction, "Fault"), TG_DIRECTION_UP);
  EXPECT_EQ(Ask(kTable.direction, "Status"), TG_DIRECTION_DOWN);
  Load(R"("process":{"Fault":{"sync":"both"},"Status":{"sync":"none","enable":"both"}})");
  EXPECT_EQ(Ask(kTable.direction, "Fault"), TG_DIRECTION_BOTH);
  EXPECT_EQ(Ask(kTable.direction, "Status"), TG_DIRECTION_NONE);
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(OnetablePolicyTable, Answer_NamesTheModelOfTheAnswers) {
  Load(R"("process":{"Fault":{"sync":"up"},"Status":{"sync":"down","answer":"Fault"}})");
  std::string answer;
  tg_text_sink sink{
      &answer, [](void* ctx, tg_str text) noexcept { *static_cast<std::string*>(ctx) = tidegate::sdk::View(text); }};
  EXPECT_EQ(kTable.answer(self_, tidegate::sdk::Str("Status"), &sink), TG_DECIDED);
  EXPECT_EQ(answer, "Fault");
  EXPECT_EQ(kTable.answer(self_, tidegate::sdk::Str("Fault"), &sink), TG_PASS);
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(OnetablePolicyTable, EnableCloud_LocalWritesAtTheServerOnly) {
  Load(R"("process":{"Status":{"enable":"cloud"}})");
  EXPECT_EQ(Ask(kTable.placement, "Status"), TG_PLACE_CLOUD);
  EXPECT_EQ(Denial("Status", TG_ROLE_SERVER), "");
  EXPECT_THAT(Denial("Status", TG_ROLE_DEVICE),
              AllOf(HasSubstr("Status lives in the cloud"), HasSubstr("at a device")));
  EXPECT_THAT(Denial("Status", TG_ROLE_ROUTER), HasSubstr("at a router"));
  EXPECT_EQ(Denial("Fault", TG_ROLE_DEVICE), "");
}

TEST_F(OnetablePolicyTable, EnableDevice_LocalWritesNotAtTheServer) {
  Load(R"("process":{"Status":{"enable":"device"}})");
  EXPECT_EQ(Ask(kTable.placement, "Status"), TG_PLACE_DEVICE);
  EXPECT_EQ(Denial("Status", TG_ROLE_DEVICE), "");
  EXPECT_EQ(Denial("Status", TG_ROLE_ROUTER), "");
  EXPECT_THAT(Denial("Status", TG_ROLE_SERVER), HasSubstr("lives on devices"));
}

TEST_F(OnetablePolicyTable, EnableInOnePlaceWithSync_WarnsAndGoesNowhere) {
  Load(R"("process":{"Fault":{"enable":"device","sync":"up"}})");
  EXPECT_EQ(Ask(kTable.direction, "Fault"), TG_DIRECTION_NONE);
  EXPECT_THAT(warnings_, ElementsAre(AllOf(StartsWith("/0/process/Fault/sync\nprocess.Fault: "),
                                           HasSubstr("the sync has no effect"))));
  Load(R"("process":{"Fault":{"enable":"device","sync":"none"}})");
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(OnetablePolicyTable, Control_OlderNameOfProcess) {
  Load(R"("control":{"Fault":{"sync":"up"}})");
  EXPECT_EQ(Ask(kTable.direction, "Fault"), TG_DIRECTION_UP);
  Load(R"("control":{"Fault":{"sync":"up","x":[1]}},"process":{"Fault":{"x":[1],"sync":"up"}})");
  EXPECT_EQ(Ask(kTable.direction, "Fault"), TG_DIRECTION_UP);
  EXPECT_THAT(Error(R"("control":{"Fault":{"sync":"up"}},"process":{"Fault":{"sync":"down"}})"),
              AllOf(HasSubstr("both process and control"), HasSubstr("keep process only")));
}

TEST_F(OnetablePolicyTable, UnknownMembers_WarningAndPassedOver) {
  Load(R"("process":{"Fault":{"sync":"up","notify":true,"metrics":[{"x":1}]}})");
  EXPECT_EQ(Ask(kTable.direction, "Fault"), TG_DIRECTION_UP);
  EXPECT_THAT(warnings_, ElementsAre(StartsWith("/0/process/Fault/notify\nprocess.Fault.notify is not known"),
                                     StartsWith("/0/process/Fault/metrics\nprocess.Fault.metrics is not known")));
}

TEST_F(OnetablePolicyTable, UnknownModelInProcess_Warning) {
  Load(R"("process":{"Falt":{"sync":"up"}})");
  EXPECT_THAT(warnings_,
              ElementsAre(AllOf(StartsWith("/0/process/Falt\nprocess.Falt: "), HasSubstr("no schema defines"))));
  EXPECT_EQ(Ask(kTable.direction, "Falt"), kNoOpinion);
}

TEST_F(OnetablePolicyTable, ModelOfNoSchema_NoOpinion) {
  Load("");
  EXPECT_EQ(Ask(kTable.placement, "Other"), kNoOpinion);
  EXPECT_EQ(Ask(kTable.direction, "Other"), kNoOpinion);
  EXPECT_EQ(Ask(kTable.lane, "Other"), kNoOpinion);
  EXPECT_EQ(Denial("Other", TG_ROLE_DEVICE), "");
  EXPECT_EQ(kTable.route, nullptr);
  EXPECT_EQ(kTable.merge, nullptr);
  tg_retain retain{};
  EXPECT_EQ(kTable.retain(self_, Str("Other"), &retain), TG_PASS);
}

TEST_F(OnetablePolicyTable, RetainOfTheConfiguration_IsGiven) {
  Make(
      R"({"retain":{"Fault":{"delivered":"server","age_max_ms":5,"items_max":7,"bytes_max":9,"when_full":"keep_latest"}}})");
  Load(R"("process":{"Fault":{"sync":"up"}})");
  tg_retain retain{};
  ASSERT_EQ(kTable.retain(self_, Str("Fault"), &retain), TG_DECIDED);
  EXPECT_EQ(retain.drop_when_delivered, 2u);
  EXPECT_EQ(retain.age_ms_max, 5);
  EXPECT_EQ(retain.items_max, 7u);
  EXPECT_EQ(retain.bytes_max, 9u);
  EXPECT_EQ(retain.when_full, TG_WHEN_FULL_KEEP_LATEST);
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(OnetablePolicyTable, RetainThatDropsWhatDoesNotGoUp_Warns) {
  Make(R"({"retain":{"Fault":{"delivered":"hop"},"Falt":{"items_max":1}}})");
  Load(R"("process":{"Fault":{"sync":"both"}})");
  ASSERT_EQ(warnings_.size(), 2u);
  EXPECT_THAT(warnings_[0], HasSubstr("retain.Falt: no schema"));
  EXPECT_THAT(warnings_[1], HasSubstr("only what goes up is ever dropped"));
}

TEST_F(OnetablePolicyTable, WrongValues_ErrorsThatNameThePlace) {
  EXPECT_EQ(Error(R"("process":{"Fault":{"sync":"upward"}})"),
            "process.Fault.sync is 'upward'; it must be one of up, down, both, none");
  EXPECT_STREQ(error_.where, "/0/process/Fault/sync");
  EXPECT_EQ(Error(R"("name":"Current","process":{"Fault":{"enable":true}})"),
            "process.Fault.enable is a boolean; it must be one of cloud, device, both");
  EXPECT_THAT(Error(R"("control":{"Fault":"up"})"), HasSubstr("control.Fault is a string; it must be an object"));
  EXPECT_THAT(Error(R"("process":[])"), HasSubstr("process is an array; it must be an object"));
  EXPECT_STREQ(error_.where, "/0/process");
  Error(R"("process":{"a/b~c":{"sync":1}})");
  EXPECT_STREQ(error_.where, "/0/process/a~1b~0c/sync");
}

TEST_F(OnetablePolicyTable, BadList_Refused) {
  EXPECT_EQ(Reload("{}"), TG_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("it must be an array"));
  EXPECT_EQ(Reload("[3]"), TG_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("the schema is a number"));
  EXPECT_EQ(Reload("[{"), TG_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("is no JSON"));
  EXPECT_EQ(Reload(std::string(100'000, '[')), TG_INVALID);
}

TEST_F(OnetablePolicyTable, ReloadFails_KeepsWhatItHad) {
  Load(R"("process":{"Fault":{"sync":"up"}})");
  Error(R"("process":{"Fault":{"sync":"down"},"Status":{"sync":"upward"}})");
  EXPECT_EQ(Ask(kTable.direction, "Fault"), TG_DIRECTION_UP);
}

TEST_F(OnetablePolicyTable, SeveralSchemas_SectionMaySpeakOfAnothersModel) {
  std::string other = R"({"models":{"Extra":{}},"process":{"Fault":{"sync":"up"},"Extra":{"sync":"down"}}})";
  ASSERT_EQ(Reload("[" + other + "," + Schema("") + "]"), TG_OK) << error_.message;
  EXPECT_EQ(Ask(kTable.direction, "Fault"), TG_DIRECTION_UP);
  EXPECT_EQ(Ask(kTable.direction, "Extra"), TG_DIRECTION_DOWN);
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_EQ(Reload("[" + other + "," + Schema(R"("process":{"Fault":{"sync":"both"}})") + "]"), TG_INVALID);
  EXPECT_THAT(error_.message, AllOf(HasSubstr("process.Fault differs"), HasSubstr("number 1 in the list")));
  EXPECT_STREQ(error_.where, "/1/process/Fault");
}

TEST_F(OnetablePolicyTable, Lane_HistoryIfTheKeyHoldsAGeneratedField) {
  Load("");
  EXPECT_EQ(Ask(kTable.lane, "Fault"), TG_LANE_HISTORY);
  EXPECT_EQ(Ask(kTable.lane, "Status"), TG_LANE_STATE);

  ASSERT_EQ(Reload(R"([{"indexes":{"primary":{"hash":"key"}},"models":{
      "Direct":{"key":{"generate":"uuid"}},
      "Through":{"key":{"value":"a#${b:8:0}"},"b":{"value":"${c.d}"},"c":{"schema":{"d":{"generate":"ulid"}}}},
      "Mapped":{"id":{"generate":"ulid","map":"key"},"key":{"type":"string"}},
      "Beside":{"key":{"value":"x#${name}"},"name":{},"id":{"generate":"ulid"}},
      "Loop":{"key":{"value":"${other}"},"other":{"value":"${key}${open"}},
      "Absent":{"key":{"value":"${nothing}"}},
      "Odd":7}}])"),
            TG_OK);
  EXPECT_EQ(Ask(kTable.lane, "Direct"), TG_LANE_HISTORY);
  EXPECT_EQ(Ask(kTable.lane, "Through"), TG_LANE_HISTORY);
  EXPECT_EQ(Ask(kTable.lane, "Mapped"), TG_LANE_HISTORY);
  EXPECT_EQ(Ask(kTable.lane, "Beside"), TG_LANE_STATE);
  EXPECT_EQ(Ask(kTable.lane, "Loop"), TG_LANE_STATE);
  EXPECT_EQ(Ask(kTable.lane, "Absent"), TG_LANE_STATE);
  EXPECT_EQ(Ask(kTable.lane, "Odd"), TG_LANE_STATE);
}

TEST_F(OnetablePolicyTable, ConfiguredLane_StandsAboveTheSchema) {
  Make(R"({"lanes":{"Fault":"urgent","Other":"bulk"}})");
  Load("");
  EXPECT_EQ(Ask(kTable.lane, "Fault"), TG_LANE_URGENT);
  EXPECT_EQ(Ask(kTable.lane, "Other"), TG_LANE_BULK);
  EXPECT_EQ(Ask(kTable.lane, "Status"), TG_LANE_STATE);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("lanes.Other")));
}

TEST_F(OnetablePolicyTable, AskedByManyThreads_TheSameAnswers) {
  Load(R"("process":{"Fault":{"sync":"up"},"Status":{"enable":"cloud"}})");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, &wrong] {
      for (int n = 0; n < 200; ++n) {
        if (Ask(kTable.direction, "Fault") != TG_DIRECTION_UP) ++wrong;
        if (Ask(kTable.lane, "Status") != TG_LANE_STATE) ++wrong;
        if (Denial("Status", TG_ROLE_DEVICE).empty()) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(OnetablePolicyTable, WrongConfiguration_CreateFails) {
  void* self = nullptr;
  EXPECT_EQ(kTable.base.create(nullptr, Str(R"({"lanes":{"Fault":"fast"}})"), &self, &error_), TG_INVALID);
  EXPECT_THAT(error_.message, AllOf(HasSubstr("lanes.Fault is 'fast'"), HasSubstr("urgent, state, history, bulk")));
  EXPECT_EQ(kTable.base.create(nullptr, Str("[]"), &self, &error_), TG_INVALID);
  EXPECT_EQ(self, nullptr);
}

}  // namespace
}  // namespace policy_onetable
