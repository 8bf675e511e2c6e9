// One connection to the broker, from dialling to its end; after that it is thrown away and a new one
// made, so that nothing queued in the library outlives it. It wraps libmosquitto without the library's
// thread: that one ends silently on a TLS error and never comes back.
// Thread safety: one thread. Ownership: the handler and the configuration outlive the connection.
#pragma once

#include <mosquitto.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config.h"
#include "tls_context.h"

namespace tidegate::mqtt {

// Called from inside the library, which holds its locks: do not call the connection back from here.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  // The broker has accepted the connection and every subscription.
  virtual void OnReady() = 0;
  virtual void OnMessage(std::string_view topic, std::string_view payload, bool retained) = 0;
  // The broker said that it did not take a message (MQTT 5, QoS 1).
  virtual void OnPublishRefused(const std::string& why) = 0;
};

struct ConnectionOptions {
  std::string client_id;
  std::string will_topic;
  std::string will_payload;
  std::vector<std::string> subscriptions;  // made at once after the broker's acceptance
  uint32_t attempt = 0;                    // chooses among the addresses of a name
};

class Connection {
 public:
  using Clock = std::chrono::steady_clock;

  // Throws sdk::Error when it cannot even begin: files, name resolution (which blocks), refusal.
  Connection(const Config& config, ConnectionOptions options, ConnectionHandler& handler);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // What to poll for.
  int fd() const;
  short events() const;

  // After poll: reads one message at most, writes what the socket takes. Not ok = the connection is lost.
  sdk::Status HandleIo(short revents);
  // At least once a second: keep-alive and the deadline of the handshake.
  sdk::Status Tick(Clock::time_point now);

  bool ready() const { return ready_; }
  // Ready, and little enough is left in the library's own queue, which has no bound.
  bool CanPublish() const;
  // Whether every message has left (QoS 1: is acknowledged).
  bool drained() const { return outstanding_.empty() && !mosquitto_want_write(mosq_); }

  // TG_INVALID: the broker takes no message of this size. Any other failure: the connection is lost.
  sdk::Status Publish(const std::string& topic, std::string_view payload, int qos, bool retain);
  // Says goodbye: the broker will not publish the will. Write on until drained.
  void Disconnect();

 private:
  static Connection& Self(void* self) { return *static_cast<Connection*>(self); }
  static void OnConnect(mosquitto*, void* self, int rc, int flags, const mosquitto_property*);
  static void OnDisconnect(mosquitto*, void* self, int rc, const mosquitto_property*);
  static void OnSubscribe(mosquitto*, void* self, int mid, int count, const int* granted, const mosquitto_property*);
  static void OnMessage(mosquitto*, void* self, const mosquitto_message* message);
  static void OnPublish(mosquitto*, void* self, int mid, int reason, const mosquitto_property*);

  void Configure();
  void Dial();
  sdk::Status Subscribe();
  sdk::Status Lost(int rc);

  const Config& config_;
  const ConnectionOptions options_;
  ConnectionHandler& handler_;
  std::unique_ptr<TlsContext> tls_;
  mosquitto* mosq_ = nullptr;
  Clock::time_point deadline_;
  bool accepted_ = false;                          // CONNACK
  bool subscribed_ = false;                        // SUBSCRIBE is sent
  bool ready_ = false;                             // SUBACK
  std::string refusal_;                            // what the broker said against us
  std::unordered_map<int, uint64_t> outstanding_;  // message id -> bytes, in the library
  uint64_t outstanding_bytes_ = 0;
  int done_inline_ = 0;  // a message id that was done before mosquitto_publish returned
};

}  // namespace tidegate::mqtt
