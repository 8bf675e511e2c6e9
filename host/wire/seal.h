// How records are kept: behind their kind and a checksum.
// Thread safety: pure functions. Ownership: as values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "host/base/status.h"

namespace tidegate::wire::seal {

// A record in a storage: its kind, a checksum of the rest, and a message of schemas/state.proto. Without them
// an empty or swapped value would read as a valid record of zeros.
enum class Kind : uint8_t {
  kNode = 1,
  kLink = 2,
  kScope = 3,
  kQuarantine = 4,
  kEdge = 5,
  kWatermark = 6,
  kHold = 20,
  kHeld = 21,
  kTable = 22,
  kAge = 30,
  kLost = 23,
  kConflict = 40,
  kGone = 41,
  kVerify = 42,
  kPolicy = 60
};
inline constexpr size_t kHeaderBytes = 5;

// FNV-1a (32 bits): every step is a bijection, so that one changed byte always shows.
inline uint32_t Checksum(std::string_view bytes) {
  uint32_t hash = 2166136261u;
  for (char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 16777619u;
  return hash;
}

template <typename Message>
std::string Seal(Kind kind, const Message& message) {
  std::string bytes(kHeaderBytes, '\0');
  message.AppendToString(&bytes);
  bytes[0] = static_cast<char>(kind);
  uint32_t checksum = Checksum(std::string_view(bytes).substr(kHeaderBytes));
  for (size_t i = 0; i < 4; ++i) bytes[1 + i] = static_cast<char>(checksum >> (8 * i));
  return bytes;
}

template <typename Message>
Status Open(Kind kind, const char* name, std::string_view bytes, Message* message) {
  auto corrupt = [&](const std::string& what) { return Status::Corrupt(std::string(name) + " record: " + what); };
  if (bytes.size() < kHeaderBytes || bytes.size() > (64u << 20)) {
    return corrupt(std::to_string(bytes.size()) + " bytes long");
  }
  if (bytes[0] != static_cast<char>(kind)) return corrupt("it is of another kind");
  uint32_t checksum = 0;
  for (size_t i = 4; i > 0; --i) checksum = checksum << 8 | static_cast<uint8_t>(bytes[i]);
  std::string_view rest = bytes.substr(kHeaderBytes);
  if (checksum != Checksum(rest)) return corrupt("the checksum is wrong");
  if (!message->ParseFromArray(rest.data(), static_cast<int>(rest.size()))) return corrupt("not a message");
  return {};
}

// Ranges of a record are checked by the code of the frames, which calls them invalid.
inline Status Corrupt(const char* name, const Status& status) {
  return status.ok() ? status : Status::Corrupt(std::string(name) + " record: " + status.message());
}

}  // namespace tidegate::wire::seal
