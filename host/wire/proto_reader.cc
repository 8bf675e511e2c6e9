#include "host/wire/proto_reader.h"

namespace tidegate::wire {

bool ProtoReader::LongVarint(uint64_t* value) {
  uint64_t result = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (at_ == end_) return false;
    uint64_t byte = static_cast<uint8_t>(*at_++);
    if (shift == 63 && byte > 1) return false;
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return true;
    }
  }
  return false;
}

bool ProtoReader::Skip(WireType type) {
  uint64_t number;
  std::string_view bytes;
  switch (type) {
    case WireType::kVarint:
      return Varint(&number);
    case WireType::kFixed64:
      return Fixed64(&number);
    case WireType::kBytes:
      return Bytes(&bytes);
    case WireType::kFixed32:
      if (end_ - at_ < 4) return false;
      at_ += 4;
      return true;
  }
  return false;
}

bool IsFieldSequence(std::string_view bytes) {
  ProtoReader reader(bytes);
  while (!reader.done()) {
    uint32_t field;
    WireType type;
    if (!reader.Tag(&field, &type) || !reader.Skip(type)) return false;
  }
  return true;
}

}  // namespace tidegate::wire
