#include "host/daemon/system.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

namespace tidegate::daemon {

int64_t SystemClock::unix_ms() const {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

int64_t SystemClock::monotonic_us() const {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
}

uint64_t SystemRandom::Next() {
  MutexLock lock(mutex_);
  if (left_ == 0) {
    auto* to = reinterpret_cast<char*>(buffer_.data());
    size_t filled = 0;
    while (filled < sizeof(buffer_)) {
      ssize_t got = getrandom(to + filled, sizeof(buffer_) - filled, 0);
      if (got < 0 && errno != EINTR) std::abort();  // a kernel without getrandom is not supported
      if (got > 0) filled += static_cast<size_t>(got);
    }
    left_ = buffer_.size();
  }
  return buffer_[--left_];
}

namespace {

// systemd says by device and inode to which stream the journal listens.
bool StderrIsJournal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat found {};
  if (stream == nullptr || fstat(STDERR_FILENO, &found) != 0) return false;
  return std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino) == stream;
}

const char* LevelName(uint32_t level) {
  switch (level) {
    case 3:
      return "error";
    case 4:
      return "warning";
    case 7:
      return "debug";
    default:
      return "info";
  }
}

}  // namespace

StderrLog::StderrLog() : journal_(StderrIsJournal()) {}

void StderrLog::Write(uint32_t level, std::string_view message) {
  if (level > level_.load(std::memory_order_relaxed)) return;
  std::string head;
  if (journal_) {
    head = "<" + std::to_string(level) + ">";
  } else {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    tm parts{};
    gmtime_r(&now.tv_sec, &parts);
    char time[48];
    size_t size = std::strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(time + size, sizeof(time) - size, ".%03ldZ ", now.tv_nsec / 1'000'000);
    head = time + std::string(LevelName(level)) + ": ";
  }
  // Each line gets its own head, and reaches the stream in one piece.
  std::string text;
  while (!message.empty()) {
    size_t end = message.find('\n');
    text += head + std::string(message.substr(0, end)) + "\n";
    message = end == std::string_view::npos ? std::string_view() : message.substr(end + 1);
  }
  std::string_view left = text;
  while (!left.empty()) {
    ssize_t written = write(STDERR_FILENO, left.data(), left.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) left.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace tidegate::daemon
