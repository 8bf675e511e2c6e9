#include "host/api/listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tidegate::api {
namespace {

Status Failed(const std::string& path, const std::string& what) {
  return Status::Io("api.socket " + path + ": " + what + ": " + std::strerror(errno));
}

// Removes a socket file on which nobody listens.
Status RemoveStale(const std::string& path, const sockaddr_un& address) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return errno == ENOENT ? Status::Ok() : Failed(path, "cannot look at it");
  if (!S_ISSOCK(found.st_mode)) {
    return Status::Conflict("api.socket " + path + ": there is another file of that name; remove it or name another");
  }
  int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return Failed(path, "cannot make a socket");
  int connected = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  int error = errno;
  close(probe);
  // EAGAIN: somebody listens, with a full queue.
  if (connected == 0 || error == EAGAIN) {
    return Status::Conflict("api.socket " + path + ": another daemon listens there; stop it or name another path");
  }
  if (error != ECONNREFUSED) {
    errno = error;
    return Failed(path, "cannot tell whether somebody listens there");
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return Failed(path, "cannot remove the file of a daemon that is gone");
  return Status::Ok();
}

}  // namespace

Result<Listener> Listener::Open(const std::string& path, mode_t mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return Status::Invalid("api.socket " + path + ": has " + std::to_string(path.size()) +
                           " bytes; a Unix socket's path has 1 to 107");
  }
  path.copy(address.sun_path, path.size());

  size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    std::string directory = path.substr(0, slash);
    if (mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST) {
      return Failed(path, "cannot make the directory " + directory);
    }
  }
  TG_RETURN_IF_ERROR(RemoveStale(path, address));

  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Failed(path, "cannot make a socket");
  Listener listener(fd, "");
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return Failed(path, "cannot bind");
  listener.path_ = path;
  // Nobody can connect before listen, so that the mode is in force from the first client on.
  if (chmod(path.c_str(), mode) != 0) return Failed(path, "cannot set api.mode");
  if (listen(fd, 64) != 0) return Failed(path, "cannot listen");
  return listener;
}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::exchange(other.path_, "")) {}

void Listener::Close() {
  if (!path_.empty()) unlink(path_.c_str());
  if (fd_ >= 0) close(fd_);
  path_.clear();
  fd_ = -1;
}

}  // namespace tidegate::api
