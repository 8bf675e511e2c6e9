// The workload: readings made by a seeded generator over the hours of tests/data/weather-hourly.csv, as
// model Reading of schemas/examples/device.json5: about 200 bytes an item, ULID sort keys.
// Thread safety: plain values. Ownership: owned.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidegate::bench {

// What an application sends: JSON objects of properties, without the id, which the node generates.
std::vector<std::string> MakeProperties(const std::string& source_dir, size_t count, uint64_t seed);

// The same as a node stores it.
struct StoredItem {
  std::string pk;
  std::string sk;
  std::string body;
};
std::vector<StoredItem> MakeStored(const std::string& source_dir, const std::vector<std::string>& properties,
                                   uint64_t seed);

// Bodies of NDJSON requests with so many lines each.
std::vector<std::string> MakeRequests(const std::vector<std::string>& properties, size_t lines);

}  // namespace tidegate::bench
