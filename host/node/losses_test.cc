// What a restored server does not know any more, and that nothing is removed for it before an operator says so.
// Scenario e; the mass delete of reliability.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/base/views.h"
#include "host/node/test_tree.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Losses : public NodeTest {
 protected:
  Status Confirm(TestNode& at) {
    Status confirmed = Status::Internal("not answered");
    at->ConfirmLosses([&](Status status) { confirmed = std::move(status); });
    tree_.Run(200);
    return confirmed;
  }
  bool Has(TestNode& node, const std::string& model, const std::string& name, AgentId owner) {
    return node.Get(model, R"({"name":")" + name + R"("})", owner) != "not_found";
  }
  void PutConfig(const std::string& name, AgentId owner) {
    ASSERT_TRUE(tree_.server->Put("Config", R"({"name":")" + name + R"(","value":"1"})", owner).status.ok());
  }
  void PutSetting(TestNode& node, const std::string& name) {
    ASSERT_TRUE(node.Put("Setting", R"({"name":")" + name + R"(","value":"1"})").status.ok());
  }
  std::vector<std::string> Listed(bool items) {
    std::vector<std::string> listed;
    const Result<std::vector<LossEntry>> losses = (*tree_.server)->Losses();
    for (const LossEntry& entry : losses.value()) {
      EXPECT_LE(entry.from_unix_ms, entry.to_unix_ms);
      EXPECT_GT(entry.since_unix_ms, 0);
      if (entry.is_item != items) continue;
      listed.push_back(items ? entry.model + " " + std::to_string(entry.owner) + " " + entry.sk
                             : std::to_string(entry.agent) + " " + entry.lane);
    }
    return listed;
  }
  // Of which the nodes below have another state.
  std::vector<std::string> Differing() {
    std::vector<std::string> listed;
    const Result<std::vector<LossEntry>> losses = (*tree_.server)->Losses();
    for (const LossEntry& entry : losses.value()) {
      if (entry.below == wire::GoneBelow::kNewer) listed.push_back("newer " + entry.sk);
      if (entry.below == wire::GoneBelow::kDeleted) listed.push_back("deleted " + entry.sk);
    }
    return listed;
  }
  void EditConfig(const std::string& name, const std::string& value) {
    ASSERT_TRUE(
        tree_.server->Put("Config", R"({"name":")" + name + R"(","value":")" + value + R"("})", 42).status.ok());
  }
  std::string Config(TestNode& node, const std::string& name) {
    return node.Get("Config", R"({"name":")" + name + R"("})", 42);
  }
  // As `tidegate restore` leaves it.
  void NoteRestored() {
    tree_.server->Offline([](core::Storage& storage) {
      tg_mutation note{};
      note.struct_size = sizeof note;
      note.op = TG_OP_META_PUT;
      note.meta_key = Str(sync::meta::kRestored);
      note.meta_value = Bytes(std::string_view("a backup"));
      const tg_group group{&note, 1};
      ASSERT_TRUE(storage.Commit(std::span(&group, 1), {}).ok());
    });
  }
  // Both have it from the backup; afterwards the one was edited, the other deleted. both_back: the router's disk goes
  // back, too.
  void RestoreServerBehindEdits(bool both_back) {
    EditConfig("edited", "old");
    EditConfig("deleted", "old");
    tree_.Run(2'000);
    for (TestNode* node : {tree_.server, tree_.router}) {
      node->Stop();
      node->Save();
      node->Start();
    }
    ConnectAll();
    tree_.Run(2'000);
    EditConfig("edited", "new");
    EditConfig("created", "new");
    tree_.server->Remove("Config", R"({"name":"deleted"})", 42);
    tree_.Run(2'000);
    ASSERT_THAT(Config(*tree_.device, "edited"), HasSubstr("new"));
    ASSERT_EQ(Config(*tree_.device, "deleted"), "not_found");
    tree_.server->Stop();
    tree_.server->RollBack();
    NoteRestored();
    if (both_back) {
      tree_.router->Stop();
      tree_.router->RollBack();
      tree_.router->Start();
    }
    tree_.server->Start();
    ConnectAll();
    tree_.Run(20'000);
  }
  std::vector<std::string> Items() { return Listed(true); }
  std::vector<std::string> Feeds() { return Listed(false); }
  int64_t RestoredAt() { return (*tree_.server)->GetStatus().restored_unix_ms; }
  void Reconnect(TestNode& child, TestNode& parent) {
    tree_.Disconnect(child, parent);
    tree_.Connect(child, parent);
    tree_.Run(40'000);
  }
  // Config new42 and new0 and the device's Setting are made after the backup, old0 before it.
  void RestoreServer() {
    PutConfig("old0", 0);
    tree_.Run(2'000);
    tree_.server->Stop();
    tree_.server->Save();
    tree_.server->Start();
    tree_.Connect(*tree_.router, *tree_.server);
    tree_.Run(2'000);
    PutConfig("new42", 42);
    PutConfig("new0", 0);
    PutSetting(*tree_.device, "s");
    tree_.Run(2'000);
    ASSERT_TRUE(Has(*tree_.device, "Config", "new42", 42));
    ASSERT_TRUE(Has(*tree_.server, "Setting", "s", 42));
    tree_.server->Stop();
    tree_.server->RollBack();
    tree_.server->Start();
    tree_.Connect(*tree_.router, *tree_.server);
    tree_.Run(10'000);
  }
};

TEST_F(Losses, E_RestoredServer_RemovesNothingBelowUntilAnOperatorConfirms) {
  RestoreServer();
  EXPECT_GT(RestoredAt(), 0);
  EXPECT_THAT(Items(), UnorderedElementsAre("Config 0 c#new0", "Config 42 c#new42")) << "what came back is not listed";
  EXPECT_THAT(Feeds(), Contains("1 "));
  Reconnect(*tree_.device, *tree_.router);
  Reconnect(*tree_.router, *tree_.server);
  for (TestNode* node : {tree_.router, tree_.device}) {
    EXPECT_TRUE(Has(*node, "Config", "new42", 42)) << "at agent " << node->agent();
    EXPECT_TRUE(Has(*node, "Config", "new0", 0)) << "at agent " << node->agent();
  }
  EXPECT_TRUE(Has(*tree_.server, "Setting", "s", 42)) << "what goes up comes back by itself";

  tree_.server->Stop();
  tree_.server->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(10'000);
  EXPECT_THAT(Items(), UnorderedElementsAre("Config 0 c#new0", "Config 42 c#new42"));
  EXPECT_THAT((*tree_.server)->GetStatus().problems, Contains(HasSubstr("tidegate losses confirm")));
  EXPECT_FALSE((*tree_.server)->GetStatus().healthy);
  EXPECT_FALSE((*tree_.router)->GetStatus().losses_unconfirmed) << "it is the server that waits for a confirmation";
  EXPECT_EQ(Confirm(*tree_.router).code(), Code::kInvalid);
  Status confirmed = Confirm(*tree_.server);
  ASSERT_TRUE(confirmed.ok()) << confirmed.message();
  EXPECT_EQ(RestoredAt(), 0);
  EXPECT_TRUE((*tree_.server)->GetStatus().healthy);
  EXPECT_THAT(Items(), IsEmpty());
  EXPECT_THAT(Feeds(), IsEmpty());
  tree_.Run(60'000);
  for (TestNode* node : {tree_.router, tree_.device}) {
    EXPECT_FALSE(Has(*node, "Config", "new42", 42)) << "at agent " << node->agent();
    EXPECT_FALSE(Has(*node, "Config", "new0", 0)) << "at agent " << node->agent();
    EXPECT_TRUE(Has(*node, "Config", "old0", 0)) << "at agent " << node->agent();
    EXPECT_TRUE(Has(*node, "Setting", "s", 42)) << "at agent " << node->agent();
    EXPECT_EQ((*node)->GetStatus().quarantined, 0u);
  }
  EXPECT_EQ(tree_.device->LinkTo(10).unsettled_scopes, 0u);
  EXPECT_EQ(Confirm(*tree_.server).code(), Code::kNotFound);

  tree_.server->Stop();
  tree_.server->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(10'000);
  EXPECT_EQ(RestoredAt(), 0) << "what was confirmed stays so";
}

TEST_F(Losses, E_ChildThatSleptOverRestoreAndConfirmation_IsNoNewLoss) {
  TestNode& late = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  late.Start();
  tree_.Connect(late, *tree_.router);
  TestNode& direct = tree_.Add(44, TG_ROLE_DEVICE, 65535);
  direct.Start();
  tree_.Connect(direct, *tree_.server);
  tree_.Run(2'000);
  PutConfig("old0", 0);
  tree_.Run(2'000);
  tree_.server->Stop();
  tree_.server->Save();
  tree_.server->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Connect(direct, *tree_.server);
  tree_.Run(2'000);
  PutConfig("new0", 0);
  PutSetting(direct, "s");
  tree_.Run(2'000);
  ASSERT_TRUE(Has(late, "Config", "new0", 0));
  ASSERT_TRUE(Has(direct, "Config", "new0", 0));
  tree_.Disconnect(late, *tree_.router);
  tree_.server->Stop();
  tree_.server->RollBack();
  tree_.server->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(10'000);
  ASSERT_GT(RestoredAt(), 0);
  ASSERT_TRUE(Confirm(*tree_.server).ok());
  tree_.Run(10'000);

  tree_.Connect(late, *tree_.router);
  tree_.Connect(direct, *tree_.server);
  tree_.Run(60'000);
  EXPECT_EQ(RestoredAt(), 0);
  EXPECT_EQ(tree_.server->counter("tidegate_rewinds_total"), 1u);
  for (TestNode* node : {&late, &direct, tree_.router}) {
    EXPECT_FALSE(Has(*node, "Config", "new0", 0)) << "at agent " << node->agent();
    EXPECT_TRUE(Has(*node, "Config", "old0", 0)) << "at agent " << node->agent();
  }
  EXPECT_TRUE(Has(*tree_.server, "Setting", "s", 44)) << "undelivered since the loss: it comes back";
}

TEST_F(Losses, E_ReplacedServer_IsSureAgainAfterTheConfirmation) {
  PutConfig("c", 42);
  PutSetting(*tree_.device, "s");
  tree_.Run(2'000);
  tree_.server->Stop();
  tree_.server->EmptyDisk();
  tree_.server->Start();
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(40'000);
  EXPECT_GT(RestoredAt(), 0);
  EXPECT_TRUE(Has(*tree_.device, "Config", "c", 42));
  EXPECT_TRUE(Has(*tree_.server, "Setting", "s", 42));
  ASSERT_TRUE(Confirm(*tree_.server).ok());
  tree_.Run(60'000);
  EXPECT_FALSE(Has(*tree_.device, "Config", "c", 42));
  EXPECT_TRUE(Has(*tree_.device, "Setting", "s", 42));
  EXPECT_TRUE(Has(*tree_.server, "Setting", "s", 42));
  EXPECT_EQ(RestoredAt(), 0);
}

TEST_F(Losses, E_EditedOrDeletedSince_ListedThenTheServersStateIsTheNewestEverywhere) {
  RestoreServerBehindEdits(false);
  EXPECT_THAT(Differing(), UnorderedElementsAre("newer c#edited", "deleted c#deleted"));
  for (TestNode* node : {tree_.router, tree_.device}) {
    EXPECT_THAT(Config(*node, "edited"), HasSubstr("new")) << "before it is confirmed, at " << node->agent();
    EXPECT_EQ(Config(*node, "deleted"), "not_found") << "before it is confirmed, at " << node->agent();
  }
  Status confirmed;
  bool waited = false;
  (*tree_.server)->ConfirmLosses([&](Status status) { confirmed = std::move(status); });
  ASSERT_TRUE((*tree_.server)->Commit().ok());
  (*tree_.server)->Sync({SyncTarget::kHop, 60'000}, [&](SyncAnswer answer) {
    waited = answer.status.ok();
    EXPECT_THAT(Config(*tree_.router, "edited"), HasSubstr("old")) << "all is well, it says";
    EXPECT_THAT(Config(*tree_.router, "deleted"), HasSubstr("old")) << "all is well, it says";
  });
  tree_.Run(20'000);
  ASSERT_TRUE(confirmed.ok()) << confirmed.message();
  EXPECT_TRUE(waited);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
    EXPECT_THAT(Config(*node, "edited"), HasSubstr("old")) << "at agent " << node->agent();
    EXPECT_THAT(Config(*node, "deleted"), HasSubstr("old")) << "at agent " << node->agent();
    EXPECT_TRUE((*node)->GetStatus().healthy) << "at agent " << node->agent();
  }
  EXPECT_EQ(tree_.router->LinkTo(1).unsettled_scopes, 0u);
  EXPECT_EQ(tree_.server->counter("tidegate_restamped_total"), 2u);
  ASSERT_EQ(tree_.router->Conflicts().size(), 1u) << "what is replaced is kept aside";
  EXPECT_THAT((*tree_.router)->Conflict(tree_.router->Conflicts()[0].number).value().item, HasSubstr("new"));
  tree_.Run(60'000);
  EXPECT_EQ(tree_.server->counter("tidegate_restamped_total"), 2u) << "once is enough";
}

TEST_F(Losses, E_OnlyTheDeviceHasTheNewerState_TheServerHearsOfItThroughTheRouter) {
  RestoreServerBehindEdits(true);
  EXPECT_THAT(Differing(), UnorderedElementsAre("newer c#edited", "deleted c#deleted"));
  EXPECT_THAT(Items(), Contains("Config 42 c#created"));
  EXPECT_THAT(Config(*tree_.device, "edited"), HasSubstr("new"));
  EXPECT_THAT(Config(*tree_.device, "created"), HasSubstr("new"));
  EXPECT_THAT(Config(*tree_.router, "edited"), HasSubstr("old"));
  ASSERT_TRUE(Confirm(*tree_.server).ok());
  tree_.Run(60'000);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
    EXPECT_THAT(Config(*node, "edited"), HasSubstr("old")) << "at agent " << node->agent();
    EXPECT_THAT(Config(*node, "deleted"), HasSubstr("old")) << "at agent " << node->agent();
  }
  EXPECT_EQ(Config(*tree_.device, "created"), "not_found");
  EXPECT_EQ(tree_.device->LinkTo(10).unsettled_scopes, 0u);
  EXPECT_EQ(tree_.device->Conflicts().size(), 1u) << "what is replaced is kept aside";
}

// Law 5: what nobody could see in the list is not removed.
TEST_F(Losses, E_ChildAwayAtTheConfirmation_WhatOnlyItHasIsListedWhenItComes) {
  TestNode& direct = tree_.Add(44, TG_ROLE_DEVICE, 65535);
  direct.Start();
  tree_.Connect(direct, *tree_.server);
  TestNode& late = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  late.Start();
  tree_.Connect(late, *tree_.router);
  tree_.Run(2'000);
  for (TestNode* node : {tree_.server, tree_.router}) {
    node->Stop();
    node->Save();
    node->Start();
  }
  ConnectAll();
  tree_.Connect(late, *tree_.router);
  tree_.Connect(direct, *tree_.server);
  tree_.Run(2'000);
  PutConfig("seen", 42);
  PutConfig("alone", 43);
  PutConfig("alone", 44);
  tree_.Run(2'000);
  ASSERT_TRUE(Has(late, "Config", "alone", 43));
  ASSERT_TRUE(Has(direct, "Config", "alone", 44));
  tree_.Disconnect(late, *tree_.router);
  tree_.Disconnect(direct, *tree_.server);
  for (TestNode* node : {tree_.server, tree_.router}) {
    node->Stop();
    node->RollBack();
    if (node == tree_.server) NoteRestored();
    node->Start();
  }
  ConnectAll();
  tree_.Run(20'000);
  ASSERT_TRUE(Confirm(*tree_.server).ok());
  tree_.Run(20'000);
  EXPECT_TRUE((*tree_.server)->GetStatus().healthy);

  tree_.Connect(late, *tree_.router);
  tree_.Connect(direct, *tree_.server);
  tree_.Run(60'000);
  EXPECT_TRUE(Has(late, "Config", "alone", 43));
  EXPECT_TRUE(Has(direct, "Config", "alone", 44));
  EXPECT_THAT(Items(), UnorderedElementsAre("Config 43 c#alone", "Config 44 c#alone"));
  EXPECT_TRUE((*tree_.server)->GetStatus().losses_unconfirmed);
  EXPECT_FALSE((*tree_.server)->GetStatus().healthy);
  Restart(*tree_.server);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Connect(direct, *tree_.server);
  tree_.Run(20'000);
  EXPECT_THAT((*tree_.server)->GetStatus().problems, Contains(HasSubstr("tidegate losses confirm")));
  ASSERT_TRUE(Confirm(*tree_.server).ok());
  tree_.Run(20'000);
  EXPECT_FALSE(Has(late, "Config", "alone", 43));
  EXPECT_FALSE(Has(direct, "Config", "alone", 44));
  EXPECT_TRUE((*tree_.server)->GetStatus().healthy);
}

TEST_F(Losses, E_WrittenOrRemovedBeforeTheConfirmation_IsListedNoMore) {
  RestoreServerBehindEdits(false);
  EditConfig("edited", "newest");
  tree_.server->Remove("Config", R"({"name":"deleted"})", 42);
  tree_.Run(10'000);
  EXPECT_THAT(Differing(), IsEmpty());
  EXPECT_THAT(Config(*tree_.device, "edited"), HasSubstr("newest")) << "what is written now is above the lost life";
  ASSERT_TRUE(Confirm(*tree_.server).ok());
  tree_.Run(20'000);
  EXPECT_THAT(Config(*tree_.device, "edited"), HasSubstr("newest"));
  EXPECT_EQ(Config(*tree_.device, "deleted"), "not_found");
}

TEST_F(Losses, ServerThatLostNothing_HasNothingToConfirm) {
  PutConfig("c", 42);
  tree_.Run(2'000);
  Status nothing = Confirm(*tree_.server);
  EXPECT_EQ(nothing.code(), Code::kNotFound);
  EXPECT_THAT(nothing.message(), HasSubstr("nothing to confirm"));
}

}  // namespace
}  // namespace tidegate::node
