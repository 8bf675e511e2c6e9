// Waits for what may take long: ends early when the daemon stops or nobody listens any more.
// Thread safety: one thread. Ownership: borrows both for the call.
#pragma once

#include "host/api/answer.h"
#include "host/api/exchange.h"
#include "host/base/status.h"

namespace tidegate::api {

// kUnavailable: ended early; what was asked for goes on, and nothing is lost.
template <typename T>
Result<T> AwaitPatiently(Exchange& exchange, Answer<T>& waiting) {
  std::optional<T> answer;
  while (!answer) {
    answer = waiting.WaitFor(std::chrono::milliseconds(250));
    if (!answer && exchange.stopping()) return Status::Unavailable("the daemon is stopping; nothing is lost");
    if (!answer && exchange.ClientGone()) return Status::Unavailable("the client is gone");
  }
  return *std::move(answer);
}

}  // namespace tidegate::api
