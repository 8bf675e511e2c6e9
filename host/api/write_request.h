// A write as the API is asked for it.
// Thread safety: functions without shared state. Ownership: results own their texts.
#pragma once

#include <string_view>

#include "host/base/status.h"
#include "host/replica/requests.h"

namespace tidegate::api {

// "create", "update", "upsert", "remove".
Result<replica::WriteMode> ParseMode(std::string_view text, bool remove_allowed);

// {"mode":"upsert","model":"Reading","properties":{..},"owner":7,"to":9}
Result<replica::Write> WriteFromJson(std::string_view json, const std::string& what);

}  // namespace tidegate::api
