#include "bench/fake_children.h"

#include <array>
#include <chrono>
#include <cstring>
#include <utility>

#include "bench/die.h"
#include "host/base/views.h"
#include "host/wire/codec.h"
#include "plugins/transport-mqtt/frame_header.h"
#include "plugins/transport-mqtt/topics.h"

namespace tidegate::bench {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);
constexpr auto kKeepAlive = std::chrono::seconds(10);
constexpr uint64_t kWindowBytes = 4u << 20;
constexpr Epoch kEpoch = 0x1234;

// Distinct and the same in each run; 64 bits that look random.
uint64_t Scrambled(uint64_t number) {
  number = (number + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

ReplicaId ReplicaOf(AgentId agent) {
  ReplicaId id;
  uint64_t high = Scrambled(agent);
  std::memcpy(id.bytes.data(), &high, 8);
  std::memcpy(id.bytes.data() + 8, &agent, 8);
  return id;
}

}  // namespace

FakeChildren::FakeChildren(uint16_t port, std::string prefix, AgentId first, size_t count)
    : prefix_(std::move(prefix)), first_(first), children_(count) {
  for (size_t i = 0; i < count; ++i) {
    Child& child = children_[i];
    child.agent = first + i;
    child.name = "fake-" + std::to_string(child.agent);
    child.tag = mqtt::SessionTag(child.name);
    child.held.resize(TG_LANE_COUNT);
    for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) child.held[lane].lane = lane;
    child.begin.resize(TG_LANE_COUNT);
  }
  mosquitto_lib_init();
  client_ = mosquitto_new(nullptr, true, this);
  mosquitto_int_option(client_, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_message_callback_set(client_, [](mosquitto*, void* self, const mosquitto_message* message) {
    static_cast<FakeChildren*>(self)->OnMessage(
        message->topic, {static_cast<const char*>(message->payload), static_cast<size_t>(message->payloadlen)});
  });
  mosquitto_subscribe_callback_set(client_, [](mosquitto*, void* self, int, int, const int*) {
    auto* children = static_cast<FakeChildren*>(self);
    std::lock_guard lock(children->mutex_);
    children->subscribed_ = true;
    children->changed_.notify_all();
  });
  if (mosquitto_connect(client_, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS) Die("fake children: no broker");
  mosquitto_loop_start(client_);
  std::unique_lock lock(mutex_);
  for (const char* topic : {"/+/down", "/parent/state"}) {
    subscribed_ = false;
    mosquitto_subscribe(client_, nullptr, (prefix_ + topic).c_str(), 1);
    Await(lock, "a subscription", [this] { return subscribed_; });
  }
  keeper_ = std::thread([this] { KeepAlive(); });
}

FakeChildren::~FakeChildren() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    mqtt::Topics topics(prefix_);
    for (const Child& child : children_) {
      Publish(topics.State(child.agent), mqtt::FormatState(false, 0, child.name), true);
    }
  }
  changed_.notify_all();
  keeper_.join();
  mosquitto_disconnect(client_);
  mosquitto_loop_stop(client_, false);
  mosquitto_destroy(client_);
  mosquitto_lib_cleanup();
}

template <typename Condition>
void FakeChildren::Await(std::unique_lock<std::mutex>& lock, const char* what, Condition condition) {
  if (!changed_.wait_for(lock, kPatience, condition)) Die(std::string("fake children: waited in vain for ") + what);
}

void FakeChildren::AwaitUp() {
  std::unique_lock lock(mutex_);
  Await(lock, "the sessions", [this] { return up_ == children_.size(); });
  Await(lock, "the begin of each feed", [this] {
    for (const Child& child : children_) {
      for (uint32_t begin : child.begin) {
        if (begin == 0) return false;
      }
    }
    return true;
  });
  for (Child& child : children_) child.changes = 0;
}

void FakeChildren::AwaitChanges(uint64_t each) {
  std::unique_lock lock(mutex_);
  Await(lock, "changes", [&] {
    for (const Child& child : children_) {
      if (child.changes < each) return false;
    }
    return true;
  });
}

void FakeChildren::SendUp(size_t number, const StoredItem& item) {
  std::unique_lock lock(mutex_);
  Child& child = children_[number];
  uint64_t position = child.sent.position + 1;
  Version version{(uint64_t{1'767'322'800'000} << 16) + position, child.agent, kEpoch};
  tg_change change{};
  change.struct_size = sizeof change;
  change.kind = TG_CHANGE_ITEM;
  change.direction = TG_DIRECTION_UP;
  change.lane = TG_LANE_HISTORY;
  change.model = Str("Reading");
  change.key = {child.agent, Str(item.pk), Str(item.sk)};
  change.src = child.agent;
  change.dst = kAgentServer;
  change.version = version.To();
  change.run_first = change.run_last = position;
  change.body = Bytes(item.body);
  wire::Batch batch;
  batch.lane = TG_LANE_HISTORY;
  batch.before = child.sent;
  batch.begin = child.sent.none() ? 1 : 0;
  batch.after = child.sent = {ReplicaOf(child.agent), kEpoch, position, version};
  batch.changes.push_back(change);
  Send(child, batch);
  Await(lock, "an acknowledgement", [&] { return child.acked == child.sent; });
}

void FakeChildren::KeepAlive() {
  std::unique_lock lock(mutex_);
  wire::Ack probe;
  probe.answer_wanted = true;
  while (!changed_.wait_for(lock, kKeepAlive, [this] { return closing_; })) {
    for (const Child& child : children_) {
      if (child.up) Send(child, probe);
    }
  }
}

void FakeChildren::OnMessage(std::string_view topic, std::string_view payload) {
  std::lock_guard lock(mutex_);
  auto parsed = mqtt::Topics(prefix_).Parse(topic);
  if (!parsed) return;
  if (parsed->kind == mqtt::TopicKind::kParentState) return OnParent(payload);
  if (parsed->kind != mqtt::TopicKind::kDown || parsed->child < first_ || parsed->child >= first_ + count()) return;
  Child* child = &children_[parsed->child - first_];
  auto header = mqtt::DecodeFrameHeader(payload);
  if (!header || header->from != parent_tag_ || header->to != child->tag) return;
  if (header->kind == mqtt::FrameKind::kBye) Die("fake children: the router closed the session of " + child->name);
  OnFrame(child, payload.substr(mqtt::kFrameHeaderSize));
}

void FakeChildren::OnParent(std::string_view payload) {
  auto state = mqtt::ParseState(payload, true);
  if (!state || !state->online) return;
  parent_tag_ = mqtt::SessionTag(state->name);
  mqtt::Topics topics(prefix_);
  for (Child& child : children_) {
    Publish(topics.State(child.agent), mqtt::FormatState(true, 0, child.name), true);
    SayHello(&child);
  }
}

void FakeChildren::SayHello(Child* child) {
  up_ -= child->up ? 1 : 0;
  child->up = false;
  child->session = Scrambled(child->session + child->agent) | 1;
  wire::Hello hello;
  hello.agent = child->agent;
  hello.role = TG_ROLE_DEVICE;
  hello.level = 65535;
  hello.replica = ReplicaOf(child->agent);
  hello.epochs = {{kEpoch, 1}};
  hello.attach_epoch = 1;
  for (const wire::LaneWatermark& held : child->held) {
    if (!held.watermark.none()) hello.held.push_back(held);
  }
  Send(*child, hello);
}

void FakeChildren::OnFrame(Child* child, std::string_view bytes) {
  auto frame = wire::Decode(bytes, {});
  if (!frame.ok()) Die("fake children: " + frame.status().message());
  if (frame->session != child->session) return;
  if (std::holds_alternative<wire::Hello>(frame->body)) {
    up_ += child->up ? 0 : 1;
    child->up = true;
    changed_.notify_all();
  } else if (const auto* refuse = std::get_if<wire::Refuse>(&frame->body)) {
    if (refuse->reason != wire::RefuseReason::kUnknownSession) Die("fake children: refused: " + refuse->message);
    SayHello(child);
  } else if (const auto* batch = std::get_if<wire::Batch>(&frame->body)) {
    OnBatch(child, *batch);
  } else if (const auto* ack = std::get_if<wire::Ack>(&frame->body)) {
    for (const wire::LaneAck& lane : ack->lanes) {
      if (lane.lane == TG_LANE_HISTORY) child->acked = lane.held;
    }
    if (!ack->refused.empty()) Die("fake children: the router refused an item: " + ack->refused.front().reason);
    changed_.notify_all();
  }
}

void FakeChildren::OnBatch(Child* child, const wire::Batch& batch) {
  Watermark& held = child->held[batch.lane].watermark;
  wire::LaneAck answer;
  answer.lane = batch.lane;
  answer.rejected = batch.begin == 0 && batch.before != held;
  if (!answer.rejected) {
    held = batch.after;
    if (batch.begin != 0) child->begin[batch.lane] = batch.begin;
    child->changes += batch.changes.size();
    changed_.notify_all();
  }
  answer.held = answer.delivered = held;
  answer.window_bytes = kWindowBytes;
  answer.begin = child->begin[batch.lane];
  wire::Ack ack;
  ack.lanes.push_back(answer);
  Send(*child, ack);
}

void FakeChildren::Send(const Child& child, const wire::Body& body) {
  char header[mqtt::kFrameHeaderSize];
  mqtt::EncodeFrameHeader({mqtt::FrameKind::kData, child.tag, parent_tag_}, header);
  Publish(mqtt::Topics(prefix_).Up(child.agent), std::string(header, sizeof header) + wire::Encode(child.session, body),
          false);
}

void FakeChildren::Publish(const std::string& topic, std::string_view payload, bool retain) {
  int result =
      mosquitto_publish(client_, nullptr, topic.c_str(), static_cast<int>(payload.size()), payload.data(), 0, retain);
  if (result != MOSQ_ERR_SUCCESS) Die(std::string("fake children: publish: ") + mosquitto_strerror(result));
}

}  // namespace tidegate::bench
