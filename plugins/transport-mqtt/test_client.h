// A stranger: a plain MQTT client that says what it likes.
// Thread safety: every method from any thread. Ownership: the client ends with the object.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

struct mosquitto;
struct mosquitto_message;

namespace tidegate::mqtt {

class TestClient {
 public:
  explicit TestClient(int port, const std::string& username = "", const std::string& password = "");
  ~TestClient();
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  // Returns when the broker has answered.
  void Subscribe(const std::string& topic);
  // QoS 1; returns when the broker has acknowledged, which is no proof that it was allowed.
  void Publish(const std::string& topic, std::string_view payload, bool retain = false);

  // What has arrived on the topic, waiting for at least count messages.
  std::vector<std::string> Wait(const std::string& topic, size_t count = 1);
  size_t received() const;

 private:
  static void OnMessage(mosquitto*, void* self, const mosquitto_message* message);
  void WaitAcknowledged(int mid);

  mosquitto* mosq_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<std::string>> messages_;
  std::vector<int> acknowledged_;
};

}  // namespace tidegate::mqtt
