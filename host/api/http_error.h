// From the codes of the host to the statuses of HTTP, and the JSON of an error.
// Thread safety: functions without shared state. Ownership: none.
#pragma once

#include <string>

#include "host/base/status.h"

namespace tidegate::api {

// 400 invalid, 404 not_found, 409 conflict, 403 refused, 503 unavailable and full, 504 timeout,
// 501 unsupported, 500 for the rest.
int HttpStatus(Code code);
// "Not Found"
const char* HttpReason(int status);

// {"code":"not_found","message":"..."}
std::string ErrorToJson(const Status& status);

}  // namespace tidegate::api
