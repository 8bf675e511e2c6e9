// TestTree: a few nodes in one process, over storage-memory, on virtual time, with a network that does
// what a test says. Deterministic: nothing runs except in Run.
// Thread safety: none. Ownership: the tree owns its nodes; the test owns the tree.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/node/node.h"
#include "host/replica/reader.h"

namespace tidegate::node {

class TestClock : public core::Clock {
 public:
  int64_t unix_ms() const override { return 1'700'000'000'000 + now_us / 1000 + skew_ms; }
  int64_t monotonic_us() const override { return now_us; }
  int64_t now_us = 1'000'000;
  int64_t skew_ms = 0;  // of every wall clock
};

// The clock of one node, which may be off.
class NodeClock : public core::Clock {
 public:
  explicit NodeClock(const TestClock& world) : world_(world) {}
  int64_t unix_ms() const override { return world_.unix_ms() + skew_ms; }
  int64_t monotonic_us() const override { return world_.now_us; }
  int64_t skew_ms = 0;

 private:
  const TestClock& world_;
};

// Models of the tests: Reading up, Status and Setting both, Config and Order (answered by Done) down, Note none. Rules
// may be changed.
class TestPolicy : public core::Policy {
 public:
  Status Reload(std::string_view, std::vector<std::string>*) override { return {}; }
  std::optional<uint32_t> Placement(std::string_view) const override { return std::nullopt; }
  std::optional<uint32_t> Direction(std::string_view model) const override;
  std::optional<uint32_t> Lane(std::string_view model) const override;
  std::optional<uint32_t> Route(const core::PolicyContext&, const tg_change& change, AgentId) const override;
  Status Accept(const core::PolicyContext&, const tg_change&) const override { return {}; }
  std::optional<std::string> Answer(std::string_view model) const override {
    return model == "Order" ? std::optional<std::string>("Done") : std::nullopt;
  }
  std::optional<core::MergeRule> Merges(std::string_view model) const override;
  std::optional<std::string> Stamp(const core::PolicyContext& at, const tg_change* held,
                                   const tg_change& written) const override;
  std::optional<core::Joined> Merge(const core::PolicyContext& at, const tg_change& held,
                                    const tg_change& incoming) const override;

  bool join_settings = false;  // policy-merge joins Setting
  std::optional<tg_retain> Retain(std::string_view model) const override {
    auto found = retains.find(model);
    return found == retains.end() ? std::nullopt : std::optional(found->second);
  }

  std::map<std::string, tg_retain, std::less<>> retains;
  std::map<std::string, uint32_t, std::less<>> directions;  // instead of the usual ones
  std::string not_routed;                                   // a model that no neighbour gets
};

class TestTree;

// One node, its replica and what it sent and said.
class TestNode : private Outbox, private core::Log, private core::Metrics, private core::Random {
 public:
  TestNode(TestTree& tree, const NodeOptions& options);
  ~TestNode() override;

  void Start();
  void Stop();  // as a crash: what is not committed is lost
  // While stopped: a copy of the disk is kept; the disk is put back to it, as often as wanted.
  void Save();
  void RollBack();
  void CopyDisk(const TestNode& from);
  void EmptyDisk();
  // The next start gets this epoch: as if the process of then went on.
  void UseEpoch(Epoch epoch) { next_epoch_ = epoch; }
  void FailCommits(int count, int after = 0);
  // As Start, but the node may refuse.
  bool TryStart();
  // While stopped: what a program does with the replica.
  void Offline(const std::function<void(core::Storage&)>& act);
  // Commits that bring the replica above so many rows are refused as full; 0 = no limit.
  void LimitRows(uint64_t rows);
  // From now on this schema; the node is told.
  void UseSchema(const std::string& text);
  // From now on, or from the next start, the model goes this way here.
  void SetDirection(const std::string& model, uint32_t direction);

  Node& operator*() { return *node_; }
  Node* operator->() { return node_.get(); }
  AgentId agent() const { return options_.agent; }
  const core::Storage& storage() const;
  // A row is gone behind the node's back.
  void Lose(const std::string& model, const std::string& sk);

  replica::WriteAnswer Write(const replica::Transaction& transaction);
  replica::WriteAnswer Put(const std::string& model, const std::string& json, std::optional<AgentId> to = {});
  replica::WriteAnswer Remove(const std::string& model, const std::string& json, std::optional<AgentId> owner = {});
  // The item as a program sees it, or the name of the error.
  std::string Get(const std::string& model, const std::string& json, std::optional<AgentId> owner = {});
  LinkStatus LinkTo(AgentId neighbour);
  std::vector<QuarantineEntry> Quarantine();
  // Tries entries of the quarantine again, or drops them: of one model, of one id, all.
  QuarantineAnswer Act(QuarantineAction action, const std::string& id = "", const std::string& model = "");
  std::vector<ConflictEntry> Conflicts();
  uint64_t counter(const std::string& name) const;

  // ---- for tests that play a neighbour ----
  core::TransportSession OpenSession(core::Side side, AgentId peer);
  void Receive(core::TransportSession session, wire::SessionId id, const wire::Body& body);
  // Frames to sessions that lead nowhere, decoded.
  std::vector<wire::DecodedFrame> TakeSent();

  TestPolicy policy;
  core::Events* events = nullptr;   // set before Start
  std::vector<std::string> closed;  // sessions that the node closed: why
  NodeClock clock;
  NodeOptions& options() { return options_; }

 private:
  friend class TestTree;
  class Disk;

  Status Send(core::TransportSession session, std::string_view frame) override;
  void Close(core::TransportSession session, std::string_view reason) override;
  void Write(uint32_t, std::string_view) override {}
  void Add(std::string_view counter, uint64_t delta) override { counters_[std::string(counter)] += delta; }
  void Set(std::string_view, int64_t) override {}
  uint64_t Next() override { return random_ += 0x9e3779b97f4a7c15ull; }
  void LoadSchema(const std::string& text);
  void OpenDisk();

  TestTree& tree_;
  NodeOptions options_;
  std::string schema_;  // empty: the usual one
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Disk> saved_;
  Epoch next_epoch_ = 0;
  std::unique_ptr<replica::CatalogHolder> catalog_;
  std::unique_ptr<Node> node_;
  std::map<std::string, uint64_t> counters_;
  std::vector<std::string> sent_;
  uint64_t random_;
};

class TestTree {
 public:
  // Options begin with sync_delay 0.
  TestNode& Add(AgentId agent, uint32_t role, uint32_t level);
  // Server 1, router 10 below it, device 42 below that; connected, and run until still.
  void Build();

  void Connect(TestNode& child, TestNode& parent);
  void Disconnect(TestNode& child, TestNode& parent);
  // The session of `node` to the other one, which is its child or its parent.
  core::TransportSession SessionBetween(const TestNode& node, const TestNode& other) const;
  // Delivers frames and runs timers for so long.
  void Run(int64_t ms);

  // Asked for each frame on its way; false loses it.
  std::function<bool(TestNode& from, TestNode& to, const wire::DecodedFrame& frame)> network;
  // How many frames go before Outbox::Send says kFull, by node; Writable follows with the next Run.
  std::map<AgentId, int> room;

  TestClock clock;
  TestNode* server = nullptr;
  TestNode* router = nullptr;
  TestNode* device = nullptr;

 private:
  friend class TestNode;
  struct End {
    TestNode* node = nullptr;
    core::TransportSession session = 0;
  };
  struct Travelling {
    End to;
    TestNode* from;
    std::string bytes;
  };

  Status Send(TestNode& from, core::TransportSession session, std::string_view frame);
  void Deliver(Travelling frame);

  std::vector<std::unique_ptr<TestNode>> nodes_;
  std::map<core::TransportSession, End> peers_;  // session of one end -> the other end
  std::deque<Travelling> travelling_;
  core::TransportSession next_session_ = 1;
};

// Server 1, router 10, device 42.
class NodeTest : public ::testing::Test {
 protected:
  void SetUp() override { tree_.Build(); }

  void ConnectAll() {
    tree_.Connect(*tree_.router, *tree_.server);
    tree_.Connect(*tree_.device, *tree_.router);
  }
  void DisconnectAll() {
    tree_.Disconnect(*tree_.device, *tree_.router);
    tree_.Disconnect(*tree_.router, *tree_.server);
  }
  void Restart(TestNode& node) {
    node.Stop();
    node.Start();
  }

  // The frames that went from one node to another since.
  void Count(TestNode& from, TestNode& to) {
    tree_.network = [&, this](TestNode& sender, TestNode& receiver, const wire::DecodedFrame& frame) {
      if (&sender != &from || &receiver != &to) return true;
      if (const auto* batch = std::get_if<wire::Batch>(&frame.body)) {
        ++batches_;
        changes_ += batch->changes.size();
      }
      return true;
    };
  }

  // Compares the link at this end of it, with repair or without.
  LinkSyncAnswer Verify(TestNode& node, AgentId link, bool repair, int64_t run_ms = 5'000) {
    auto answer = std::make_shared<LinkSyncAnswer>();
    answer->status = Status::Internal("not answered");
    LinkSyncRequest request;
    request.agent = link;
    request.push = false;
    request.verify = repair ? 2 : 1;
    request.wait = true;
    node->SyncLinks(request, [answer](LinkSyncAnswer given) { *answer = std::move(given); });
    (void)node->Commit();
    tree_.Run(run_ms);
    return *answer;
  }

  SyncAnswer Sync(TestNode& node, SyncTarget target, int64_t timeout_ms, int64_t run_ms) {
    auto answer = std::make_shared<SyncAnswer>();
    answer->status = Status::Internal("not answered");
    node->Sync({target, timeout_ms}, [answer](SyncAnswer given) { *answer = std::move(given); });
    (void)node->Commit();
    tree_.Run(run_ms);
    return *answer;
  }

  TestTree tree_;
  uint64_t batches_ = 0;
  uint64_t changes_ = 0;
};

// The hello of a neighbour that a test plays by hand.
inline wire::Hello HelloOf(AgentId agent, uint32_t role, uint32_t level) {
  wire::Hello hello;
  hello.agent = agent;
  hello.role = role;
  hello.level = level;
  hello.replica.bytes.fill(static_cast<uint8_t>(agent));
  hello.epochs = {{agent * 100, 1}};
  return hello;
}

// What the node sent of this kind to sessions that lead nowhere.
template <typename Body>
std::vector<Body> SentBodies(TestNode& node) {
  std::vector<Body> bodies;
  for (const wire::DecodedFrame& frame : node.TakeSent()) {
    if (const auto* body = std::get_if<Body>(&frame.body)) bodies.push_back(*body);
  }
  return bodies;
}

// Why the node refuses the hello of a child; kUnspecified = it does not.
inline wire::RefuseReason ReasonOf(TestNode& node, AgentId peer, const wire::Hello& hello) {
  core::TransportSession session = node.OpenSession(core::Side::kChild, peer);
  node.TakeSent();
  node.Receive(session, 77, hello);
  std::vector<wire::Refuse> refusals = SentBodies<wire::Refuse>(node);
  return refusals.empty() ? wire::RefuseReason::kUnspecified : refusals[0].reason;
}

}  // namespace tidegate::node
