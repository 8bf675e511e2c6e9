// What the tests of the API share: a server on a real Unix socket, above a fake node.
// Thread safety: one thread. Ownership: the server ends with the test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "host/api/fake_node.h"
#include "host/api/raw_client.h"
#include "host/api/server.h"

namespace tidegate::api {

class QuietLog : public core::Log {
 public:
  void Write(uint32_t, std::string_view) override {}
};

class Api : public testing::Test {
 protected:
  Api() : path_(testing::TempDir() + "/tg-api-" + std::to_string(getpid()) + ".sock") { options_.socket = path_; }

  void Start() {
    auto server = ApiServer::Start(options_, node_, log_);
    ASSERT_TRUE(server.ok()) << server.status().message();
    server_ = std::move(server).value();
  }
  static std::string Request(const std::string& method, const std::string& target, const std::string& body = "",
                             const std::string& type = "application/json") {
    return method + " " + target + " HTTP/1.1\r\nHost: tidegate\r\nContent-Type: " + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  RawAnswer Ask(const std::string& method, const std::string& target, const std::string& body = "",
                const std::string& type = "application/json") {
    if (!server_) Start();
    RawClient client(path_);
    client.Send(Request(method, target, body, type));
    return client.Read();
  }
  RawAnswer AskRaw(const std::string& bytes) {
    if (!server_) Start();
    RawClient client(path_);
    client.Send(bytes);
    return client.Read();
  }

  std::string path_;
  ApiOptions options_;
  QuietLog log_;
  FakeNode node_;
  std::unique_ptr<ApiServer> server_;
};

}  // namespace tidegate::api
