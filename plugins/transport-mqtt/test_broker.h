// A real mosquitto for one test: its own directory, configuration and free port.
// Thread safety: one thread. Ownership: the process and the directory end with the object.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <string>

namespace tidegate::mqtt {

class TestBroker {
 public:
  struct Options {
    std::string config;           // lines beside the listener and the log
    std::string listener_config;  // lines after the listener
    bool anonymous = true;
  };

  TestBroker() : TestBroker(Options()) {}
  explicit TestBroker(const Options& options);
  // The directory exists before the options are needed, for files they name.
  TestBroker(const Options& options, std::string directory);
  ~TestBroker();
  TestBroker(const TestBroker&) = delete;
  TestBroker& operator=(const TestBroker&) = delete;

  void Start();  // returns when the port answers
  void Signal(int signal) const { kill(pid_, signal); }
  void Kill();  // SIGKILL, and waits for its end

  int port() const { return port_; }
  pid_t pid() const { return pid_; }
  const std::string& directory() const { return directory_; }

 private:
  int port_ = 0;
  pid_t pid_ = -1;
  std::string directory_;
};

std::string MakeTestDirectory();
void WriteTestFile(const std::string& path, const std::string& text);
int FreePort();
// Runs a shell command, which must succeed; returns what it printed.
std::string RunCommand(const std::string& command);

}  // namespace tidegate::mqtt
