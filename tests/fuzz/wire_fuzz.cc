// Any bytes: Decode gives a frame or an error; what decodes encodes to a frame that is stable from then on.
// The first byte chooses between a frame, the message within a frame, a kept change and the records.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "host/wire/codec.h"
#include "host/wire/records.h"

namespace tidegate::wire {
namespace {

// Small limits, so that a run is bounded in time and memory.
constexpr DecodeLimits kLimits{.plain_bytes_max = 1 << 20, .changes_max = 10'000, .elements_max = 10'000};
constexpr DecodeLimits kAgainLimits{.plain_bytes_max = 16 << 20, .changes_max = 10'000, .elements_max = 40'000};

[[noreturn]] void Fail(const char* what, const Status& status) {
  std::fprintf(stderr, "%s: %s\n", what, status.message().c_str());
  std::abort();
}

void TryFrame(std::string_view bytes) {
  uint32_t unknown_type = 0;
  Result<DecodedFrame> first = Decode(bytes, kLimits, &unknown_type);
  if (!first.ok()) {
    bool named = (first.status().code() == Code::kUnsupported) == (unknown_type != 0);
    if (!named) Fail("an unknown type without its number", first.status());
    return;
  }
  std::string again = Encode(first->session, first->body);
  Result<DecodedFrame> second = Decode(again, kAgainLimits);
  if (!second.ok()) Fail("a decoded frame does not decode again", second.status());
  if (Encode(second->session, second->body) != again) Fail("a frame is not stable", {});
}

void TryChange(std::string_view bytes) {
  Result<DecodedChange> first = DecodeChange(bytes);
  if (!first.ok()) return;
  std::string again = EncodeChange(first->change);
  Result<DecodedChange> second = DecodeChange(again);
  if (!second.ok()) Fail("a kept change does not decode again", second.status());
  if (EncodeChange(second->change) != again) Fail("a kept change is not stable", {});
}

template <typename Record>
void TryRecord(std::string_view bytes) {
  Record first;
  if (!DecodeRecord(bytes, &first).ok()) return;
  std::string again = EncodeRecord(first);
  Record second;
  Status status = DecodeRecord(again, &second);
  if (!status.ok()) Fail("a record does not decode again", status);
  if (EncodeRecord(second) != again) Fail("a record is not stable", {});
}

// A record with its checksum made right, so that what lies behind it is reached.
std::string Sealed(std::string_view kind_and_message) {
  uint32_t hash = 2166136261u;
  for (char byte : kind_and_message.substr(1)) hash = (hash ^ static_cast<uint8_t>(byte)) * 16777619u;
  std::string bytes(kind_and_message.substr(0, 1));
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(hash >> (8 * i));
  return bytes.append(kind_and_message.substr(1));
}

void TryRecords(std::string_view bytes) {
  TryRecord<NodeRecord>(bytes);
  TryRecord<LinkRecord>(bytes);
  TryRecord<ScopeRecord>(bytes);
  TryRecord<QuarantineRecord>(bytes);
  TryRecord<Edge>(bytes);
  TryRecord<Watermark>(bytes);
}

}  // namespace
}  // namespace tidegate::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidegate::wire;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  std::string_view rest = bytes.substr(1);
  switch (data[0] % 4) {
    case 0:
      TryFrame(rest);
      break;
    case 1:
      TryFrame(std::string("\x01").append(rest));
      break;
    case 2:
      TryChange(rest);
      break;
    default:
      TryRecords(rest);
      if (!rest.empty()) TryRecords(Sealed(rest));
  }
  return 0;
}
