#include "bench/bare_pipeline.h"

#include <mosquitto.h>
#include <unistd.h>
#include <zstd.h>

#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <sstream>
#include <string_view>

#include "bench/bare_replica.h"
#include "bench/clock.h"
#include "bench/die.h"
#include "bench/process.h"
#include "bench/scratch.h"

namespace tidegate::bench {
namespace {

constexpr size_t kFrameItems = 500;
constexpr uint64_t kWindowFrames = 8;

// One end: messages of its topic in a queue.
class End {
 public:
  End(uint16_t port, const char* in, const char* out) : out_(out) {
    mosquitto_lib_init();
    client_ = mosquitto_new(nullptr, true, this);
    mosquitto_int_option(client_, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_message_callback_set(client_, [](mosquitto*, void* self, const mosquitto_message* message) {
      End* end = static_cast<End*>(self);
      std::lock_guard lock(end->mutex_);
      end->queue_.emplace_back(static_cast<const char*>(message->payload), static_cast<size_t>(message->payloadlen));
      end->arrived_.notify_one();
    });
    mosquitto_subscribe_callback_set(client_, [](mosquitto*, void* self, int, int, const int*) {
      End* end = static_cast<End*>(self);
      std::lock_guard lock(end->mutex_);
      end->subscribed_ = true;
      end->arrived_.notify_one();
    });
    if (mosquitto_connect(client_, "127.0.0.1", port, 30) != MOSQ_ERR_SUCCESS) Die("bare pipeline: no broker");
    mosquitto_loop_start(client_);
    mosquitto_subscribe(client_, nullptr, in, 0);
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return subscribed_; });
  }
  ~End() {
    mosquitto_disconnect(client_);
    mosquitto_loop_stop(client_, false);
    mosquitto_destroy(client_);
    mosquitto_lib_cleanup();
  }

  void Send(std::string_view bytes) {
    int result = mosquitto_publish(client_, nullptr, out_, static_cast<int>(bytes.size()), bytes.data(), 0, false);
    if (result != MOSQ_ERR_SUCCESS) Die(std::string("bare pipeline: publish: ") + mosquitto_strerror(result));
  }
  std::string Receive() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !queue_.empty(); });
    std::string message = std::move(queue_.front());
    queue_.pop_front();
    return message;
  }

 private:
  mosquitto* client_;
  const char* out_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::string> queue_;
  bool subscribed_ = false;
};

std::string_view Between(std::string_view line, std::string_view from, std::string_view to, size_t* at) {
  size_t begin = line.find(from, *at) + from.size();
  size_t end = line.find(to, begin);
  *at = end;
  return line.substr(begin, end - begin);
}

}  // namespace

int RunBareSender(const std::string& replica, uint16_t port, uint64_t head) {
  BareReplica source(replica);
  End end(port, "bench/down", "bench/up");
  if (end.Receive() != "ready") Die("bare pipeline: the receiver is not ready");
  ZSTD_CCtx* zstd = ZSTD_createCCtx();
  std::string plain;
  std::string packed;
  uint64_t sent = 0;
  uint64_t acked = 0;
  uint64_t flying = 0;
  uint64_t bytes = 0;
  TimePoint start = Now();
  while (acked < head) {
    while (flying < kWindowFrames && sent < head) {
      plain.clear();
      source.Scan(sent, kFrameItems, [&](const BareReplica::Row& row) {
        plain.append(R"({"pk":")").append(row.pk).append(R"(","sk":")").append(row.sk).append(R"(","item":)");
        plain.append(row.body).append("}\n");
        sent = row.seq;
      });
      packed.resize(8 + ZSTD_compressBound(plain.size()));
      std::memcpy(packed.data(), &sent, 8);
      size_t size = ZSTD_compressCCtx(zstd, packed.data() + 8, packed.size() - 8, plain.data(), plain.size(), 1);
      packed.resize(8 + size);
      end.Send(packed);
      bytes += packed.size();
      ++flying;
    }
    std::string ack = end.Receive();
    std::memcpy(&acked, ack.data(), 8);
    bytes += ack.size();
    --flying;
  }
  std::printf("%.6f %llu\n", SecondsSince(start), static_cast<unsigned long long>(bytes));
  ZSTD_freeCCtx(zstd);
  return 0;
}

int RunBareReceiver(const std::string& replica, uint16_t port, uint64_t head) {
  BareReplica target(replica);
  End end(port, "bench/up", "bench/down");
  ZSTD_DCtx* zstd = ZSTD_createDCtx();
  std::string plain;
  usleep(300'000);  // until the sender has subscribed
  end.Send("ready");
  uint64_t held = 0;
  while (held < head) {
    std::string frame = end.Receive();
    plain.resize(ZSTD_getFrameContentSize(frame.data() + 8, frame.size() - 8));
    ZSTD_decompressDCtx(zstd, plain.data(), plain.size(), frame.data() + 8, frame.size() - 8);
    target.Begin();
    std::string_view rest = plain;
    while (!rest.empty()) {
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(line.size() + 1);
      size_t at = 0;
      std::string_view pk = Between(line, R"({"pk":")", "\"", &at);
      std::string_view sk = Between(line, R"("sk":")", "\"", &at);
      size_t body = line.find(R"("item":)", at) + 7;
      target.Insert(pk, sk, line.substr(body, line.size() - body - 1));
    }
    std::memcpy(&held, frame.data(), 8);
    target.SetWatermark(held);
    target.Commit();
    end.Send({reinterpret_cast<const char*>(&held), 8});
  }
  ZSTD_freeDCtx(zstd);
  return 0;
}

PipelineResult RunBarePipeline(const std::string& source, const std::string& target, uint16_t port, uint64_t head) {
  const std::string log = target + ".log";
  auto arguments = [&](const char* end, const std::string& replica) {
    return std::vector<std::string>{"/proc/self/exe", end, replica, std::to_string(port), std::to_string(head)};
  };
  Process sender(arguments("--bare-sender", source), log);
  Process receiver(arguments("--bare-receiver", target), target + ".receiver.log");
  TimePoint start = Now();
  while (sender.running()) {
    if (!receiver.running() && SecondsSince(start) > 120) Die("bare pipeline: the receiver ended early");
    usleep(10'000);
  }
  while (receiver.running()) usleep(1000);
  PipelineResult result{};
  std::istringstream line(ReadFile(log));
  if (!(line >> result.seconds >> result.payload_bytes)) Die("bare pipeline: " + ReadFile(log));
  return result;
}

}  // namespace tidegate::bench
