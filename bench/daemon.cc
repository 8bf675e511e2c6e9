#include "bench/daemon.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <utility>

#include "bench/die.h"

namespace tidegate::bench {
namespace {

constexpr double kStartSecondsMax = 60;

std::string TransportText(const std::string& name, const std::string& side, const Broker& broker) {
  std::string text = "  - name: " + name + "\n    plugin: transport-mqtt\n    sides: [" + side +
                     "]\n    config:\n      side: " + side +
                     "\n      host: localhost\n      port: " + std::to_string(broker.port()) +
                     "\n      prefix: bench\n";
  if (!broker.ca().empty()) text += "      tls: {ca: " + broker.ca() + "}\n";
  return text;
}

std::string FindPlugins(const std::string& root) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().filename() == "storage-sqlite.so") return entry.path().parent_path();
  }
  Die(root + ": has no storage-sqlite.so; give the --root of an installation");
}

std::string FindProgram(const std::string& root) {
  for (const char* folder : {"/sbin/", "/bin/"}) {
    std::string path = root + folder + "tidegated";
    if (std::filesystem::exists(path)) return path;
  }
  Die(root + ": has no tidegated; give the --root of an installation");
}

}  // namespace

Daemon::Daemon(const Options& options, const Scratch& scratch, DaemonSpec spec)
    : program_(FindProgram(options.root)),
      folder_(scratch.Folder(spec.name)),
      socket_(folder_ + "/api"),
      log_(scratch.File(spec.name + ".log")) {
  std::string text = "node:\n  role: " + spec.role + "\n";
  if (spec.role != "server") text += "  agent: " + std::to_string(spec.agent) + "\n";
  text += "plugin_dir: " + FindPlugins(options.root) + "\n";
  text += "api:\n  socket: " + socket_ + "\n";
  text += "storage:\n  plugin: storage-sqlite\n  config:\n    path: " + replica() + "\n";
  text += "transports:\n";
  if (spec.uplink != nullptr) text += TransportText("uplink", "parent", *spec.uplink);
  if (spec.downlink != nullptr) text += TransportText("downlink", "child", *spec.downlink);
  if (spec.uplink == nullptr && spec.downlink == nullptr) text.replace(text.size() - 1, 1, " []\n");
  text += "policies:\n  - plugin: policy-onetable\n";
  if (!spec.policy_config.empty()) text += "    config: " + spec.policy_config + "\n";
  text += "schemas:\n  - " +
          (spec.schema.empty() ? options.source_dir + "/schemas/examples/device.json5" : spec.schema) + "\n";
  text += "sync:\n  sync_delay: " + spec.sync_delay + "\n";
  WriteFile(folder_ + "/tidegate.yaml", text);
}

double Daemon::Start() {
  TimePoint start = Now();
  process_ =
      std::make_unique<Process>(std::vector<std::string>{program_, "--config", folder_ + "/tidegate.yaml"}, log_);
  while (!HttpClient::CanConnect(socket_)) {
    if (!process_->running() || SecondsSince(start) > kStartSecondsMax) {
      Die(program_ + " does not start:\n" + ReadFile(log_));
    }
    usleep(1000);
  }
  (void)Get("/v1/status");
  return SecondsSince(start);
}

void Daemon::Stop() {
  process_->Stop();
  process_.reset();
}

void Daemon::Reload() { (void)::kill(process_->pid(), SIGHUP); }

HttpAnswer Daemon::Get(const std::string& path) {
  HttpAnswer answer = HttpClient(socket_).Get(path);
  if (answer.status / 100 != 2) Die(path + ": " + std::to_string(answer.status) + " " + answer.body);
  return answer;
}

HttpAnswer Daemon::Post(const std::string& path, const std::string& body) {
  HttpAnswer answer = HttpClient(socket_).Post(path, "application/json", body);
  if (answer.status / 100 != 2) Die(path + ": " + std::to_string(answer.status) + " " + answer.body);
  return answer;
}

void Daemon::SyncWait(const std::string& wait) {
  (void)Post("/v1/sync", R"({"wait":")" + wait + R"(","timeout_ms":300000})");
}

TimePoint Daemon::AwaitParent() {
  HttpClient client(socket_);
  TimePoint begin = Now();
  for (TimePoint before = begin;;) {
    TimePoint asked = Now();
    std::string body = client.Get("/v1/status").body;
    size_t parent = body.find(R"("is_parent":true)");
    if (parent != std::string::npos && body.compare(body.find(R"("state":)", parent), 12, R"("state":"up")") == 0) {
      return before;
    }
    if (SecondsSince(begin) > kStartSecondsMax) Die("the link to the parent does not come up: " + body);
    before = asked;
    usleep(2000);
  }
}

uint64_t Daemon::SocketBytes(uint16_t port) const {
  std::string command = "ss -Htinp state established dport = :" + std::to_string(port);
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) Die(command + ": cannot run it");
  const std::string mine = "pid=" + std::to_string(process_->pid()) + ",";
  uint64_t bytes = 0;
  bool ours = false;
  char line[4096];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    std::string text = line;
    // One line names the process, the next has the counters.
    if (text.find("users:") != std::string::npos) ours = text.find(mine) != std::string::npos;
    if (!ours) continue;
    for (const char* counter : {" bytes_sent:", " bytes_received:"}) {
      size_t at = text.find(counter);
      if (at != std::string::npos) bytes += std::strtoull(text.c_str() + at + std::string(counter).size(), nullptr, 10);
    }
  }
  pclose(pipe);
  return bytes;
}

double PostAll(const std::string& socket, const std::string& path, const std::vector<std::string>& requests,
               int connections) {
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  TimePoint start = Now();
  for (int i = 0; i < connections; ++i) {
    threads.emplace_back([&] {
      HttpClient client(socket);
      for (size_t at = next++; at < requests.size(); at = next++) {
        HttpAnswer answer = client.Post(path, "application/x-ndjson", requests[at]);
        if (answer.status != 200) Die(path + ": " + std::to_string(answer.status) + " " + answer.body);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return SecondsSince(start);
}

}  // namespace tidegate::bench
