// The settings of a node. Defaults are those of docs/configuration.md.
// Thread safety: plain values. Ownership: all owned.
#pragma once

#include <string>
#include <vector>

#include "host/sync/options.h"

namespace tidegate::node {

// Items that go up are dropped here as soon as they have arrived.
struct ClearOnAck {
  AgentId owner = kAgentAll;  // all: whosever they are
  std::string model;          // empty = all
  bool at_hop = false;        // or at the server
};

struct NodeOptions : sync::SyncOptions {
  uint64_t transaction_bytes_max = 1u << 20;
  uint64_t item_bytes_max = 400u << 10;
  std::vector<ClearOnAck> clear_on_ack;
  std::string context_json;  // properties that every item of this node gets; a JSON object or empty
};

}  // namespace tidegate::node
