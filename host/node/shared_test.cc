// Two writers of one item: one state everywhere, nothing lost in silence.
#include <gmock/gmock.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kX[] = R"({"name":"x"})";

std::string Setting(const std::string& fields) { return R"({"name":"x",)" + fields + "}"; }

class SharedItem : public NodeTest {
 protected:
  // An edit of the item of agent 42, or of one of all.
  replica::WriteAnswer Edit(TestNode& node, const std::string& fields, AgentId owner) {
    replica::Write write;
    write.mode = replica::WriteMode::kUpdate;
    write.model = "Setting";
    write.properties = Setting(fields);
    write.owner = owner;
    replica::WriteAnswer answer = node.Write({write});
    EXPECT_TRUE(answer.status.ok()) << answer.status.message();
    return answer;
  }
  std::string At(TestNode& node, AgentId owner) { return node.Get("Setting", kX, owner); }
  void ExpectOneState(AgentId owner) {
    EXPECT_EQ(At(*tree_.router, owner), At(*tree_.server, owner));
    EXPECT_EQ(At(*tree_.device, owner), At(*tree_.server, owner));
  }
  // Every conflict that any node keeps.
  std::vector<ConflictEntry> AllConflicts() {
    std::vector<ConflictEntry> all;
    for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
      for (const ConflictEntry& entry : node->Conflicts()) all.push_back((*node)->Conflict(entry.number).value());
    }
    return all;
  }
  void Join() {
    for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
      node->policy.join_settings = true;
      node->UseSchema("");
    }
    tree_.Run(2'000);
  }
  // The device and the server edit while nothing passes between them.
  void EditApart(const std::string& device, const std::string& server, AgentId owner) {
    tree_.Disconnect(*tree_.router, *tree_.server);
    Edit(*tree_.device, device, owner);
    tree_.Run(1'000);
    Edit(*tree_.server, server, owner);
    tree_.Run(1'000);
    tree_.Connect(*tree_.router, *tree_.server);
    tree_.Run(5'000);
  }
};

TEST_F(SharedItem, EditedAtTwoNodesAtOnce_NewestWinsEverywhereTheOtherIsJournaled) {
  tree_.device->Put("Setting", Setting(R"("value":"first")"));
  tree_.Run(1'000);
  EditApart(R"("value":"device")", R"("value":"server")", 42);
  ExpectOneState(42);
  EXPECT_THAT(At(*tree_.device, 42), HasSubstr("\"server\""));
  std::vector<ConflictEntry> conflicts = AllConflicts();
  ASSERT_FALSE(conflicts.empty());
  for (const ConflictEntry& entry : conflicts) {
    EXPECT_THAT(entry.item, HasSubstr("\"device\""));
    EXPECT_EQ(entry.writer, 42u);
    EXPECT_FALSE(entry.reason.empty());
  }
}

TEST_F(SharedItem, LoserWasWrittenAbove_JournaledToo) {
  tree_.device->Put("Setting", Setting(R"("value":"first")"));
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Edit(*tree_.server, R"("value":"server")", 42);
  tree_.Run(1'000);
  Edit(*tree_.device, R"("value":"device")", 42);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(5'000);
  ExpectOneState(42);
  EXPECT_THAT(At(*tree_.server, 42), HasSubstr("\"device\""));
  ASSERT_FALSE(AllConflicts().empty());
  EXPECT_THAT(AllConflicts()[0].item, HasSubstr("\"server\""));
}

TEST_F(SharedItem, EditedInTurn_NothingIsJournaled) {
  tree_.device->Put("Setting", Setting(R"("value":"first")"));
  tree_.Run(1'000);
  for (int i = 0; i < 5; ++i) {
    Edit(*tree_.server, R"("value":"server)" + std::to_string(i) + '"', 42);
    tree_.Run(1'000);
    Edit(*tree_.device, R"("value":"device)" + std::to_string(i) + '"', 42);
    tree_.Run(1'000);
  }
  ExpectOneState(42);
  EXPECT_TRUE(AllConflicts().empty()) << AllConflicts()[0].reason;
}

TEST_F(SharedItem, ConflictRestored_WinsEverywhereAndLeavesTheJournal) {
  tree_.device->Put("Setting", Setting(R"("value":"first")"));
  tree_.Run(1'000);
  EditApart(R"("value":"device")", R"("value":"server")", 42);
  TestNode* keeper = nullptr;
  for (TestNode* node : {tree_.server, tree_.router, tree_.device})
    if (!node->Conflicts().empty()) keeper = node;
  ASSERT_NE(keeper, nullptr);
  uint64_t number = keeper->Conflicts()[0].number;
  Status restored = Status::Internal("not answered");
  (*keeper)->RestoreConflict(number, [&](Status status) { restored = std::move(status); });
  tree_.Run(5'000);
  EXPECT_TRUE(restored.ok()) << restored.message();
  EXPECT_EQ((*keeper)->Conflict(number).status().code(), Code::kNotFound);
  ExpectOneState(42);
  EXPECT_THAT(At(*tree_.server, 42), HasSubstr("\"device\""));
  (*keeper)->RestoreConflict(number, [&](Status status) { restored = std::move(status); });
  tree_.Run(100);
  EXPECT_EQ(restored.code(), Code::kNotFound);
}

TEST_F(SharedItem, JournalIsFull_OldestMakeRoomAndARestartKeepsTheRest) {
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
    tree_.Disconnect(*tree_.router, *tree_.server);
    node->options().conflict_items_max = 2;
  }
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
    node->Stop();
    node->Start();
  }
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.device->Put("Setting", Setting(R"("value":"first")"));
  tree_.Run(2'000);
  for (int i = 0; i < 4; ++i)
    EditApart(R"("value":"device)" + std::to_string(i) + '"', R"("value":"server)" + std::to_string(i) + '"', 42);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
    EXPECT_LE(node->Conflicts().size(), 2u);
    std::vector<ConflictEntry> before = node->Conflicts();
    node->Stop();
    node->Start();
    ASSERT_EQ(node->Conflicts().size(), before.size());
    for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(node->Conflicts()[i].number, before[i].number);
  }
}

TEST_F(SharedItem, CommitFailsWhileJournaling_EntryComesWithTheNextTry) {
  tree_.device->Put("Setting", Setting(R"("value":"first")"));
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Edit(*tree_.device, R"("value":"device")", 42);
  tree_.Run(1'000);
  Edit(*tree_.server, R"("value":"server")", 42);
  int failed = 0;
  tree_.network = [&](TestNode&, TestNode& to, const wire::DecodedFrame& frame) {
    const auto* batch = std::get_if<wire::Batch>(&frame.body);
    if (batch != nullptr && !batch->changes.empty() && ++failed <= 4) to.FailCommits(1);
    return true;
  };
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(20'000);
  EXPECT_GT(failed, 4);
  ExpectOneState(42);
  EXPECT_FALSE(AllConflicts().empty());
}

TEST_F(SharedItem, JoinedTwoFieldsAtOnce_BothSurviveEverywhereAndNothingIsJournaled) {
  Join();
  tree_.server->Put("Setting", Setting(R"("value":"first","other":"first")"));
  tree_.Run(1'000);
  EditApart(R"("value":"device")", R"("other":"server")", 0);
  ExpectOneState(0);
  EXPECT_THAT(At(*tree_.device, 0), HasSubstr("\"value\":\"device\""));
  EXPECT_THAT(At(*tree_.device, 0), HasSubstr("\"other\":\"server\""));
  EXPECT_TRUE(AllConflicts().empty());
  auto digests = [&](TestNode& node) { return node.storage().Head().value().position; };
  uint64_t before = digests(*tree_.server) + digests(*tree_.router) + digests(*tree_.device);
  tree_.Run(60'000);
  EXPECT_EQ(digests(*tree_.server) + digests(*tree_.router) + digests(*tree_.device), before) << "joined for ever";
}

TEST_F(SharedItem, JoinedStateThatBringsNothing_IsNotStoredAndNotSentOn) {
  Join();
  tree_.server->Put("Setting", Setting(R"("value":"first","other":"first")"));
  tree_.Run(1'000);
  uint64_t head = tree_.router->storage().Head().value().position;
  Count(*tree_.router, *tree_.device);
  tree_.Disconnect(*tree_.router, *tree_.server);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(5'000);
  EXPECT_EQ(tree_.router->storage().Head().value().position, head);
  EXPECT_EQ(changes_, 0u);
}

TEST_F(SharedItem, JoinedAfterALostWatermark_ReconcileBringsBothFields) {
  Join();
  tree_.server->Put("Setting", Setting(R"("value":"first","other":"first")"));
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.router, *tree_.server);
  Edit(*tree_.device, R"("value":"device")", 0);
  tree_.Run(1'000);
  Edit(*tree_.server, R"("other":"server")", 0);
  // Both ends forget what the other holds: only a comparison can find the difference.
  tree_.network = [&](TestNode& from, TestNode&, const wire::DecodedFrame& frame) {
    const auto* batch = std::get_if<wire::Batch>(&frame.body);
    return batch == nullptr || &from != tree_.server || batch->begin != 0 || batch->changes.empty();
  };
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(5'000);
  tree_.network = nullptr;
  tree_.Run(30'000);
  ExpectOneState(0);
  EXPECT_THAT(At(*tree_.server, 0), HasSubstr("\"value\":\"device\""));
  EXPECT_THAT(At(*tree_.server, 0), HasSubstr("\"other\":\"server\""));
}

TEST_F(SharedItem, JoinedDeletedHereEditedThere_GoneEverywhere) {
  Join();
  tree_.server->Put("Setting", Setting(R"("value":"first")"));
  tree_.Run(1'000);
  tree_.Disconnect(*tree_.router, *tree_.server);
  tree_.server->Remove("Setting", kX, 0);
  tree_.Run(1'000);
  Edit(*tree_.device, R"("value":"later")", 0);
  tree_.Connect(*tree_.router, *tree_.server);
  tree_.Run(5'000);
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) EXPECT_EQ(At(*node, 0), "not_found");
}

}  // namespace
}  // namespace tidegate::node
