// storage-sqlite as a library, for programs that link it: tests, benchmarks, fuzzers. The plugin itself
// exports tg_plugin_entry_v1 alone.
// Thread safety: see tidegate/storage.h. Ownership: the table is static; instances belong to the caller.
#pragma once

#include "tidegate/storage.h"

namespace tidegate {

const tg_storage_v1* TidegateStorageSqliteTable();

}  // namespace tidegate
