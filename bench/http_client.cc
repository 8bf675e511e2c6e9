#include "bench/http_client.h"

#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "bench/die.h"

namespace tidegate::bench {
namespace {

int Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) Die(path + ": too long for a socket; use a shorter --dir");
  std::memcpy(address.sun_path, path.c_str(), path.size());
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

bool HttpClient::CanConnect(const std::string& socket_path) {
  int fd = Connect(socket_path);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

HttpClient::HttpClient(const std::string& socket_path) : fd_(Connect(socket_path)) {
  if (fd_ < 0) Die(socket_path + ": cannot connect: " + std::strerror(errno));
}

HttpClient::~HttpClient() { close(fd_); }

void HttpClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) Die(std::string("api: send: ") + std::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

void HttpClient::Fill() {
  char part[65536];
  ssize_t got = recv(fd_, part, sizeof part, 0);
  if (got <= 0) Die(std::string("api: the connection ended: ") + (got < 0 ? std::strerror(errno) : "closed"));
  buffer_.append(part, static_cast<size_t>(got));
}

void HttpClient::ReadHead(HttpAnswer* answer, long* length, bool* chunked) {
  size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) Fill();
  std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  answer->status = std::atoi(head.c_str() + head.find(' ') + 1);
  *length = -1;
  *chunked = false;
  for (size_t at = head.find("\r\n") + 2; at < head.size(); at = head.find("\r\n", at) + 2) {
    const char* line = head.c_str() + at;
    if (strncasecmp(line, "content-length:", 15) == 0) *length = std::atol(line + 15);
    if (strncasecmp(line, "transfer-encoding:", 18) == 0) *chunked = true;
  }
}

HttpAnswer HttpClient::Request(const char* method, const std::string& path, std::string_view type,
                               std::string_view body) {
  std::string request = std::string(method) + " " + path + " HTTP/1.1\r\nHost: localhost\r\n";
  if (!type.empty()) request.append("Content-Type: ").append(type).append("\r\n");
  request += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  request += body;
  Send(request);
  HttpAnswer answer;
  long length = 0;
  bool chunked = false;
  ReadHead(&answer, &length, &chunked);
  if (chunked || length < 0) Die("api: an answer without length to " + path);
  while (buffer_.size() < static_cast<size_t>(length)) Fill();
  answer.body = buffer_.substr(0, static_cast<size_t>(length));
  buffer_.erase(0, static_cast<size_t>(length));
  return answer;
}

void HttpClient::OpenStream(const std::string& path) {
  Send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  HttpAnswer answer;
  long length = 0;
  bool chunked = false;
  ReadHead(&answer, &length, &chunked);
  if (answer.status != 200) Die("api: " + path + " answers " + std::to_string(answer.status));
}

void HttpClient::ReadUntil(std::string_view needle) {
  size_t at;
  while ((at = buffer_.find(needle)) == std::string::npos) Fill();
  buffer_.erase(0, at + needle.size());
}

}  // namespace tidegate::bench
