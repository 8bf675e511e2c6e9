// Clocks that are off.
#include <gmock/gmock.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kTo2035Ms = 2'051'222'400'000 - 1'700'000'000'000;
constexpr int64_t kTo1970Ms = 1'000 - 1'700'000'000'000;
constexpr char kX[] = R"({"name":"x"})";

class ClockOff : public NodeTest {
 protected:
  std::vector<std::string> Problems(TestNode& node) { return node->GetStatus().problems; }
  int64_t VersionMs(TestNode& node) {
    std::string item = node.Get("Setting", kX, 42);
    size_t at = item.find("\"_version\":\"") + 12;
    return static_cast<int64_t>(std::stoull(item.substr(at, 16), nullptr, 16) >> 16);
  }
};

TEST_F(ClockOff, JumpsTo2035WhileConnected_BothEndsSayIt) {
  tree_.device->clock.skew_ms = kTo2035Ms;
  tree_.Run(15'000);
  EXPECT_THAT(Problems(*tree_.router), Contains(HasSubstr("clock of agent 42 is 4065 days ahead")));
  EXPECT_THAT(Problems(*tree_.device), Contains(HasSubstr("clock of agent 10 is 4065 days behind")));
  EXPECT_THAT(Problems(*tree_.device), Contains(HasSubstr("jumped")));
  EXPECT_EQ(tree_.router->operator->()->GetStatus().clocks_off, 1u);
  tree_.device->clock.skew_ms = 0;
  tree_.Run(15'000);
  EXPECT_THAT(Problems(*tree_.router), IsEmpty());
  EXPECT_THAT(Problems(*tree_.device), IsEmpty());
}

TEST_F(ClockOff, PeerIn2035_LocalClockIsNotDraggedAndEditsStillWin) {
  tree_.device->clock.skew_ms = kTo2035Ms;
  tree_.device->Put("Setting", R"({"name":"x","value":"future"})");
  tree_.Run(2'000);
  EXPECT_GE(VersionMs(*tree_.server), 1'700'000'000'000 + kTo2035Ms) << "the version stays as it was made";
  EXPECT_GT(tree_.router->counter("tidegate_versions_from_the_future_total"), 0u);
  tree_.server->Put("Setting", R"({"name":"y","value":"now"})", 42);
  std::string item = tree_.server->Get("Setting", R"({"name":"y"})", 42);
  size_t at = item.find("\"_version\":\"") + 12;
  EXPECT_LT(std::stoull(item.substr(at, 16), nullptr, 16) >> 16, 1'700'000'100'000u) << "dragged";
  replica::Write edit;
  edit.mode = replica::WriteMode::kUpdate;
  edit.model = "Setting";
  edit.properties = R"({"name":"x","value":"server"})";
  edit.owner = 42;
  ASSERT_TRUE(tree_.server->Write({edit}).status.ok());
  tree_.Run(2'000);
  EXPECT_THAT(tree_.device->Get("Setting", kX, 42), HasSubstr("\"server\""));
}

TEST_F(ClockOff, NoBattery1970_SaidAndTheItemsReplicate) {
  tree_.device->Stop();
  tree_.device->clock.skew_ms = kTo1970Ms;
  tree_.device->Start();
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.device->Put("Reading", R"({"id":"r","value":1})");
  tree_.device->Put("Setting", R"({"name":"x","value":"device"})");
  tree_.Run(15'000);
  EXPECT_THAT(Problems(*tree_.device), Contains(HasSubstr("before 2020")));
  EXPECT_THAT(tree_.server->Get("Reading", R"({"id":"r"})", 42), HasSubstr("\"value\":1"));
  EXPECT_THAT(tree_.server->Get("Setting", kX, 42), HasSubstr("\"device\""));
}

TEST_F(ClockOff, GoesBackOverARestart_VersionsDoNot) {
  tree_.device->Put("Setting", R"({"name":"x","value":"1"})");
  int64_t before = VersionMs(*tree_.device);
  tree_.device->Stop();
  tree_.device->clock.skew_ms = -7 * 86'400'000;
  tree_.device->Start();
  tree_.device->Remove("Setting", kX);
  tree_.device->Put("Setting", R"({"name":"x","value":"2"})");
  EXPECT_GE(VersionMs(*tree_.device), before);
}

TEST_F(ClockOff, ItemWithTtl_DoesNotExpireWhileTheClockIsSuspect) {
  tree_.device->Put("Note", R"({"name":"n","value":"v","until":"2023-11-14T22:30:00.000Z"})");
  const std::string key = R"({"name":"n"})";
  EXPECT_THAT(tree_.device->Get("Note", key), HasSubstr("\"v\"")) << "it is 22:13";
  tree_.device->clock.skew_ms = kTo2035Ms;
  tree_.Run(15'000);
  EXPECT_THAT(tree_.device->Get("Note", key), HasSubstr("\"v\"")) << "not by a clock that jumped";
  tree_.device->clock.skew_ms = 0;
  tree_.Run(15'000);
  EXPECT_THAT(tree_.device->Get("Note", key), HasSubstr("\"v\""));
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) node->clock.skew_ms = 3'600'000;
  tree_.Run(15'000);
  EXPECT_EQ(tree_.device->Get("Note", key), "not_found") << "its parent agrees with the jump";
}

TEST_F(ClockOff, ParentDiffersSinceTheStart_NothingExpires) {
  tree_.device->Stop();
  tree_.device->clock.skew_ms = 86'400'000;
  tree_.device->Start();
  tree_.device->Put("Note", R"({"name":"n","value":"v","until":"2023-11-14T22:30:00.000Z"})");
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(5'000);
  EXPECT_THAT(tree_.device->Get("Note", R"({"name":"n"})"), HasSubstr("\"v\""));
}

TEST_F(ClockOff, AllNeighboursDiffer_TheNodeBlamesItself) {
  tree_.router->clock.skew_ms = -7 * 86'400'000;
  tree_.Run(25'000);
  EXPECT_THAT(Problems(*tree_.router), Contains(HasSubstr("it is this node's clock")));
  EXPECT_THAT(Problems(*tree_.server), Not(Contains(HasSubstr("it is this node's clock"))));
}

}  // namespace
}  // namespace tidegate::node
