// The text of schemas/config.schema.json, built into the program.
// Thread safety: constants only.
#pragma once

#include <string_view>

namespace tidegate {

extern const std::string_view kConfigSchema;

}  // namespace tidegate
