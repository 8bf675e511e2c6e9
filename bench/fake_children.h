// Many children of one router in one process: they speak the protocol over a real broker, take everything, keep
// nothing. They share one connection to the broker, so that little of the machine is spent on them; to the router they
// are neighbours like others. Thread safety: one thread calls; a thread of the MQTT library takes frames. Ownership:
// owns the connection.
#pragma once

#include <mosquitto.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/items.h"
#include "host/wire/frames.h"

namespace tidegate::bench {

class FakeChildren {
 public:
  // Agents first, first + 1, ... below the parent that has this prefix at the broker.
  FakeChildren(uint16_t port, std::string prefix, AgentId first, size_t count);
  ~FakeChildren();
  FakeChildren(const FakeChildren&) = delete;
  FakeChildren& operator=(const FakeChildren&) = delete;

  size_t count() const { return children_.size(); }

  // ---- each dies if it takes more than a minute ----

  // Every child has its session, and its feeds have begun.
  void AwaitUp();
  // Every child has been given so many changes since AwaitUp.
  void AwaitChanges(uint64_t each);
  // The child sends one item of model Reading and has the router's acknowledgement.
  void SendUp(size_t child, const StoredItem& item);

 private:
  struct Child {
    AgentId agent = 0;
    std::string name;  // of its session at the transport
    uint64_t tag = 0;
    wire::SessionId session = 0;
    bool up = false;
    std::vector<wire::LaneWatermark> held;  // by lane
    std::vector<uint32_t> begin;
    uint64_t changes = 0;
    Watermark sent;   // of its own feed
    Watermark acked;  // by the router
  };

  void OnMessage(std::string_view topic, std::string_view payload);
  void OnParent(std::string_view payload);
  void OnFrame(Child* child, std::string_view bytes);
  void OnBatch(Child* child, const wire::Batch& batch);
  void SayHello(Child* child);
  void Send(const Child& child, const wire::Body& body);
  void Publish(const std::string& topic, std::string_view payload, bool retain);
  template <typename Condition>
  void Await(std::unique_lock<std::mutex>& lock, const char* what, Condition condition);
  void KeepAlive();

  const std::string prefix_;
  const AgentId first_;
  mosquitto* client_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool subscribed_ = false;
  bool closing_ = false;
  uint64_t parent_tag_ = 0;
  size_t up_ = 0;
  std::vector<Child> children_;
  std::thread keeper_;
};

}  // namespace tidegate::bench
