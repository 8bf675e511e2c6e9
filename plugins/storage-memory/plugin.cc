#include "tidegate/cpp/plugin.h"

#include "storage.h"

TIDEGATE_PLUGIN("storage-memory", TG_STORAGE_KIND, TG_VERSION_STRING, R"json({
  "$schema": "https://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "items_max": {
      "description": "The most rows it may hold, deletes included; 0 = no limit",
      "type": "integer",
      "minimum": 0
    }
  }
})json",
                tidegate::sdk::StoragePlugin<tidegate::memory::MemoryStorage>);
