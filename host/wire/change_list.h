// The ChangeList message of schemas/wire.proto, read and written in place: it is the hot path of
// replication (docs/decisions/0011-changes-by-hand.md).
// Thread safety: pure functions. Ownership: decoded changes point into the bytes given and into `extras`.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/status.h"
#include "tidegate/change.h"

namespace tidegate::wire {

std::string EncodeChangeList(const std::vector<tg_change>& changes);

// Appends to *changes, at most changes_max. Unknown fields that do not lie together are put together in
// *extras. kInvalid says what is wrong, and of which change.
Status DecodeChangeList(std::string_view bytes, uint64_t changes_max, std::vector<tg_change>* changes,
                        std::deque<std::string>* extras);

}  // namespace tidegate::wire
