#include "tidegate/cpp/plugin.h"

#include "storage.h"

TIDEGATE_PLUGIN("storage-sqlite", TG_STORAGE_KIND, TG_VERSION_STRING, R"json({
  "$schema": "https://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "required": ["path"],
  "properties": {
    "path": {
      "description": "Absolute path of the replica's file; its directory is made if it is missing",
      "type": "string",
      "pattern": "^/.*[^/]$"
    },
    "cache_kib": {
      "description": "Page cache of the writer; a reader takes an eighth of it",
      "type": "integer",
      "minimum": 256,
      "maximum": 1048576,
      "default": 8192
    },
    "readers": {
      "description": "Connections that read beside the writer at most, opened when needed",
      "type": "integer",
      "minimum": 1,
      "maximum": 64,
      "default": 4
    },
    "synchronous": {
      "description": "full: every commit is on disk when it is answered; normal: the last ones may be lost with the power",
      "enum": ["full", "normal"],
      "default": "full"
    },
    "bytes_max": {
      "description": "The file's size at most, without its log; 0 = no limit",
      "type": "integer",
      "minimum": 0,
      "default": 0
    },
    "reserve_bytes": {
      "description": "Space kept back for a full disk: with it removals, watermarks and what goes down are still written. 0 = none; without it a sixteenth of the file system, 16 MiB at most",
      "type": "integer",
      "minimum": 0,
      "maximum": 1099511627776
    }
  }
})json",
                tidegate::sdk::StoragePlugin<tidegate::sqlite::SqliteStorage>);
