// The outermost layer of a frame: one byte of form, then the message plain or in zstd.
// Thread safety: contexts and buffers belong to the calling thread. Ownership: see each function.
#pragma once

#include <string>
#include <string_view>

#include "host/base/status.h"

namespace tidegate::wire {

inline constexpr char kFormPlain = 1;
inline constexpr char kFormZstd = 2;
inline constexpr size_t kCompressFrom = 129;  // smaller messages do not pay

// form + message, whichever form is smaller.
std::string Wrap(std::string_view message);

// The message within `bytes`. The view is valid until `bytes` ends or this thread calls Unwrap again.
// kInvalid: an unknown form, damaged, or more than plain_bytes_max; no more than that is ever allocated.
Result<std::string_view> Unwrap(std::string_view bytes, uint64_t plain_bytes_max);

}  // namespace tidegate::wire
