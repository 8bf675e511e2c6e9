// SimNode: one process of the simulated world: a node::Node over a replica that survives it. It starts,
// dies at the worst moments, and starts again in a new epoch.
// Thread safety: none. Ownership: owns the replica and the running node; refers to the world.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "host/node/node.h"
#include "tests/sim/defects.h"
#include "tests/sim/observed_storage.h"
#include "tests/sim/replica_box.h"
#include "tests/sim/sim_clock.h"

namespace tidegate::sim {

class World;

enum class CrashPoint : uint8_t {
  kNone,
  kBeforeCommit,  // what is staged is lost
  kInCommit,      // the storage has it, nobody was told
  kAmongOutputs,  // some answers and frames got out
};

class SimNode : public node::Outbox, private core::Log, private core::Metrics, private CommitSink {
 public:
  SimNode(World& world, const node::NodeOptions& options, AgentId parent, AgentId place);
  ~SimNode() override;

  AgentId agent() const { return options_.agent; }
  // Where it is in the network: its agent id, but of a copy of another node.
  AgentId place() const { return place_; }
  bool is_copy() const { return place_ != options_.agent; }
  uint32_t role() const { return options_.role; }
  uint32_t level() const { return options_.level; }
  AgentId parent() const { return parent_; }
  void SetParent(AgentId parent) { parent_ = parent; }
  bool up() const { return node_ != nullptr; }
  SimClock& clock() { return clock_; }
  // Something did not fit since its last step: then what was to be written together is written in parts.
  bool full_in_step() const { return full_in_step_; }
  Epoch epoch() const { return storage_ != nullptr ? storage_->epoch() : epoch_; }  // the present one
  uint64_t starts() const { return starts_; }
  node::NodeOptions& options() { return options_; }
  const node::NodeOptions& options() const { return options_; }

  // The true storage, beneath any planted defect; only while up.
  const core::Storage& truth() const { return *truth_; }
  node::NodeStatus status() const { return node_->GetStatus(); }
  std::vector<node::QuarantineEntry> quarantine() const;
  std::vector<node::ConflictEntry> conflicts() const;
  // What waits for a program; nothing while the node is not sure what it has answered.
  node::CommandList commands(const std::string& model) const { return node_->Commands(model).value(); }
  replica::Reader reader() const;
  ReplicaBox& disk() { return *box_; }

  void Start();  // tries again by itself if the disk fails
  void Crash(const char* why);
  // While it is down: an empty disk takes the place of its own.
  void ReplaceDisk();
  void ArmCrash(CrashPoint point) {
    armed_ = point;
    outputs_left_ = -1;
  }
  void FailCommits(int count, Code code);
  // Its disk is full for so long, or until it restarts.
  void FillDisk(bool full);
  void FailNextOpen() { fail_open_ = true; }
  // The next start does not know attaches that no parent has answered, as from a backup.
  void ForgetAttach() { forget_attach_ = true; }
  // The catalog is exchanged by `change`; what came before is judged by the former one.
  void ChangeSchemas(const std::function<void()>& change);
  // After a leap of time: what is due by now is done at once.
  void WakeNow();

  // rewinds.cc: the disk as it is now, or as it is when the node starts next; and back to it.
  void Snapshot();
  void SnapshotAtStart() { snapshot_at_start_ = true; }
  bool has_snapshot() const { return snapshot_ != nullptr; }
  void RollBack(bool note, bool same_epoch);
  // copies.cc. While both are down: its disk becomes one like the other's.
  void CopyDisk(const SimNode& other) { box_ = other.box_->Copy(); }
  // While it is down: it gets another agent id, and is a node of its own from now on.
  void Renew(AgentId agent);
  uint64_t clones_refused() const { return clones_refused_; }  // as its metrics say, over all starts
  uint64_t rewinds() const { return rewinds_; }
  // rot.cc: what the disk does to a row before the node starts next.
  struct Rot {
    std::string key;  // KeyText
    AgentId owner = 0;
    Version version;
    bool lose = false;  // else its digest is spoiled
  };
  void RotAtStart(const Rot& rot);
  // What its disk holds, tombstones too, also while it is down.
  void ForEachRow(const core::ChangeFn& fn) const;
  // While it is down: when it was last known to be restored, by what is on its disk.
  int64_t RestoredOnDisk() const;

  // done is not called if the node dies first.
  void Write(const replica::Transaction& transaction, std::function<void(const replica::WriteAnswer&)> done);
  void Sync(const node::SyncRequest& request, std::function<void(const node::SyncAnswer&)> done);
  void Adopt(AgentId agent, std::function<void(const Status&)> done);
  void ConfirmLosses(std::function<void(const Status&)> done);
  void ActOnQuarantine(const node::QuarantineRequest& request, std::function<void(const node::QuarantineAnswer&)> done);
  void CatalogChanged();
  void SwitchLink(AgentId agent, bool on, std::function<void(const Status&)> done);
  void SetLevel(uint32_t level, std::function<void(const Status&)> done);
  void SyncLinks(const node::LinkSyncRequest& request, std::function<void(const node::LinkSyncAnswer&)> done);

  // From the network.
  void Opened(core::TransportSession session, const core::Peer& peer);
  void Closed(core::TransportSession session, std::string_view reason);
  void Writable(core::TransportSession session);
  void Frame(core::TransportSession session, const wire::DecodedFrame& frame, uint64_t bytes);
  void BadFrame(core::TransportSession session, const Status& status, uint32_t unknown_type);

  // node::Outbox
  Status Send(core::TransportSession session, std::string_view frame) override;
  void Close(core::TransportSession session, std::string_view reason) override;

 private:
  void Write(uint32_t level, std::string_view message) override;  // core::Log
  void Add(std::string_view name, uint64_t by) override;          // core::Metrics
  void Set(std::string_view, int64_t) override {}
  void Durable(std::span<const tg_group> groups, std::span<const tg_outcome> outcomes) override;
  void Full() override { full_in_step_ = true; }

  void Wake(int64_t delay_us);  // a Commit at the latest then
  void Commit();
  void DropAttach();
  void ApplyRots();
  void TakeNewId();  // copies.cc
  void PutMeta(std::string_view key, std::string_view value);
  bool Output();  // false: dead, nothing gets out

  World& world_;
  node::NodeOptions options_;
  AgentId parent_, place_, renewed_from_ = 0;
  SimClock clock_;
  SimRandom random_;
  std::unique_ptr<ReplicaBox> box_;
  std::unique_ptr<ReplicaBox> before_;  // of a defect: the disk before the last commit
  std::unique_ptr<ReplicaBox> snapshot_;
  Epoch snapshot_epoch_ = 0;  // the one that began on it
  Epoch next_epoch_ = 0;      // 0 = any
  bool snapshot_at_start_ = false, note_restored_ = false;
  std::vector<Rot> rots_;
  OwnerSets owner_sets_;  // of a defect: what the replica holds
  ReplicaId new_replica_;
  Epoch epoch_ = 0;
  uint64_t starts_ = 0;
  bool fail_open_ = false, forget_attach_ = false;
  uint64_t clones_refused_ = 0, rewinds_ = 0;

  // Of one life.
  uint64_t life_ = 0;
  bool dying_ = false, full_in_step_ = false;
  CrashPoint armed_ = CrashPoint::kNone;
  int outputs_left_ = -1;  // among outputs: those that still get out
  int64_t wake_us_ = INT64_MAX;
  std::unique_ptr<plugin::PluginStorage> storage_;
  std::unique_ptr<ObservedStorage> truth_;
  std::unique_ptr<core::Storage> defective_;
  std::unique_ptr<node::Node> node_;
};

}  // namespace tidegate::sim
