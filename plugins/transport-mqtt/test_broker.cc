#include "test_broker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace tidegate::mqtt {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool Answers(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  const bool ok = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return ok;
}

}  // namespace

std::string MakeTestDirectory() {
  std::string path = (std::filesystem::temp_directory_path() / "tidegate-mqtt-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  return path;
}

void WriteTestFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) throw std::runtime_error("bind failed");
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

std::string RunCommand(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::string output;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, n);
  if (pclose(pipe) != 0) throw std::runtime_error(command + ": " + output);
  return output;
}

TestBroker::TestBroker(const Options& options) : TestBroker(options, MakeTestDirectory()) {}

TestBroker::TestBroker(const Options& options, std::string directory)
    : port_(FreePort()), directory_(std::move(directory)) {
  // Started by root the broker would become the user mosquitto and could not read the test's keys.
  const std::string user = geteuid() == 0 ? "user root\n" : "";
  WriteTestFile(directory_ + "/mosquitto.conf",
                user + "per_listener_settings false\n" + "allow_anonymous " + (options.anonymous ? "true" : "false") +
                    "\nset_tcp_nodelay true\nlog_dest file " + directory_ + "/log\n" + options.config + "\nlistener " +
                    std::to_string(port_) + " 127.0.0.1\n" + options.listener_config + "\n");
  Start();
}

void TestBroker::Start() {
  const std::string conf = directory_ + "/mosquitto.conf";
  const char* program = access("/usr/sbin/mosquitto", X_OK) == 0 ? "/usr/sbin/mosquitto" : "mosquitto";
  pid_ = fork();
  if (pid_ == 0) {
    const int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    dup2(null, 2);
    execlp(program, program, "-c", conf.c_str(), nullptr);
    _exit(127);
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!Answers(port_)) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_ || std::chrono::steady_clock::now() > until) {
      pid_ = -1;
      throw std::runtime_error("mosquitto does not start: see " + directory_ + "/log (is it installed?)");
    }
    poll(nullptr, 0, 10);
  }
}

void TestBroker::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

TestBroker::~TestBroker() {
  Kill();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

}  // namespace tidegate::mqtt
