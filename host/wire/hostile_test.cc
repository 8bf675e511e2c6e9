// Frames that a broken or hostile peer may send: each gives a clear error, within the limits.
#include <gtest/gtest.h>
#include <zstd.h>

#include <random>

#include "host/wire/codec.h"
#include "host/wire/compress.h"
#include "host/wire/sample_frames.h"
#include "wire.pb.h"

namespace tidegate::wire {
namespace {

std::string Plain(const v1::Frame& frame) { return std::string(1, kFormPlain) + frame.SerializeAsString(); }

std::string Zstd(std::string_view message) {
  std::string bytes(ZSTD_compressBound(message.size()) + 1, kFormZstd);
  size_t size = ZSTD_compress(bytes.data() + 1, bytes.size() - 1, message.data(), message.size(), 1);
  bytes.resize(size + 1);
  return bytes;
}

// Without its size in the header, as a streaming compressor writes it.
std::string ZstdUnsized(std::string_view message) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  std::string bytes(ZSTD_compressBound(message.size()) + 1, kFormZstd);
  size_t size = ZSTD_compress2(context, bytes.data() + 1, bytes.size() - 1, message.data(), message.size());
  ZSTD_freeCCtx(context);
  bytes.resize(size + 1);
  return bytes;
}

Status StatusOf(std::string_view bytes, const DecodeLimits& limits = {}) {
  Result<DecodedFrame> decoded = Decode(bytes, limits);
  return decoded.ok() ? Status() : decoded.status();
}

void ExpectInvalid(std::string_view bytes, std::string_view says, const DecodeLimits& limits = {}) {
  Status status = StatusOf(bytes, limits);
  EXPECT_EQ(status.code(), Code::kInvalid) << says;
  EXPECT_NE(status.message().find(says), std::string::npos) << status.message();
}

TEST(WireHostile, UnknownForm_IsInvalid) {
  ExpectInvalid("", "empty");
  ExpectInvalid(std::string_view("\0abc", 4), "form 0");
  ExpectInvalid("\x03", "form 3");
  ExpectInvalid("\x01", "no type");
  ExpectInvalid("\x02", "zstd");
  ExpectInvalid("\x02garbage garbage garbage", "zstd");
}

TEST(WireHostile, UnknownType_IsUnsupportedAndNamed) {
  v1::Frame frame;
  frame.set_session(3);
  frame.set_type(99);
  std::string bytes = Plain(frame) + std::string("\x9a\x06\x02hi", 5);  // field 99
  uint32_t unknown_type = 0;
  Result<DecodedFrame> decoded = Decode(bytes, {}, &unknown_type);
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.status().code(), Code::kUnsupported);
  EXPECT_EQ(unknown_type, 99u);
  EXPECT_NE(decoded.status().message().find("99"), std::string::npos);
  (void)Decode("\x03", {}, &unknown_type);
  EXPECT_EQ(unknown_type, 0u);
}

TEST(WireHostile, UnknownFieldsOfAFrame_AreIgnored) {
  std::string unknown = std::string("\xa2\x06\x02hi\xa8\x06\x01", 8);
  v1::Frame frame;
  frame.set_type(v1::Frame::kRefuseFieldNumber);
  frame.mutable_refuse()->set_message("m");
  ASSERT_TRUE(frame.mutable_refuse()->ParseFromString(frame.refuse().SerializeAsString() + unknown));
  Result<DecodedFrame> decoded = Decode(Plain(frame) + unknown, {});
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(std::get<Refuse>(decoded->body).message, "m");
}

TEST(WireHostile, BodyMissingOrOfAnotherType_IsInvalid) {
  v1::Frame frame;
  frame.mutable_ack();
  ExpectInvalid(Plain(frame), "no type");
  frame.set_type(v1::Frame::kHelloFieldNumber);
  ExpectInvalid(Plain(frame), "no body");
}

TEST(WireHostile, SizeInTheHeaderBeyondTheLimit_IsRefusedBeforeExpanding) {
  std::string bomb = Zstd(std::string(80u << 20, '\0'));
  ASSERT_LT(bomb.size(), 20'000u);
  ExpectInvalid(bomb, "more than");
  ExpectInvalid(Zstd(std::string(2000, '\0')), "more than 1999", {.plain_bytes_max = 1999});
  ExpectInvalid(std::string(1, kFormPlain) + std::string(2000, '\0'), "more than 1999", {.plain_bytes_max = 1999});
}

TEST(WireHostile, UnsizedZstd_IsExpandedWithinTheLimit) {
  std::string good = Encode(7, Refuse{RefuseReason::kLoop, std::string(5000, 'm'), 0});
  Result<std::string_view> plain = Unwrap(good, 1 << 20);
  ASSERT_TRUE(plain.ok());
  size_t size = plain->size();
  std::string unsized = ZstdUnsized(*plain);
  ASSERT_EQ(ZSTD_getFrameContentSize(unsized.data() + 1, unsized.size() - 1), ZSTD_CONTENTSIZE_UNKNOWN);
  EXPECT_TRUE(StatusOf(unsized, {.plain_bytes_max = size}).ok());
  ExpectInvalid(unsized, "more than", {.plain_bytes_max = size - 1});
  ExpectInvalid(unsized.substr(0, unsized.size() - 3), "frame:");
  ExpectInvalid(unsized + "x", "frame:");
  ExpectInvalid(ZstdUnsized(std::string(80u << 20, '\0')), "frame:");
}

TEST(WireHostile, SizeInTheHeaderThatLies_IsInvalid) {
  std::string bytes = Zstd(std::string(200, 'a') + std::string(200, 'b'));
  ASSERT_EQ(ZSTD_getFrameContentSize(bytes.data() + 1, bytes.size() - 1), 400u);
  // A single-segment header: magic (4), descriptor (1), size - 256 in two bytes.
  bytes[1 + 5] = static_cast<char>(bytes[1 + 5] + 1);
  ExpectInvalid(bytes, "frame:");
}

TEST(WireHostile, NumbersOutOfRange_AreInvalid) {
  auto hello = [](auto spoil) {
    v1::Frame frame;
    frame.set_type(v1::Frame::kHelloFieldNumber);
    spoil(frame.mutable_hello());
    return Plain(frame);
  };
  ExpectInvalid(hello([](v1::Hello* h) { h->set_agent(kAgentMax + 1); }), "not an agent id");
  ExpectInvalid(hello([](v1::Hello* h) { h->set_replica("short"); }), "5 bytes, not 16");
  ExpectInvalid(hello([](v1::Hello* h) { h->add_held()->set_lane(TG_LANE_COUNT); }), "lane 4");
  ExpectInvalid(hello([](v1::Hello* h) { h->add_delivered()->mutable_watermark()->set_replica("x"); }), "not 16");
  ExpectInvalid(hello([](v1::Hello* h) { h->add_models()->set_direction(4); }), "direction 4");
  ExpectInvalid(hello([](v1::Hello* h) { h->add_models()->set_lane(4); }), "lane 4");
  ExpectInvalid(hello([](v1::Hello* h) { h->add_edges()->set_parent(UINT64_MAX); }), "parent of an edge");
  ExpectInvalid(hello([](v1::Hello* h) { h->add_unsettled()->set_owner(UINT64_MAX); }), "owner of a scope");
  ExpectInvalid(hello([](v1::Hello* h) { h->set_software("\xff"); }), "UTF-8");
  ExpectInvalid(hello([](v1::Hello* h) {
                  for (int i = 0; i < 17; ++i) h->add_epochs();
                }),
                "17 epochs");

  v1::Frame frame;
  frame.set_type(v1::Frame::kAckFieldNumber);
  frame.mutable_ack()->add_refused()->mutable_held()->set_agent(UINT64_MAX);
  ExpectInvalid(Plain(frame), "not an agent id");

  frame.Clear();
  frame.set_type(v1::Frame::kBatchFieldNumber);
  frame.mutable_batch()->set_lane(7);
  ExpectInvalid(Plain(frame), "lane 7");
  frame.mutable_batch()->set_lane(0);
  frame.mutable_batch()->set_changes("\x32\x02");
  ExpectInvalid(Plain(frame), "cut off");

  frame.Clear();
  frame.set_type(v1::Frame::kCompareAskFieldNumber);
  frame.mutable_compare_ask()->add_ranges()->add_keys()->set_kind(4);
  ExpectInvalid(Plain(frame), "kind 4");
  frame.mutable_compare_ask()->set_direction_mask(4);
  ExpectInvalid(Plain(frame), "direction mask");

  frame.Clear();
  frame.set_type(v1::Frame::kCompareAnswerFieldNumber);
  v1::RangeAnswer* range = frame.mutable_compare_answer()->add_ranges();
  for (uint32_t verdict : {0u, 5u}) {
    range->set_verdict(verdict);
    ExpectInvalid(Plain(frame), "verdict");
  }
  range->set_verdict(1);
  EXPECT_TRUE(StatusOf(Plain(frame)).ok());
}

TEST(WireHostile, ChangesBeyondTheLimit_AreCountedOverAllRanges) {
  CompareAnswer answer;
  answer.ranges.resize(2);
  answer.ranges[0].changes = answer.ranges[1].changes = sample::Changes();
  std::string bytes = Encode(1, answer);
  EXPECT_TRUE(StatusOf(bytes, {.changes_max = 10}).ok());
  ExpectInvalid(bytes, "limit", {.changes_max = 9});
}

// Two bytes on the wire become a message of a hundred in memory: every list of every frame is counted first.
TEST(WireHostile, EmptyListElements_AreRefusedBeforeTheyAreMade) {
  for (uint32_t type : {10u, 11u, 20u, 21u, 22u, 30u, 31u}) {
    for (uint32_t field = 1; field <= 15; ++field) {
      std::string body;
      for (int i = 0; i < 300; ++i) {
        body += static_cast<char>(field << 3 | 2);
        body += '\0';
      }
      v1::Frame frame;
      frame.set_type(type);
      // Tag of the body: field `type`, bytes.
      std::string bytes = Plain(frame);
      uint32_t tag = type << 3 | 2;
      bytes += static_cast<char>(tag | 0x80);
      bytes += static_cast<char>(tag >> 7);
      bytes += std::string("\xd8\x04", 2) + body;  // 600 bytes
      ExpectInvalid(bytes, "list elements", {.elements_max = 299});
    }
  }
  CompareAsk ask;
  ask.ranges.resize(1);
  ask.ranges[0].keys.resize(300);
  ExpectInvalid(Encode(1, ask), "list elements", {.elements_max = 299});
  CompareAnswer answer;
  answer.ranges.resize(1);
  answer.ranges[0].removals.resize(300);
  ExpectInvalid(Encode(1, answer), "list elements", {.elements_max = 299});
}

TEST(WireHostile, GroupsAndCutFields_AreInvalid) {
  ExpectInvalid(std::string("\x01\x10\x0b\x5b\x5c", 5), "not a Frame");  // a group as body
  ExpectInvalid(std::string("\x01\x10", 2), "not a Frame");
  ExpectInvalid(std::string("\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13), "not a Frame");
  ExpectInvalid(std::string("\x01\x00\x01", 3), "not a Frame");  // field number 0
}

// What decodes after damage must encode to something that decodes to the same bytes again.
void ExpectTotal(std::string_view bytes) {
  Result<DecodedFrame> decoded = Decode(bytes, {});
  if (!decoded.ok()) return;
  std::string again = Encode(decoded->session, decoded->body);
  Result<DecodedFrame> second = Decode(again, {});
  ASSERT_TRUE(second.ok()) << second.status().message();
  EXPECT_EQ(Encode(second->session, second->body), again);
}

TEST(WireHostile, DamagedFrames_GiveAValueOrAnError) {
  std::mt19937 random(7);
  for (const Body& body : sample::Bodies()) {
    std::string encoded = Encode(1, body);
    std::string plain = std::string(1, kFormPlain) + std::string(*Unwrap(encoded, 1 << 20));
    for (const std::string& good : {encoded, plain}) {
      for (size_t size = 0; size < good.size(); ++size) ExpectTotal(good.substr(0, size));
      for (size_t round = 0; round < 2000; ++round) {
        std::string bad = good;
        for (size_t flips = 1 + random() % 3; flips > 0; --flips) {
          bad[random() % bad.size()] = static_cast<char>(random());
        }
        ExpectTotal(bad);
      }
    }
  }
}

}  // namespace
}  // namespace tidegate::wire
