#include "test_client.h"

#include <mosquitto.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace tidegate::mqtt {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

void Check(int rc, const char* what) {
  if (rc != MOSQ_ERR_SUCCESS) throw std::runtime_error(std::string(what) + ": " + mosquitto_strerror(rc));
}

}  // namespace

TestClient::TestClient(int port, const std::string& username, const std::string& password)
    : mosq_(mosquitto_new(nullptr, true, this)) {
  static const int library = mosquitto_lib_init();
  Check(library, "mosquitto_lib_init");
  if (!username.empty()) Check(mosquitto_username_pw_set(mosq_, username.c_str(), password.c_str()), "user");
  mosquitto_message_callback_set(mosq_, &TestClient::OnMessage);
  const auto acknowledge = [](mosquitto*, void* self, int mid) {
    auto& c = *static_cast<TestClient*>(self);
    const std::lock_guard lock(c.mutex_);
    c.acknowledged_.push_back(mid);
    c.changed_.notify_all();
  };
  mosquitto_publish_callback_set(mosq_, acknowledge);
  mosquitto_subscribe_callback_set(mosq_, [](mosquitto*, void* self, int mid, int, const int*) {
    auto& c = *static_cast<TestClient*>(self);
    const std::lock_guard lock(c.mutex_);
    c.acknowledged_.push_back(mid);
    c.changed_.notify_all();
  });
  Check(mosquitto_connect(mosq_, "127.0.0.1", port, 60), "connect");
  Check(mosquitto_loop_start(mosq_), "loop_start");
}

TestClient::~TestClient() {
  mosquitto_disconnect(mosq_);
  mosquitto_loop_stop(mosq_, false);
  mosquitto_destroy(mosq_);
}

void TestClient::OnMessage(mosquitto*, void* self, const mosquitto_message* message) {
  auto& c = *static_cast<TestClient*>(self);
  const std::lock_guard lock(c.mutex_);
  c.messages_[message->topic].emplace_back(static_cast<const char*>(message->payload),
                                           static_cast<size_t>(message->payloadlen));
  c.changed_.notify_all();
}

void TestClient::WaitAcknowledged(int mid) {
  std::unique_lock lock(mutex_);
  const auto done = [&] { return std::find(acknowledged_.begin(), acknowledged_.end(), mid) != acknowledged_.end(); };
  if (!changed_.wait_for(lock, kPatience, done)) throw std::runtime_error("the broker does not acknowledge");
  std::erase(acknowledged_, mid);
}

void TestClient::Subscribe(const std::string& topic) {
  int mid = 0;
  Check(mosquitto_subscribe(mosq_, &mid, topic.c_str(), 1), "subscribe");
  WaitAcknowledged(mid);
}

void TestClient::Publish(const std::string& topic, std::string_view payload, bool retain) {
  int mid = 0;
  Check(mosquitto_publish(mosq_, &mid, topic.c_str(), static_cast<int>(payload.size()), payload.data(), 1, retain),
        "publish");
  WaitAcknowledged(mid);
}

std::vector<std::string> TestClient::Wait(const std::string& topic, size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [&] { return messages_[topic].size() >= count; });
  return messages_[topic];
}

size_t TestClient::received() const {
  const std::lock_guard lock(mutex_);
  size_t n = 0;
  for (const auto& [topic, list] : messages_) n += list.size();
  return n;
}

}  // namespace tidegate::mqtt
