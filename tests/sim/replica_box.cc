#include "tests/sim/replica_box.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "plugins/storage-memory/storage_memory.h"

namespace tidegate::sim {
namespace {

// The host destroys an instance when it stops; a box outlives that, so the host gets a table that leaves it.
const tg_storage_v1* LeavingTable() {
  static const tg_storage_v1 table = [] {
    tg_storage_v1 leaving = *TidegateStorageMemoryTable();
    leaving.base.destroy = [](void*) {};
    return leaving;
  }();
  return &table;
}

}  // namespace

ReplicaBox::ReplicaBox() : instance_(nullptr) {
  tg_error error{};
  if (TidegateStorageMemoryTable()->base.create(nullptr, tg_str{"{}", 2}, &instance_, &error) != TG_OK) {
    std::fprintf(stderr, "storage-memory: %s\n", error.message);
    std::abort();
  }
}

ReplicaBox::~ReplicaBox() { TidegateStorageMemoryTable()->base.destroy(instance_); }

Result<std::unique_ptr<plugin::PluginStorage>> ReplicaBox::Open(const ReplicaId& new_replica, Epoch epoch) {
  auto storage = plugin::PluginStorage::Adopt(LeavingTable(), instance_, "storage-memory", {});
  TG_RETURN_IF_ERROR(storage->Start(new_replica, epoch));
  return storage;
}

std::unique_ptr<ReplicaBox> ReplicaBox::Copy() const {
  return std::unique_ptr<ReplicaBox>(new ReplicaBox(TidegateStorageMemoryCopy(instance_)));
}

void ReplicaBox::Take(ReplicaBox& other) { std::swap(instance_, other.instance_); }

}  // namespace tidegate::sim
