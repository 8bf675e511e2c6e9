#include "frame_header.h"

namespace tidegate::mqtt {
namespace {

constexpr char kMagic = 'T';
constexpr char kVersion = 1;

void Put(uint64_t value, char* to) {
  for (int i = 0; i < 8; ++i) to[i] = static_cast<char>(value >> (56 - 8 * i));
}

uint64_t Get(const char* from) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<uint8_t>(from[i]);
  return value;
}

}  // namespace

// FNV-1a, then the finalizer of MurmurHash3, since names differ in their last characters only.
uint64_t SessionTag(std::string_view name) {
  uint64_t h = 0xcbf29ce484222325u;
  for (const char c : name) h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdu;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53u;
  return h ^ (h >> 33);
}

void EncodeFrameHeader(const FrameHeader& header, char* to) {
  to[0] = kMagic;
  to[1] = kVersion;
  to[2] = static_cast<char>(header.kind);
  to[3] = 0;
  Put(header.from, to + 4);
  Put(header.to, to + 12);
}

std::optional<FrameHeader> DecodeFrameHeader(std::string_view payload) {
  if (payload.size() < kFrameHeaderSize || payload[0] != kMagic || payload[1] != kVersion) return std::nullopt;
  if (payload[2] != 0 && payload[2] != 1) return std::nullopt;
  return FrameHeader{static_cast<FrameKind>(payload[2]), Get(payload.data() + 4), Get(payload.data() + 12)};
}

}  // namespace tidegate::mqtt
