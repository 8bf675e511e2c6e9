// Reads protobuf fields in place, without making messages: for the many changes of a batch, and to look
// at a frame before its messages are allocated. Groups, which no message here has, are malformed.
// Thread safety: one reader per thread. Ownership: views into the bytes given.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidegate::wire {

enum class WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class ProtoReader {
 public:
  explicit ProtoReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool done() const { return at_ == end_; }
  const char* at() const { return at_; }

  // All return false when the bytes are malformed; the reader is not used after that.
  bool Tag(uint32_t* field, WireType* type) {
    uint64_t tag;
    if (!Varint(&tag) || tag >> 32 != 0) return false;
    *field = static_cast<uint32_t>(tag >> 3);
    *type = static_cast<WireType>(tag & 7);
    return *field != 0;
  }
  bool Varint(uint64_t* value) {
    if (at_ != end_ && static_cast<uint8_t>(*at_) < 0x80) {
      *value = static_cast<uint8_t>(*at_++);
      return true;
    }
    return LongVarint(value);
  }
  bool Bytes(std::string_view* bytes) {
    uint64_t size;
    if (!Varint(&size) || size > static_cast<uint64_t>(end_ - at_)) return false;
    *bytes = {at_, size};
    at_ += size;
    return true;
  }
  bool Fixed64(uint64_t* value) {
    if (end_ - at_ < 8) return false;
    uint64_t result = 0;
    for (int i = 7; i >= 0; --i) result = result << 8 | static_cast<uint8_t>(at_[i]);
    *value = result;
    at_ += 8;
    return true;
  }
  bool Skip(WireType type);

 private:
  bool LongVarint(uint64_t* value);

  const char* at_;
  const char* end_;
};

// True if the bytes are a sequence of whole fields.
bool IsFieldSequence(std::string_view bytes);

}  // namespace tidegate::wire
