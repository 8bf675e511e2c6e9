#include "host/wire/frame_outline.h"

#include "host/wire/proto_reader.h"
#include "wire.pb.h"

namespace tidegate::wire {
namespace {

bool IsKnown(uint32_t type) {
  switch (type) {
    case v1::Frame::kHelloFieldNumber:
    case v1::Frame::kRefuseFieldNumber:
    case v1::Frame::kBatchFieldNumber:
    case v1::Frame::kAckFieldNumber:
    case v1::Frame::kRoutesFieldNumber:
    case v1::Frame::kSyncAskFieldNumber:
    case v1::Frame::kSyncDoneFieldNumber:
    case v1::Frame::kCompareAskFieldNumber:
    case v1::Frame::kCompareAnswerFieldNumber:
      return true;
    default:
      return false;
  }
}

// The field whose elements have lists of their own; 0 = none.
uint32_t NestedList(uint32_t type) {
  if (type == v1::Frame::kCompareAskFieldNumber) return v1::CompareAsk::kRangesFieldNumber;
  if (type == v1::Frame::kCompareAnswerFieldNumber) return v1::CompareAnswer::kRangesFieldNumber;
  return 0;
}

bool CountElements(std::string_view body, uint32_t nested, uint64_t* count) {
  ProtoReader reader(body);
  while (!reader.done()) {
    uint32_t field;
    WireType wire_type;
    if (!reader.Tag(&field, &wire_type)) return false;
    if (wire_type != WireType::kBytes) {
      if (!reader.Skip(wire_type)) return false;
      continue;
    }
    std::string_view bytes;
    if (!reader.Bytes(&bytes)) return false;
    ++*count;
    if (nested != 0 && field == nested && !CountElements(bytes, 0, count)) return false;
  }
  return true;
}

Status Malformed() { return Status::Invalid("frame: not a Frame message"); }

}  // namespace

Status ReadOutline(std::string_view message, uint64_t elements_max, FrameOutline* outline) {
  uint64_t bodies = 0;  // bit per field number below 64
  ProtoReader reader(message);
  while (!reader.done()) {
    uint32_t field;
    WireType wire_type;
    if (!reader.Tag(&field, &wire_type)) return Malformed();
    std::string_view body;
    if (field == v1::Frame::kTypeFieldNumber && wire_type == WireType::kVarint) {
      uint64_t type;
      if (!reader.Varint(&type) || type > UINT32_MAX) return Malformed();
      outline->type = static_cast<uint32_t>(type);
    } else if (IsKnown(field) && wire_type == WireType::kBytes) {
      bodies |= uint64_t{1} << field;
      if (!reader.Bytes(&body) || !CountElements(body, NestedList(field), &outline->elements)) return Malformed();
    } else if (!reader.Skip(wire_type)) {
      return Malformed();
    }
  }
  if (outline->type == 0) return Status::Invalid("frame: it names no type");
  std::string type = std::to_string(outline->type);
  if (!IsKnown(outline->type)) return Status::Unsupported("frame: type " + type + " is unknown here");
  outline->has_body = (bodies >> outline->type & 1) != 0;
  if (!outline->has_body) return Status::Invalid("frame: no body of its type " + type);
  if (outline->elements > elements_max) {
    return Status::Invalid("frame: more than " + std::to_string(elements_max) + " list elements");
  }
  return {};
}

}  // namespace tidegate::wire
