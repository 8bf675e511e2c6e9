// The least of HTTP/1.1 over a Unix socket that a load generator needs: one connection, one request at a
// time, and server-sent events.
// Thread safety: one thread a client. Ownership: owns the socket.
#pragma once

#include <string>
#include <string_view>

namespace tidegate::bench {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

class HttpClient {
 public:
  // Dies if the socket cannot be connected.
  explicit HttpClient(const std::string& socket_path);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  static bool CanConnect(const std::string& socket_path);

  HttpAnswer Get(const std::string& path) { return Request("GET", path, "", ""); }
  HttpAnswer Post(const std::string& path, std::string_view type, std::string_view body) {
    return Request("POST", path, type, body);
  }

  // Asks for a stream and reads its head; then ReadUntil blocks until `needle` has come by.
  void OpenStream(const std::string& path);
  void ReadUntil(std::string_view needle);

 private:
  HttpAnswer Request(const char* method, const std::string& path, std::string_view type, std::string_view body);
  void Send(std::string_view bytes);
  void Fill();
  void ReadHead(HttpAnswer* answer, long* length, bool* chunked);

  int fd_ = -1;
  std::string buffer_;
};

}  // namespace tidegate::bench
