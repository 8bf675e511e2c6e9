// YAML -> JSON -> references -> schema check -> typed configuration: any bytes end in a configuration or
// in an error with a place, never in a crash.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "host/config/config_reader.h"
#include "host/config/config_schema.h"
#include "host/config/expand.h"
#include "host/config/merge.h"
#include "host/config/schema_check.h"

using namespace tidegate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find("${file:") != std::string_view::npos) return 0;  // the outcome would be the file's
  auto document = YamlTextToJson(text, "fuzz.yaml", {.bytes_max = 1 << 16});
  if (!document.ok()) {
    if (!document.status().message().starts_with("fuzz.yaml:")) abort();
    return 0;
  }
  (void)document->json.dump();  // throws on a text that is not UTF-8
  YamlDocument copy = *document;
  MergeOver(copy, *document);
  if (copy.json != document->json) abort();  // a document over itself is itself

  std::vector<std::string> errors;
  ExpandReferences(*document, errors);
  // Reading the schema costs more than all the rest: only for what might pass.
  if (!document->json.is_object() || !document->json.contains("node")) return 0;
  Status status = CheckAgainstSchema(document->json, kConfigSchema, "config.schema.json", document->positions);
  if (!status.ok()) {
    if (!status.message().starts_with("fuzz.yaml:")) abort();
    return 0;
  }
  (void)ReadConfig(*document, "/plugins", errors);
  return 0;
}
