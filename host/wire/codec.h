// Frames to bytes and back. A frame is one byte of form (1 = plain, 2 = zstd) and a wire.proto Frame.
// Thread safety: every function is usable from any thread. Ownership: see frames.h.
#pragma once

#include <string>
#include <string_view>

#include "host/base/status.h"
#include "host/wire/frames.h"

namespace tidegate::wire {

// Limits against a hostile or damaged frame.
struct DecodeLimits {
  uint64_t plain_bytes_max = 64u << 20;  // after decompression
  uint64_t changes_max = 100'000;
  uint64_t elements_max = 250'000;  // of all lists of a frame that are not changes
};

// Total: any bytes give a frame or kInvalid, which says what is wrong. Limits hold before memory is taken.
// Changes come with digest, index_keys and via empty: they are the receiver's own.
// Unknown fields of a change travel in tg_change.extra. An unknown frame type decodes to kUnsupported,
// with its number in *unknown_type, so that the receiver can answer with a typed Refuse.
Result<DecodedFrame> Decode(std::string_view bytes, const DecodeLimits& limits, uint32_t* unknown_type = nullptr);

// Compressed (zstd level 1) when that pays: bodies above 128 bytes. Never fails: the caller keeps ids and
// lanes in their ranges and keys in UTF-8; words for people (message, reason, software) may be any bytes, and of
// the epochs of a Hello the newest 16 travel. An `extra` that is not a sequence of protobuf fields is left out.
// plain_bytes, if given: how many there were before compression.
std::string Encode(SessionId session, const Body& body, uint64_t* plain_bytes = nullptr);

// One change, for records kept in a storage (quarantine, journal). seq and run are not kept.
// DecodeChange: kCorrupt.
std::string EncodeChange(const tg_change& change);
struct DecodedChange {
  tg_change change{};
  std::shared_ptr<const void> keep;
};
Result<DecodedChange> DecodeChange(std::string_view bytes);

}  // namespace tidegate::wire
