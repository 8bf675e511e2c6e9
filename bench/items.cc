#include "bench/items.h"

#include <cstdio>
#include <cstdlib>
#include <random>
#include <sstream>

#include "bench/die.h"
#include "bench/scratch.h"
#include "host/schema/item.h"
#include "host/schema/schema.h"

namespace tidegate::bench {

std::vector<std::string> MakeProperties(const std::string& source_dir, size_t count, uint64_t seed) {
  struct Row {
    std::string date;
    double pressure, temperature, wind;
  };
  std::vector<Row> rows;
  std::istringstream csv(ReadFile(source_dir + "/tests/data/weather-hourly.csv"));
  std::string line;
  std::getline(csv, line);  // the names of the columns
  while (std::getline(csv, line)) {
    Row& row = rows.emplace_back();
    char date[32] = {};
    if (std::sscanf(line.c_str(), "%31[^,],%lf,%lf,%lf", date, &row.pressure, &row.temperature, &row.wind) != 4) {
      rows.pop_back();  // an hour with a value missing
    } else {
      row.date = date;
    }
  }
  if (rows.empty()) Die("tests/data/weather-hourly.csv has no hour that can be read");

  // Stations see the same weather a little differently.
  std::mt19937_64 random(seed);
  std::normal_distribution<double> noise(0, 0.7);
  std::vector<std::string> properties;
  properties.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const Row& row = rows[i % rows.size()];
    char text[256];
    std::snprintf(text, sizeof text,
                  R"({"station":"station-%02u","time":"%s.%03uZ","pressure":%.1f,"temperature":%.1f,"wind":%.1f})",
                  static_cast<unsigned>(random() % 8), row.date.c_str(), static_cast<unsigned>(random() % 1000),
                  row.pressure + noise(random), row.temperature + noise(random), row.wind + noise(random));
    properties.emplace_back(text);
  }
  return properties;
}

std::vector<StoredItem> MakeStored(const std::string& source_dir, const std::vector<std::string>& properties,
                                   uint64_t seed) {
  SchemaLoad load = LoadSchema("device.json5", ReadFile(source_dir + "/schemas/examples/device.json5"));
  if (load.schema == nullptr) Die(load.status().message());
  const Model* model = load.schema->Find("Reading");
  std::mt19937_64 random(seed);
  std::function<uint64_t()> next = [&random] { return random(); };
  UlidGenerator ulids(next);
  ItemContext context;
  context.ulid = &ulids;
  context.random = &next;
  context.envelope = {11, 1, 11};
  std::vector<StoredItem> stored;
  stored.reserve(properties.size());
  for (size_t i = 0; i < properties.size(); ++i) {
    context.now_ms = 1'767'323'045'678 + static_cast<int64_t>(i / 200);  // as a writer of 200,000 items/s
    Result<EncodedItem> item = Encode(*model, properties[i], PutMode::kCreate, context);
    if (!item.ok()) Die(item.status().message());
    stored.push_back({std::move(item->pk), std::move(item->sk), std::move(item->body)});
  }
  return stored;
}

std::vector<std::string> MakeRequests(const std::vector<std::string>& properties, size_t lines) {
  std::vector<std::string> requests;
  for (size_t i = 0; i < properties.size(); ++i) {
    if (i % lines == 0) requests.emplace_back();
    requests.back() += properties[i];
    requests.back() += '\n';
  }
  return requests;
}

}  // namespace tidegate::bench
