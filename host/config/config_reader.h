// From a checked document to the typed configuration, and the checks that a JSON Schema cannot say.
// Thread safety: functions without shared state. Ownership: none.
#pragma once

#include <string>
#include <vector>

#include "host/config/config.h"
#include "host/config/yaml.h"

namespace tidegate {

// document follows schemas/config.schema.json. Appends a line to errors for each failure.
Config ReadConfig(const YamlDocument& document, const std::string& default_plugin_dir,
                  std::vector<std::string>& errors);

}  // namespace tidegate
