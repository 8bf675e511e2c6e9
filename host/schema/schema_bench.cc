// What one item costs: encode at the writer, admit at a receiver. Prints ns of processor time an
// item.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>

#include "host/schema/item.h"

namespace {

template <typename F>
void Measure(const char* name, F&& run) {
  constexpr int kItems = 300000;
  double best = 1e18;
  for (int round = 0; round < 3; ++round) {
    std::clock_t start = std::clock();
    for (int i = 0; i < kItems; ++i) run();
    best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC * 1e9);
  }
  std::printf("%-28s %8.0f ns\n", name, best / kItems);
}

void MeasureModel(const tidegate::Model& model, const std::string& properties) {
  uint64_t count = 1;
  std::function<uint64_t()> random = [&count] { return count = count * 6364136223846793005u + 1; };
  tidegate::UlidGenerator ulid(random);
  tidegate::ItemContext context;
  context.now_ms = 1767323045678;
  context.ulid = &ulid;
  context.random = &random;
  context.envelope = {7, 1, 7};
  auto item = tidegate::Encode(model, properties, tidegate::PutMode::kCreate, context);
  if (!item.ok()) {
    std::printf("%s\n", item.status().message().c_str());
    return;
  }
  std::printf("%s: body of %zu bytes\n", model.name().c_str(), item->body.size());
  Measure("  encode", [&] { (void)tidegate::Encode(model, properties, tidegate::PutMode::kCreate, context); });
  Measure("  admit", [&] { (void)tidegate::Admit(model, item->body, item->pk, item->sk, context.envelope); });
  Measure("  present", [&] { (void)tidegate::Present(model, item->body, item->pk, item->sk, context.envelope); });
}

}  // namespace

int main(int argc, char** argv) {
  std::ifstream file(argc > 1 ? argv[1] : "schemas/examples/device.json5");
  std::ostringstream text;
  text << file.rdbuf();
  auto load = tidegate::LoadSchema("device.json5", text.str());
  if (load.schema == nullptr) {
    std::printf("%s\n", load.status().message().c_str());
    return 1;
  }
  MeasureModel(*load.schema->Find("Reading"),
               R"({"station":"de-berlin-tegel","time":"2010-01-01T01:00:00","pressure":1016.6,"temperature":4.1,)"
               R"("wind":3.8})");
  MeasureModel(
      *load.schema->Find("Fault"),
      R"({"device":"dev-7","time":"2010-01-01T01:00:00","severity":"warn","subject":"pump","message":"slow"})");
  return 0;
}
