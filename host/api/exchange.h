// Exchange: one request of a client and the answer to it.
// Thread safety: belongs to the thread of its connection. Ownership: refers to POCO's request and
// response, which outlive it.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

#include "host/api/options.h"
#include "host/api/params.h"
#include "host/base/status.h"

namespace Poco::Net {
class HTTPServerRequestImpl;
class HTTPServerResponseImpl;
}  // namespace Poco::Net

namespace tidegate::api {

class Exchange {
 public:
  Exchange(Poco::Net::HTTPServerRequestImpl& request, Poco::Net::HTTPServerResponseImpl& response,
           const ApiOptions& options, const std::atomic<bool>& stopping)
      : request_(request), response_(response), options_(options), stopping_(stopping) {}

  // Checks what must hold before anything is read: one plain length or chunks, not both, and not more
  // than request_bytes_max. On an error the connection has to end: where the body ends is not known.
  Status CheckFraming(int* http_status);

  const std::string& method() const;
  const std::string& uri() const;
  // The media type without parameters, in lower case.
  std::string content_type() const;

  // The whole body.
  Result<std::string> ReadBody();
  // The next part of it, 0 at its end. A body cut short is kInvalid.
  Result<size_t> ReadSome(char* to, size_t size);

  void SendJson(int http_status, std::string json);
  void SendText(int http_status, const std::string& type, const std::string& text);
  void SendError(const Status& status, int http_status = 0);

  // For streams: the head of an answer without length, then parts of it. False when the client is gone.
  bool StartStream(const std::string& type);
  bool SendPart(std::string_view part);
  bool ClientGone();

  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  bool answered() const { return answered_; }

 private:
  void Answer(int http_status, const std::string& type);

  Poco::Net::HTTPServerRequestImpl& request_;
  Poco::Net::HTTPServerResponseImpl& response_;
  const ApiOptions& options_;
  const std::atomic<bool>& stopping_;
  bool chunked_ = false;
  uint64_t length_ = 0;  // of the body, if not chunked
  uint64_t read_ = 0;
  bool body_done_ = false;
  bool body_started_ = false;
  bool answered_ = false;
  bool too_large_ = false;
  std::ostream* stream_ = nullptr;
};

}  // namespace tidegate::api
