// Rows that somebody changed behind a daemon, so that both ends have the same version with different digests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/base/digest.h"
#include "host/base/views.h"
#include "host/core/change_arena.h"
#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AlikeTest : public NodeTest {
 protected:
  void ExpectEqual(TestNode& child, AgentId parent) {
    LinkSyncAnswer after = Verify(child, parent, false);
    ASSERT_TRUE(after.status.ok()) << after.status.message();
    EXPECT_THAT(after.report->models, IsEmpty()) << "agent " << child.agent();
  }
  static std::optional<tg_change> Row(TestNode& node, const std::string& model, AgentId owner,
                                      core::ChangeArena* arena) {
    std::optional<tg_change> row;
    tg_range range{};
    range.struct_size = sizeof range;
    range.owner = owner;
    EXPECT_TRUE(node.storage()
                    .RangeScan(range,
                               [&](const tg_change& change) {
                                 if (View(change.model) == model) row = arena->Copy(change);
                                 return true;
                               })
                    .ok());
    return row;
  }
  static void Store(TestNode& node, const tg_change& row) {
    tg_mutation mutation{};
    mutation.struct_size = sizeof mutation;
    mutation.op = TG_OP_PUT;
    mutation.change = &row;
    tg_group group{&mutation, 1};
    ASSERT_TRUE(const_cast<core::Storage&>(node.storage()).Commit({&group, 1}, [](const tg_outcome&) {}).ok());
  }
  // Another state under the same version, as a whole. It is no news to any feed: it came from where it is told to.
  void Alter(TestNode& node, const std::string& model, AgentId owner, AgentId via) {
    core::ChangeArena arena;
    std::optional<tg_change> row = Row(node, model, owner, &arena);
    ASSERT_TRUE(row);
    row->policy_meta = Bytes("altered");
    row->via = via;
    row->digest = ChangeDigest(*row);
    Store(node, *row);
  }
  // Only the digest.
  void AlterDigest(TestNode& node, const std::string& model, AgentId owner, AgentId via) {
    core::ChangeArena arena;
    std::optional<tg_change> row = Row(node, model, owner, &arena);
    ASSERT_TRUE(row);
    ++row->digest;
    row->via = via;
    Store(node, *row);
  }
  static std::string MetaOf(TestNode& node, const std::string& model, AgentId owner) {
    core::ChangeArena arena;
    std::optional<tg_change> row = Row(node, model, owner, &arena);
    return row ? std::string(View(row->policy_meta)) + (row->digest == ChangeDigest(*row) ? "" : " unsound") : "none";
  }
  void Fill() {
    ASSERT_TRUE(tree_.device->Put("Reading", R"({"id":"1"})").status.ok());
    ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"own"})").status.ok());
    ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"all"})").status.ok());
    tree_.Run(5'000);
  }
};

TEST_F(AlikeTest, ALook_CountsItAndChangesNothing) {
  Fill();
  Alter(*tree_.device, "Config", 0, 10);
  for (int round = 0; round < 2; ++round) {
    LinkSyncAnswer found = Verify(*tree_.device, 10, false);
    ASSERT_THAT(found.report->models, SizeIs(1));
    EXPECT_EQ(found.report->models[0], (wire::ModelDifference{"Config", 0, 0, 1, 0}));
  }
  EXPECT_EQ(MetaOf(*tree_.device, "Config", 0), "altered");
}

TEST_F(AlikeTest, DownItem_TheParentsStateStays) {
  Fill();
  Alter(*tree_.device, "Config", 0, 10);
  LinkSyncAnswer mended = Verify(*tree_.device, 10, true);
  EXPECT_EQ(mended.report->models[0], (wire::ModelDifference{"Config", 0, 0, 1, 1}));
  EXPECT_EQ(MetaOf(*tree_.device, "Config", 0), "");
  ExpectEqual(*tree_.device, 10);
}

TEST_F(AlikeTest, DownItemAlteredAtTheParent_GoesDownAsItIsThere) {
  Fill();
  Alter(*tree_.router, "Config", 0, 1);
  Verify(*tree_.device, 10, true);
  EXPECT_EQ(MetaOf(*tree_.device, "Config", 0), "altered") << "never against its direction";
  Verify(*tree_.router, 1, true);
  Verify(*tree_.device, 10, true);
  EXPECT_EQ(MetaOf(*tree_.router, "Config", 0), "");
  EXPECT_EQ(MetaOf(*tree_.device, "Config", 0), "");
}

TEST_F(AlikeTest, UpItem_TheChildsStateStays) {
  Fill();
  Alter(*tree_.router, "Reading", 42, 42);
  LinkSyncAnswer mended = Verify(*tree_.device, 10, true);
  EXPECT_EQ(mended.report->models[0], (wire::ModelDifference{"Reading", 0, 0, 1, 1}));
  EXPECT_EQ(MetaOf(*tree_.router, "Reading", 42), "");
  ExpectEqual(*tree_.device, 10);
  Verify(*tree_.router, 1, true);
  ExpectEqual(*tree_.router, 1);
}

TEST_F(AlikeTest, BothWays_TheStateNearerToItsWriterStays) {
  Fill();
  Alter(*tree_.router, "Setting", 42, 42);  // written at the device
  Verify(*tree_.device, 10, true);
  EXPECT_EQ(MetaOf(*tree_.router, "Setting", 42), "");
  Alter(*tree_.server, "Setting", 42, 10);
  Verify(*tree_.router, 1, true);
  EXPECT_EQ(MetaOf(*tree_.server, "Setting", 42), "");

  ASSERT_TRUE(tree_.server->Put("Setting", R"({"name":"shared"})", 0).status.ok());
  tree_.Run(5'000);
  Alter(*tree_.device, "Setting", 0, 10);  // written at the server
  Alter(*tree_.router, "Setting", 0, 1);
  Verify(*tree_.router, 1, true);
  Verify(*tree_.device, 10, true);
  for (TestNode* node : {&*tree_.device, &*tree_.router, &*tree_.server})
    EXPECT_EQ(MetaOf(*node, "Setting", 0), "") << "agent " << node->agent();
  ExpectEqual(*tree_.device, 10);
  ExpectEqual(*tree_.router, 1);
}

TEST_F(AlikeTest, DigestAlone_IsMadeAnewWhereItWasChanged) {
  Fill();
  AlterDigest(*tree_.router, "Config", 0, 1);
  AlterDigest(*tree_.device, "Setting", 42, 0);
  AlterDigest(*tree_.router, "Reading", 42, 42);
  Verify(*tree_.device, 10, true);
  tree_.Run(1'000);
  EXPECT_EQ(MetaOf(*tree_.router, "Config", 0), "");
  EXPECT_EQ(MetaOf(*tree_.device, "Setting", 42), "");
  EXPECT_EQ(MetaOf(*tree_.router, "Reading", 42), "");
  ExpectEqual(*tree_.device, 10);
  ExpectEqual(*tree_.router, 1);
}

TEST_F(AlikeTest, OtherBody_IsJournaledWhereItIsReplaced) {
  Fill();
  core::ChangeArena arena;
  std::optional<tg_change> row = Row(*tree_.router, "Reading", 42, &arena);
  ASSERT_TRUE(row);
  std::string body(View(row->body));
  body.insert(body.size() - 1, R"(,"value":7)");
  row->body = Bytes(body);
  row->policy_meta = Bytes("altered");
  row->digest = ChangeDigest(*row);
  Store(*tree_.router, *row);
  Verify(*tree_.device, 10, true);
  ASSERT_THAT(tree_.router->operator->()->Conflicts().value(), SizeIs(1));
  EXPECT_THAT(tree_.router->operator->()->Conflict(1)->item, HasSubstr("7"));
  EXPECT_EQ(MetaOf(*tree_.router, "Reading", 42), "");
}

}  // namespace
}  // namespace tidegate::node
