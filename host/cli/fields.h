// FIELD=VALUE words of a command line as a JSON object.
// Thread safety: functions without shared state. Ownership: results own their texts.
#pragma once

#include <string>
#include <vector>

#include "host/base/status.h"
#include "host/cli/arguments.h"
#include "host/cli/daemon.h"

namespace tidegate::cli {

// words from first on: FIELD=VALUE (a text; the daemon converts it to the type of the field),
// FIELD:=JSON, or one word that is a JSON object.
Result<Json> FieldsToJson(const std::vector<std::string>& words, size_t first);

// Sets member to the agent number an option gives, if it is given.
Status SetAgent(const Arguments& arguments, const char* option, const char* member, Json* json);

}  // namespace tidegate::cli
