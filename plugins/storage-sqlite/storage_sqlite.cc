#include "storage_sqlite.h"

#include "storage.h"

namespace tidegate {

const tg_storage_v1* TidegateStorageSqliteTable() { return &sdk::StoragePlugin<sqlite::SqliteStorage>::kTable; }

}  // namespace tidegate
