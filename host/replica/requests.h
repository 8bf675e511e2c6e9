// What local programs ask of a replica, and what they get. JSON travels as text: host/schema reads it.
// Thread safety: plain values. Ownership: all owned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/base/ids.h"
#include "host/base/status.h"

namespace tidegate::replica {

enum class WriteMode : uint8_t {
  kCreate,  // fails with kConflict if the item exists
  kUpdate,  // merges fields into the item, null removes one; fails with kNotFound if there is none
  kUpsert,  // writes the whole item, present or not
  kRemove,  // fails with kNotFound if there is none
};

struct Write {
  WriteMode mode = WriteMode::kUpsert;
  std::string model;
  std::string properties;        // a JSON object; for kRemove the key's fields
  std::optional<AgentId> owner;  // empty: the existing item, own first, then 0; a new one by its model
  std::optional<AgentId> to;     // addressee of a down or both item written at the server; empty = all
  bool answer_item = true;       // whether Written.item is wanted
};

// All or none, one consecutive run of seq. Most have one write.
using Transaction = std::vector<Write>;

struct Written {
  std::string item;  // the item as stored, as Find returns it; of kRemove the item that is gone
  uint64_t seq = 0;
};

struct WriteAnswer {
  Status status;                 // of the whole transaction; the message names the failing write
  size_t failed_at = 0;          // its index, if status is not ok
  std::vector<Written> written;  // empty if no write wanted its item
};

struct FindRequest {
  std::string model;             // empty: every model (then no properties)
  std::string properties;        // JSON object: key fields, index fields, filters; empty = all
  std::string index;             // empty = primary
  std::optional<AgentId> owner;  // empty = every owner
  uint64_t limit = 0;            // 0 = no limit
  bool reverse = false;
  bool hidden = false;  // with pk, sk and the other hidden fields
  std::string cursor;   // from an earlier answer
};

struct FindAnswer {
  std::vector<std::string> items;  // JSON objects: the fields and _type, _owner, _src, _dst, _version
  std::string cursor;              // empty = no more
};

struct ScopeDigest {
  std::string model;
  AgentId owner = 0;
  uint64_t items = 0;
  uint64_t tombstones = 0;
  uint64_t count = 0;  // rows in the digest
  uint64_t sum = 0;    // docs/format/digest.md
};

}  // namespace tidegate::replica
