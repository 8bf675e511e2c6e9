// The schema files of a configuration: JSON, JSON5 and JavaScript by host/schema, YAML through host/config.
// Thread safety: a function without shared state. Ownership: the set owns its schemas.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host/base/status.h"
#include "host/schema/schema.h"

namespace tidegate::daemon {

// Every error of every file, a line each. warnings gets the rest of what the files gave cause to say.
Result<std::shared_ptr<const SchemaSet>> LoadSchemas(const std::vector<std::string>& paths,
                                                     std::vector<std::string>* warnings);

}  // namespace tidegate::daemon
