#include "host/node/test_tree.h"

#include <algorithm>

#include "host/wire/codec.h"

namespace tidegate::node {

TestNode& TestTree::Add(AgentId agent, uint32_t role, uint32_t level) {
  NodeOptions options;
  options.agent = agent;
  options.role = role;
  options.level = level;
  options.sync_delay_ms = 0;
  options.compare_portion_rows = 4;  // a few rows are much here
  options.compare_leaf_items = 2;
  options.verify_period_ms = 0;  // a test says so where it wants it
  options.verify_on_doubt = false;
  nodes_.push_back(std::make_unique<TestNode>(*this, options));
  return *nodes_.back();
}

void TestTree::Build() {
  server = &Add(1, TG_ROLE_SERVER, 1);
  router = &Add(10, TG_ROLE_ROUTER, 2);
  device = &Add(42, TG_ROLE_DEVICE, 65535);
  for (TestNode* node : {server, router, device}) node->Start();
  Connect(*router, *server);
  Connect(*device, *router);
  Run(1'000);
}

void TestTree::Connect(TestNode& child, TestNode& parent) {
  core::TransportSession up = next_session_++;
  core::TransportSession down = next_session_++;
  peers_[up] = {&parent, down};
  peers_[down] = {&child, up};
  parent->SessionOpened(down, {core::Side::kChild, child.agent(), true, "test"});
  child->SessionOpened(up, {core::Side::kParent, parent.agent(), true, "test"});
}

core::TransportSession TestTree::SessionBetween(const TestNode& node, const TestNode& other) const {
  for (const auto& [session, peer] : peers_) {
    auto back = peers_.find(peer.session);
    if (peer.node == &other && back != peers_.end() && back->second.node == &node) return session;
  }
  return 0;
}

void TestTree::Disconnect(TestNode& child, TestNode& parent) {
  std::vector<End> ends;
  for (const auto& [session, peer] : peers_) {
    auto other = peers_.find(peer.session);
    if (other == peers_.end()) continue;
    bool up = peer.node == &parent && other->second.node == &child;
    bool down = peer.node == &child && other->second.node == &parent;
    if (up || down) ends.push_back(peer);
  }
  for (const End& end : ends) peers_.erase(end.session);
  for (const End& end : ends) (*end.node)->SessionClosed(end.session, "cut");
  std::erase_if(travelling_, [&](const Travelling& frame) {
    return (frame.from == &child && frame.to.node == &parent) || (frame.from == &parent && frame.to.node == &child);
  });
}

Status TestTree::Send(TestNode& from, core::TransportSession session, std::string_view frame) {
  auto left = room.find(from.agent());
  if (left != room.end() && left->second-- <= 0) return Status::Full("the transport of the test");
  auto peer = peers_.find(session);
  if (peer == peers_.end()) {
    from.sent_.emplace_back(frame);
  } else {
    travelling_.push_back({peer->second, &from, std::string(frame)});
  }
  return {};
}

void TestTree::Deliver(Travelling frame) {
  if (frame.to.node->node_ == nullptr) return;
  auto decoded = wire::Decode(frame.bytes, {});
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  if (network && !network(*frame.from, *frame.to.node, *decoded)) return;
  (*frame.to.node)->Frame(frame.to.session, std::move(decoded).value(), frame.bytes.size());
}

void TestTree::Run(int64_t ms) {
  const int64_t end_us = clock.now_us + ms * 1000;
  for (int steps = 0; steps < 200'000; ++steps) {
    for (const auto& node : nodes_) {
      if (node->node_ != nullptr) (void)(*node)->Commit();
    }
    if (!room.empty() && travelling_.empty()) {
      room.clear();
      for (const auto& [session, peer] : peers_) (*peer.node)->Writable(peer.session);
      continue;
    }
    if (!travelling_.empty()) {
      std::deque<Travelling> now = std::move(travelling_);
      travelling_.clear();
      for (Travelling& frame : now) Deliver(std::move(frame));
      clock.now_us += 100;
      continue;
    }
    int64_t next = INT64_MAX;
    for (const auto& node : nodes_) {
      if (node->node_ != nullptr) next = std::min(next, (*node)->NextTimerUs());
    }
    if (clock.now_us >= end_us) return;
    clock.now_us = std::max(clock.now_us + 10, std::min(next, end_us));
  }
  ADD_FAILURE() << "the tree does not come to rest";
}

}  // namespace tidegate::node
