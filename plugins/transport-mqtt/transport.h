// The instance behind the table: configuration, the session table, and between start and stop the loop
// and its thread.
// Thread safety: as tagged in tidegate/transport.h. Ownership: by the host, through create and destroy.
#pragma once

#include <memory>
#include <string_view>
#include <thread>

#include "config.h"
#include "counters.h"
#include "loop.h"
#include "session_table.h"
#include "tidegate/cpp/transport.h"

namespace tidegate::mqtt {

class MqttTransport {
 public:
  MqttTransport(const sdk::Host& host, std::string_view config_json);
  ~MqttTransport();
  MqttTransport(const MqttTransport&) = delete;
  MqttTransport& operator=(const MqttTransport&) = delete;

  void Info(tg_transport_info& info) const;
  void Start(sdk::TransportEvents events);
  void Stop(uint64_t deadline_ms);
  sdk::Status Send(tg_session session, std::string_view frame);
  sdk::Status Close(tg_session session, std::string_view reason);
  void Stats(tg_transport_stats& stats) const;

 private:
  const sdk::Host host_;
  const Config config_;
  Counters counters_;
  SessionTable sessions_;
  std::unique_ptr<Loop> loop_;  // lives until destroy, so that a late send finds it
  std::thread thread_;
};

}  // namespace tidegate::mqtt
