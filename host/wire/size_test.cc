// What 500 items of the weather file cost on the wire, and, as a recorded property, in time.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <random>

#include "host/base/ulid.h"
#include "host/wire/codec.h"
#include "host/wire/sample_frames.h"

namespace tidegate::wire {
namespace {

constexpr size_t kItems = 500;
constexpr double kBytesPerItemMax = 40;

struct Weather {
  std::deque<std::string> texts;
  Batch batch;
};

// items_per_ms: how many share a millisecond, so that their ULIDs count up.
Weather ReadWeather(uint64_t items_per_ms) {
  Weather weather;
  std::ifstream file(TIDEGATE_SOURCE_DIR "/tests/data/weather-hourly.csv");
  std::mt19937_64 random(1);
  UlidGenerator ulids([&] { return random(); });
  std::string line;
  std::getline(file, line);
  for (uint64_t i = 0; i < kItems && std::getline(file, line); ++i) {
    char date[20];
    double pressure, temperature, wind;
    if (std::sscanf(line.c_str(), "%19[^,],%lf,%lf,%lf", date, &pressure, &temperature, &wind) != 4) break;
    uint64_t ms = 1795000000000 + i / items_per_ms;
    std::string id = ulids.Next(static_cast<int64_t>(ms));
    char body[256];
    std::snprintf(body, sizeof body,
                  R"({"id":"%s","pressure":%.1f,"station":"KSEA","temperature":%.1f,"time":"%s.000Z","wind":%.1f})",
                  id.c_str(), pressure, temperature, date, wind);
    tg_change change = sample::Change();
    change.key.sk = Str(weather.texts.emplace_back("reading#" + id));
    change.body = Bytes(weather.texts.emplace_back(body));
    change.version = {(ms << 16) + i % items_per_ms, 7, 0x9d3a51c07be2f648u};
    weather.batch.changes.push_back(change);
  }
  return weather;
}

class WireSize : public testing::TestWithParam<uint64_t> {};

TEST_P(WireSize, FrameOfWeather_IsSmall) {
  Weather weather = ReadWeather(GetParam());
  ASSERT_EQ(weather.batch.changes.size(), kItems);
  auto start = std::chrono::steady_clock::now();
  std::string bytes = Encode(1, weather.batch);
  auto encoded = std::chrono::steady_clock::now();
  Result<DecodedFrame> decoded = Decode(bytes, {});
  auto end = std::chrono::steady_clock::now();
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(sample::Travelling(std::get<Batch>(decoded->body).changes), sample::Travelling(weather.batch.changes));
  double per_item = static_cast<double>(bytes.size()) / kItems;
  EXPECT_LE(per_item, kBytesPerItemMax);
  auto ns = [](auto span) { return std::chrono::duration_cast<std::chrono::nanoseconds>(span).count() / kItems; };
  RecordProperty("bytes_per_item", std::to_string(per_item));
  RecordProperty("encode_ns_per_item", std::to_string(ns(encoded - start)));
  RecordProperty("decode_ns_per_item", std::to_string(ns(end - encoded)));
}

INSTANTIATE_TEST_SUITE_P(ItemsPerMs, WireSize, testing::Values(1, 20, 300));

}  // namespace
}  // namespace tidegate::wire
