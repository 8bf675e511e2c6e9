// What went wrong with the broker, in words that say what to do. The texts land in stats.last_error.
// Thread safety: plain functions. Ownership: results own their text.
#pragma once

#include <string>

#include "config.h"

namespace tidegate::mqtt {

// CONNACK with a reason against us.
std::string DescribeRefusal(const Config& config, int reason);
// SUBACK with a failure for one topic.
std::string DescribeSubscribeRefusal(const Config& config, const std::string& topic);
// PUBACK with a failure.
std::string DescribePublishRefusal(const Config& config, int reason);
// DISCONNECT from the broker.
std::string DescribeDisconnect(const Config& config, int reason);
// TLS ended by the broker before it took us as a client, whatever way we come to know of it: by an alert, or by
// the end of the socket, which may overtake the alert. alert: OpenSSL's words for it, or empty.
std::string DescribeTlsEnd(const Config& config, const std::string& alert);
// The end of a connection: rc of libmosquitto and errno; what the broker or TLS said goes first.
std::string DescribeLoss(const Config& config, int rc, int sys_errno, bool accepted, const std::string& refusal,
                         const std::string& tls_problem);

}  // namespace tidegate::mqtt
