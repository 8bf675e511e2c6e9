// A node that gets another agent id. Scenario n: `renew` keeps its data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/base/views.h"
#include "host/node/offline.h"
#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class Renew : public NodeTest {
 protected:
  static std::string Id(int n) { return R"({"id":"r)" + std::to_string(n) + R"("})"; }
  static std::string Reading(int n) { return R"({"id":"r)" + std::to_string(n) + R"(","value":1})"; }
};

TEST_F(Renew, N_RefusedCopy_GoesOnAsAnotherAgentWithAllThatIsItsOwn) {
  TestNode& device = *tree_.device;
  ASSERT_TRUE(device.Put("Reading", Reading(1)).status.ok());
  ASSERT_TRUE(device.Put("Setting", R"({"name":"x","value":"1"})").status.ok());
  ASSERT_TRUE(device.Put("Note", R"({"name":"n","value":"1"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"c","value":"1"})", 42).status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"all","value":"1"})", 0).status.ok());
  tree_.Run(2'000);
  device.Stop();
  TestNode& clone = tree_.Add(42, TG_ROLE_DEVICE, 65535);
  clone.CopyDisk(device);
  device.Start();
  tree_.Connect(device, *tree_.router);
  tree_.Run(2'000);
  clone.Start();
  tree_.Connect(clone, *tree_.router);
  ASSERT_TRUE(clone.Put("Reading", Reading(21)).status.ok());
  ASSERT_TRUE(device.Put("Reading", Reading(11)).status.ok());
  tree_.Run(20'000);
  ASSERT_EQ(clone.LinkTo(10).state, "refused");
  EXPECT_THAT(clone.LinkTo(10).last_error, HasSubstr("tidegate agent renew"));

  tree_.Disconnect(clone, *tree_.router);
  clone.Stop();
  clone.Offline([](core::Storage& storage) {
    Status noted = NoteRenewed(storage, 42, TG_ROLE_DEVICE, 77);
    EXPECT_TRUE(noted.ok()) << noted.message();
    EXPECT_EQ(AgentOfReplica(storage, 42).value(), 77u);
  });
  clone.options().agent = 77;
  clone.Start();
  tree_.Connect(clone, *tree_.router);
  tree_.Run(10'000);
  EXPECT_EQ(clone.LinkTo(10).state, "up");
  EXPECT_EQ(device.LinkTo(10).state, "up");
  for (TestNode* node : {&clone, tree_.server}) {
    EXPECT_NE(node->Get("Reading", Id(1), 77), "not_found") << "of before the copy";
    EXPECT_NE(node->Get("Reading", Id(21), 77), "not_found") << "written while it was refused";
    EXPECT_NE(node->Get("Setting", R"({"name":"x"})", 77), "not_found");
  }
  EXPECT_NE(clone.Get("Note", R"({"name":"n"})"), "not_found");
  EXPECT_EQ(clone.Get("Config", R"({"name":"c"})", 42), "not_found") << "it is the other's";
  EXPECT_NE(clone.Get("Config", R"({"name":"all"})", 0), "not_found");
  EXPECT_EQ(clone.Get("Setting", R"({"name":"x"})", 42), "not_found");
  // The other one lost nothing.
  for (TestNode* node : {&device, tree_.server}) {
    EXPECT_NE(node->Get("Reading", Id(11), 42), "not_found");
    EXPECT_NE(node->Get("Setting", R"({"name":"x"})", 42), "not_found");
    EXPECT_NE(node->Get("Config", R"({"name":"c"})", 42), "not_found");
  }

  clone.Stop();
  clone.Offline([](core::Storage& storage) {
    EXPECT_EQ(AgentOfReplica(storage, 42).value(), 77u) << "also at every later start";
    EXPECT_EQ(AgentOfReplica(storage, 43).value(), 43u) << "the configuration has changed: it is wrong, and said";
  });
  clone.Start();
  tree_.Connect(clone, *tree_.router);
  tree_.Run(2'000);
  EXPECT_EQ(clone.LinkTo(10).state, "up");
}

TEST_F(Renew, N_CopyOfARouter_KeepsNothingThatGoesDownToTheOthersDevices) {
  TestNode& router = *tree_.router;
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"up","value":"1"})").status.ok());
  ASSERT_TRUE(tree_.server->Put("Setting", R"({"name":"down","value":"1"})", 42).status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"c","value":"1"})", 42).status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"all","value":"1"})", 0).status.ok());
  tree_.Run(5'000);
  ASSERT_NE(router.Get("Setting", R"({"name":"up"})", 42), "not_found");
  ASSERT_NE(router.Get("Config", R"({"name":"c"})", 42), "not_found");
  router.Stop();
  TestNode& copy = tree_.Add(10, TG_ROLE_ROUTER, 100);
  copy.CopyDisk(router);
  router.Start();
  ConnectAll();
  copy.Offline([](core::Storage& storage) { ASSERT_TRUE(NoteRenewed(storage, 10, TG_ROLE_ROUTER, 78).ok()); });
  copy.options().agent = 78;
  copy.Start();
  tree_.Connect(copy, *tree_.server);
  tree_.Run(60'000);
  EXPECT_EQ(copy.LinkTo(1).state, "up");
  EXPECT_EQ(copy.Get("Setting", R"({"name":"up"})", 42), "not_found");
  EXPECT_EQ(copy.Get("Setting", R"({"name":"down"})", 42), "not_found");
  EXPECT_EQ(copy.Get("Config", R"({"name":"c"})", 42), "not_found");
  EXPECT_NE(copy.Get("Config", R"({"name":"all"})", 0), "not_found");
  for (TestNode* node : {tree_.server, &router, tree_.device}) {
    EXPECT_NE(node->Get("Setting", R"({"name":"up"})", 42), "not_found") << "at agent " << node->agent();
    EXPECT_NE(node->Get("Setting", R"({"name":"down"})", 42), "not_found") << "at agent " << node->agent();
    EXPECT_NE(node->Get("Config", R"({"name":"c"})", 42), "not_found") << "at agent " << node->agent();
  }
}

TEST_F(Renew, CrashInBetween_IsFinishedAtTheNextStart) {
  TestNode& device = *tree_.device;
  tree_.Disconnect(device, *tree_.router);
  for (int n = 0; n < 700; ++n) ASSERT_TRUE(device.Put("Reading", Reading(n)).status.ok());
  device.Stop();
  device.Offline([](core::Storage& storage) { ASSERT_TRUE(NoteRenewed(storage, 42, TG_ROLE_DEVICE, 77).ok()); });
  device.options().agent = 77;
  device.FailCommits(1, 2);  // of the portions the third
  EXPECT_FALSE(device.TryStart());
  device.Stop();
  device.Start();
  tree_.Connect(device, *tree_.router);
  tree_.Run(20'000);
  int have = 0;
  for (int n = 0; n < 700; ++n) have += tree_.server->Get("Reading", Id(n), 77) != "not_found";
  EXPECT_EQ(have, 700);
}

TEST_F(Renew, SecondTime_ToWhatItIsAlready_IsRefused) {
  TestNode& device = *tree_.device;
  device.Stop();
  device.Offline([](core::Storage& storage) { ASSERT_TRUE(NoteRenewed(storage, 42, TG_ROLE_DEVICE, 77).ok()); });
  device.options().agent = 77;
  device.Start();
  device.Stop();
  device.Offline([](core::Storage& storage) {
    Status again = NoteRenewed(storage, 42, TG_ROLE_DEVICE, 77);
    EXPECT_EQ(again.code(), Code::kInvalid);
    EXPECT_THAT(again.message(), HasSubstr("agent 77 already"));
    EXPECT_TRUE(NoteRenewed(storage, 42, TG_ROLE_DEVICE, 78).ok()) << "another one it may be";
  });
}

// As a replica has it that was made ready by an earlier version.
TEST_F(Renew, NoteThatNamesWhatItIs_StartEndsAndNothingIsLost) {
  TestNode& device = *tree_.device;
  for (int n = 0; n < 300; ++n) ASSERT_TRUE(device.Put("Reading", Reading(n)).status.ok());
  ASSERT_TRUE(device.Remove("Reading", Id(0)).status.ok());
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"c","value":"1"})", 42).status.ok());
  tree_.Run(3'000);
  ASSERT_NE(device.Get("Config", R"({"name":"c"})", 42), "not_found");
  const uint64_t tombstones = device->GetStatus().tombstones;
  device.Stop();
  device.Offline([](core::Storage& storage) {
    tg_mutation put{};
    put.struct_size = sizeof put;
    put.op = TG_OP_META_PUT;
    put.meta_key = Str("renewed");
    put.meta_value = Bytes("42");
    const tg_group group{&put, 1};
    ASSERT_TRUE(storage.Commit(std::span(&group, 1), {}).ok());
  });
  ASSERT_TRUE(device.TryStart());
  EXPECT_NE(device.Get("Config", R"({"name":"c"})", 42), "not_found");
  EXPECT_NE(device.Get("Reading", Id(299), 42), "not_found");
  EXPECT_EQ(device->GetStatus().tombstones, tombstones);
  device.Stop();
  device.Offline([](core::Storage& storage) {
    EXPECT_EQ(storage.MetaGet("renewed").status().code(), Code::kNotFound) << "once is enough";
  });
}

TEST_F(Renew, BegunAndBrokenOff_IsNotTurnedToAnotherId) {
  TestNode& device = *tree_.device;
  tree_.Disconnect(device, *tree_.router);
  for (int n = 0; n < 700; ++n) ASSERT_TRUE(device.Put("Reading", Reading(n)).status.ok());
  device.Stop();
  device.Offline([](core::Storage& storage) {
    ASSERT_TRUE(NoteRenewed(storage, 42, TG_ROLE_DEVICE, 76).ok());
    ASSERT_TRUE(NoteRenewed(storage, 42, TG_ROLE_DEVICE, 77).ok()) << "nothing was done yet";
  });
  device.options().agent = 77;
  device.FailCommits(1, 2);
  EXPECT_FALSE(device.TryStart());
  device.Stop();
  device.Offline([](core::Storage& storage) {
    Status other = NoteRenewed(storage, 42, TG_ROLE_DEVICE, 78);
    EXPECT_EQ(other.code(), Code::kConflict);
    EXPECT_THAT(other.message(), HasSubstr("being renewed to agent 77"));
  });
}

TEST_F(Renew, IdThatIsNone_OrAServer_IsRefusedAndNothingIsNoted) {
  tree_.device->Stop();
  tree_.device->Offline([](core::Storage& storage) {
    EXPECT_EQ(NoteRenewed(storage, 42, TG_ROLE_DEVICE, 1).code(), Code::kInvalid);
    EXPECT_EQ(NoteRenewed(storage, 42, TG_ROLE_DEVICE, 42).code(), Code::kInvalid);
    EXPECT_EQ(NoteRenewed(storage, 43, TG_ROLE_DEVICE, 77).code(), Code::kInvalid) << "not this one's replica";
    EXPECT_EQ(NoteRenewed(storage, 42, TG_ROLE_SERVER, 77).code(), Code::kInvalid);
    EXPECT_EQ(AgentOfReplica(storage, 42).value(), 42u);
  });
  TestNode& fresh = tree_.Add(50, TG_ROLE_DEVICE, 65535);
  fresh.Offline([](core::Storage& storage) {
    EXPECT_EQ(NoteRenewed(storage, 50, TG_ROLE_DEVICE, 77).code(), Code::kNotFound);
    EXPECT_EQ(NoteRestored(storage, 50, TG_ROLE_DEVICE, "x.db").code(), Code::kInvalid);
  });
}

TEST_F(Renew, NoteRestored_IsKnownBeforeAnyNeighbourSaysSo) {
  TestNode& device = *tree_.device;
  device.Stop();
  device.Offline([](core::Storage& storage) {
    Status other = NoteRestored(storage, 43, TG_ROLE_DEVICE, "day.db");
    EXPECT_EQ(other.code(), Code::kInvalid);
    EXPECT_THAT(other.message(), HasSubstr("day.db is of agent 42, device"));
    EXPECT_TRUE(NoteRestored(storage, 42, TG_ROLE_DEVICE, "day.db").ok());
  });
  device.Start();
  EXPECT_THAT(device->GetStatus().problems, Contains(HasSubstr("restored")));
  EXPECT_GT(device->GetStatus().restored_unix_ms, 0);
  tree_.Connect(device, *tree_.router);
  tree_.Run(5'000);
  EXPECT_TRUE(device->GetStatus().healthy);
  EXPECT_GT(device->GetStatus().restored_unix_ms, 0) << "it stays to be seen";
}

}  // namespace
}  // namespace tidegate::node
