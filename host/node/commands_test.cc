// Commands at one node: what is due, what is kept. Their stories over a whole tree are in tests/sim/scenarios.
#include <gmock/gmock.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;

class CommandsTest : public NodeTest {
 protected:
  uint64_t Cleared(TestNode& node, AgentId owner) {
    ClearAnswer answer;
    node->Clear({owner, "Done", SyncTarget::kServer}, [&](const ClearAnswer& given) { answer = given; });
    tree_.Run(1'000);
    EXPECT_TRUE(answer.status.ok()) << answer.status.message();
    return answer.cleared;
  }
  size_t Due(TestNode& node) { return node->Commands("Order").value().commands.size(); }
};

TEST_F(CommandsTest, Clear_KeepsAnAnswerUntilItsCommandIsGone) {
  tree_.server->Put("Order", R"({"id":"1"})", 42);
  tree_.server->Put("Order", R"({"id":"2"})", kAgentAll);
  tree_.Run(2'000);
  EXPECT_EQ(Due(*tree_.device), 2u);
  tree_.device->Put("Done", R"({"id":"1"})");
  tree_.device->Put("Done", R"({"id":"2"})");
  tree_.Run(3'000);
  EXPECT_EQ(tree_.router->Get("Order", R"({"id":"1"})", 42), "not_found");
  for (TestNode* node : {tree_.router, tree_.device}) {
    EXPECT_EQ(Cleared(*node, 42), 1u);
    EXPECT_NE(node->Get("Done", R"({"id":"2"})", 42), "not_found") << "the command to all is still here";
  }
  EXPECT_EQ(Due(*tree_.device), 0u);
}

TEST_F(CommandsTest, CommandThatExpired_IsNotRunAndItsAnswerMayGo) {
  tree_.server->Put("Order", R"({"id":"1","until":"2023-11-14T22:30:00.000Z"})", kAgentAll);
  tree_.server->Put("Order", R"({"id":"2","until":"2023-11-14T22:30:00.000Z"})", kAgentAll);
  tree_.Run(2'000);
  EXPECT_EQ(Due(*tree_.device), 2u);
  tree_.device->Put("Done", R"({"id":"1"})");
  tree_.Run(3'000);
  EXPECT_EQ(Cleared(*tree_.device, 42), 0u) << "the command is still here";
  tree_.Run(17 * 60'000);
  EXPECT_EQ(Due(*tree_.device), 0u);
  EXPECT_EQ(Cleared(*tree_.device, 42), 1u);
  tree_.Run(10 * 60'000);
  EXPECT_EQ(Due(*tree_.device), 0u);
}

// Nothing expires by a clock in doubt, and so nothing that might have expired runs by it.
TEST_F(CommandsTest, ClockInDoubt_CommandWithTtlWaits) {
  tree_.server->Put("Order", R"({"id":"1","until":"2023-11-14T22:30:00.000Z"})", 42);
  tree_.server->Put("Order", R"({"id":"2"})", 42);
  tree_.Run(2'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.device->clock.skew_ms = 1'000 - 1'700'000'000'000;
  tree_.Run(2'000);
  EXPECT_EQ(Due(*tree_.device), 1u);
  EXPECT_THAT((*tree_.device)->Commands("Order")->waits_for, HasSubstr("clock"));
  tree_.device->clock.skew_ms = 0;
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(20'000);
  EXPECT_EQ(Due(*tree_.device), 2u);
}

TEST_F(CommandsTest, RolledBackWithThousandsUnanswered_AllAreAskedForBeforeAnythingIsDue) {
  constexpr size_t kCount = 2'300;
  for (size_t i = 0; i < kCount; ++i)
    tree_.server->Put("Order", R"({"id":")" + std::to_string(i) + R"("})", kAgentAll);
  tree_.server->Put("Order", R"({"id":"new"})", kAgentAll);
  tree_.Run(5'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.device->Stop();
  tree_.device->Save();
  tree_.device->Start();
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(5'000);
  ASSERT_EQ(Due(*tree_.device), kCount + 1);
  for (size_t i = 0; i < kCount; ++i) tree_.device->Put("Done", R"({"id":")" + std::to_string(i) + R"("})");
  tree_.Run(5'000);
  tree_.Disconnect(*tree_.device, *tree_.router);
  tree_.device->Stop();
  tree_.device->RollBack();
  tree_.device->Start();
  tree_.Connect(*tree_.device, *tree_.router);
  size_t due = 0;
  tree_.network = [&](TestNode&, TestNode&, const wire::DecodedFrame&) {
    due = std::max(due, Due(*tree_.device));
    return true;
  };
  tree_.Run(30'000);
  EXPECT_EQ(Due(*tree_.device), 1u);
  EXPECT_EQ(due, 1u) << "of those that were answered in another life";
}

TEST_F(CommandsTest, ModelWithoutAnswers_SaysWhatToDo) {
  auto list = (*tree_.device)->Commands("Config");
  ASSERT_FALSE(list.ok());
  EXPECT_THAT(list.status().message(), HasSubstr("answer: 'MODEL'"));
  EXPECT_EQ((*tree_.device)->Commands("Nothing").status().code(), Code::kNotFound);
}

TEST_F(CommandsTest, DiskFailsWhileTheCommandIsRemoved_RemovedLater) {
  tree_.server->Put("Order", R"({"id":"1"})", 42);
  tree_.Run(2'000);
  tree_.device->Put("Done", R"({"id":"1"})");
  int commits = 0;
  tree_.network = [&](TestNode&, TestNode& to, const wire::DecodedFrame& frame) {
    const auto* batch = std::get_if<wire::Batch>(&frame.body);
    if (&to == tree_.server && batch != nullptr && !batch->changes.empty() && commits++ == 0) to.FailCommits(1);
    return true;
  };
  tree_.Run(30'000);
  EXPECT_EQ(tree_.server->Get("Order", R"({"id":"1"})", 42), "not_found");
}

}  // namespace
}  // namespace tidegate::node
