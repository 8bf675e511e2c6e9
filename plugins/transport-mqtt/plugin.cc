#include "tidegate/cpp/plugin.h"

#include "transport.h"

TIDEGATE_PLUGIN("transport-mqtt", TG_TRANSPORT_KIND, TG_VERSION_STRING, R"json({
  "$schema": "https://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "required": ["side"],
  "properties": {
    "host": {"description": "The broker: name, address, or path of a Unix socket; default 127.0.0.1",
             "type": "string", "minLength": 1},
    "port": {"description": "Default 1883, with tls 8883", "type": "integer", "minimum": 1, "maximum": 65535},
    "prefix": {"description": "The beginning of every topic; one parent per prefix; default tidegate",
               "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^+#/$]([^+#]*[^+#/])?$"},
    "side": {"description": "parent: the peer is our parent, we dial up; child: we serve children",
             "enum": ["parent", "child"]},
    "username": {"type": "string"},
    "password_file": {"description": "A file that holds the password alone", "type": "string", "minLength": 1},
    "protocol": {"description": "Version of MQTT; default 5", "enum": ["3.1.1", "5"]},
    "qos": {"description": "Of frames; 0 is enough, the nodes acknowledge themselves; default 0",
            "type": "integer", "minimum": 0, "maximum": 1},
    "keepalive_s": {"description": "Default 15", "type": "integer", "minimum": 5, "maximum": 3600},
    "tls": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "ca": {"description": "The authority of the broker's certificate; default those of the system",
               "type": "string", "minLength": 1},
        "cert": {"description": "Our own certificate, for mutual TLS", "type": "string", "minLength": 1},
        "key": {"description": "Its key", "type": "string", "minLength": 1},
        "server_name": {"description": "The name in the broker's certificate; default host",
                        "type": "string", "minLength": 1},
        "insecure": {"description": "Do not check the broker's certificate; default false", "type": "boolean"}
      },
      "dependencies": {"cert": ["key"], "key": ["cert"]}
    },
    "broker_acl": {"description": "The broker's access control list binds topics to clients; default false",
                   "type": "boolean"},
    "frame_bytes_max": {"description": "Default 2 MiB", "type": "integer", "minimum": 4096, "maximum": 134217728},
    "queue_bytes_max": {"description": "What may wait for one session; default 8 MiB",
                        "type": "integer", "minimum": 4096, "maximum": 1073741824},
    "children_max": {"description": "Sessions with children; default 16384",
                     "type": "integer", "minimum": 1, "maximum": 1048576}
  }
})json",
                tidegate::sdk::TransportPlugin<tidegate::mqtt::MqttTransport>);
