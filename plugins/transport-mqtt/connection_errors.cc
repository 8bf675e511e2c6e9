#include "connection_errors.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>

#include <cerrno>
#include <cstring>

namespace tidegate::mqtt {
namespace {

std::string Broker(const Config& config) { return "the broker at " + config.Address(); }

std::string User(const Config& config) {
  return config.username.empty() ? "a client without user name" : "user '" + config.username + "'";
}

}  // namespace

std::string DescribeRefusal(const Config& config, int reason) {
  const std::string start = Broker(config) + " refused the connection of " + User(config) + ": ";
  switch (reason) {
    case 4:
    case 5:
    case MQTT_RC_NOT_AUTHORIZED:
    case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
      return start + "not authorized; check username and password_file, or the certificate, and the broker's users";
    case 1:
    case MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION:
      return start + "it does not speak this version of MQTT; set protocol to \"" +
             (config.protocol_5 ? "3.1.1" : "5") + "\"";
    default:
      return start + (reason < 0x80 ? mosquitto_connack_string(reason) : mosquitto_reason_string(reason)) +
             "; see the broker's log";
  }
}

std::string DescribeSubscribeRefusal(const Config& config, const std::string& topic) {
  return Broker(config) + " does not let " + User(config) + " subscribe to '" + topic +
         "': allow it in the broker's access control list";
}

std::string DescribePublishRefusal(const Config& config, int reason) {
  return Broker(config) + " did not take a message of " + User(config) + ": " + mosquitto_reason_string(reason) +
         "; allow it to write below '" + config.prefix + "/' in the broker's access control list";
}

std::string DescribeDisconnect(const Config& config, int reason) {
  const std::string start = Broker(config) + " ended the connection: " + mosquitto_reason_string(reason);
  if (reason == MQTT_RC_SESSION_TAKEN_OVER) return start + "; another client uses the same client id: is it a clone?";
  if (reason == MQTT_RC_PACKET_TOO_LARGE) return start + "; raise its max_packet_size or lower frame_bytes_max";
  return start + "; see the broker's log";
}

std::string DescribeTlsEnd(const Config& config, const std::string& alert) {
  if (config.tls.cert.empty()) {
    return Broker(config) + " ended TLS before it accepted us: if it asks for client certificates, set tls.cert and " +
           "tls.key to one issued by an authority that it trusts; check too that the port is its TLS listener";
  }
  // OpenSSL has no words for the younger alerts.
  const std::string said = alert.empty() || alert == "unknown" ? "" : " (" + alert + ")";
  return Broker(config) + " ended TLS before it accepted us" + said +
         ": check that tls.cert and tls.key are issued by an authority that it trusts, and that the port is its TLS "
         "listener";
}

std::string DescribeLoss(const Config& config, int rc, int sys_errno, bool accepted, const std::string& refusal,
                         const std::string& tls_problem) {
  if (!refusal.empty()) return refusal;
  if (!tls_problem.empty()) return tls_problem;
  const bool cut = rc == MOSQ_ERR_CONN_LOST || rc == MOSQ_ERR_PROTOCOL || rc == MOSQ_ERR_TLS ||
                   (rc == MOSQ_ERR_ERRNO && (sys_errno == EPROTO || sys_errno == ECONNRESET || sys_errno == EPIPE));
  if (config.tls.enabled && !accepted && cut) return DescribeTlsEnd(config, "");
  const std::string start = (accepted ? "lost " : "cannot reach ") + Broker(config) + ": ";
  if (rc == MOSQ_ERR_KEEPALIVE) return start + "it does not answer; check host, port and firewall";
  if (rc == MOSQ_ERR_TLS) return start + "TLS failed; check that the port is the broker's TLS listener";
  if (rc == MOSQ_ERR_ERRNO && sys_errno == ECONNREFUSED) {
    return start + "connection refused; check that the broker runs and listens there";
  }
  if (rc == MOSQ_ERR_ERRNO && sys_errno != 0) return start + std::strerror(sys_errno);
  if (!accepted && (rc == MOSQ_ERR_CONN_LOST || rc == MOSQ_ERR_PROTOCOL)) {
    return start + "it closed the connection before accepting it; check port and whether this listener wants tls";
  }
  return start + mosquitto_strerror(rc);
}

}  // namespace tidegate::mqtt
