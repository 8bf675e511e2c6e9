#include "host/api/exchange.h"

#include <Poco/Net/HTTPServerRequestImpl.h>
#include <Poco/Net/HTTPServerResponseImpl.h>
#include <Poco/Net/HTTPServerSession.h>
#include <Poco/String.h>
#include <sys/socket.h>

#include "host/api/http_error.h"
#include "host/api/json_text.h"

namespace tidegate::api {

Status Exchange::CheckFraming(int* http_status) {
  *http_status = 400;
  std::optional<std::string> length;
  std::optional<std::string> encoding;
  for (const auto& [name, value] : request_) {
    bool is_length = Poco::icompare(name, std::string("Content-Length")) == 0;
    bool is_encoding = Poco::icompare(name, std::string("Transfer-Encoding")) == 0;
    if (!is_length && !is_encoding) continue;
    std::optional<std::string>& place = is_length ? length : encoding;
    if (place) return Status::Invalid("the request has more than one " + name);
    place = value;
  }
  if (length && encoding) return Status::Invalid("the request has both Content-Length and Transfer-Encoding");
  if (encoding) {
    if (Poco::icompare(*encoding, std::string("chunked")) != 0) {
      *http_status = 501;
      return Status::Unsupported("Transfer-Encoding must be chunked");
    }
    chunked_ = true;
    // POCO takes a damaged chunk for the end of the body, so what follows may be anything.
    response_.setKeepAlive(false);
  }
  if (length) {
    Result<uint64_t> number = JsonToUnsigned(*length, "Content-Length");
    if (!number.ok()) return number.status();
    length_ = *number;
  }
  if (length_ > options_.request_bytes_max) {
    *http_status = 413;
    return Status::Invalid("the body has " + std::to_string(length_) + " bytes, api.request_bytes_max is " +
                           std::to_string(options_.request_bytes_max) + "; send it in several requests");
  }
  body_done_ = !chunked_ && length_ == 0;
  return Status::Ok();
}

const std::string& Exchange::method() const { return request_.getMethod(); }
const std::string& Exchange::uri() const { return request_.getURI(); }

std::string Exchange::content_type() const {
  std::string type = request_.getContentType();
  return Poco::toLower(Poco::trim(type.substr(0, type.find(';'))));
}

Result<size_t> Exchange::ReadSome(char* to, size_t size) {
  if (body_done_) return size_t{0};
  if (!body_started_ && request_.getExpectContinue()) response_.sendContinue();
  body_started_ = true;
  std::istream& in = request_.stream();
  in.read(to, static_cast<std::streamsize>(size));
  size_t got = static_cast<size_t>(in.gcount());
  read_ += got;
  if (read_ > options_.request_bytes_max) {
    too_large_ = true;
    return Status::Invalid("the body has more than api.request_bytes_max (" +
                           std::to_string(options_.request_bytes_max) + ") bytes; send it in several requests");
  }
  body_done_ = chunked_ ? !in : read_ == length_;
  if (!chunked_ && !in && !body_done_) {
    return Status::Invalid("the body ends after " + std::to_string(read_) + " of " + std::to_string(length_) +
                           " bytes");
  }
  return got;
}

Result<std::string> Exchange::ReadBody() {
  std::string body;
  constexpr size_t kPart = 64u << 10;
  while (!body_done_) {
    size_t size = body.size();
    body.resize(size + (chunked_ ? kPart : static_cast<size_t>(length_)));
    TG_ASSIGN_OR_RETURN(size_t got, ReadSome(body.data() + size, body.size() - size));
    body.resize(size + got);
  }
  return body;
}

void Exchange::Answer(int http_status, const std::string& type) {
  answered_ = true;
  response_.setStatusAndReason(static_cast<Poco::Net::HTTPResponse::HTTPStatus>(http_status), HttpReason(http_status));
  response_.setContentType(type);
  // What is left of a body would be taken for the next request.
  if (!body_done_ || stopping()) response_.setKeepAlive(false);
}

void Exchange::SendJson(int http_status, std::string json) {
  json.push_back('\n');
  SendText(http_status, "application/json", json);
}

void Exchange::SendText(int http_status, const std::string& type, const std::string& text) {
  Answer(http_status, type);
  response_.sendBuffer(text.data(), text.size());
}

void Exchange::SendError(const Status& status, int http_status) {
  if (http_status == 0) http_status = too_large_ ? 413 : HttpStatus(status.code());
  SendJson(http_status, ObjectWriter().Raw("error", ErrorToJson(status)).Take());
}

bool Exchange::StartStream(const std::string& type) {
  Answer(200, type);
  response_.setKeepAlive(false);
  response_.set("Cache-Control", "no-store");
  if (request_.getVersion() == Poco::Net::HTTPMessage::HTTP_1_1) response_.setChunkedTransferEncoding(true);
  stream_ = &response_.send();
  return stream_->good();
}

bool Exchange::SendPart(std::string_view part) {
  stream_->write(part.data(), static_cast<std::streamsize>(part.size()));
  stream_->flush();
  return stream_->good();
}

bool Exchange::ClientGone() {
  char byte = 0;
  ssize_t got = recv(request_.socket().impl()->sockfd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

}  // namespace tidegate::api
