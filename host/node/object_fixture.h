// ObjectTest: what an object of the node is made with, without a node: a replica of meta entries alone, links, time
// that a test moves, and what was said, counted and sent. Thread safety: none. Ownership: owns all of it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "host/base/views.h"
#include "host/core/no_storage.h"
#include "host/core/stage.h"
#include "host/node/test_tree.h"
#include "host/sync/link_table.h"

namespace tidegate::node {

class MetaStorage : public core::NoStorage {
 public:
  MetaStorage() : NoStorage(Status::NotFound("no such row")) {}

  Result<Watermark> Commit(std::span<const tg_group> groups, const core::OutcomeFn&) override {
    if (fails) return Status::Io("the disk of the test");
    for (const tg_group& group : groups) {
      for (uint64_t i = 0; i < group.count; ++i) {
        const tg_mutation& mutation = group.mutations[i];
        if (mutation.op == TG_OP_META_PUT) metas[std::string(View(mutation.meta_key))] = View(mutation.meta_value);
        if (mutation.op == TG_OP_META_DELETE) metas.erase(std::string(View(mutation.meta_key)));
      }
    }
    return Watermark{};
  }
  Result<std::string> MetaGet(std::string_view key) const override {
    auto found = metas.find(key);
    if (found == metas.end()) return Status::NotFound("no such entry");
    return found->second;
  }
  Status MetaScan(std::string_view prefix,
                  const std::function<bool(std::string_view, std::string_view)>& fn) const override {
    for (auto at = metas.lower_bound(prefix); at != metas.end() && at->first.starts_with(prefix); ++at) {
      if (!fn(at->first, at->second)) break;
    }
    return {};
  }

  std::map<std::string, std::string, std::less<>> metas;
  bool fails = false;
};

class ObjectTest : public ::testing::Test,
                   protected Outbox,
                   protected core::Log,
                   protected core::Metrics,
                   protected core::Random {
 protected:
  static constexpr AgentId kSelf = 10;
  static constexpr AgentId kParent = 1;
  static constexpr AgentId kChild = 42;

  ObjectTest() {
    options_.agent = kSelf;
    options_.role = TG_ROLE_ROUTER;
    record_.agent = kSelf;
  }
  sync::Link* AddLink(AgentId agent, bool is_parent) {
    wire::LinkRecord record;
    record.agent = agent;
    record.is_parent = is_parent;
    return links_.Put(record);
  }
  // As an agent that a child says to have below it, or the child itself.
  void AddEdge(AgentId child, AgentId agent) {
    sync::Routes::Difference difference;
    wire::Edge edge;
    edge.agent = agent;
    edge.parent = agent == child ? kSelf : child;
    difference.put.emplace_back(child, edge);
    links_.ApplyRoutes(difference);
  }
  // What is staged, onto the disk.
  Status Commit() {
    return stage_.Commit([](const Watermark&, std::span<const core::Effect>) {});
  }

  Status Send(core::TransportSession, std::string_view) override { return {}; }
  void Close(core::TransportSession, std::string_view) override {}
  void Write(uint32_t, std::string_view message) override { said_.emplace_back(message); }
  void Add(std::string_view counter, uint64_t delta) override { counters_[std::string(counter)] += delta; }
  void Set(std::string_view, int64_t) override {}
  uint64_t Next() override { return random_ += 0x9e3779b97f4a7c15ull; }

  NodeOptions options_;
  MetaStorage storage_;
  TestPolicy policy_;
  replica::CatalogHolder catalog_{replica::Catalog::Make(SchemaSet::Make({}).value(), policy_, nullptr).value()};
  TestClock clock_;
  Dependencies deps_{storage_, policy_, catalog_, clock_, *this, *this, *this, *this};
  core::Stage stage_{storage_};
  sync::LinkTable links_{storage_, options_};
  wire::NodeRecord record_;
  std::vector<std::string> said_;
  std::map<std::string, uint64_t> counters_;

 private:
  uint64_t random_ = 1;
};

}  // namespace tidegate::node
