// What a node's local writes go by.
// Thread safety: plain value. Ownership: all owned.
#pragma once

#include <cstdint>
#include <string>

#include "host/base/ids.h"
#include "tidegate/types.h"

namespace tidegate::replica {

struct WriterOptions {
  AgentId agent = 0;
  uint32_t role = TG_ROLE_DEVICE;
  uint64_t item_bytes_max = 400u << 10;
  uint64_t transaction_bytes_max = 1u << 20;
  std::string context_json;  // properties that every item of this node gets
};

}  // namespace tidegate::replica
