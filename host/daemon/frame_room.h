// FrameRoom: how much data the frames of a transport hold. A frame carries a whole transaction, or it carries none.
// Thread safety: plain functions. Ownership: none.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tidegate::daemon {

// A frame has its data's names, versions and numbers besides; nothing is presumed of compression, except that it makes
// up for what is more than a quarter: many small items are alike.
inline constexpr uint64_t kFrameHeadBytes = 4096;
inline constexpr uint64_t kFrameDataMin = 1024;

// The smallest limit under which so many bytes of data always fit.
inline uint64_t FrameBytesFor(uint64_t data_bytes) { return data_bytes + data_bytes / 4 + kFrameHeadBytes; }

// So many bytes of data always fit into frames of this limit.
inline uint64_t DataBytesIn(uint64_t frame_bytes) {
  return (frame_bytes - std::min(frame_bytes, kFrameHeadBytes)) / 5 * 4;
}

}  // namespace tidegate::daemon
