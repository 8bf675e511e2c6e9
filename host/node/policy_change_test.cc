// A model that goes another way from now on, at one node after the other (design section 6, "Narrowing").
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// In every order in which three nodes may be told: S, G, D.
constexpr const char* kOrders[] = {"SGD", "SDG", "GSD", "GDS", "DSG", "DGS"};

class PolicyChange : public ::testing::Test {
 protected:
  void SetUp() override { SetUpAnew(); }
  void SetUpAnew() {
    tree_ = std::make_unique<TestTree>();
    tree_->Build();
  }
  TestNode& NodeOf(char name) { return name == 'S' ? *tree_->server : name == 'G' ? *tree_->router : *tree_->device; }
  std::vector<TestNode*> All() { return {tree_->server, tree_->router, tree_->device}; }

  // One node after the other, with some time and what the caller does between them.
  void Change(const std::string& order, const std::string& model, uint32_t direction,
              const std::function<void()>& between = nullptr) {
    for (char name : order) {
      NodeOf(name).SetDirection(model, direction);
      tree_->Run(2'000);
      if (between) between();
    }
    tree_->Run(20'000);
  }
  static std::string Name(const std::string& name) { return "{\"name\":\"" + name + "\"}"; }
  static std::string Item(const std::string& name, const std::string& value) {
    return "{\"name\":\"" + name + "\",\"value\":\"" + value + "\"}";
  }
  void ExpectAt(TestNode& node, const std::string& model, const std::string& name, const std::string& value,
                AgentId owner = 42) {
    EXPECT_THAT(node.Get(model, Name(name), owner), HasSubstr("\"value\":\"" + value + "\""))
        << model << " " << name << " at " << node.agent();
  }
  void ExpectLacks(TestNode& node, const std::string& model, const std::string& name, AgentId owner = 42) {
    EXPECT_EQ(node.Get(model, Name(name), owner), "not_found") << model << " " << name << " at " << node.agent();
  }
  void ExpectNothingWaits() {
    for (TestNode* node : All()) {
      NodeStatus status = (*node)->GetStatus();
      EXPECT_THAT(status.problems, IsEmpty()) << "at " << node->agent();
      for (const LinkStatus& link : status.links) {
        EXPECT_THAT(link.holds, IsEmpty()) << "at " << node->agent();
        EXPECT_EQ(link.pending_changes, 0u) << "at " << node->agent();
        EXPECT_EQ(link.unsettled_scopes, 0u) << "at " << node->agent();
      }
      EXPECT_THAT(node->Quarantine(), IsEmpty()) << "at " << node->agent();
    }
  }
  uint64_t Tombstones(TestNode& node) { return node.storage().Stats()->tombstones; }

  std::unique_ptr<TestTree> tree_;
};

TEST_F(PolicyChange, NoneToUp_BackfillsInOrderAndOnce) {
  for (const char* order : kOrders) {
    SCOPED_TRACE(order);
    SetUpAnew();
    for (const char* name : {"c", "a", "b"}) ASSERT_TRUE(tree_->device->Put("Note", Item(name, name)).status.ok());
    std::vector<std::string> came;
    tree_->network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
      const auto* batch = std::get_if<wire::Batch>(&frame.body);
      if (batch == nullptr || &from != tree_->router) return true;
      for (const tg_change& change : batch->changes) {
        came.emplace_back(change.key.sk.data, change.key.sk.size);
      }
      return true;
    };
    int live = 0;
    Change(order, "Note", TG_DIRECTION_UP, [&] {
      std::string name = "live" + std::to_string(live++);
      ASSERT_TRUE(tree_->device->Put("Note", Item(name, name)).status.ok());
    });
    for (const char* name : {"a", "b", "c", "live0", "live1", "live2"}) {
      ExpectAt(*tree_->router, "Note", name, name);
      ExpectAt(*tree_->server, "Note", name, name);
    }
    std::erase_if(came, [](const std::string& sk) { return sk.find("live") != std::string::npos; });
    EXPECT_THAT(came, ::testing::ElementsAre("n#c", "n#a", "n#b")) << "as they were written, and once";
    ExpectNothingWaits();
  }
}

TEST_F(PolicyChange, UpToNone_StopsWithoutDeleting) {
  for (const char* order : kOrders) {
    SCOPED_TRACE(order);
    SetUpAnew();
    Change("SGD", "Note", TG_DIRECTION_UP);
    ASSERT_TRUE(tree_->device->Put("Note", Item("old", "1")).status.ok());
    tree_->Run(1'000);
    Change(order, "Note", TG_DIRECTION_NONE);
    ASSERT_TRUE(tree_->device->Put("Note", Item("old", "2")).status.ok());
    ASSERT_TRUE(tree_->device->Put("Note", Item("new", "1")).status.ok());
    tree_->Run(5'000);
    ExpectAt(*tree_->device, "Note", "old", "2");
    for (TestNode* node : {tree_->router, tree_->server}) {
      EXPECT_EQ(node->storage().Stats()->items, 1u) << "what is there stays, at " << node->agent();
      EXPECT_EQ(Tombstones(*node), 0u);
    }
    ExpectNothingWaits();
    // And on again: what was written meanwhile comes.
    Change(order, "Note", TG_DIRECTION_UP);
    ExpectAt(*tree_->server, "Note", "old", "2");
    ExpectAt(*tree_->server, "Note", "new", "1");
    ExpectNothingWaits();
  }
}

TEST_F(PolicyChange, UpToNoneAndBackWhileAway_NothingIsPassedOver) {
  Change("SGD", "Note", TG_DIRECTION_UP);
  tree_->Disconnect(*tree_->router, *tree_->server);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(tree_->device->Put("Note", Item(std::to_string(i), "x")).status.ok());
  tree_->Run(1'000);
  tree_->router->SetDirection("Note", TG_DIRECTION_NONE);
  tree_->Connect(*tree_->router, *tree_->server);
  tree_->Run(5'000);
  ExpectLacks(*tree_->server, "Note", "0");
  tree_->router->SetDirection("Note", TG_DIRECTION_UP);
  tree_->Run(5'000);
  for (int i = 0; i < 5; ++i) ExpectAt(*tree_->server, "Note", std::to_string(i), "x");
  ExpectNothingWaits();
}

TEST_F(PolicyChange, BothToUp_ADeleteAboveResurrectsNothing) {
  for (const char* order : kOrders) {
    SCOPED_TRACE(order);
    SetUpAnew();
    ASSERT_TRUE(tree_->device->Put("Setting", Item("gone", "1")).status.ok());
    ASSERT_TRUE(tree_->device->Put("Setting", Item("edited", "1")).status.ok());
    ASSERT_TRUE(tree_->device->Put("Setting", Item("kept", "1")).status.ok());
    tree_->Run(1'000);
    tree_->Disconnect(*tree_->device, *tree_->router);
    ASSERT_TRUE(tree_->server->Remove("Setting", Name("gone"), 42).status.ok());
    ASSERT_TRUE(tree_->server->Put("Setting", Item("edited", "2"), 42).status.ok());
    tree_->Run(1'000);
    for (char name : std::string(order)) NodeOf(name).SetDirection("Setting", TG_DIRECTION_UP);
    tree_->Connect(*tree_->device, *tree_->router);
    tree_->Run(20'000);
    ExpectLacks(*tree_->server, "Setting", "gone");
    ExpectLacks(*tree_->router, "Setting", "gone");
    ExpectAt(*tree_->server, "Setting", "edited", "2");
    ExpectAt(*tree_->device, "Setting", "gone", "1");    // nothing is deleted by a policy
    ExpectAt(*tree_->device, "Setting", "edited", "1");  // it is its writer's own now
    for (TestNode* node : All()) ExpectAt(*node, "Setting", "kept", "1");
    ASSERT_TRUE(tree_->device->Put("Setting", Item("edited", "3")).status.ok());
    tree_->Run(5'000);
    for (TestNode* node : All()) ExpectAt(*node, "Setting", "edited", "3");
    ExpectNothingWaits();
  }
}

// The device's edit had not gone up when the server, which might, deleted the item.
TEST_F(PolicyChange, BothToUp_AnEditOlderThanADeleteAbove_IsGoneEverywhereAndJournaled) {
  for (const char* order : kOrders) {
    SCOPED_TRACE(order);
    SetUpAnew();
    ASSERT_TRUE(tree_->device->Put("Setting", Item("gone", "1")).status.ok());
    tree_->Run(1'000);
    tree_->Disconnect(*tree_->device, *tree_->router);
    ASSERT_TRUE(tree_->device->Put("Setting", Item("gone", "2")).status.ok());
    ASSERT_TRUE(tree_->device->Put("Setting", Item("new", "1")).status.ok());
    tree_->Run(1'000);
    ASSERT_TRUE(tree_->server->Remove("Setting", Name("gone"), 42).status.ok());
    tree_->Run(1'000);
    for (char name : std::string(order)) NodeOf(name).SetDirection("Setting", TG_DIRECTION_UP);
    tree_->Connect(*tree_->device, *tree_->router);
    tree_->Run(20'000);
    for (TestNode* node : All()) {
      ExpectLacks(*node, "Setting", "gone");
      ExpectAt(*node, "Setting", "new", "1");
    }
    ASSERT_EQ(tree_->device->Conflicts().size(), 1u);
    EXPECT_THAT((*tree_->device)->Conflict(1)->item, HasSubstr("\"value\":\"2\""));
    ExpectNothingWaits();
    ASSERT_TRUE(tree_->device->Put("Setting", Item("gone", "3")).status.ok());
    tree_->Run(5'000);
    for (TestNode* node : All()) ExpectAt(*node, "Setting", "gone", "3");
    ExpectNothingWaits();
  }
}

// The same, and the router had not heard of the delete: it may have the edit by then, which nobody else knows any more.
TEST_F(PolicyChange, BothToUp_AnEditOlderThanADeleteThatTheRouterLacks_IsGoneThereToo) {
  for (const char* order : kOrders) {
    SCOPED_TRACE(order);
    SetUpAnew();
    ASSERT_TRUE(tree_->device->Put("Setting", Item("gone", "1")).status.ok());
    tree_->Run(1'000);
    tree_->Disconnect(*tree_->device, *tree_->router);
    ASSERT_TRUE(tree_->device->Put("Setting", Item("gone", "2")).status.ok());
    tree_->Run(1'000);
    tree_->Disconnect(*tree_->router, *tree_->server);
    ASSERT_TRUE(tree_->server->Put("Setting", Item("gone", "3"), 42).status.ok());
    ASSERT_TRUE(tree_->server->Remove("Setting", Name("gone"), 42).status.ok());
    for (char name : std::string(order)) NodeOf(name).SetDirection("Setting", TG_DIRECTION_UP);
    tree_->Connect(*tree_->device, *tree_->router);
    tree_->Run(2'000);
    ExpectAt(*tree_->router, "Setting", "gone", "2");
    tree_->Connect(*tree_->router, *tree_->server);
    tree_->Run(20'000);
    for (TestNode* node : All()) {
      ExpectLacks(*node, "Setting", "gone");
      EXPECT_EQ(Tombstones(*node), 1u) << "one delete everywhere, at " << node->agent();
    }
    ASSERT_EQ(tree_->device->Conflicts().size(), 1u);
    ExpectNothingWaits();
    ASSERT_TRUE(tree_->device->Put("Setting", Item("gone", "4")).status.ok());
    tree_->Run(5'000);
    for (TestNode* node : All()) ExpectAt(*node, "Setting", "gone", "4");
  }
}

// Or the delete is forgotten above by then: who wrote when it went both ways is no single writer.
TEST_F(PolicyChange, BothToUp_AnEditOlderThanAForgottenDelete_ResurrectsNothing) {
  for (const char* order : kOrders) {
    SCOPED_TRACE(order);
    SetUpAnew();
    ASSERT_TRUE(tree_->device->Put("Setting", Item("gone", "1")).status.ok());
    tree_->Run(1'000);
    tree_->Disconnect(*tree_->device, *tree_->router);
    ASSERT_TRUE(tree_->device->Put("Setting", Item("gone", "2")).status.ok());
    tree_->Run(1'000);
    ASSERT_TRUE(tree_->server->Remove("Setting", Name("gone"), 42).status.ok());
    tree_->Run(1'000);
    for (int i = 0; i < 5; ++i) {
      tree_->Disconnect(*tree_->router, *tree_->server);
      tree_->clock.now_us += int64_t{10} * 86'400 * 1'000'000;
      tree_->Connect(*tree_->router, *tree_->server);
      tree_->Run(3'900'000);
    }
    ASSERT_EQ(Tombstones(*tree_->server), 0u);
    ASSERT_EQ(Tombstones(*tree_->router), 0u);
    for (char name : std::string(order)) NodeOf(name).SetDirection("Setting", TG_DIRECTION_UP);
    tree_->Run(2'000);
    tree_->router->Stop();
    tree_->router->Start();
    tree_->Connect(*tree_->router, *tree_->server);
    tree_->Connect(*tree_->device, *tree_->router);
    tree_->Run(20'000);
    ExpectLacks(*tree_->server, "Setting", "gone");
    ExpectLacks(*tree_->router, "Setting", "gone");
    ExpectAt(*tree_->device, "Setting", "gone", "2");
    ASSERT_EQ(tree_->device->Quarantine().size(), 1u);
    EXPECT_THAT(tree_->device->Quarantine()[0].reason, HasSubstr("maybe_deleted"));
    ASSERT_TRUE(tree_->device->Put("Setting", Item("new", "3")).status.ok());
    tree_->Run(5'000);
    ExpectAt(*tree_->server, "Setting", "new", "3");
  }
}

// What was written over an item from before is kept from being forgotten (decision 0155); a delete that came from above
// is not.
TEST_F(PolicyChange, BothToNone_ADeleteFromAboveOfWhatWasWrittenMeanwhile_IsForgottenAfterALease) {
  Change("SGD", "Note", TG_DIRECTION_BOTH);
  ASSERT_TRUE(tree_->device->Put("Note", Item("a", "1")).status.ok());
  tree_->Run(1'000);
  Change("SGD", "Note", TG_DIRECTION_NONE);
  ASSERT_TRUE(tree_->device->Put("Note", Item("a", "2")).status.ok());
  Change("SGD", "Note", TG_DIRECTION_BOTH);
  ExpectAt(*tree_->server, "Note", "a", "2");
  ASSERT_TRUE(tree_->server->Remove("Note", Name("a"), 42).status.ok());
  tree_->Run(1'000);
  ExpectLacks(*tree_->device, "Note", "a");
  Change("SGD", "Note", TG_DIRECTION_NONE);
  for (int i = 0; i < 7; ++i) {
    tree_->clock.now_us += int64_t{10} * 86'400 * 1'000'000;
    tree_->Run(3'900'000);
  }
  for (TestNode* node : All()) EXPECT_EQ(Tombstones(*node), 0u) << "at " << node->agent();
}

TEST_F(PolicyChange, DownToNone_EvictsBroadcastsAndComesBack) {
  for (const char* order : kOrders) {
    SCOPED_TRACE(order);
    SetUpAnew();
    ASSERT_TRUE(tree_->server->Put("Config", Item("all", "1")).status.ok());
    ASSERT_TRUE(tree_->server->Put("Config", Item("one", "1"), 42).status.ok());
    tree_->Run(1'000);
    ExpectAt(*tree_->device, "Config", "all", "1", 0);
    Change(order, "Config", TG_DIRECTION_NONE);
    for (TestNode* node : {tree_->router, tree_->device}) {
      ExpectLacks(*node, "Config", "all", 0);
      EXPECT_EQ(Tombstones(*node), 0u) << "an evict is no delete";
    }
    ExpectLacks(*tree_->router, "Config", "one");
    ExpectAt(*tree_->device, "Config", "one", "1");  // never at its owner
    EXPECT_EQ(tree_->server->storage().Stats()->items, 2u);
    EXPECT_EQ(Tombstones(*tree_->server), 0u);
    ExpectNothingWaits();
    Change(order, "Config", TG_DIRECTION_DOWN);
    for (TestNode* node : All()) {
      ExpectAt(*node, "Config", "all", "1", 0);
      ExpectAt(*node, "Config", "one", "1");
    }
    ExpectNothingWaits();
  }
}

TEST_F(PolicyChange, OnlyTheRouterNarrows_NothingIsRemovedBelow) {
  ASSERT_TRUE(tree_->server->Put("Config", Item("all", "1")).status.ok());
  ASSERT_TRUE(tree_->device->Put("Setting", Item("own", "1")).status.ok());
  tree_->Run(1'000);
  for (const char* model : {"Config", "Setting"}) tree_->router->SetDirection(model, TG_DIRECTION_NONE);
  tree_->Run(5'000);
  ExpectLacks(*tree_->router, "Config", "all", 0);
  // The device compares everything with a parent that lacks it.
  tree_->Disconnect(*tree_->device, *tree_->router);
  tree_->device->SetDirection("Note", TG_DIRECTION_DOWN);
  tree_->Connect(*tree_->device, *tree_->router);
  tree_->Run(60'000);
  ExpectAt(*tree_->device, "Config", "all", "1", 0);
  ExpectAt(*tree_->device, "Setting", "own", "1");
}

TEST_F(PolicyChange, EvictedAndWidenedAgainAtOnce_IsThere) {
  ASSERT_TRUE(tree_->server->Put("Config", Item("all", "1")).status.ok());
  tree_->Run(1'000);
  for (int i = 0; i < 4; ++i) {
    tree_->device->SetDirection("Config", TG_DIRECTION_NONE);
    if (i % 2 != 0) (void)(*tree_->device)->Commit();
    tree_->Run(i);
    tree_->device->SetDirection("Config", TG_DIRECTION_DOWN);
    tree_->Run(5'000);
    ExpectAt(*tree_->device, "Config", "all", "1", 0);
  }
  ExpectNothingWaits();
}

TEST_F(PolicyChange, BothToDown_WhatWasWrittenBelowStaysThere) {
  for (const char* order : kOrders) {
    SCOPED_TRACE(order);
    SetUpAnew();
    ASSERT_TRUE(tree_->device->Put("Setting", Item("delivered", "1")).status.ok());
    tree_->Run(1'000);
    tree_->Disconnect(*tree_->device, *tree_->router);
    ASSERT_TRUE(tree_->device->Put("Setting", Item("own", "1")).status.ok());
    for (char name : std::string(order)) NodeOf(name).SetDirection("Setting", TG_DIRECTION_DOWN);
    tree_->Connect(*tree_->device, *tree_->router);
    tree_->Run(60'000);
    ExpectAt(*tree_->device, "Setting", "own", "1");
    ExpectAt(*tree_->device, "Setting", "delivered", "1");
    ASSERT_TRUE(tree_->server->Put("Setting", Item("own", "2"), 42).status.ok());
    tree_->Run(5'000);
    ExpectAt(*tree_->device, "Setting", "own", "2");
    ExpectNothingWaits();
  }
}

// What was written below when the model went both ways is compared no more, now that it goes down only; and a delete of
// it that waited above is below the purge horizon by the time it may pass.
TEST_F(PolicyChange, BothToDown_AnOldDeleteThatWaitedAbove_ReachesAllThatWasWrittenBelow) {
  ASSERT_TRUE(tree_->device->Put("Setting", Item("gone", "1")).status.ok());
  ASSERT_TRUE(tree_->device->Put("Setting", Item("kept", "1")).status.ok());
  ASSERT_TRUE(tree_->server->Put("Config", Item("other", "1")).status.ok());
  tree_->Run(1'000);
  Change("SGD", "Setting", TG_DIRECTION_DOWN);
  tree_->Disconnect(*tree_->device, *tree_->router);
  tree_->router->SetDirection("Setting", TG_DIRECTION_NONE);  // so it is held there
  tree_->Run(1'000);
  ASSERT_TRUE(tree_->server->Remove("Setting", Name("gone"), 42).status.ok());
  ASSERT_TRUE(tree_->server->Remove("Config", Name("other"), 0).status.ok());
  for (int i = 0; i < 7; ++i) {
    tree_->Disconnect(*tree_->router, *tree_->server);
    tree_->clock.now_us += int64_t{10} * 86'400 * 1'000'000;
    tree_->Connect(*tree_->router, *tree_->server);
    tree_->Run(3'900'000);
  }
  ASSERT_EQ(Tombstones(*tree_->router), 0u) << "the other one, which is the newer";
  ASSERT_EQ(Tombstones(*tree_->server), 1u) << "it waits for the router";
  tree_->router->SetDirection("Setting", TG_DIRECTION_DOWN);
  tree_->Run(5'000);
  ExpectLacks(*tree_->router, "Setting", "gone");
  tree_->Connect(*tree_->device, *tree_->router);
  tree_->Run(20'000);
  for (TestNode* node : All()) {
    ExpectLacks(*node, "Setting", "gone");
    ExpectAt(*node, "Setting", "kept", "1");
  }
  ExpectNothingWaits();
}

TEST_F(PolicyChange, UpToBoth_WhatWasClearedAboveIsNotRemovedBelow) {
  for (const char* order : kOrders) {
    SCOPED_TRACE(order);
    SetUpAnew();
    Change("SGD", "Note", TG_DIRECTION_UP);
    ASSERT_TRUE(tree_->device->Put("Note", Item("a", "1")).status.ok());
    tree_->Run(1'000);
    ClearRequest request;
    request.owner = 42;
    (*tree_->router)->Clear(request, [](ClearAnswer) {});
    tree_->Run(1'000);
    ExpectLacks(*tree_->router, "Note", "a");
    Change(order, "Note", TG_DIRECTION_BOTH);
    for (TestNode* node : All()) ExpectAt(*node, "Note", "a", "1");
    ASSERT_TRUE(tree_->server->Put("Note", Item("a", "2"), 42).status.ok());
    tree_->Run(5'000);
    for (TestNode* node : All()) ExpectAt(*node, "Note", "a", "2");
    ExpectNothingWaits();
  }
}

TEST_F(PolicyChange, DownToUp_TheOwnerWrites) {
  for (const char* order : kOrders) {
    SCOPED_TRACE(order);
    SetUpAnew();
    ASSERT_TRUE(tree_->server->Put("Config", Item("x", "server"), 42).status.ok());
    ASSERT_TRUE(tree_->server->Put("Config", Item("all", "server")).status.ok());
    tree_->Run(1'000);
    Change(order, "Config", TG_DIRECTION_UP);
    ExpectLacks(*tree_->device, "Config", "all", 0);
    ExpectAt(*tree_->device, "Config", "x", "server");
    ASSERT_TRUE(tree_->device->Put("Config", Item("x", "device")).status.ok());
    tree_->Run(5'000);
    for (TestNode* node : All()) ExpectAt(*node, "Config", "x", "device");
    ExpectNothingWaits();
  }
}

TEST_F(PolicyChange, RouterWithoutTheSchema_FollowsTheTableOfItsParent) {
  constexpr char kOther[] = R"({
    format: 'onetable:1.1.0', version: '1.0.0', indexes: {primary: {hash: 'pk', sort: 'sk'}},
    models: {Other: {pk: {type: String, value: 'o#'}, sk: {type: String, value: 'o#'}}}})";
  for (const char* order : {"SD", "DS"}) {
    SCOPED_TRACE(order);
    SetUpAnew();
    tree_->router->UseSchema(kOther);
    tree_->Run(2'000);
    ASSERT_TRUE(tree_->device->Put("Note", Item("a", "1")).status.ok());
    ASSERT_TRUE(tree_->server->Put("Config", Item("all", "1")).status.ok());
    tree_->Run(2'000);
    ExpectAt(*tree_->device, "Config", "all", "1", 0);
    Change(order, "Note", TG_DIRECTION_UP);
    Change(order, "Config", TG_DIRECTION_NONE);
    ExpectAt(*tree_->server, "Note", "a", "1");
    ExpectLacks(*tree_->device, "Config", "all", 0);
    EXPECT_EQ(tree_->router->storage().Stats()->items, 1u) << "the note; what goes down no longer is evicted";
    Change(order, "Config", TG_DIRECTION_DOWN);
    ExpectAt(*tree_->device, "Config", "all", "1", 0);
    EXPECT_EQ(tree_->router->storage().Stats()->items, 2u);
  }
}

TEST_F(PolicyChange, ChangedWhileStopped_IsNoticedAtTheStart) {
  ASSERT_TRUE(tree_->device->Put("Note", Item("a", "1")).status.ok());
  for (TestNode* node : All()) node->Stop();
  for (TestNode* node : All()) node->SetDirection("Note", TG_DIRECTION_UP);
  for (TestNode* node : All()) node->Start();
  tree_->Connect(*tree_->router, *tree_->server);
  tree_->Connect(*tree_->device, *tree_->router);
  tree_->Run(5'000);
  ExpectAt(*tree_->server, "Note", "a", "1");
  ExpectNothingWaits();
}

TEST_F(PolicyChange, DiskFailsAndNodesStopMeanwhile_NothingIsForgotten) {
  for (int failures = 0; failures < 6; ++failures) {
    SCOPED_TRACE(failures);
    SetUpAnew();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(tree_->device->Put("Note", Item(std::to_string(i), "x")).status.ok());
    for (TestNode* node : {tree_->server, tree_->router}) node->SetDirection("Note", TG_DIRECTION_UP);
    tree_->device->SetDirection("Note", TG_DIRECTION_UP);
    tree_->device->FailCommits(failures);
    tree_->Run(failures);
    tree_->device->SetDirection("Note", TG_DIRECTION_NONE);
    tree_->Run(failures * 700);
    tree_->device->Stop();
    tree_->device->SetDirection("Note", TG_DIRECTION_UP);
    tree_->device->FailCommits(0);
    tree_->device->Start();
    tree_->Connect(*tree_->device, *tree_->router);
    tree_->Run(10'000);
    for (int i = 0; i < 20; ++i) ExpectAt(*tree_->server, "Note", std::to_string(i), "x");
    ExpectNothingWaits();
  }
}

TEST_F(PolicyChange, LargeBackfill_LiveChangesWaitForOnePortionOnly) {
  tree_->Disconnect(*tree_->device, *tree_->router);
  constexpr int kItems = 5'000;
  for (int i = 0; i < kItems; ++i)
    ASSERT_TRUE(tree_->device->Put("Note", Item("old" + std::to_string(i), "x")).status.ok());
  for (TestNode* node : All()) node->SetDirection("Note", TG_DIRECTION_UP);
  ASSERT_TRUE(tree_->device->Put("Note", Item("hot", "x")).status.ok());
  std::vector<std::string> came;
  tree_->network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    const auto* batch = std::get_if<wire::Batch>(&frame.body);
    if (batch == nullptr || &from != tree_->device) return true;
    for (const tg_change& change : batch->changes) came.emplace_back(change.key.sk.data, change.key.sk.size);
    return true;
  };
  tree_->Connect(*tree_->device, *tree_->router);
  SyncAnswer synced;
  synced.status = Status::Internal("not answered");
  (*tree_->device)->Sync({SyncTarget::kServer, 120'000}, [&](SyncAnswer given) { synced = std::move(given); });
  tree_->Run(30'000);
  EXPECT_TRUE(synced.status.ok()) << synced.status.message();
  EXPECT_EQ(tree_->server->storage().Stats()->items, static_cast<uint64_t>(kItems) + 1);
  ASSERT_EQ(came.size(), static_cast<size_t>(kItems) + 1);
  auto hot = std::find(came.begin(), came.end(), "n#hot") - came.begin();
  EXPECT_LE(hot, 2'000);
  EXPECT_EQ(came.back(), "n#old" + std::to_string(kItems - 1));
  ExpectNothingWaits();
}

}  // namespace
}  // namespace tidegate::node
