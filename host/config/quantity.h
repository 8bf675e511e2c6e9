// Durations and sizes as a configuration writes them: "5s", "10KB", or a plain number.
// Thread safety: functions without shared state. Ownership: none.
#pragma once

#include <cstdint>
#include <string_view>

#include "host/base/status.h"

namespace tidegate {

// Milliseconds of "250ms", "5s", "1.5min", "12h", "30d", or of a number without unit.
Result<int64_t> ParseDurationMs(std::string_view text);

// Bytes of "512B", "10KB", "4MB", "1GB" (powers of 1000), "64KiB", "4MiB", "1GiB" (of 1024), or of a
// number without unit.
Result<uint64_t> ParseBytes(std::string_view text);

}  // namespace tidegate
