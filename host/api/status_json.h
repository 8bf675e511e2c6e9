// The status of a node as JSON.
// Thread safety: functions without shared state. Ownership: results own their text.
#pragma once

#include <string>

#include "host/node/service.h"
#include "host/node/status.h"

namespace tidegate::api {

std::string LinkToJson(const node::LinkStatus& link);
std::string StatusToJson(const node::NodeStatus& status);
std::string QuarantineToJson(const node::QuarantineEntry& entry);
std::string ConflictToJson(const node::ConflictEntry& entry);
// Of a sync that waited.
std::string SyncToJson(const node::SyncAnswer& answer);

}  // namespace tidegate::api
