#include "loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>

#include "frame_header.h"

namespace tidegate::mqtt {
namespace {

constexpr auto kTick = std::chrono::milliseconds(500);
constexpr auto kStableAfter = std::chrono::seconds(5);   // then a loss begins the back-off afresh
constexpr auto kOverdueAfter = std::chrono::seconds(5);  // then a missing peer is explained
constexpr int kFramesPerRound = 64;
constexpr size_t kPendingMax = 4096;

std::string Hex(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, value);
  return text;
}

}  // namespace

Loop::Loop(const Config& config, Identity identity, sdk::TransportEvents events, sdk::Log log, Counters& counters,
           SessionTable& sessions)
    : config_(config),
      identity_(std::move(identity)),
      events_(events),
      log_(log),
      counters_(counters),
      sessions_(sessions),
      topics_(config.prefix),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      backoff_(identity_.epoch ^ identity_.agent) {
  if (wake_fd_ < 0) throw sdk::Error(TG_IO, "no eventfd for transport-mqtt: raise the limit of open files", errno);
}

Loop::~Loop() { close(wake_fd_); }

void Loop::Wake() {
  if (woken_.exchange(true)) return;  // one wake-up serves every frame queued until the loop has seen it
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(wake_fd_, &one, sizeof one);
}

void Loop::RequestStop(uint64_t deadline_ms) {
  stop_within_ms_ = deadline_ms;
  stopping_ = true;
  Wake();
}

void Loop::Run() {
  next_connect_ = next_tick_ = Clock::now();
  while (!stopping_) {
    const Clock::time_point now = Clock::now();
    if (connection_ == nullptr && now >= next_connect_) Connect(now);
    Wait();
    Pump();
    Tick(Clock::now());
    if (!failure_.ok() && connection_ != nullptr) Lost(sdk::Status(failure_));
    if (!reconnect_.empty() && connection_ != nullptr) {
      Leave(std::exchange(reconnect_, {}), Clock::now() + std::chrono::seconds(1));
      ScheduleConnect();
    }
  }
  // Bounded even if the host gives no deadline: the broker may be gone.
  const uint64_t within_ms = std::min<uint64_t>(stop_within_ms_, 5000);
  Leave("the transport stops", Clock::now() + std::chrono::milliseconds(within_ms));
  counters_.Report();
}

void Loop::Wait() {
  const Clock::time_point now = Clock::now();
  pollfd fds[2] = {{wake_fd_, POLLIN, 0}, {-1, 0, 0}};
  if (connection_ != nullptr) fds[1] = {connection_->fd(), connection_->events(), 0};
  if (poll(fds, 2, PollTimeoutMs(now)) <= 0) return;
  if (fds[0].revents != 0) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = read(wake_fd_, &count, sizeof count);
    woken_ = false;  // before the queues are looked at
  }
  if (fds[1].revents == 0) return;
  const sdk::Status status = connection_->HandleIo(fds[1].revents);
  if (!status.ok()) Lost(status);
}

int Loop::PollTimeoutMs(Clock::time_point now) const {
  if (more_ || stopping_) return 0;
  Clock::time_point until = next_tick_;
  if (connection_ == nullptr) until = std::min(until, next_connect_);
  if (until <= now) return 0;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(until - now).count());
}

std::string Loop::ClientId() const {
  // A router may dial and serve by one broker: the last part keeps its clients apart.
  std::string id = std::to_string(identity_.agent) + "-";
  if (!identity_.replica.empty()) id += identity_.replica + "-";
  const std::string side = config_.side == Side::kParent ? "up " : "down ";
  return id + Hex(identity_.epoch) + "-" + Hex(SessionTag(side + config_.prefix)).substr(0, 8);
}

void Loop::Connect(Clock::time_point now) {
  ++attempts_;
  failure_ = {};
  reconnect_.clear();
  LinkSelf self{identity_.agent, Hex(identity_.epoch) + "-" + std::to_string(attempts_)};
  link_ = config_.side == Side::kParent ? MakeParentLink(config_, std::move(self), *this)
                                        : MakeChildLinks(config_, std::move(self), *this);
  try {
    ConnectionOptions options{ClientId(), link_->StateTopic(), link_->StatePayload(false), link_->Subscriptions(),
                              attempts_};
    ConnectionHandler& handler = *this;
    connection_ = std::make_unique<Connection>(config_, std::move(options), handler);
    next_tick_ = now + kTick;
  } catch (const sdk::Error& e) {
    Problem(e.status().message());
    ScheduleConnect();
  }
}

void Loop::ScheduleConnect() {
  const Clock::time_point now = Clock::now();
  if (ready_since_ != Clock::time_point() && now - ready_since_ >= kStableAfter) backoff_.Reset();
  ready_since_ = {};
  next_connect_ = now + backoff_.Next();
}

void Loop::OnReady() {
  ready_since_ = Clock::now();
  overdue_checked_ = false;
  counters_.connected = true;
  ++counters_.connects;
  last_problem_.clear();
  counters_.SetError("");
  log_.Info("connected to the broker at " + config_.Address() + " below '" + config_.prefix + "/'");
  link_->OnReady();
}

void Loop::Lost(const sdk::Status& why) {
  Problem(why.message());
  Leave(why.message(), Clock::now());
  ScheduleConnect();
}

// Ends the connection: with an orderly goodbye if there is time for it and it still works.
void Loop::Leave(std::string_view reason, Clock::time_point until) {
  if (connection_ != nullptr && connection_->ready() && failure_.ok() && Clock::now() < until) {
    Publish(link_->StateTopic(), link_->StatePayload(false), true);
    PublishPending();
    bool said_goodbye = false;
    while (failure_.ok()) {
      const Clock::time_point now = Clock::now();
      if (!said_goodbye && connection_->drained()) {
        connection_->Disconnect();
        said_goodbye = true;
      }
      if (now >= until || (said_goodbye && connection_->drained())) break;
      pollfd fd = {connection_->fd(), connection_->events(), 0};
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
      if (fd.fd < 0 || poll(&fd, 1, static_cast<int>(left)) <= 0) break;
      leaving_ = true;
      if (!connection_->HandleIo(fd.revents).ok()) break;
    }
  }
  leaving_ = false;
  for (const tg_session session : std::exchange(open_, {})) {
    if (sessions_.Remove(session)) events_.Closed(session, reason);
  }
  connection_.reset();
  link_.reset();
  failure_ = {};
  pending_.clear();
  more_ = false;
  counters_.connected = false;
}

void Loop::Tick(Clock::time_point now) {
  if (now < next_tick_) return;
  next_tick_ = now + kTick;
  counters_.Report();
  if (connection_ == nullptr) return;
  const sdk::Status status = connection_->Tick(now);
  if (!status.ok()) return Lost(status);
  if (!connection_->ready() || overdue_checked_ || now - ready_since_ < kOverdueAfter) return;
  overdue_checked_ = true;
  link_->OnOverdue();
}

void Loop::Pump() {
  more_ = false;
  if (connection_ == nullptr) return;
  if (connection_->CanPublish()) PublishPending();
  for (int i = 0; connection_->CanPublish() && failure_.ok(); ++i) {
    if (i == kFramesPerRound) {
      more_ = true;
      break;
    }
    SessionTable::Outgoing out = sessions_.Next();
    if (out.kind == SessionTable::Outgoing::kNothing) break;
    if (out.kind == SessionTable::Outgoing::kFrame) {
      PublishFrame(out);
    } else {
      std::erase(open_, out.session);
      events_.Closed(out.session, out.payload);
      link_->OnClosedByHost(out.session);
      PublishPending();
    }
  }
  for (const tg_session session : sessions_.TakeWritable()) events_.Writable(session);
}

void Loop::PublishFrame(const SessionTable::Outgoing& out) {
  const sdk::Status status = connection_->Publish(out.topic, out.payload, config_.qos, false);
  if (status.ok()) {
    counters_.bytes_sent += out.payload.size();
    ++counters_.frames_sent;
  } else if (status.code() == TG_INVALID) {
    counters_.Count("frames_oversize");
    Problem(status.message());
  } else {
    failure_ = status;
  }
}

void Loop::Publish(const std::string& topic, std::string_view payload, bool retain) {
  if (pending_.size() >= kPendingMax) {
    failure_ = {TG_FULL, "the broker takes no messages while it sends many: the connection is made anew"};
    return;
  }
  pending_.push_back({topic, std::string(payload), retain});
}

void Loop::PublishPending() {
  while (!pending_.empty() && failure_.ok()) {
    const Pending message = std::move(pending_.front());
    pending_.pop_front();
    // States at QoS 1: a broker drops QoS 0 messages to a slow reader, and with MQTT 5 it says if it may not be.
    const int qos = message.retain ? 1 : config_.qos;
    const sdk::Status status = connection_->Publish(message.topic, message.payload, qos, message.retain);
    if (!status.ok()) failure_ = status;
  }
}

void Loop::OnMessage(std::string_view topic, std::string_view payload, bool retained) {
  if (leaving_) return;
  counters_.bytes_received += payload.size();
  const std::optional<Topic> parsed = topics_.Parse(topic);
  if (!parsed) return Drop("messages_malformed", topic);
  if (payload.size() > config_.frame_bytes_max + kFrameHeaderSize) return DropOversize(payload.size(), topic);
  link_->OnMessage(*parsed, payload, retained);
}

tg_session Loop::OpenSession(uint64_t agent, const std::string& topic, uint64_t from_tag, uint64_t to_tag) {
  const tg_session session = sessions_.Open(topic, from_tag, to_tag);
  open_.push_back(session);
  const std::string address = config_.Address() + " " + topic;
  tg_peer peer{};
  peer.struct_size = sizeof peer;
  peer.side = config_.side == Side::kParent ? TG_SIDE_PARENT : TG_SIDE_CHILD;
  peer.agent = agent;
  peer.authenticated = config_.broker_acl ? 1 : 0;
  peer.address = sdk::Str(address);
  events_.Opened(session, peer);
  return session;
}

void Loop::CloseSession(tg_session session, std::string_view reason) {
  if (!sessions_.Remove(session)) return;
  std::erase(open_, session);
  events_.Closed(session, reason);
}

void Loop::DeliverFrame(tg_session session, std::string_view frame) {
  if (!sessions_.IsOpen(session)) return;
  ++counters_.frames_received;
  events_.Frame(session, frame);
}

void Loop::Drop(std::string_view kind, std::string_view topic) {
  counters_.Count(kind);
  WarnOfDrop(std::string(kind), topic);
}

// The sender will try again for ever.
void Loop::DropOversize(size_t bytes, std::string_view topic) {
  counters_.Count("messages_oversize");
  WarnOfDrop("of " + std::to_string(bytes) + " bytes, above frame_bytes_max (" +
                 std::to_string(config_.frame_bytes_max) +
                 "): raise it here, or lower limits.transaction_bytes_max there",
             topic);
}

void Loop::WarnOfDrop(const std::string& what, std::string_view topic) {
  // Strangers decide how often this happens: the counter has all, the log one every ten seconds.
  const Clock::time_point now = Clock::now();
  if (drop_logged_ != Clock::time_point() && now - drop_logged_ < std::chrono::seconds(10)) return;
  drop_logged_ = now;
  log_.Warning("dropped a message (" + what + ") from '" + std::string(topic.substr(0, 200)) +
               "'; see the metrics for the number");
}

void Loop::Problem(const std::string& message) {
  counters_.SetError(message);
  if (message == last_problem_) return;  // it is tried for ever, and said once
  last_problem_ = message;
  log_.Error(message);
}

}  // namespace tidegate::mqtt
