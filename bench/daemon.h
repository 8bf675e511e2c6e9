// A tidegated of the installation under test, with a configuration written for it.
// Thread safety: one thread starts and stops. Ownership: owns the process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/broker.h"
#include "bench/clock.h"
#include "bench/http_client.h"
#include "bench/options.h"
#include "bench/process.h"
#include "bench/scratch.h"

namespace tidegate::bench {

struct DaemonSpec {
  std::string name;  // of its folder
  std::string role;  // server, router or device
  unsigned agent = 1;
  const Broker* uplink = nullptr;    // the broker shared with its parent
  const Broker* downlink = nullptr;  // the broker shared with its children
  std::string sync_delay = "5s";
  std::string policy_config = {};  // of policy-onetable, in YAML's flow form
  std::string schema = {};         // its file; empty: the example's
};

class Daemon {
 public:
  // Writes the configuration; Start runs it.
  Daemon(const Options& options, const Scratch& scratch, DaemonSpec spec);

  // Returns when the API answers that the node is up; the seconds that took.
  double Start();
  void Stop();
  // Reads configuration and schema anew.
  void Reload();

  const std::string& socket() const { return socket_; }
  std::string replica() const { return folder_ + "/replica.db"; }
  Process& process() { return *process_; }

  // Dies unless the answer is 2xx.
  HttpAnswer Get(const std::string& path);
  HttpAnswer Post(const std::string& path, const std::string& body);
  // Sends what waits and returns when `wait` (hop or server) has all of it.
  void SyncWait(const std::string& wait);
  // Waits until its link to the parent is up; returns when it was last seen not to be.
  TimePoint AwaitParent();
  // TCP payload that its connections to the port have sent and received, as the kernel counts it.
  uint64_t SocketBytes(uint16_t port) const;

 private:
  std::string program_;
  std::string folder_;
  std::string socket_;
  std::string log_;
  std::unique_ptr<Process> process_;
};

// Sends requests over `connections` connections, one in flight on each; returns the seconds it took.
double PostAll(const std::string& socket, const std::string& path, const std::vector<std::string>& requests,
               int connections);

}  // namespace tidegate::bench
