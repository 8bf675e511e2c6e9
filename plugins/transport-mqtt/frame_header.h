// The head of every payload on an up or down topic: which session the frame belongs to.
// docs/transport-mqtt.md draws it. A session is a pair of names, and each end drops what carries
// another pair: a late frame of a former connection must not reach the node as one of this session.
// Thread safety: plain values and functions. Ownership: views point into the payload.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tidegate::mqtt {

inline constexpr size_t kFrameHeaderSize = 20;

enum class FrameKind : uint8_t {
  kData = 0,
  kBye = 1,  // the sender has closed this session; no data
};

struct FrameHeader {
  FrameKind kind = FrameKind::kData;
  uint64_t from = 0;  // tags of the two names
  uint64_t to = 0;
};

// 64 bits of a session name.
uint64_t SessionTag(std::string_view name);

// Writes kFrameHeaderSize bytes.
void EncodeFrameHeader(const FrameHeader& header, char* to);

// Nothing if the payload is too short, or of another magic, version or kind.
std::optional<FrameHeader> DecodeFrameHeader(std::string_view payload);

}  // namespace tidegate::mqtt
