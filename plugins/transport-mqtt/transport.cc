#include "transport.h"

#include <mosquitto.h>
#include <pthread.h>
#include <signal.h>

#include "frame_header.h"

namespace tidegate::mqtt {
namespace {

// Once for the process, never undone: other instances, and OpenSSL, may live on.
void InitLibrary() {
  static const int rc = mosquitto_lib_init();
  if (rc != MOSQ_ERR_SUCCESS) throw sdk::Error(TG_INTERNAL, "libmosquitto does not start");
}

}  // namespace

MqttTransport::MqttTransport(const sdk::Host& host, std::string_view config_json)
    : host_(host), config_(ParseConfig(config_json)), counters_(host.metrics()), sessions_(config_.queue_bytes_max) {}

MqttTransport::~MqttTransport() { Stop(0); }

void MqttTransport::Info(tg_transport_info& info) const {
  info.listens = config_.side == Side::kChild ? 1 : 0;
  info.dials = config_.side == Side::kParent ? 1 : 0;
  info.frame_bytes_max = config_.frame_bytes_max;
}

void MqttTransport::Start(sdk::TransportEvents events) {
  if (loop_ != nullptr) throw sdk::Error(TG_INVALID, "transport-mqtt was started before: make a new instance");
  const tg_node_v1* node = host_.node();
  if (node == nullptr || node->agent == 0 || node->agent > TG_AGENT_MAX) {
    throw sdk::Error(TG_INVALID, "transport-mqtt needs the service tg.node/1 with the agent id of this node");
  }
  if (config_.side == Side::kParent && node->agent == TG_AGENT_SERVER) {
    throw sdk::Error(TG_INVALID, "agent 1 is the server and has no parent: set side to 'child'");
  }
  InitLibrary();
  if (config_.tls.enabled && config_.tls.insecure) {
    host_.log().Warning("tls.insecure: the broker's certificate is not checked; anybody in between can read and write");
  }
  Loop::Identity identity{node->agent, node->epoch, std::string(sdk::View(node->replica_text))};
  loop_ = std::make_unique<Loop>(config_, std::move(identity), events, host_.log(), counters_, sessions_);

  // Signals are the daemon's; a broken TLS connection must not end it by SIGPIPE either.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { loop_->Run(); });
    pthread_setname_np(thread_.native_handle(), "tg-mqtt");
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void MqttTransport::Stop(uint64_t deadline_ms) {
  if (!thread_.joinable()) return;
  loop_->RequestStop(deadline_ms);
  thread_.join();
}

sdk::Status MqttTransport::Send(tg_session session, std::string_view frame) {
  if (frame.size() > config_.frame_bytes_max) {
    return {TG_INVALID, "a frame of " + std::to_string(frame.size()) + " bytes is above frame_bytes_max (" +
                            std::to_string(config_.frame_bytes_max) + ")"};
  }
  sdk::Status status = sessions_.Send(session, frame);
  if (status.ok()) loop_->Wake();
  return status;
}

sdk::Status MqttTransport::Close(tg_session session, std::string_view reason) {
  sdk::Status status = sessions_.Close(session, reason);
  if (status.ok()) loop_->Wake();
  return status;
}

void MqttTransport::Stats(tg_transport_stats& stats) const {
  // One text for each calling thread: two may ask at once.
  static thread_local std::string error;
  error = counters_.error();
  stats.connected = counters_.connected ? 1 : 0;
  stats.bytes_sent = counters_.bytes_sent;
  stats.bytes_received = counters_.bytes_received;
  stats.connects = counters_.connects;
  stats.last_error = sdk::Str(error);
}

}  // namespace tidegate::mqtt
