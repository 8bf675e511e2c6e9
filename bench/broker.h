// A mosquitto of our own on a free port of this machine, with or without TLS.
// Thread safety: one thread. Ownership: owns the process.
#pragma once

#include <cstdint>
#include <string>

#include "bench/process.h"
#include "bench/scratch.h"

namespace tidegate::bench {

class Broker {
 public:
  Broker(const Scratch& scratch, const std::string& name, bool tls = false);

  uint16_t port() const { return port_; }
  const std::string& ca() const { return ca_; }  // of its certificate; empty without TLS
  Process& process() { return process_; }

 private:
  Broker(const Scratch& scratch, const std::string& name, bool tls, uint16_t port);

  uint16_t port_;
  std::string ca_;
  Process process_;
};

}  // namespace tidegate::bench
