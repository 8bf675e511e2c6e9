// storage-memory as a library, for programs that hold several replicas at once: the simulator, tests.
// The plugin itself exports tg_plugin_entry_v1 alone.
// Thread safety: see tidegate/storage.h. Ownership: the table is static; instances belong to the caller.
#pragma once

#include "tidegate/storage.h"

namespace tidegate {

const tg_storage_v1* TidegateStorageMemoryTable();

// A new, stopped instance with the data that `self` (an instance of the table) holds now: start it, and
// it is the replica restored from a backup of this moment. Free it with base.destroy.
void* TidegateStorageMemoryCopy(const void* self);

}  // namespace tidegate
