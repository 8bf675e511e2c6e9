// Members that the bodies of several requests share.
// Thread safety: free functions. Ownership: as values.
#pragma once

#include <string>
#include <vector>

#include "host/api/exchange.h"
#include "host/api/json_text.h"
#include "host/base/status.h"

namespace tidegate::api {

// The value of `timeout_ms`: at most a day; kInvalid otherwise.
Result<int64_t> TimeoutMsFrom(const JsonMember& member);

// kInvalid: what is unknown, and which of the known names is near to it.
Status UnknownMember(const JsonMember& member, const std::vector<std::string>& known);

// For requests that have none: an empty one, or an object without members.
Status NoBody(Exchange& exchange);

}  // namespace tidegate::api
