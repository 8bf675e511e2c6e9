// YAML -> JSON with the place of every value. A strict reading: what two YAML readers could take for
// different things, or what could expand without bound, is an error (docs/configuration.md lists it).
// Thread safety: functions without shared state. Ownership: the document owns all it holds.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "host/base/status.h"
#include "host/config/positions.h"

namespace tidegate {

struct YamlDocument {
  nlohmann::ordered_json json;  // null if the file holds no document
  Positions positions;
};

struct YamlLimits {
  size_t bytes_max = 1 << 20;
  size_t depth_max = 64;
  size_t nodes_max = 100'000;
  size_t scalar_bytes_max = 256 << 10;
};

// name: what error messages call the text.
Result<YamlDocument> YamlTextToJson(std::string_view text, const std::string& name, const YamlLimits& limits = {});

// Reads a regular file.
Result<YamlDocument> YamlToJson(const std::string& path, const YamlLimits& limits = {});

}  // namespace tidegate
