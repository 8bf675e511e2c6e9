#include "storage_memory.h"

#include "storage.h"

namespace tidegate {

const tg_storage_v1* TidegateStorageMemoryTable() { return &sdk::StoragePlugin<memory::MemoryStorage>::kTable; }

void* TidegateStorageMemoryCopy(const void* self) {
  return new memory::MemoryStorage(*static_cast<const memory::MemoryStorage*>(self));
}

}  // namespace tidegate
