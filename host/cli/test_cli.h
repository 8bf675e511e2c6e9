// The built command, run as a user runs it, against the real API above a fake node.
// Thread safety: none; one thread. Ownership: owns the server and what the command left in the temporary directory.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>

#include "host/api/fake_node.h"
#include "host/api/server.h"

namespace tidegate::cli {

class QuietLog : public core::Log {
 public:
  void Write(uint32_t, std::string_view) override {}
};

struct Ran {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class Cli : public testing::Test {
 protected:
  Cli() : base_(testing::TempDir() + "/tg-cli-" + std::to_string(getpid())), socket_(base_ + ".sock") {
    unsetenv("TIDEGATE_API");
    options_.socket = socket_;
  }
  ~Cli() override {
    for (const char* end : {".err", ".in", ".yaml"}) unlink((base_ + end).c_str());
  }

  void Start() {
    auto server = api::ApiServer::Start(options_, node_, log_);
    ASSERT_TRUE(server.ok()) << server.status().message();
    server_ = std::move(server).value();
  }

  // command: what a shell takes after `tidegate`.
  Ran RunAlone(const std::string& command);
  Ran Run(const std::string& command) {
    if (!server_) Start();
    return RunAlone("--api " + socket_ + " " + command);
  }
  std::string File(const std::string& text) {
    std::ofstream(base_ + ".in") << text;
    return base_ + ".in";
  }

  std::string base_;
  std::string socket_;
  api::ApiOptions options_;
  QuietLog log_;
  api::FakeNode node_;
  std::unique_ptr<api::ApiServer> server_;
};

}  // namespace tidegate::cli
