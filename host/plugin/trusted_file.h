// Opens a plugin's file only if nobody but root and the daemon's user can have written it: the path is
// absolute, and every directory, link and file on the way (the links' targets too) belongs to one of
// the two and is writable by nobody else. The walk goes from directory to directory by descriptor, so
// that what was checked is what is opened.
// Thread safety: a function without shared state. Ownership: the file closes its descriptor.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "host/base/status.h"

namespace tidegate::plugin {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // The caller closes it, or means never to.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

struct TrustedFile {
  FileDescriptor fd;  // open for reading
  dev_t device = 0;
  ino_t inode = 0;
};

// kRefused: an owner or mode that is not allowed; the message names the component and the command
// that mends it. user: the daemon's own.
Result<TrustedFile> OpenTrusted(const std::string& path, uid_t user);

}  // namespace tidegate::plugin
