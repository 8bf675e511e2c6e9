// RawClient: bytes to and from the API's socket, for tests that must send what no HTTP client would.
// Thread safety: one thread. Ownership: owns its descriptor.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>

namespace tidegate::api {

struct RawAnswer {
  int status = 0;  // 0 = the connection ended
  std::string head;
  std::string body;
};

class RawClient {
 public:
  explicit RawClient(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    timeval patience{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawClient() { close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  void FinishSending() { shutdown(fd_, SHUT_WR); }

  // Reads until text is there; false at the end or after ten seconds.
  bool ReadUntil(std::string_view text) {
    while (buffer_.find(text) == std::string::npos) {
      if (!Fill()) return false;
    }
    return true;
  }
  bool AtEnd() {
    while (Fill()) {
    }
    return buffer_.empty() && !late_;
  }
  std::string& buffer() { return buffer_; }

  // An answer with a Content-Length.
  RawAnswer Read() {
    RawAnswer answer;
    if (!ReadUntil("\r\n\r\n")) return answer;
    size_t end = buffer_.find("\r\n\r\n");
    answer.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    size_t at = answer.head.find("Content-Length: ");
    size_t size = at == std::string::npos ? 0 : std::strtoul(answer.head.c_str() + at + 16, nullptr, 10);
    while (buffer_.size() < size && Fill()) {
    }
    answer.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    answer.status = std::atoi(answer.head.c_str() + 9);
    return answer;
  }

 private:
  bool Fill() {
    char part[4096];
    ssize_t got = recv(fd_, part, sizeof(part), 0);
    if (got <= 0) {
      late_ = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      return false;
    }
    buffer_.append(part, static_cast<size_t>(got));
    return true;
  }

  int fd_;
  bool connected_ = false;
  bool late_ = false;
  std::string buffer_;
};

}  // namespace tidegate::api
