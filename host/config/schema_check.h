// Checks JSON that came from YAML against a JSON Schema (draft 7), with messages that point into the
// YAML and say what to do.
// Thread safety: functions without shared state. Ownership: none.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "host/base/status.h"
#include "host/config/positions.h"

namespace tidegate {

// json: the value at pointer of the document that positions speaks of. Texts that came out of
// ${env:...} or ${file:...} become numbers or booleans in json where the schema wants only those.
// schema_name: what messages about a broken schema call it.
Status CheckAgainstSchema(nlohmann::ordered_json& json, std::string_view schema_text, const std::string& schema_name,
                          const Positions& positions, const std::string& pointer = "");

}  // namespace tidegate
