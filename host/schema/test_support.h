// What the tests of host/schema share: a schema from text, ids that repeat, file reading.
// Thread safety: for tests of one thread. Ownership: values.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "host/schema/item.h"
#include "host/schema/schema.h"

namespace tidegate::test {

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::string ProblemText(const SchemaLoad& load) {
  std::string text;
  for (const SchemaProblem& problem : load.problems) text += problem.ToText() + "\n";
  return text;
}

// A schema around the text of its models; params may be empty.
inline std::string Around(const std::string& models, const std::string& params = "",
                          const std::string& indexes = "primary: {hash: 'pk', sort: 'sk'}") {
  return "{format: 'onetable:1.1.0', version: '0.0.1', indexes: {" + indexes + "}, models: {" + models +
         "}, params: {" + params + "}}";
}

inline std::shared_ptr<const Schema> Load(const std::string& text) {
  SchemaLoad load = LoadSchema("test.json5", text);
  EXPECT_NE(load.schema, nullptr) << ProblemText(load);
  return load.schema;
}

// Time stands still at 2026-01-02T03:04:05.678Z, and randomness counts.
class Ids {
 public:
  static constexpr int64_t kNowMs = 1767323045678;
  ItemContext Context() {
    ItemContext context;
    context.now_ms = kNowMs;
    context.ulid = &ulid_;
    context.random = &random_;
    context.envelope = {7, 1, 7};
    return context;
  }

 private:
  uint64_t count_ = 0x123456789ABCDEF0;
  std::function<uint64_t()> random_ = [this] { return count_ = count_ * 6364136223846793005u + 1442695040888963407u; };
  UlidGenerator ulid_{random_};
};

}  // namespace tidegate::test
