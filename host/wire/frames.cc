#include "host/wire/frames.h"

namespace tidegate::wire {

const char* RefuseReasonName(RefuseReason reason) {
  switch (reason) {
    case RefuseReason::kUnspecified:
      return "unspecified";
    case RefuseReason::kProtocol:
      return "protocol";
    case RefuseReason::kIdentity:
      return "identity";
    case RefuseReason::kReplica:
      return "replica";
    case RefuseReason::kClone:
      return "clone";
    case RefuseReason::kLevel:
      return "level";
    case RefuseReason::kLoop:
      return "loop";
    case RefuseReason::kRole:
      return "role";
    case RefuseReason::kUnknownSession:
      return "unknown_session";
    case RefuseReason::kUnknownType:
      return "unknown_type";
    case RefuseReason::kMalformed:
      return "malformed";
    case RefuseReason::kStopping:
      return "stopping";
    case RefuseReason::kAgentInUse:
      return "agent_in_use";
    case RefuseReason::kSwitchedOff:
      return "switched_off";
    case RefuseReason::kVetoed:
      return "vetoed";
  }
  return "unknown";
}

const char* HoldReasonName(HoldReason reason) {
  switch (reason) {
    case HoldReason::kUnspecified:
      return "unspecified";
    case HoldReason::kSchema:
      return "schema";
    case HoldReason::kDirection:
      return "direction";
    case HoldReason::kPolicy:
      return "policy";
    case HoldReason::kQuota:
      return "quota";
  }
  return "unknown";
}

}  // namespace tidegate::wire
