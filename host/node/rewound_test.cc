// Replicas that are not what they were: rolled back, restored, replaced, copied. Scenarios c, e, m, n, z.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/node/offline.h"
#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

std::string Id(int n) { return R"({"id":"r)" + std::to_string(n) + R"("})"; }

class Rewound : public NodeTest {
 protected:
  TestNode& CopyOfTheRunningDevice() {
    Readings(*tree_.device, 1, 2);
    tree_.Run(2'000);
    TestNode& copy = tree_.Add(42, TG_ROLE_DEVICE, 65535);
    copy.CopyDisk(*tree_.device);
    return copy;
  }
  static void Readings(TestNode& node, int first, int last) {
    for (int n = first; n <= last; ++n) {
      auto answer = node.Put("Reading", R"({"id":"r)" + std::to_string(n) + R"(","value":1})");
      ASSERT_TRUE(answer.status.ok()) << answer.status.message();
    }
  }
  // How many of the readings the node has.
  static int Have(TestNode& node, int first, int last) {
    int have = 0;
    for (int n = first; n <= last; ++n) have += node.Get("Reading", Id(n), 42) != "not_found";
    return have;
  }
  void Restart(TestNode& node, TestNode& parent) {
    node.Start();
    tree_.Connect(node, parent);
  }
  void Adopt(TestNode& at, AgentId agent) {
    Status adopted = Status::Internal("not answered");
    at->Adopt(agent, [&](Status status) { adopted = std::move(status); });
    tree_.Run(200);
    ASSERT_TRUE(adopted.ok()) << adopted.message();
  }
};

TEST_F(Rewound, M_DeviceRolledBack_OfflineWritesArriveAndDeletionsStay) {
  TestNode& device = *tree_.device;
  ASSERT_TRUE(device.Put("Setting", R"({"name":"x","value":"1"})").status.ok());
  Readings(device, 1, 5);
  tree_.Run(2'000);
  device.Stop();
  device.Save();
  Restart(device, *tree_.router);
  Readings(device, 6, 10);
  ASSERT_TRUE(device.Remove("Setting", R"({"name":"x"})").status.ok());
  tree_.Run(2'000);
  ASSERT_EQ(Have(*tree_.server, 1, 10), 10);

  device.Stop();
  device.RollBack();
  device.Start();
  Readings(device, 101, 160);
  ASSERT_NE(device.Get("Setting", R"({"name":"x"})"), "not_found") << "not rolled back";
  tree_.Connect(device, *tree_.router);
  tree_.Run(10'000);
  EXPECT_EQ(device.LinkTo(10).state, "up");
  EXPECT_EQ(device.counter("tidegate_rewinds_total"), 1u);
  EXPECT_EQ(Have(*tree_.server, 1, 10), 10);
  EXPECT_EQ(Have(*tree_.server, 101, 160), 60);
  EXPECT_EQ(device.Get("Setting", R"({"name":"x"})"), "not_found");
  EXPECT_EQ(tree_.server->Get("Setting", R"({"name":"x"})", 42), "not_found");
  EXPECT_TRUE(device->GetStatus().healthy);

  tree_.Disconnect(device, *tree_.router);
  tree_.Connect(device, *tree_.router);
  tree_.Run(2'000);
  EXPECT_EQ(device.counter("tidegate_rewinds_total"), 1u) << "found again and again";
}

// The process goes on from a snapshot of its machine: the same epoch gives the same positions anew.
class RewoundMachine : public Rewound, public ::testing::WithParamInterface<int> {};

TEST_P(RewoundMachine, M_RolledBackWithoutAStart_IsRecognisedByItsPositions) {
  TestNode& device = *tree_.device;
  device.Stop();
  device.Save();
  device.UseEpoch(4711);
  Restart(device, *tree_.router);
  tree_.Run(500);
  Readings(device, 1, 50);
  tree_.Run(2'000);
  ASSERT_EQ(Have(*tree_.server, 1, 50), 50);

  device.Stop();
  device.RollBack();
  device.UseEpoch(4711);
  device.Start();
  Readings(device, 101, 100 + GetParam());
  tree_.Connect(device, *tree_.router);
  tree_.Run(10'000);
  EXPECT_EQ(device.LinkTo(10).state, "up");
  EXPECT_GE(device.counter("tidegate_rewinds_total"), 1u);
  EXPECT_EQ(Have(*tree_.server, 1, 50), 50);
  EXPECT_EQ(Have(*tree_.server, 101, 100 + GetParam()), GetParam());
  Readings(device, 301, 310);
  tree_.Run(2'000);
  EXPECT_EQ(Have(*tree_.server, 301, 310), 10);
}
INSTANTIATE_TEST_SUITE_P(Writes, RewoundMachine, ::testing::Values(3, 60));

TEST_F(Rewound, M_ClockRolledBackToo_IsLiftedAboveWhatTheNeighbourHolds) {
  TestNode& device = *tree_.device;
  device.Stop();
  device.Save();
  Restart(device, *tree_.router);
  tree_.Run(60'000);
  ASSERT_TRUE(device.Put("Status", R"({"state":"before"})").status.ok());
  Readings(device, 1, 1);
  tree_.Run(2'000);
  ASSERT_THAT(tree_.server->Get("Status", "{}", 42), HasSubstr("before"));
  device.Stop();
  device.RollBack();
  tree_.clock.skew_ms = -3'600'000;
  Restart(device, *tree_.router);
  tree_.Run(5'000);
  EXPECT_EQ(device.counter("tidegate_rewinds_total"), 1u);
  ASSERT_TRUE(device.Put("Status", R"({"state":"after"})").status.ok());
  tree_.Run(2'000);
  EXPECT_THAT(tree_.server->Get("Status", "{}", 42), HasSubstr("after"));
}

TEST_F(Rewound, E_ServerRestored_WhatAnyNodeHasComesBackThoughTheRouterWasReplacedMeanwhile) {
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"old","value":"1"})").status.ok());
  Readings(*tree_.device, 1, 5);
  tree_.Run(2'000);
  tree_.server->Stop();
  tree_.server->Save();
  tree_.server->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(1'000);
  Readings(*tree_.device, 6, 10);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"new","value":"1"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"c","value":"1"})", 42).status.ok());
  tree_.Run(3'000);
  ASSERT_EQ(Have(*tree_.server, 1, 10), 10);

  // The server is yesterday's. The router hears of it and is gone for good before the device does.
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.server->Stop();
  tree_.server->RollBack();
  tree_.server->Start();
  ASSERT_EQ(Have(*tree_.server, 1, 10), 5);
  tree_.network = [](TestNode&, TestNode&, const wire::DecodedFrame& frame) {
    return !std::holds_alternative<wire::Batch>(frame.body);  // it hears, but what it has does not get there
  };
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(1'000);
  tree_.network = nullptr;
  EXPECT_EQ(tree_.server->counter("tidegate_rewinds_total"), 1u);
  tree_.router->Stop();
  tree_.router->EmptyDisk();
  Restart(*tree_.router, *tree_.server);
  tree_.Run(500);
  ASSERT_EQ(tree_.router->LinkTo(1).state, "refused");
  Adopt(*tree_.server, 10);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(10'000);
  EXPECT_EQ(Have(*tree_.server, 1, 10), 10);
  EXPECT_NE(tree_.server->Get("Setting", R"({"name":"new"})", 42), "not_found");
  EXPECT_EQ(Have(*tree_.device, 1, 10), 10);
  EXPECT_NE(tree_.device->Get("Setting", R"({"name":"old"})"), "not_found");
  EXPECT_NE(tree_.device->Get("Config", R"({"name":"c"})"), "not_found") << "removed below";
}

TEST_F(Rewound, E_RouterRolledBackWithManyChildren_IsFoundOnceAndEachGoesOn) {
  TestNode& router = *tree_.router;
  std::vector<TestNode*> devices = {tree_.device};
  for (AgentId agent = 50; agent < 60; ++agent) {
    devices.push_back(&tree_.Add(agent, TG_ROLE_DEVICE, 65535));
    devices.back()->Start();
  }
  auto connect = [&] {
    tree_.Connect(router, *tree_.server);
    for (TestNode* device : devices) tree_.Connect(*device, router);
    tree_.Run(2'000);
  };
  auto write = [&](const std::string& id) {
    for (TestNode* device : devices) ASSERT_TRUE(device->Put("Reading", R"({"id":")" + id + R"("})").status.ok());
    ASSERT_TRUE(tree_.server->Put("Config", R"({"name":")" + id + R"("})", 0).status.ok());
  };
  connect();
  write("a");
  tree_.Run(2'000);
  router.Stop();
  router.Save();
  router.Start();
  connect();
  write("b");
  tree_.Run(2'000);
  router.Stop();
  router.RollBack();
  router.Start();
  connect();
  tree_.Run(20'000);
  EXPECT_EQ(router.counter("tidegate_rewinds_total"), 1u) << "by one neighbour for all";
  write("c");
  tree_.Run(5'000);
  for (const char* id : {"a", "b", "c"}) {
    const std::string reading = R"({"id":")" + std::string(id) + R"("})";
    const std::string config = R"({"name":")" + std::string(id) + R"("})";
    for (TestNode* device : devices) {
      EXPECT_NE(tree_.server->Get("Reading", reading, device->agent()), "not_found") << id << device->agent();
      EXPECT_NE(router.Get("Reading", reading, device->agent()), "not_found") << id << device->agent();
      EXPECT_NE(device->Get("Config", config, 0), "not_found") << id << device->agent();
    }
  }
  router.Stop();
  router.RollBack();
  router.Start();
  connect();
  tree_.Run(20'000);
  EXPECT_EQ(router.counter("tidegate_rewinds_total"), 2u) << "another one";
}

TEST_F(Rewound, E_ServerRestored_TheRouterTellsItsChildrenAfterARestart) {
  Readings(*tree_.device, 1, 5);
  tree_.Run(2'000);
  tree_.server->Stop();
  tree_.server->Save();
  tree_.server->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  Readings(*tree_.device, 6, 10);
  tree_.Run(3'000);
  ASSERT_GT(tree_.device->LinkTo(10).lanes[TG_LANE_HISTORY].delivered, 0u);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.server->Stop();
  tree_.server->RollBack();
  tree_.server->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(1'000);
  tree_.router->Stop();
  Restart(*tree_.router, *tree_.server);
  uint64_t told = tree_.device->counter("tidegate_server_losses_total");
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(5'000);
  EXPECT_EQ(tree_.device->counter("tidegate_server_losses_total"), told + 1);
  EXPECT_EQ(Have(*tree_.server, 1, 10), 10);
  EXPECT_EQ(Have(*tree_.router, 1, 10), 10);
}

TEST_F(Rewound, C_RouterReplacedByAnEmptyOne_IsRefusedUntilAdoptedAndNothingIsRemoved) {
  Readings(*tree_.device, 1, 5);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x","value":"1"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"c","value":"1"})", 42).status.ok());
  tree_.Run(2'000);
  tree_.router->Stop();
  tree_.router->EmptyDisk();
  Restart(*tree_.router, *tree_.server);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(5'000);
  ASSERT_EQ(tree_.router->LinkTo(1).state, "refused");
  EXPECT_THAT(tree_.router->LinkTo(1).last_error, HasSubstr("agent adopt 10"));
  EXPECT_NE(tree_.device->Get("Config", R"({"name":"c"})"), "not_found");
  Adopt(*tree_.server, 10);
  tree_.Run(10'000);
  EXPECT_EQ(Have(*tree_.server, 1, 5), 5);
  EXPECT_EQ(Have(*tree_.device, 1, 5), 5);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
    EXPECT_NE(node->Get("Config", R"({"name":"c"})", 42), "not_found") << node->agent();
    EXPECT_NE(node->Get("Setting", R"({"name":"x"})", 42), "not_found") << node->agent();
  }
}

// The router's snapshot is older than the comparison by which it gave the item back; no watermark speaks of that.
TEST_F(Rewound, RouterRestoredBehindWhatItGaveByAComparison_TheChildSendsItUp) {
  TestNode& device = *tree_.device;
  device.Stop();
  device.Save();
  tree_.router->Stop();
  tree_.router->Save();
  Restart(*tree_.router, *tree_.server);
  Restart(device, *tree_.router);
  tree_.Run(2'000);
  tree_.Disconnect(*tree_.router, *tree_.server);
  ASSERT_TRUE(device.Put("Setting", R"({"name":"x","value":"1"})").status.ok());
  tree_.Run(2'000);
  device.Stop();
  device.RollBack();
  Restart(device, *tree_.router);
  tree_.Run(10'000);
  ASSERT_NE(device.Get("Setting", R"({"name":"x"})"), "not_found") << "its parent had it";
  tree_.Disconnect(device, *tree_.router);
  tree_.router->Stop();
  tree_.router->RollBack();
  tree_.router->Offline(
      [](core::Storage& storage) { ASSERT_TRUE(NoteRestored(storage, 10, TG_ROLE_ROUTER, "a test").ok()); });
  Restart(*tree_.router, *tree_.server);
  tree_.Connect(device, *tree_.router);
  tree_.Run(40'000);
  EXPECT_NE(tree_.server->Get("Setting", R"({"name":"x"})", 42), "not_found");
}

// After a loss of the server the router names no watermark of the device, which went back meanwhile: nothing tells it
// so.
TEST_F(Rewound, DeviceWentBackWhileTheServerLostSomething_GetsItsOwnItemsBack) {
  TestNode& device = *tree_.device;
  tree_.server->Stop();
  tree_.server->Save();
  device.Stop();
  device.Save();
  tree_.server->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  device.UseEpoch(4711);
  Restart(device, *tree_.router);
  tree_.Run(2'000);
  ASSERT_TRUE(device.Put("Setting", R"({"name":"x","value":"1"})").status.ok());
  tree_.Run(2'000);
  tree_.Disconnect(device, *tree_.router);
  device.Stop();
  tree_.Disconnect(*tree_.router, *tree_.server);
  tree_.server->Stop();
  tree_.server->RollBack();
  tree_.server->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(10'000);
  device.RollBack();
  device.UseEpoch(4711);
  Restart(device, *tree_.router);
  tree_.Run(40'000);
  EXPECT_NE(device.Get("Setting", R"({"name":"x"})"), "not_found");
  EXPECT_NE(tree_.server->Get("Setting", R"({"name":"x"})", 42), "not_found");
}

TEST_F(Rewound, N_TwoFromOneImage_TheNewerIsRefusedForGoodAndBothEndsSaySo) {
  TestNode& device = *tree_.device;
  Readings(device, 1, 2);
  tree_.Run(2'000);
  device.Stop();
  TestNode& clone = tree_.Add(42, TG_ROLE_DEVICE, 65535);
  clone.CopyDisk(device);
  Restart(device, *tree_.router);
  tree_.Run(2'000);
  Restart(clone, *tree_.router);
  Readings(device, 11, 12);
  Readings(clone, 21, 22);
  tree_.Run(20'000);
  EXPECT_EQ(device.LinkTo(10).state, "up");
  EXPECT_EQ(clone.LinkTo(10).state, "refused");
  EXPECT_THAT(clone.LinkTo(10).last_error, HasSubstr("copies of one replica"));
  EXPECT_THAT((*tree_.router)->GetStatus().problems, Contains(HasSubstr("copies of the replica of agent 42")));
  EXPECT_GT(tree_.router->counter("tidegate_clones_refused_total"), 0u);
  EXPECT_EQ(Have(*tree_.server, 11, 12), 2);

  uint64_t rewinds = device.counter("tidegate_rewinds_total");
  tree_.Disconnect(clone, *tree_.router);
  clone.Stop();
  Restart(clone, *tree_.router);
  tree_.Run(60'000);
  EXPECT_EQ(clone.LinkTo(10).state, "refused") << "a start makes no other node of it";
  EXPECT_EQ(device.LinkTo(10).state, "up");
  EXPECT_EQ(device.counter("tidegate_rewinds_total"), rewinds) << "ping-pong";
  EXPECT_EQ(Have(clone, 21, 22), 2) << "it keeps its data";
}

TEST_F(Rewound, N_TwoFromOneImageUnderTwoParents_TheNewerIsRefusedAlsoAfterStarts) {
  TestNode& device = *tree_.device;
  TestNode& other = tree_.Add(11, TG_ROLE_ROUTER, 2);
  other.Start();
  tree_.Connect(other, *tree_.server);
  Readings(device, 1, 2);
  tree_.Run(2'000);
  device.Stop();
  TestNode& clone = tree_.Add(42, TG_ROLE_DEVICE, 65535);
  clone.CopyDisk(device);
  Restart(device, *tree_.router);
  tree_.Run(2'000);
  Restart(clone, other);
  Readings(device, 11, 12);
  Readings(clone, 21, 22);
  tree_.Run(60'000);
  EXPECT_EQ(device.LinkTo(10).state, "up");
  EXPECT_EQ(clone.LinkTo(11).state, "refused");
  EXPECT_THAT(clone.LinkTo(11).last_error, HasSubstr("copies of one replica"));
  EXPECT_THAT(other->GetStatus().problems, Contains(HasSubstr("copies of the replica of agent 42")));
  EXPECT_THAT((*tree_.server)->GetStatus().problems, Contains(HasSubstr("copies of the replica of agent 42")));
  EXPECT_EQ(Have(*tree_.server, 11, 12), 2);

  for (TestNode* restarted : {&clone, &other}) {
    tree_.Disconnect(clone, other);
    restarted->Stop();
    restarted->Start();
    if (restarted == &other) tree_.Connect(other, *tree_.server);
    tree_.Run(2'000);
    tree_.Connect(clone, other);
    uint64_t batches = 0;
    tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
      batches += &from == &clone && std::holds_alternative<wire::Batch>(frame.body) ? 1 : 0;
      return true;
    };
    tree_.Run(60'000);
    tree_.network = nullptr;
    EXPECT_EQ(clone.LinkTo(11).state, "refused");
    EXPECT_EQ(device.LinkTo(10).state, "up") << "ping-pong";
    EXPECT_EQ(batches, 0u);
  }
  EXPECT_EQ(Have(clone, 21, 22), 2) << "it keeps its data";
}

// The image is made while the node runs on: its copy starts in an epoch that comes from the one that is running.
TEST_F(Rewound, N_CopiedWhileItRuns_TheCopyIsRefusedAndTheOriginalGoesOnOverStarts) {
  TestNode& device = *tree_.device;
  TestNode& clone = CopyOfTheRunningDevice();
  Restart(clone, *tree_.router);
  Readings(device, 11, 12);
  tree_.Run(60'000);
  EXPECT_EQ(device.LinkTo(10).state, "up") << device.LinkTo(10).last_error;
  EXPECT_EQ(clone.LinkTo(10).state, "refused");
  EXPECT_THAT(clone.LinkTo(10).last_error, HasSubstr("agent renew"));
  EXPECT_THAT((*tree_.router)->GetStatus().problems, Contains(HasSubstr("copies of the replica of agent 42")));
  EXPECT_EQ(Have(*tree_.server, 11, 12), 2);

  for (TestNode* started : {&clone, &device, tree_.router, &clone}) {
    SCOPED_TRACE(started == &clone ? "the copy" : started == &device ? "the device" : "the router");
    tree_.Disconnect(device, *tree_.router);
    tree_.Disconnect(clone, *tree_.router);
    started->Stop();
    if (started == tree_.router) tree_.Disconnect(*tree_.router, *tree_.server);
    started->Start();
    if (started == tree_.router) tree_.Connect(*tree_.router, *tree_.server);
    tree_.Connect(clone, *tree_.router);  // it asks first
    tree_.Run(2'000);
    tree_.Connect(device, *tree_.router);
    tree_.Run(60'000);
    EXPECT_EQ(device.LinkTo(10).state, "up") << device.LinkTo(10).last_error;
    EXPECT_EQ(clone.LinkTo(10).state, "refused");
  }
  EXPECT_LE(device.counter("tidegate_rewinds_total"), 1u) << "ping-pong";
}

// The copy was started anew before the node that ran on had asked again.
TEST_F(Rewound, N_CopiedWhileItRunsAndTheCopyStartsAnew_TheOriginalGoesOn) {
  TestNode& device = *tree_.device;
  TestNode& clone = CopyOfTheRunningDevice();
  Restart(clone, *tree_.router);
  tree_.Run(1'000);
  ASSERT_EQ(clone.LinkTo(10).state, "up") << "nobody can know yet";
  tree_.Disconnect(clone, *tree_.router);
  clone.Stop();
  Readings(device, 11, 12);
  tree_.Run(20'000);
  ASSERT_EQ(device.LinkTo(10).state, "up");
  Restart(clone, *tree_.router);
  tree_.Run(60'000);
  EXPECT_EQ(device.LinkTo(10).state, "up") << device.LinkTo(10).last_error;
  EXPECT_EQ(clone.LinkTo(10).state, "refused");
  EXPECT_EQ(Have(*tree_.server, 11, 12), 2);
}

// One machine: it went back while it ran, and forward again.
TEST_F(Rewound, WentBackWhileItRanAndForwardAgain_GoesOn) {
  TestNode& device = *tree_.device;
  TestNode& back = CopyOfTheRunningDevice();
  tree_.Disconnect(device, *tree_.router);
  Restart(back, *tree_.router);  // the life in between
  tree_.Run(2'000);
  tree_.Disconnect(back, *tree_.router);
  tree_.Connect(device, *tree_.router);
  tree_.Run(20'000);
  ASSERT_EQ(device.LinkTo(10).state, "up");
  tree_.Disconnect(device, *tree_.router);
  device.Stop();
  back.Stop();
  Restart(back, *tree_.router);
  Readings(back, 21, 22);
  tree_.Run(60'000);
  EXPECT_EQ(back.LinkTo(10).state, "up") << back.LinkTo(10).last_error;
  EXPECT_EQ(Have(*tree_.server, 21, 22), 2);
}

TEST_F(Rewound, Z_ManyRestartsAndABreak_AreNeitherRewoundNorCopies) {
  TestNode& device = *tree_.device;
  for (int n = 1; n <= 40; ++n) {
    Readings(device, n, n);
    device.Stop();
    if (n % 8 == 0) {
      Restart(device, *tree_.router);
      tree_.Run(1'000);
    } else {
      device.Start();
    }
  }
  for (int n = 0; n < 20; ++n) {  // more starts than a hello names
    device.Stop();
    device.Start();
  }
  tree_.Connect(device, *tree_.router);
  tree_.Run(3'000);
  EXPECT_EQ(device.LinkTo(10).state, "up");
  EXPECT_EQ(device.counter("tidegate_rewinds_total"), 0u);
  EXPECT_EQ(tree_.router->counter("tidegate_clones_refused_total"), 0u);
  EXPECT_EQ(Have(*tree_.server, 1, 40), 40);
}

}  // namespace
}  // namespace tidegate::node
