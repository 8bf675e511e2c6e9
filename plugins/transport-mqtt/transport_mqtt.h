// transport-mqtt as a library, for tests and for programs that link it. The plugin itself exports
// tg_plugin_entry_v1 alone.
// Thread safety: see tidegate/transport.h. Ownership: the table is static; instances belong to the caller.
#pragma once

#include "tidegate/transport.h"

namespace tidegate {

const tg_transport_v1* TidegateTransportMqttTable();

}  // namespace tidegate
