// Programs that a measurement starts: mosquitto, tidegated. They end with the benchmark, however it ends.
// Thread safety: one thread starts and stops. Ownership: owns the process; destruction kills it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tidegate::bench {

class Process {
 public:
  // Output goes to the file `log`. arguments[0] is the path of the program.
  Process(const std::vector<std::string>& arguments, const std::string& log);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;

  pid_t pid() const { return pid_; }
  bool running();
  // SIGTERM, and SIGKILL after ten seconds.
  void Stop();

  // VmRSS in megabytes (of 1,000,000 bytes).
  double ResidentMb() const;
  // User and system time spent, in seconds.
  double CpuSeconds() const;

 private:
  pid_t pid_ = -1;
};

// A TCP port of this machine that nobody listens on.
uint16_t FreePort();

}  // namespace tidegate::bench
