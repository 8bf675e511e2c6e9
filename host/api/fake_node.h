// FakeNode: a NodeService for tests of the API and the command, without storage, schema or sync. It
// keeps items by model, owner and the text of their `id`, answers at once, and can be told to misbehave.
// It also stands in for replica::Reader: programs with it are not linked with tidegate_replica.
// Thread safety: as NodeService. Ownership: owns its items.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "host/base/mutex.h"
#include "host/node/service.h"

namespace tidegate::api {

class FakeNode : public node::NodeService {
 public:
  FakeNode();
  ~FakeNode() override;

  // A model named "Nothing" is not known to it; "Full" has no room.
  void Submit(replica::Transaction transaction, std::function<void(replica::WriteAnswer)> done) override;
  void SubmitMany(std::vector<replica::Transaction> transactions,
                  std::function<void(std::vector<replica::WriteAnswer>)> done) override;
  const replica::Reader& reader() const override;
  void Sync(node::SyncRequest request, std::function<void(node::SyncAnswer)> done) override;
  void SyncLinks(node::LinkSyncRequest request, std::function<void(node::LinkSyncAnswer)> done) override;
  void Clear(node::ClearRequest request, std::function<void(node::ClearAnswer)> done) override;
  Status SwitchLink(AgentId agent, bool on) override;
  node::NodeStatus GetStatus() override;
  Result<std::vector<node::QuarantineEntry>> Quarantine() override;
  Result<node::QuarantineEntry> Quarantined(const std::string& id) override;
  // The second of its two entries can be neither retried nor dropped.
  void ActOnQuarantine(node::QuarantineRequest request, std::function<void(node::QuarantineAnswer)> done) override;
  Result<std::vector<node::ConflictEntry>> Conflicts() override;
  Result<node::ConflictEntry> Conflict(uint64_t number) override;
  Status RestoreConflict(uint64_t number) override;
  Result<node::CommandList> Commands(const std::string& model) override;
  Status Adopt(AgentId agent) override;
  // Once.
  Status ConfirmLosses() override;
  Result<std::vector<node::LossEntry>> Losses() override;
  // Not 1, the level of its parent; 0 is 2, the configured one.
  Status SetLevel(uint32_t level) override;
  Status Backup(const std::string& path) override;
  uint64_t Watch(node::WatchFn fn) override;
  void Unwatch(uint64_t watch) override;
  std::string MetricsText() override;

  // ---- what tests turn and look at ----
  void SetHealthy(bool healthy);
  void SetSyncReaches(bool reaches);
  // What a sync that waits answers.
  void SetSyncAnswer(node::SyncAnswer answer);
  void HoldSyncs();  // Sync never answers by itself until the node is gone
  node::LinkSyncRequest last_link_sync() const;
  size_t items() const;
  size_t watchers() const;
  // As if a neighbour had sent a change.
  void Arrive(const std::string& model, const std::string& id, AgentId owner, AgentId via);

 private:
  friend class replica::Reader;
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace tidegate::api
