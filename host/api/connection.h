// One connection: its requests one after the other, each handed to its route.
// Thread safety: Serve runs in the connection's own thread. Ownership: refers to everything.
#pragma once

#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerSession.h>

#include "host/api/context.h"

namespace tidegate::api {

// Returns when the connection is to be closed. Never throws.
void Serve(Poco::Net::HTTPServerSession& session, Poco::Net::HTTPServerParams& params, Context& context);

}  // namespace tidegate::api
