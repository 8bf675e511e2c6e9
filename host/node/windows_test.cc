// When a feed sends, and how much at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::IsEmpty;

TEST_F(NodeTest, SyncDelay_WaitsForItsTimeOrItsBytes) {
  TestTree tree;
  TestNode& server = tree.Add(1, TG_ROLE_SERVER, 1);
  TestNode& device = tree.Add(42, TG_ROLE_DEVICE, 65535);
  device.options().sync_delay_ms = 5'000;
  server.Start();
  device.Start();
  tree.Connect(device, server);
  tree.Run(1'000);
  ASSERT_TRUE(device.Put("Reading", R"({"id":"a"})").status.ok());
  tree.Run(4'900);
  EXPECT_EQ(server.Get("Reading", R"({"id":"a"})", 42), "not_found");
  tree.Run(200);
  EXPECT_NE(server.Get("Reading", R"({"id":"a"})", 42), "not_found");

  for (int i = 0; i < 200; ++i)  // above sync_limit
    ASSERT_TRUE(device.Put("Reading", "{\"id\":\"b" + std::to_string(i) + "\"}").status.ok());
  tree.Run(100);
  EXPECT_NE(server.Get("Reading", R"({"id":"b100"})", 42), "not_found");
}

TEST_F(NodeTest, SyncWithNothingToSend_LeavesTheDelayOfTheNextWrite) {
  TestTree tree;
  TestNode& server = tree.Add(1, TG_ROLE_SERVER, 1);
  TestNode& device = tree.Add(42, TG_ROLE_DEVICE, 65535);
  device.options().sync_delay_ms = 5'000;
  server.Start();
  device.Start();
  tree.Connect(device, server);
  tree.Run(1'000);
  device->Sync({SyncTarget::kNone, 0}, [](const SyncAnswer&) {});
  tree.Run(1'000);
  ASSERT_TRUE(device.Put("Reading", R"({"id":"a"})").status.ok());
  tree.Run(1'000);
  EXPECT_EQ(server.Get("Reading", R"({"id":"a"})", 42), "not_found");
}

// A node that nobody has listened to yet keeps its commit ends: the backlog goes in frames of their size, and after a
// break it goes on where it was.
TEST_F(NodeTest, FirstContactWithABacklog_GoesInFramesAndGoesOnAfterABreak) {
  constexpr size_t kItems = 1'000;
  constexpr size_t kFrame = 50;
  TestTree tree;
  TestNode& router = tree.Add(10, TG_ROLE_ROUTER, 2);
  TestNode& device = tree.Add(42, TG_ROLE_DEVICE, 65535);
  device.options().batch_items_max = kFrame;
  router.Start();
  device.Start();
  for (size_t i = 0; i < kItems; ++i) {
    ASSERT_TRUE(device.Put("Reading", "{\"id\":\"" + std::to_string(i) + "\"}").status.ok());
    if (i % 100 == 0) tree.Run(2'000);  // house is kept meanwhile
  }
  size_t frames_max = 10;
  size_t frames = 0;
  size_t largest = 0;
  size_t arrived = 0;
  tree.network = [&](TestNode&, TestNode& to, const wire::DecodedFrame& frame) {
    const auto* batch = std::get_if<wire::Batch>(&frame.body);
    if (batch == nullptr || &to != &router || batch->changes.empty()) return true;
    if (++frames > frames_max) return false;
    largest = std::max(largest, batch->changes.size());
    arrived += batch->changes.size();
    return true;
  };
  tree.Connect(device, router);
  tree.Run(400);
  tree.Disconnect(device, router);
  EXPECT_EQ(arrived, 10 * kFrame);
  frames_max = SIZE_MAX;
  tree.Connect(device, router);
  tree.Run(5'000);
  EXPECT_EQ(arrived, kItems);
  EXPECT_LE(largest, kFrame);
  EXPECT_NE(router.Get("Reading", R"({"id":"999"})", 42), "not_found");
}

// The device's side of a session with a router that the test plays.
class PlayedParent : public NodeTest {
 protected:
  void SetUp() override {
    device_ = &tree_.Add(42, TG_ROLE_DEVICE, 65535);
    device_->Start();
    Attach();
  }
  void Attach() {
    session_ = device_->OpenSession(core::Side::kParent, 10);
    for (const wire::DecodedFrame& frame : device_->TakeSent()) id_ = frame.session;
    device_->Receive(session_, id_, HelloOf(10, TG_ROLE_ROUTER, 2));
    sent_ = SentBodies<wire::Batch>(*device_);
  }
  void Acknowledge(uint64_t window) {
    wire::Ack ack;
    for (const wire::Batch& batch : sent_)
      ack.lanes.push_back({batch.lane, batch.after, {}, window, batch.begin, false});
    sent_.clear();
    device_->Receive(session_, id_, ack);
  }

  TestNode* device_ = nullptr;
  core::TransportSession session_ = 0;
  wire::SessionId id_ = 0;
  std::vector<wire::Batch> sent_;
};

TEST_F(PlayedParent, WindowZero_StopsTheLaneUntilItOpens) {
  Acknowledge(0);
  ASSERT_TRUE(device_->Put("Reading", R"({"id":"a"})").status.ok());
  tree_.Run(3'000);
  EXPECT_THAT(SentBodies<wire::Batch>(*device_), IsEmpty());
  wire::Ack open;
  open.lanes.push_back({TG_LANE_HISTORY, {}, {}, 1 << 20, 1, false});
  device_->Receive(session_, id_, open);
  EXPECT_EQ(SentBodies<wire::Batch>(*device_).size(), 1u);
}

TEST_F(PlayedParent, WindowZeroOfAFormerSession_IsForgotten) {
  Acknowledge(0);
  (*device_)->SessionClosed(session_, "cut");
  ASSERT_TRUE(device_->Put("Reading", R"({"id":"a"})").status.ok());
  Attach();
  size_t changes = 0;
  for (const wire::Batch& batch : sent_) changes += batch.changes.size();
  EXPECT_EQ(changes, 1u);
}

TEST_F(PlayedParent, WindowOfFrames_NoMoreAreInFlight) {
  Acknowledge(1 << 20);
  std::string text(2'000, 'x');
  for (int i = 0; i < 2'000; ++i)
    ASSERT_TRUE(
        device_->Put("Setting", "{\"name\":\"" + std::to_string(i) + "\",\"value\":\"" + text + "\"}").status.ok());
  EXPECT_LE(SentBodies<wire::Batch>(*device_).size(), 8u);
}

}  // namespace
}  // namespace tidegate::node
