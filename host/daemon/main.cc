// tidegated: the daemon.
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "host/daemon/command_line.h"
#include "host/daemon/daemon.h"
#include "host/daemon/notify.h"
#include "host/daemon/stop_guard.h"
#include "tidegate/version.h"

namespace tidegate::daemon {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitStorage = 74;  // EX_IOERR of sysexits.h
constexpr int kExitConfig = 78;   // EX_CONFIG
constexpr int kStorageSignal = SIGUSR1;
constexpr std::chrono::milliseconds kStopDeadline(20'000);
constexpr int64_t kStatusUs = 5'000'000;

// Before any thread is made, so that all of them inherit it: signals come to sigtimedwait alone.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGHUP, kStorageSignal}) sigaddset(&signals, signal);
  sigset_t blocked = signals;
  sigaddset(&blocked, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  return signals;
}

void KeepMemorySmall() {
#if defined(__GLIBC__)
  // An arena for each of many threads would keep what each of them once needed.
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 256 << 10);
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
}

int Check(Daemon& daemon, const CommandLine& line) {
  Status loaded = daemon.Load(line.config);
  if (!loaded.ok()) {
    std::fprintf(stderr, "%s\n", loaded.message().c_str());
    return kExitConfig;
  }
  for (const std::string& checked : daemon.checked()) std::printf("ok: %s\n", checked.c_str());
  for (const std::string& warning : daemon.warnings()) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  return kExitOk;
}

// On the replica of a daemon that does not run.
int ActOffline(Daemon& daemon, const CommandLine& line) {
  Status loaded = daemon.Load(line.config);
  std::string said;
  Status acted = loaded;
  if (loaded.ok() && !line.restore.empty()) acted = daemon.Restore(line.restore, &said);
  if (loaded.ok() && !line.renew.empty())
    acted = daemon.Renew(line.renew == "new" ? 0 : *ParseAgent(line.renew), &said);
  if (!acted.ok()) {
    std::fprintf(stderr, "tidegated: %s\n", acted.message().c_str());
    return loaded.ok() ? kExitFailed : kExitConfig;
  }
  std::printf("%s\n", said.c_str());
  return kExitOk;
}

void ReloadOn(Daemon& daemon) {
  NotifyReloading(SystemClock().monotonic_us());
  Status status = daemon.Reload();
  if (status.ok()) {
    daemon.log().Write(TG_LOG_INFO, "schemas and policies were read anew");
  } else {
    daemon.log().Write(TG_LOG_ERROR, "reload refused, everything stays as it was:\n" + status.message());
  }
  NotifyReady(status.ok() ? "reloaded" : "running; the last reload was refused");
}

// Until a signal asks to stop, or the storage gives up.
void Serve(Daemon& daemon, const sigset_t& signals) {
  SystemClock clock;
  uint64_t watchdog_us = WatchdogUs();
  int64_t tick_us = kStatusUs;
  if (watchdog_us > 0) tick_us = std::min(tick_us, static_cast<int64_t>(watchdog_us / 3));
  int64_t status_due_us = 0;
  while (true) {
    // A writer thread that hangs must not be reported as alive.
    bool alive = daemon.runner().StuckUs() < static_cast<int64_t>(watchdog_us > 0 ? watchdog_us : 30'000'000) / 2;
    if (watchdog_us > 0 && alive) NotifyAlive();
    if (alive && clock.monotonic_us() >= status_due_us) {
      NotifyStatus(daemon.Summary());
      status_due_us = clock.monotonic_us() + kStatusUs;
    }
    timespec wait{tick_us / 1'000'000, tick_us % 1'000'000 * 1'000};
    int signal = sigtimedwait(&signals, nullptr, &wait);
    if (daemon.runner().gave_up()) {
      daemon.log().Write(TG_LOG_ERROR, "the storage gave up: stopping, to be started anew");
      return;
    }
    if (signal == SIGHUP) {
      ReloadOn(daemon);
    } else if (signal == kStorageSignal) {
      continue;  // somebody else's
    } else if (signal > 0) {
      daemon.log().Write(TG_LOG_INFO, signal == SIGTERM ? "SIGTERM: stopping" : "SIGINT: stopping");
      return;
    }
  }
}

int Run(Daemon& daemon, const CommandLine& line, const sigset_t& signals) {
  Status loaded = daemon.Load(line.config);
  if (!loaded.ok()) {
    daemon.log().Write(TG_LOG_ERROR, loaded.message());
    return kExitConfig;
  }
  for (const std::string& warning : daemon.warnings()) daemon.log().Write(TG_LOG_WARNING, warning);
  bool config_wrong = false;
  Status started = daemon.Start(&config_wrong, [] { kill(getpid(), kStorageSignal); });
  bool gave_up = false;
  if (started.ok()) {
    NotifyReady("ready");
    Serve(daemon, signals);
    gave_up = daemon.runner().gave_up();
  } else {
    daemon.log().Write(TG_LOG_ERROR, started.message());
  }
  NotifyStopping();
  {
    StopGuard guard(kStopDeadline);
    daemon.Stop();
  }
  if (!started.ok()) return config_wrong ? kExitConfig : kExitFailed;
  if (gave_up) return kExitStorage;
  daemon.log().Write(TG_LOG_INFO, "stopped");
  return kExitOk;
}

int Main(const std::vector<std::string>& words) {
  sigset_t signals = BlockSignals();
  KeepMemorySmall();
  umask(0027);
  Result<CommandLine> line = ParseCommandLine(words);
  if (!line.ok()) {
    std::fprintf(stderr, "tidegated: %s\n", line.status().message().c_str());
    return kExitConfig;
  }
  if (line->help) {
    std::fputs(HelpText(), stdout);
    return kExitOk;
  }
  if (line->version) {
    std::printf("tidegated %s (plugin ABI %d.%d)\n", TG_VERSION_STRING, TG_ABI_MAJOR, TG_ABI_MINOR);
    return kExitOk;
  }
  Daemon daemon;
  if (!line->restore.empty() || !line->renew.empty()) return ActOffline(daemon, *line);
  return line->check ? Check(daemon, *line) : Run(daemon, *line, signals);
}

}  // namespace
}  // namespace tidegate::daemon

int main(int argc, char** argv) { return tidegate::daemon::Main({argv + 1, argv + argc}); }
