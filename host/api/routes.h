// Which handler answers which method and path.
// Thread safety: from any thread. Ownership: none.
#pragma once

#include "host/api/context.h"
#include "host/api/exchange.h"

namespace tidegate::api {

// Answers the request, also if nobody knows its path.
void Route(Context& context, Exchange& exchange);

}  // namespace tidegate::api
