#include "host/wire/codec.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>

#include "host/wire/change_list.h"
#include "host/wire/compress.h"
#include "host/wire/convert.h"
#include "host/wire/frame_outline.h"

namespace tidegate::wire {
namespace {

// What decoded changes point into.
struct Keep {
  google::protobuf::Arena arena;
  std::deque<std::string> extras;
};

// protobuf writes to stderr about a string that is not UTF-8; our Status says it.
void SilenceLog() {
  static const bool done = (google::protobuf::SetLogHandler(nullptr), true);
  (void)done;
}

Status TakeBody(const pb::Frame& from, uint32_t type, ChangeSink* sink, Body* to) {
  switch (type) {
    case pb::Frame::kHelloFieldNumber:
      return Take(from.hello(), &to->emplace<Hello>());
    case pb::Frame::kRefuseFieldNumber:
      return Take(from.refuse(), &to->emplace<Refuse>());
    case pb::Frame::kBatchFieldNumber:
      return Take(from.batch(), sink, &to->emplace<Batch>());
    case pb::Frame::kAckFieldNumber:
      return Take(from.ack(), &to->emplace<Ack>());
    case pb::Frame::kRoutesFieldNumber:
      return Take(from.routes(), &to->emplace<Routes>());
    case pb::Frame::kSyncAskFieldNumber:
      return Take(from.sync_ask(), &to->emplace<SyncAsk>());
    case pb::Frame::kSyncDoneFieldNumber:
      return Take(from.sync_done(), &to->emplace<SyncDone>());
    case pb::Frame::kCompareAskFieldNumber:
      return Take(from.compare_ask(), &to->emplace<CompareAsk>());
    case pb::Frame::kCompareAnswerFieldNumber:
      return Take(from.compare_answer(), sink, &to->emplace<CompareAnswer>());
    default:
      return Status::Unsupported("type " + std::to_string(type) + " is unknown here");
  }
}

struct PutBody {
  pb::Frame* to;
  void operator()(const Hello& body) { Put(body, Typed(pb::Frame::kHelloFieldNumber)->mutable_hello()); }
  void operator()(const Refuse& body) { Put(body, Typed(pb::Frame::kRefuseFieldNumber)->mutable_refuse()); }
  void operator()(const Batch& body) { Put(body, Typed(pb::Frame::kBatchFieldNumber)->mutable_batch()); }
  void operator()(const Ack& body) { Put(body, Typed(pb::Frame::kAckFieldNumber)->mutable_ack()); }
  void operator()(const Routes& body) { Put(body, Typed(pb::Frame::kRoutesFieldNumber)->mutable_routes()); }
  void operator()(const SyncAsk& body) { Put(body, Typed(pb::Frame::kSyncAskFieldNumber)->mutable_sync_ask()); }
  void operator()(const SyncDone& body) { Put(body, Typed(pb::Frame::kSyncDoneFieldNumber)->mutable_sync_done()); }
  void operator()(const CompareAsk& body) {
    Put(body, Typed(pb::Frame::kCompareAskFieldNumber)->mutable_compare_ask());
  }
  void operator()(const CompareAnswer& body) {
    Put(body, Typed(pb::Frame::kCompareAnswerFieldNumber)->mutable_compare_answer());
  }
  pb::Frame* Typed(int type) {
    to->set_type(static_cast<uint32_t>(type));
    return to;
  }
};

}  // namespace

Result<DecodedFrame> Decode(std::string_view bytes, const DecodeLimits& limits, uint32_t* unknown_type) {
  SilenceLog();
  if (unknown_type != nullptr) *unknown_type = 0;
  TG_ASSIGN_OR_RETURN(std::string_view message, Unwrap(bytes, std::min<uint64_t>(limits.plain_bytes_max, INT32_MAX)));
  FrameOutline outline;
  if (Status status = ReadOutline(message, limits.elements_max, &outline); !status.ok()) {
    if (status.code() == Code::kUnsupported && unknown_type != nullptr) *unknown_type = outline.type;
    return status;
  }
  auto keep = std::make_shared<Keep>();
  auto* frame = google::protobuf::Arena::CreateMessage<pb::Frame>(&keep->arena);
  if (!frame->ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return Status::Invalid("frame: a field is malformed or its text is not UTF-8");
  }
  DecodedFrame decoded;
  decoded.session = frame->session();
  decoded.plain_bytes = message.size() + 1;
  ChangeSink sink{limits.changes_max, &keep->extras};
  if (Status status = TakeBody(*frame, outline.type, &sink, &decoded.body); !status.ok()) return status.At("frame");
  // The other bodies are copies.
  bool has_views = std::holds_alternative<Batch>(decoded.body) || std::holds_alternative<CompareAnswer>(decoded.body);
  if (has_views) decoded.keep = std::move(keep);
  return decoded;
}

std::string Encode(SessionId session, const Body& body, uint64_t* plain_bytes) {
  SilenceLog();
  google::protobuf::Arena arena;
  auto* frame = google::protobuf::Arena::CreateMessage<pb::Frame>(&arena);
  frame->set_session(session);
  std::visit(PutBody{frame}, body);
  std::string message = frame->SerializeAsString();
  if (plain_bytes != nullptr) *plain_bytes = message.size() + 1;
  return Wrap(message);
}

std::string EncodeChange(const tg_change& change) { return EncodeChangeList({change}); }

Result<DecodedChange> DecodeChange(std::string_view bytes) {
  struct KeepOne {
    std::string bytes;
    std::deque<std::string> extras;
  };
  auto keep = std::make_shared<KeepOne>();
  keep->bytes = bytes;
  std::vector<tg_change> changes;
  Status status = DecodeChangeList(keep->bytes, 1, &changes, &keep->extras);
  if (!status.ok()) return Status::Corrupt("kept change: " + status.message());
  if (changes.size() != 1) return Status::Corrupt("kept change: there is none in it");
  DecodedChange decoded;
  decoded.change = changes[0];
  decoded.change.seq = decoded.change.run_first = decoded.change.run_last = 0;
  decoded.keep = std::move(keep);
  return decoded;
}

}  // namespace tidegate::wire
