// The JSON Schema library behind one function, since its headers take half a minute to compile.
// Thread safety: functions without shared state. Ownership: none.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/base/status.h"

namespace tidegate {

struct Violation {
  std::string pointer;  // JSON pointer to the value
  std::string what;     // in the library's words
};

// Every violation; a failure means that the schema itself cannot be used.
Result<std::vector<Violation>> ValidateJson(const nlohmann::json& json, const nlohmann::json& schema);

}  // namespace tidegate
