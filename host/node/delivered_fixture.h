// DeliveredTest: the tree of the tests of what is delivered, with `sync --wait` asked of any of its nodes.
// Thread safety: none; one thread. Ownership: owns its tree.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "host/node/test_tree.h"

namespace tidegate::node {

class DeliveredTest : public testing::Test {
 protected:
  void SetUp() override { tree_.Build(); }

  std::shared_ptr<SyncAnswer> Ask(TestNode& node, SyncTarget target, int64_t timeout_ms = 10'000) {
    auto answer = std::make_shared<SyncAnswer>();
    answer->status = Status::Internal("not answered");
    node->Sync({target, timeout_ms}, [answer](SyncAnswer given) { *answer = std::move(given); });
    (void)node->Commit();
    return answer;
  }
  SyncAnswer Sync(TestNode& node, SyncTarget target, int64_t timeout_ms = 10'000) {
    auto answer = Ask(node, target, timeout_ms);
    tree_.Run(timeout_ms + 100);
    return *answer;
  }
  void Put(TestNode& node, const std::string& model, const std::string& json, std::optional<AgentId> to = {}) {
    replica::WriteAnswer answer = node.Put(model, json, to);
    ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  }
  void Restart(TestNode& node) {
    node.Stop();
    node.Start();
  }

  TestTree tree_;
};

}  // namespace tidegate::node
