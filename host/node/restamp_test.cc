// A single writer whose clock or storage went back.
#include <gmock/gmock.h>

#include "host/node/test_tree.h"
#include "host/sync/link.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;

constexpr char kX[] = R"({"id":"x"})";
constexpr int64_t kHourMs = 3'600'000;

class Restamp : public NodeTest {
 protected:
  // Another replica takes the place of the device, with a clock that is an hour behind.
  TestNode& ReplaceDevice() {
    tree_.Disconnect(*tree_.device, *tree_.router);
    tree_.device->Stop();
    TestNode& device = tree_.Add(42, TG_ROLE_DEVICE, 65535);
    device.clock.skew_ms = -kHourMs;
    device.Start();
    (*tree_.router)->Adopt(42, [](Status status) { EXPECT_TRUE(status.ok()) << status.message(); });
    tree_.Run(100);
    return device;
  }
  std::string At(TestNode& node) { return node.Get("Reading", kX, 42); }
  std::string Kept(TestNode& node) {
    std::string items;
    for (const ConflictEntry& entry : node.Conflicts()) items += node->Conflict(entry.number).value().item;
    return items;
  }
};

TEST_F(Restamp, WriterWithAnEarlierClock_ItsStateGetsAVersionAboveAndTheOtherIsJournaled) {
  tree_.device->Put("Reading", R"({"id":"x","value":1})");
  tree_.Run(2'000);
  ASSERT_THAT(At(*tree_.server), HasSubstr("\"value\":1"));
  TestNode& device = ReplaceDevice();
  device.Put("Reading", R"({"id":"x","value":2})");
  tree_.Connect(device, *tree_.router);
  tree_.Run(10'000);
  EXPECT_THAT(At(device), HasSubstr("\"value\":2"));
  EXPECT_THAT(At(*tree_.router), HasSubstr("\"value\":2"));
  EXPECT_THAT(At(*tree_.server), HasSubstr("\"value\":2"));
  EXPECT_EQ(device.counter("tidegate_restamped_total"), 1u);
  EXPECT_THAT(Kept(*tree_.router), HasSubstr("\"value\":1"));
  tree_.Run(60'000);
  EXPECT_EQ(device.counter("tidegate_restamped_total"), 1u) << "once is enough";
}

// More than both remember of a session: none is left as it was, and what is not journaled for that is counted.
TEST_F(Restamp, MoreThanAreRemembered_AllAreStampedAnewAndTheRestIsCounted) {
  constexpr size_t kMore = 3;
  constexpr size_t kCount = sync::Link::kToldMax + kMore;
  auto put = [&](TestNode& node, int value) {
    replica::Transaction items;
    for (size_t i = 0; i < kCount; ++i) {
      items.push_back({replica::WriteMode::kUpsert,
                       "Reading",
                       R"({"id":")" + std::to_string(i) + R"(","value":)" + std::to_string(value) + "}",
                       {},
                       {}});
      if (items.size() < 500 && i + 1 != kCount) continue;
      node->Write(items, [](const replica::WriteAnswer& answer) { EXPECT_TRUE(answer.status.ok()); });
      tree_.Run(1);
      items.clear();
    }
  };
  put(*tree_.device, 1);
  tree_.Run(20'000);
  ASSERT_NE(tree_.server->Get("Reading", R"({"id":"10002"})", 42), "not_found");
  TestNode& device = ReplaceDevice();
  device.Stop();
  device.options().window_frames = 32;
  device.Start();
  put(device, 2);
  // It does not hear so before it has told all of them.
  bool lost = true;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    return &from != tree_.router || !lost || !std::holds_alternative<wire::Ack>(frame.body);
  };
  tree_.Connect(device, *tree_.router);
  tree_.Run(10'000);
  lost = false;
  tree_.Run(60'000);
  EXPECT_EQ(device.counter("tidegate_restamped_total"), kCount);
  EXPECT_EQ(tree_.router->counter("tidegate_told_older_not_kept_total"), kMore);
  for (const char* id : {R"({"id":"0"})", R"({"id":"9999"})", R"({"id":"10002"})"})
    EXPECT_THAT(tree_.server->Get("Reading", id, 42), HasSubstr("\"value\":2")) << id;
}

TEST_F(Restamp, DeletedInAForgottenLife_WhatIsWrittenNowStays) {
  tree_.device->Put("Reading", R"({"id":"x","value":1})");
  tree_.device->Remove("Reading", kX);
  tree_.Run(2'000);
  TestNode& device = ReplaceDevice();
  device.Put("Reading", R"({"id":"x","value":2})");
  tree_.Connect(device, *tree_.router);
  tree_.Run(10'000);
  EXPECT_THAT(At(device), HasSubstr("\"value\":2"));
  EXPECT_THAT(At(*tree_.server), HasSubstr("\"value\":2"));
}

TEST_F(Restamp, DeletedInAForgottenLife_WhatWasWrittenBeforeIsRemovedAndJournaled) {
  tree_.device->Put("Reading", R"({"id":"x","value":1})");
  tree_.device->Remove("Reading", kX);
  tree_.Run(2'000);
  TestNode& device = ReplaceDevice();
  device.Put("Reading", R"({"id":"x","value":2})");
  device.Stop();  // as if it came back from a backup that holds the item
  device.Start();
  tree_.Connect(device, *tree_.router);
  tree_.Run(10'000);
  EXPECT_EQ(At(device), "not_found");
  EXPECT_EQ(At(*tree_.server), "not_found");
  EXPECT_THAT(Kept(device), HasSubstr("\"value\":2"));
}

TEST_F(Restamp, RouterHasDroppedTheNewerState_TheWriterHearsOfItFromFurtherUp) {
  tg_retain rule{};
  rule.struct_size = sizeof rule;
  rule.drop_when_delivered = 2;
  tree_.router->policy.retains["Reading"] = rule;
  tree_.router->UseSchema("");
  tree_.Run(2'000);
  tree_.device->Put("Reading", R"({"id":"x","value":1})");
  tree_.Run(10'000);
  ASSERT_EQ(At(*tree_.router), "not_found");
  ASSERT_THAT(At(*tree_.server), HasSubstr("\"value\":1"));
  TestNode& device = ReplaceDevice();
  device.Put("Reading", R"({"id":"x","value":2})");
  tree_.Connect(device, *tree_.router);
  tree_.Run(20'000);
  EXPECT_THAT(At(device), HasSubstr("\"value\":2"));
  EXPECT_THAT(At(*tree_.server), HasSubstr("\"value\":2"));
  EXPECT_EQ(device.counter("tidegate_restamped_total"), 1u);
  EXPECT_THAT(Kept(*tree_.server), HasSubstr("\"value\":1"));
}

TEST_F(Restamp, CommitFailsMeanwhile_DoneWithTheNextTelling) {
  tree_.device->Put("Reading", R"({"id":"x","value":1})");
  tree_.Run(2'000);
  TestNode& device = ReplaceDevice();
  device.Put("Reading", R"({"id":"x","value":2})");
  tree_.Connect(device, *tree_.router);
  bool failed = false;
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    const auto* ack = std::get_if<wire::Ack>(&frame.body);
    if (!failed && &from == tree_.router && ack != nullptr && !ack->refused.empty()) {
      failed = true;
      device.FailCommits(2);
    }
    return true;
  };
  tree_.Run(30'000);
  tree_.network = nullptr;
  EXPECT_TRUE(failed);
  EXPECT_THAT(At(*tree_.server), HasSubstr("\"value\":2"));
}

}  // namespace
}  // namespace tidegate::node
