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
// The end of a connection: rc of libmosquitto and errno; what the broker or TLS said goes first.
std::string DescribeLoss(const Config& config, int rc, int sys_errno, bool accepted, const std::string& refusal,
                         const std::string& tls_problem);

}  // namespace tidegate::mqtt
