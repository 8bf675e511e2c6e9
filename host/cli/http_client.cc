#include "host/cli/http_client.h"

#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace tidegate::cli {

Result<HttpClient> HttpClient::Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return Status::Invalid("the socket path " + path + " has " + std::to_string(path.size()) +
                           " bytes; a Unix socket's path has 1 to 107: name a shorter one with --api");
  }
  path.copy(address.sun_path, path.size());
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Status::Io(std::string("cannot make a socket: ") + std::strerror(errno));
  HttpClient client(fd, path);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return client;
  std::string why = std::strerror(errno);
  if (errno == ENOENT || errno == ECONNREFUSED) why += "; is tidegated running?";
  if (errno == EACCES) why += "; are you in the daemon's group?";
  return Status::Unavailable("cannot reach the daemon at " + path + ": " + why);
}

HttpClient::HttpClient(HttpClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), buffer_(std::move(other.buffer_)) {}

HttpClient::~HttpClient() {
  if (fd_ >= 0) close(fd_);
}

Status HttpClient::Send(std::string_view method, std::string_view target, std::string_view body,
                        std::string_view type) {
  std::string head(method);
  head.append(" ").append(target).append(" HTTP/1.1\r\nHost: tidegate\r\nContent-Length: ");
  head.append(std::to_string(body.size()));
  if (!body.empty()) head.append("\r\nContent-Type: ").append(type);
  head.append("\r\n\r\n");
  for (std::string_view part : {std::string_view(head), body}) {
    while (!part.empty()) {
      ssize_t sent = send(fd_, part.data(), part.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      // The daemon may have answered and closed before it read all: the answer tells more.
      if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return Status::Ok();
      if (sent < 0) return Status::Io("sending to " + path_ + ": " + std::strerror(errno));
      part.remove_prefix(static_cast<size_t>(sent));
    }
  }
  return Status::Ok();
}

Status HttpClient::Fill(int64_t wait_ms) {
  pollfd ready{fd_, POLLIN, 0};
  int timeout = wait_ms < 0 ? -1 : static_cast<int>(std::min<int64_t>(wait_ms, 1'000'000'000));
  int found = poll(&ready, 1, timeout);
  if (found < 0 && errno == EINTR) return Status::Ok();
  if (found == 0) return Status::Timeout("the daemon at " + path_ + " did not answer in time");
  char part[16384];
  ssize_t got = recv(fd_, part, sizeof(part), 0);
  if (got < 0 && errno == EINTR) return Status::Ok();
  if (got < 0 && errno != ECONNRESET) return Status::Io("receiving from " + path_ + ": " + std::strerror(errno));
  if (got <= 0) return Status::Unavailable("the daemon at " + path_ + " ended the connection");
  buffer_.append(part, static_cast<size_t>(got));
  return Status::Ok();
}

Result<std::string> HttpClient::TakeHeadLine() {
  size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (buffer_.size() > (64u << 10)) return Status::Corrupt("what answers at " + path_ + " does not speak HTTP");
    TG_RETURN_IF_ERROR(Fill(-1));
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

Result<int> HttpClient::ReceiveHead() {
  chunked_ = false;
  body_done_ = false;
  until_end_ = true;
  left_ = 0;
  TG_ASSIGN_OR_RETURN(std::string first, TakeHeadLine());
  int status = first.starts_with("HTTP/1.") && first.size() >= 12 ? std::atoi(first.c_str() + 9) : 0;
  if (status < 100) return Status::Corrupt("what answers at " + path_ + " does not speak HTTP");
  while (true) {
    TG_ASSIGN_OR_RETURN(std::string line, TakeHeadLine());
    if (line.empty()) break;
    size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::string value = line.substr(std::min(line.find_first_not_of(" \t", colon + 1), line.size()));
    if (strcasecmp(name.c_str(), "Content-Length") == 0) {
      until_end_ = false;
      std::from_chars(value.data(), value.data() + value.size(), left_);
    } else if (strcasecmp(name.c_str(), "Transfer-Encoding") == 0 && strcasecmp(value.c_str(), "chunked") == 0) {
      chunked_ = true;
      until_end_ = false;
    }
  }
  if (status == 100) return ReceiveHead();
  return status;
}

Result<bool> HttpClient::TakeBody(std::string* out, int64_t wait_ms) {
  if (body_done_) return false;
  if (chunked_ && left_ == 0) {
    // The head of a chunk; the end of the chunk before it is an empty line.
    size_t end = 0;
    while ((end = buffer_.find("\r\n", buffer_.starts_with("\r\n") ? 2 : 0)) == std::string::npos) {
      TG_RETURN_IF_ERROR(Fill(wait_ms));
    }
    size_t begin = buffer_.starts_with("\r\n") ? 2 : 0;
    auto [after, error] = std::from_chars(buffer_.data() + begin, buffer_.data() + end, left_, 16);
    if (error != std::errc()) return Status::Corrupt("the answer from " + path_ + " is damaged");
    buffer_.erase(0, end + 2);
    if (left_ == 0) {
      body_done_ = true;
      return false;
    }
  }
  if (!chunked_ && !until_end_ && left_ == 0) {
    body_done_ = true;
    return false;
  }
  if (buffer_.empty()) {
    Status status = Fill(wait_ms);
    if (until_end_ && status.code() == Code::kUnavailable) {
      body_done_ = true;
      return false;
    }
    TG_RETURN_IF_ERROR(status);
  }
  size_t size = until_end_ ? buffer_.size() : static_cast<size_t>(std::min<uint64_t>(left_, buffer_.size()));
  out->append(buffer_, 0, size);
  buffer_.erase(0, size);
  if (!until_end_) left_ -= size;
  return true;
}

Result<HttpAnswer> HttpClient::Receive() {
  HttpAnswer answer;
  TG_ASSIGN_OR_RETURN(answer.status, ReceiveHead());
  while (true) {
    TG_ASSIGN_OR_RETURN(bool more, TakeBody(&answer.body, -1));
    if (!more) return answer;
  }
}

Result<std::optional<std::string>> HttpClient::ReceiveLine(int64_t wait_ms) {
  size_t end = 0;
  while ((end = text_.find('\n')) == std::string::npos) {
    TG_ASSIGN_OR_RETURN(bool more, TakeBody(&text_, wait_ms));
    if (!more) return std::optional<std::string>();
  }
  std::string line = text_.substr(0, end);
  text_.erase(0, end + 1);
  return std::optional<std::string>(std::move(line));
}

std::string PercentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                 c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      unsigned byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

}  // namespace tidegate::cli
