#include "transport_mqtt.h"

#include "transport.h"

namespace tidegate {

const tg_transport_v1* TidegateTransportMqttTable() { return &sdk::TransportPlugin<mqtt::MqttTransport>::kTable; }

}  // namespace tidegate
