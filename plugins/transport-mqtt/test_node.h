// One end of the transport in a test: an instance used through its table, a host that says who it is,
// and everything that came back, to wait for.
// Thread safety: the recorder's methods from any thread. Ownership: the instance ends with the object.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "plugins/transport-mqtt/transport_mqtt.h"
#include "tidegate/services.h"

namespace tidegate::mqtt {

class TestNode {
 public:
  struct Session {
    tg_session id = 0;
    uint32_t side = 0;
    uint64_t agent = 0;
    bool authenticated = false;
    bool closed = false;
    std::string reason;
    std::vector<std::string> frames;
    uint64_t writable = 0;
  };

  // config: members of the JSON object beside side and port, each with a leading comma.
  TestNode(uint64_t agent, const char* side, int port, const std::string& config = "", uint64_t epoch = 0x1234);
  ~TestNode();
  TestNode(const TestNode&) = delete;
  TestNode& operator=(const TestNode&) = delete;

  void Start();
  void Stop(uint64_t deadline_ms = 3000);

  tg_code Send(tg_session session, std::string_view frame);
  tg_code Close(tg_session session, std::string_view reason);
  std::string LastError();
  bool Connected();
  uint64_t Connects();

  // Waits until the condition over the recorded sessions holds.
  using Condition = std::function<bool(const std::vector<Session>&)>;
  bool Wait(const Condition& condition, std::chrono::seconds timeout = std::chrono::seconds(20));
  // Waits for the nth session (from 1) to open; 0 if it does not.
  tg_session WaitOpen(size_t nth = 1);
  bool WaitClosed(tg_session session);
  bool WaitFrames(tg_session session, size_t count);
  bool WaitError(const std::string& part, std::chrono::seconds timeout = std::chrono::seconds(20));
  bool WaitConnected(std::chrono::seconds timeout = std::chrono::seconds(20));

  std::vector<Session> sessions() const;
  Session session(tg_session id) const;
  uint64_t counter(const std::string& name) const;
  bool WaitCounter(const std::string& name, uint64_t at_least);
  std::string log() const;
  // Called on the transport's thread for each frame, instead of recording it.
  std::function<void(tg_session, std::string_view)> on_frame;

 private:
  Session& Find(tg_session id);
  bool Poll(const std::function<bool()>& condition, std::chrono::seconds timeout) const;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Session> sessions_;
  std::map<std::string, uint64_t> counters_;
  std::string log_;
  tg_log_v1 log_table_{};
  tg_metrics_v1 metrics_table_{};
  tg_node_v1 node_table_{};
  tg_host host_{};
  tg_transport_events events_{};
  const tg_transport_v1* table_;
  void* self_ = nullptr;
};

}  // namespace tidegate::mqtt
