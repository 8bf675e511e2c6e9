// What a plain (unquoted) YAML scalar means: the core schema of YAML 1.2, and an error where YAML 1.1
// readers would take it for another number.
// Thread safety: functions without shared state. Ownership: none.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "host/base/status.h"

namespace tidegate {

// Null, boolean, number, or the text itself. The message of a failure has no place.
Result<nlohmann::ordered_json> ReadPlainScalar(const std::string& text);

}  // namespace tidegate
