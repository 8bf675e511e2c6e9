// EdgesTold: the number of our edge table, whether the parent has the table of that number, and when it is sent again.
// Thread safety: the writer thread. Ownership: refers to the options, which outlive it.
#pragma once

#include <cstdint>

#include "host/core/backoff.h"
#include "host/node/node.h"

namespace tidegate::node {

class EdgesTold {
 public:
  explicit EdgesTold(const NodeOptions& options) : options_(options) {}

  void Start(uint64_t number) { number_ = number; }
  uint64_t number() const { return number_; }
  // The parent takes the changes of whom it knows to be below: until then no feed goes up.
  bool confirmed() const { return confirmed_ == number_; }

  // The table has changed, and its number is durable.
  void Renumber(uint64_t number, int64_t now_us) {
    number_ = number;
    SendFrom(now_us);
  }
  // The parent's hello names the table that it has.
  void HelloNames(uint64_t number, int64_t now_us) {
    confirmed_ = number;
    SendFrom(confirmed() ? INT64_MAX : now_us);
  }
  // Its ack likewise. True if this is the present one.
  bool AckNames(uint64_t number) {
    if (number == 0 || number != number_) return false;
    confirmed_ = number;
    send_at_us_ = INT64_MAX;
    return true;
  }

  bool IsDue(int64_t now_us) const { return send_at_us_ <= now_us; }
  int64_t NextUs() const { return send_at_us_; }
  void Sent(int64_t now_us, core::Random& random) {
    send_at_us_ = now_us + core::TakeBackoff(&wait_ms_, options_.resend_ms_max, random) * 1000;
  }

 private:
  void SendFrom(int64_t at_us) {
    send_at_us_ = at_us;
    wait_ms_ = options_.resend_ms;
  }

  const NodeOptions& options_;
  uint64_t number_ = 0;
  uint64_t confirmed_ = 0;  // durable at the parent
  int64_t send_at_us_ = INT64_MAX;
  int64_t wait_ms_ = 0;
};

}  // namespace tidegate::node
