// The settings of a node. Defaults are those of docs/configuration.md.
// Thread safety: plain values. Ownership: all owned.
#pragma once

#include <string>

#include "host/sync/options.h"

namespace tidegate::node {

struct NodeOptions : sync::SyncOptions {
  uint64_t transaction_bytes_max = 1u << 20;
  uint64_t item_bytes_max = 400u << 10;
  std::string context_json;  // properties that every item of this node gets; a JSON object or empty
};

}  // namespace tidegate::node
