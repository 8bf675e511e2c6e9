// The listening Unix socket: made with its mode, a stale file of a daemon that is gone is replaced, a
// living daemon's is not.
// Thread safety: one thread. Ownership: owns the descriptor and removes the file it made.
#pragma once

#include <sys/types.h>

#include <string>

#include "host/base/status.h"

namespace tidegate::api {

class Listener {
 public:
  // Makes the directory of the path if only that is missing.
  static Result<Listener> Open(const std::string& path, mode_t mode);
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) = delete;
  ~Listener() { Close(); }

  void Close();

  int fd() const { return fd_; }

 private:
  Listener(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_ = -1;
  std::string path_;
};

}  // namespace tidegate::api
