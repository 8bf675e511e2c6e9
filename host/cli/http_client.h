// A small HTTP/1.1 client over a Unix socket: only what the daemon's API speaks. Requests are sent and
// answers received separately, so that two connections can both be at work without threads.
// Thread safety: one thread. Ownership: owns its descriptor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "host/base/status.h"

namespace tidegate::cli {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

class HttpClient {
 public:
  // kUnavailable: nobody listens there.
  static Result<HttpClient> Connect(const std::string& path);
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&& other) = delete;
  ~HttpClient();

  Status Send(std::string_view method, std::string_view target, std::string_view body = {},
              std::string_view type = "application/json");
  // The whole answer to the oldest request.
  Result<HttpAnswer> Receive();
  // Only its status; the lines of the body follow.
  Result<int> ReceiveHead();
  // The next line of the body without its end; empty result at the end. wait_ms < 0: for ever;
  // kTimeout when the time is over.
  Result<std::optional<std::string>> ReceiveLine(int64_t wait_ms);

 private:
  HttpClient(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Status Fill(int64_t wait_ms);
  Result<std::string> TakeHeadLine();
  // Moves a part of the body to out; false at its end.
  Result<bool> TakeBody(std::string* out, int64_t wait_ms);

  int fd_ = -1;
  std::string path_;
  std::string buffer_;
  // Of the answer being read:
  bool chunked_ = false;
  bool until_end_ = false;
  uint64_t left_ = 0;  // of the body or chunk
  bool body_done_ = false;
  std::string text_;  // decoded, for ReceiveLine
};

// For paths and queries.
std::string PercentEncode(std::string_view text);

}  // namespace tidegate::cli
