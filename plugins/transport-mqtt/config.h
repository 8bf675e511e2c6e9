// The configuration of one instance, checked. The host has checked the JSON against the schema in
// plugin.cc; what a schema cannot say (topic rules, sizes that depend on each other) is checked here.
// Thread safety: plain values. Ownership: owns its text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidegate/cpp/error.h"

namespace tidegate::mqtt {

enum class Side { kParent, kChild };  // what the peers are to us, as in tidegate/transport.h

struct TlsConfig {
  bool enabled = false;
  std::string ca;    // empty: the certificates of the operating system
  std::string cert;  // our own, for mutual TLS
  std::string key;
  std::string server_name;  // the name in the broker's certificate; empty: host
  bool insecure = false;    // do not check the broker's certificate
};

struct Config {
  std::string host = "127.0.0.1";  // a name, an address, or the path of a Unix socket
  uint16_t port = 0;               // 0 = 1883, or 8883 with TLS
  std::string prefix = "tidegate";
  Side side = Side::kParent;
  std::string username;
  std::string password_file;
  bool protocol_5 = true;
  int qos = 0;
  uint32_t keepalive_s = 15;
  TlsConfig tls;
  bool broker_acl = false;
  uint64_t frame_bytes_max = 2u << 20;
  uint64_t queue_bytes_max = 8u << 20;  // for each session
  uint64_t children_max = 16384;

  bool unix_socket() const { return host.front() == '/'; }
  // For people: "broker.example:8883".
  std::string Address() const;
};

// Throws sdk::Error with TG_INVALID.
Config ParseConfig(std::string_view json);

}  // namespace tidegate::mqtt
