// Field numbers of ChangeList, Origin and Change in schemas/wire.proto, for the code that reads and
// writes them by hand; change_list_test.cc compares with the generated code.
// Thread safety: constants. Ownership: none.
#pragma once

#include <cstdint>

namespace tidegate::wire {

namespace list_field {
enum : uint32_t { kModels = 1, kOrigins = 2, kOwners = 3, kDirection = 4, kLane = 5, kChanges = 6 };
}
namespace origin_field {
enum : uint32_t { kAgent = 1, kEpoch = 2 };
}
namespace change_field {
enum : uint32_t {
  kModel = 1,
  kOrigin = 2,
  kOwner = 3,
  kHlc = 4,
  kKind = 5,
  kDirection = 6,
  kLane = 7,
  kPk = 8,
  kSk = 9,
  kSrc = 10,
  kDst = 11,
  kExpiresMs = 12,
  kBody = 13,
  kPolicyMeta = 14,
  kRunSize = 15,
  kLast = 15,
};
}

}  // namespace tidegate::wire
