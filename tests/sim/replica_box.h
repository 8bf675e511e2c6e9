// ReplicaBox: the disk of a simulated node. It keeps one storage-memory instance over starts and crashes
// and gives it, through its C table and the host's adapter, as a core::Storage for one start.
// Thread safety: none. Ownership: owns the instance; a storage from Open must go before the next Open.
#pragma once

#include <memory>

#include "host/plugin/storage_adapter.h"
#include "tidegate/storage.h"

namespace tidegate::sim {

class ReplicaBox {
 public:
  ReplicaBox();
  ~ReplicaBox();
  ReplicaBox(const ReplicaBox&) = delete;
  ReplicaBox& operator=(const ReplicaBox&) = delete;

  // Starts the replica in a new epoch.
  Result<std::unique_ptr<plugin::PluginStorage>> Open(const ReplicaId& new_replica, Epoch epoch);

  // A copy of what the replica holds now.
  std::unique_ptr<ReplicaBox> Copy() const;
  // Takes the replica of another box: a restored backup, or an exchanged disk.
  void Take(ReplicaBox& other);

 private:
  explicit ReplicaBox(void* instance) : instance_(instance) {}
  void* instance_;
};

}  // namespace tidegate::sim
