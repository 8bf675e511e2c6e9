#include "reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

namespace tidegate::sqlite {

Reserve::Reserve(const std::string& replica_path, uint64_t bytes)
    : path_(replica_path + ".reserve"), directory_(replica_path.substr(0, replica_path.rfind('/') + 1)), bytes_(bytes) {
  if (bytes_ == kAuto) {
    struct statvfs disk;
    bytes_ = 16u << 20;
    if (statvfs(directory_.c_str(), &disk) == 0)
      bytes_ = std::clamp<uint64_t>(disk.f_blocks * disk.f_frsize / 16, 256u << 10, 16u << 20);
  }
  if (bytes_ == 0) {
    unlink(path_.c_str());
    return;
  }
  struct stat status;
  held_ = stat(path_.c_str(), &status) == 0 && static_cast<uint64_t>(status.st_blocks) * 512 >= bytes_;
}

uint64_t Reserve::Free() const {
  struct statvfs disk;
  return statvfs(directory_.c_str(), &disk) == 0 ? disk.f_bavail * disk.f_frsize : UINT64_MAX;
}

bool Reserve::Take() {
  if (!wanted() || held_) return held_;
  const int fd = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  held_ = posix_fallocate(fd, 0, static_cast<off_t>(bytes_)) == 0;
  if (!held_ && ftruncate(fd, 0) != 0) unlink(path_.c_str());  // a part of it is of no use
  close(fd);
  return held_;
}

void Reserve::Release() {
  held_ = false;
  unlink(path_.c_str());
}

}  // namespace tidegate::sqlite
