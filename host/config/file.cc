#include "host/config/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace tidegate {

namespace {

Status FileError(const std::string& path, const char* what, int error) {
  std::string message = path + ": " + what + ": " + strerror(error);
  if (error == ENOENT) return Status::NotFound(message + "; check the path");
  if (error == EACCES) return Status::Io(message + "; let the daemon's user read it");
  return Status::Io(message);
}

Result<std::string> ReadOpenFile(int fd, const std::string& path, size_t bytes_max) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return FileError(path, "cannot be examined", errno);
  if (!S_ISREG(info.st_mode)) return Status::Invalid(path + ": is not a regular file; name a file");
  std::string content;
  char buffer[16384];
  for (;;) {
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(path, "cannot be read", errno);
    if (got == 0) return content;
    content.append(buffer, static_cast<size_t>(got));
    if (content.size() > bytes_max) {
      return Status::Invalid(path + ": is larger than the limit of " + std::to_string(bytes_max) + " bytes");
    }
  }
}

}  // namespace

Result<std::string> ReadSmallFile(const std::string& path, size_t bytes_max) {
  // O_NONBLOCK: a pipe must not keep the start waiting; it is refused below.
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return FileError(path, "cannot be opened", errno);
  auto content = ReadOpenFile(fd, path, bytes_max);
  close(fd);
  return content;
}

Result<std::vector<std::string>> ListFiles(const std::string& directory, const std::string& suffix) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator it(directory, error);
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) return names;
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name.size() > suffix.size() && name[0] != '.' && name.ends_with(suffix)) names.push_back(name);
  }
  if (error) return Status::Io(directory + ": cannot be listed: " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

std::string FolderOf(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string PathFrom(const std::string& folder, const std::string& path) {
  if (path.starts_with('/')) return path;
  return std::filesystem::path(folder).append(path).lexically_normal().string();
}

}  // namespace tidegate
