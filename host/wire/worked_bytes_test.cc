// The worked bytes of docs/format/wire.md are what the codec writes and reads.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "host/wire/codec.h"
#include "host/wire/compress.h"
#include "host/wire/sample_frames.h"

namespace tidegate::wire {
namespace {

constexpr SessionId kSession = 0x1122334455667788u;
constexpr Epoch kEpoch = 0x0102030405060708u;
constexpr uint64_t kHlc = 1262307600000u << 16;  // 2010-01-01T01:00:00Z

// The bytes of the block that begins with "```hex <name>": hex digits, comments after #.
std::string FromPage(const std::string& name) {
  std::ifstream file(TIDEGATE_SOURCE_DIR "/docs/format/wire.md");
  std::string line;
  while (std::getline(file, line) && line != "```hex " + name) {
  }
  std::string bytes;
  while (std::getline(file, line) && line != "```") {
    std::istringstream words(line.substr(0, line.find('#')));
    for (std::string word; words >> word;) bytes += static_cast<char>(std::stoi(word, nullptr, 16));
  }
  return bytes;
}

Hello WorkedHello() {
  Hello hello;
  hello.agent = 300;
  hello.role = TG_ROLE_DEVICE;
  hello.level = 65535;
  hello.replica = sample::Replica(0x10);
  hello.epochs = {{kEpoch, 1}};
  hello.models.resize(1);
  hello.models[0].model = "Log";
  hello.models[0].direction = TG_DIRECTION_UP;
  hello.models[0].lane = TG_LANE_HISTORY;
  hello.unix_ms = 1262307600000;
  hello.attach_epoch = 1;
  hello.software = "tidegate 0.1.0";
  return hello;
}

// Two changes of one transaction; the second is a tombstone.
Batch WorkedBatch() {
  Batch batch;
  batch.lane = TG_LANE_HISTORY;
  batch.after = {sample::Replica(0x10), kEpoch, 2, {kHlc + 1, 300, kEpoch}};
  tg_change change = sample::Change();
  change.model = Str("Log");
  change.key = {300, Str("log#"), Str("1")};
  change.src = 300;
  change.version = {kHlc, 300, kEpoch};
  change.body = Bytes("{\"n\":1}");
  change.run_first = 1;
  change.run_last = 2;
  batch.changes = {change, change};
  batch.changes[1].kind = TG_CHANGE_TOMBSTONE;
  batch.changes[1].key.sk = Str("2");
  batch.changes[1].version.hlc = kHlc + 1;
  batch.changes[1].body = {};
  batch.begin = 1;
  return batch;
}

// In the plain form, as on the page, whether or not this zstd can make it smaller.
std::string Plain(const Body& body) {
  std::string bytes = Encode(kSession, body);
  Result<std::string_view> message = Unwrap(bytes, 1 << 20);
  return message.ok() ? std::string(1, kFormPlain).append(*message) : message.status().message();
}

std::string Hex(const std::string& bytes) {
  std::string text;
  char two[4];
  for (char byte : bytes) {
    std::snprintf(two, sizeof two, "%02x ", static_cast<unsigned>(static_cast<uint8_t>(byte)));
    text += two;
  }
  return text;
}

TEST(WorkedBytes, Hello_IsAsThePageSays) {
  std::string page = FromPage("hello");
  EXPECT_EQ(Hex(Plain(WorkedHello())), Hex(page));
  Result<DecodedFrame> decoded = Decode(page, {});
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(decoded->session, kSession);
  EXPECT_EQ(std::get<Hello>(decoded->body).agent, 300u);
  EXPECT_EQ(std::get<Hello>(decoded->body).replica, sample::Replica(0x10));
}

TEST(WorkedBytes, Batch_IsAsThePageSays) {
  std::string page = FromPage("batch");
  EXPECT_EQ(Hex(Plain(WorkedBatch())), Hex(page));
  Result<DecodedFrame> decoded = Decode(page, {});
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  const Batch& batch = std::get<Batch>(decoded->body);
  EXPECT_EQ(sample::Travelling(batch.changes), sample::Travelling(WorkedBatch().changes));
  EXPECT_EQ(batch.after, WorkedBatch().after);
}

}  // namespace
}  // namespace tidegate::wire
