#include "connection.h"

#include <mqtt_protocol.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "connection_errors.h"

namespace tidegate::mqtt {
namespace {

constexpr auto kHandshakeMax = std::chrono::seconds(10);
// Enough to keep the socket busy; what waits beyond it waits in our own bounded queues.
constexpr size_t kOutstandingMessagesMax = 64;
constexpr uint64_t kOutstandingBytesMax = 2u << 20;

std::string ReadPassword(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string password(std::istreambuf_iterator<char>(file), {});
  if (!file || password.size() > 65535) {
    throw sdk::Error(TG_UNAVAILABLE, "password_file '" + path + "' cannot be read: check that it exists, is readable " +
                                         "by the daemon's user and holds the password alone");
  }
  while (!password.empty() && (password.back() == '\n' || password.back() == '\r')) password.pop_back();
  return password;
}

// One address of the name; a further attempt takes the next one. Blocks for as long as the resolver does.
std::string Resolve(const Config& config, uint32_t attempt) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int rc = getaddrinfo(config.host.c_str(), nullptr, &hints, &list);
  if (rc != 0) {
    throw sdk::Error(TG_UNAVAILABLE,
                     "the host '" + config.host + "' is not known: " + gai_strerror(rc) + "; check host and DNS");
  }
  std::vector<std::string> addresses;
  for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text);
    }
  }
  freeaddrinfo(list);
  if (addresses.empty()) throw sdk::Error(TG_UNAVAILABLE, "the host '" + config.host + "' has no address");
  return addresses[attempt % addresses.size()];
}

}  // namespace

Connection::Connection(const Config& config, ConnectionOptions options, ConnectionHandler& handler)
    : config_(config), options_(std::move(options)), handler_(handler), deadline_(Clock::now() + kHandshakeMax) {
  if (config_.tls.enabled) tls_ = std::make_unique<TlsContext>(config_);
  mosq_ = mosquitto_new(options_.client_id.c_str(), true, this);
  if (mosq_ == nullptr) throw sdk::Error(TG_IO, "libmosquitto makes no client", errno);
  try {
    Configure();
    Dial();
  } catch (...) {
    mosquitto_destroy(mosq_);
    throw;
  }
}

Connection::~Connection() { mosquitto_destroy(mosq_); }

void Connection::Configure() {
  const auto check = [](int rc, const char* what) {
    if (rc != MOSQ_ERR_SUCCESS) {
      throw sdk::Error(TG_INTERNAL, std::string("libmosquitto refuses ") + what + ": " + mosquitto_strerror(rc));
    }
  };
  check(mosquitto_int_option(mosq_, MOSQ_OPT_PROTOCOL_VERSION,
                             config_.protocol_5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311),
        "the protocol version");
  if (!config_.unix_socket()) check(mosquitto_int_option(mosq_, MOSQ_OPT_TCP_NODELAY, 1), "TCP_NODELAY");
  check(mosquitto_int_option(mosq_, MOSQ_OPT_SEND_MAXIMUM, static_cast<int>(kOutstandingMessagesMax)), "the window");
  if (!config_.username.empty()) {
    const std::string password = config_.password_file.empty() ? "" : ReadPassword(config_.password_file);
    check(mosquitto_username_pw_set(mosq_, config_.username.c_str(),
                                    config_.password_file.empty() ? nullptr : password.c_str()),
          "user name and password");
  }
  check(mosquitto_will_set(mosq_, options_.will_topic.c_str(), static_cast<int>(options_.will_payload.size()),
                           options_.will_payload.data(), 1, true),
        "the will");
  if (tls_ != nullptr) {
    check(mosquitto_int_option(mosq_, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0), "the TLS context");
    check(mosquitto_void_option(mosq_, MOSQ_OPT_SSL_CTX, tls_->get()), "the TLS context");
  }
  mosquitto_connect_v5_callback_set(mosq_, &Connection::OnConnect);
  mosquitto_disconnect_v5_callback_set(mosq_, &Connection::OnDisconnect);
  mosquitto_subscribe_v5_callback_set(mosq_, &Connection::OnSubscribe);
  mosquitto_message_callback_set(mosq_, &Connection::OnMessage);
  mosquitto_publish_v5_callback_set(mosq_, &Connection::OnPublish);
}

void Connection::Dial() {
  const std::string address = config_.unix_socket() ? config_.host : Resolve(config_, options_.attempt);
  const int port = config_.unix_socket() ? 0 : config_.port;
  errno = 0;
  const int rc = mosquitto_connect_async(mosq_, address.c_str(), port, static_cast<int>(config_.keepalive_s));
  if (rc > 0) throw sdk::Error(Lost(rc));
}

int Connection::fd() const { return mosquitto_socket(mosq_); }

short Connection::events() const {
  return static_cast<short>(POLLIN | POLLRDHUP | (mosquitto_want_write(mosq_) ? POLLOUT : 0));
}

sdk::Status Connection::HandleIo(short revents) {
  if ((revents & (POLLIN | POLLERR | POLLHUP | POLLRDHUP)) != 0) {
    errno = 0;
    const int rc = mosquitto_loop_read(mosq_, 1);
    if (rc != MOSQ_ERR_SUCCESS || !refusal_.empty()) return Lost(rc);
    if (accepted_ && !subscribed_) return Subscribe();
    if (!accepted_ && (revents & (POLLERR | POLLHUP | POLLRDHUP)) != 0) {
      // Before the broker's acceptance the library may take the end of the socket for "not yet".
      int error = 0;
      socklen_t size = sizeof error;
      if (fd() >= 0) getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size);
      errno = error;
      return Lost(error != 0 ? MOSQ_ERR_ERRNO : MOSQ_ERR_CONN_LOST);
    }
  }
  if ((revents & POLLOUT) != 0) {
    errno = 0;
    const int rc = mosquitto_loop_write(mosq_, 1);
    if (rc != MOSQ_ERR_SUCCESS) return Lost(rc);
  }
  return fd() < 0 ? Lost(MOSQ_ERR_CONN_LOST) : sdk::Status();
}

sdk::Status Connection::Subscribe() {
  subscribed_ = true;
  std::vector<char*> topics;
  for (const std::string& topic : options_.subscriptions) topics.push_back(const_cast<char*>(topic.c_str()));
  errno = 0;
  const int rc =
      mosquitto_subscribe_multiple(mosq_, nullptr, static_cast<int>(topics.size()), topics.data(), 1, 0, nullptr);
  return rc == MOSQ_ERR_SUCCESS ? sdk::Status() : Lost(rc);
}

sdk::Status Connection::Tick(Clock::time_point now) {
  if (!ready_ && now >= deadline_) {
    errno = 0;
    return Lost(MOSQ_ERR_KEEPALIVE);
  }
  errno = 0;
  const int rc = mosquitto_loop_misc(mosq_);
  return rc == MOSQ_ERR_SUCCESS ? sdk::Status() : Lost(rc);
}

bool Connection::CanPublish() const {
  return ready_ && outstanding_.size() < kOutstandingMessagesMax && outstanding_bytes_ < kOutstandingBytesMax;
}

sdk::Status Connection::Publish(const std::string& topic, std::string_view payload, int qos, bool retain) {
  int mid = 0;
  done_inline_ = 0;
  errno = 0;
  const int rc =
      mosquitto_publish(mosq_, &mid, topic.c_str(), static_cast<int>(payload.size()), payload.data(), qos, retain);
  if (rc == MOSQ_ERR_OVERSIZE_PACKET) {
    return {TG_INVALID, "the broker takes no message of " + std::to_string(payload.size()) +
                            " bytes: raise its max_packet_size or lower frame_bytes_max"};
  }
  if (rc != MOSQ_ERR_SUCCESS) return Lost(rc);
  if (done_inline_ != mid) {
    outstanding_[mid] = payload.size();
    outstanding_bytes_ += payload.size();
  }
  return {};
}

void Connection::Disconnect() { mosquitto_disconnect(mosq_); }

sdk::Status Connection::Lost(int rc) {
  const int error = errno;
  const std::string problem = tls_ == nullptr ? "" : tls_->problem();
  return {TG_UNAVAILABLE, DescribeLoss(config_, rc, error, accepted_, refusal_, problem),
          rc == MOSQ_ERR_ERRNO ? error : 0};
}

void Connection::OnConnect(mosquitto*, void* self, int rc, int, const mosquitto_property*) {
  Connection& c = Self(self);
  if (rc != 0) {
    c.refusal_ = DescribeRefusal(c.config_, rc);
    return;
  }
  c.accepted_ = true;
}

void Connection::OnDisconnect(mosquitto*, void* self, int rc, const mosquitto_property*) {
  Connection& c = Self(self);
  // MQTT 5 brokers say why they end a connection; smaller numbers are the library's own errors.
  if (rc >= 0x80 && c.refusal_.empty()) c.refusal_ = DescribeDisconnect(c.config_, rc);
}

void Connection::OnSubscribe(mosquitto*, void* self, int, int count, const int* granted, const mosquitto_property*) {
  Connection& c = Self(self);
  for (int i = 0; i < count && static_cast<size_t>(i) < c.options_.subscriptions.size(); ++i) {
    if (granted[i] >= 0x80) {
      c.refusal_ = DescribeSubscribeRefusal(c.config_, c.options_.subscriptions[static_cast<size_t>(i)]);
      return;
    }
  }
  c.ready_ = true;
  c.handler_.OnReady();
}

void Connection::OnMessage(mosquitto*, void* self, const mosquitto_message* message) {
  const auto* data = static_cast<const char*>(message->payload);
  const auto size = static_cast<size_t>(message->payloadlen);
  Self(self).handler_.OnMessage(message->topic, data == nullptr ? std::string_view() : std::string_view(data, size),
                                message->retain);
}

void Connection::OnPublish(mosquitto*, void* self, int mid, int reason, const mosquitto_property*) {
  Connection& c = Self(self);
  const auto it = c.outstanding_.find(mid);
  if (it == c.outstanding_.end()) {
    c.done_inline_ = mid;
  } else {
    c.outstanding_bytes_ -= it->second;
    c.outstanding_.erase(it);
  }
  if (reason >= 0x80) c.handler_.OnPublishRefused(DescribePublishRefusal(c.config_, reason));
}

}  // namespace tidegate::mqtt
