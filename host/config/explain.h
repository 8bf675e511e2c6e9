// Turns what a JSON Schema library found into lines for the person who wrote the YAML.
// Thread safety: functions without shared state. Ownership: none.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/config/positions.h"
#include "host/config/schema_view.h"
#include "host/config/validate.h"

namespace tidegate {

// "/transports/0/config" -> "transports[0].config".
std::string DottedName(const std::string& pointer);

// One line "file:line:column: what; what to do" for each thing to repair, in the order of the file.
// prefix: the pointer of json in the document that positions speaks of.
std::vector<std::string> ExplainViolations(const std::vector<Violation>& violations, const nlohmann::json& json,
                                           const SchemaView& schema, const Positions& positions,
                                           const std::string& prefix);

}  // namespace tidegate
