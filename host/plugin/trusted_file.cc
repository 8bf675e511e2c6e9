#include "host/plugin/trusted_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <deque>
#include <string_view>

namespace tidegate::plugin {
namespace {

constexpr int kLinksMax = 40;  // as the kernel

void PushFront(std::string_view path, std::deque<std::string>* parts) {
  std::deque<std::string> steps;
  while (!path.empty()) {
    size_t slash = path.find('/');
    std::string_view step = path.substr(0, slash);
    if (!step.empty() && step != ".") steps.emplace_back(step);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  parts->insert(parts->begin(), steps.begin(), steps.end());
}

std::string Octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

// A sticky directory that all may write to, such as /tmp, is refused too: whoever comes first owns
// what is made there.
Status CheckComponent(const struct stat& info, const std::string& at, const std::string& path, uid_t user) {
  std::string thing = S_ISDIR(info.st_mode) ? "the directory " : S_ISLNK(info.st_mode) ? "the link " : "the file ";
  if (info.st_uid != 0 && info.st_uid != user) {
    return Status::Refused(path + ": " + thing + at + " belongs to uid " + std::to_string(info.st_uid) +
                           "; a plugin and every directory above it must belong to root" +
                           (user == 0 ? "" : " or to uid " + std::to_string(user) + ", the daemon's user") +
                           ": chown " + (S_ISLNK(info.st_mode) ? "-h " : "") + "root " + at);
  }
  // The mode of a link means nothing.
  if (!S_ISLNK(info.st_mode) && (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    bool group = (info.st_mode & S_IWGRP) != 0, other = (info.st_mode & S_IWOTH) != 0;
    return Status::Refused(path + ": " + thing + at + " (uid " + std::to_string(info.st_uid) + ", mode " +
                           Octal(info.st_mode) + ") is writable by " +
                           (group && other ? "group and others"
                            : group        ? "its group"
                                           : "others") +
                           "; a plugin and every directory above it must be writable by the owner alone: " +
                           ((info.st_mode & S_ISVTX) != 0
                                ? "move the plugin to another directory"
                                : std::string("chmod ") + (group ? "g" : "") + (other ? "o" : "") + "-w " + at));
  }
  return {};
}

Status CannotOpen(const std::string& path, const std::string& at, int failure) {
  std::string message = path + ": ";
  if (at != path) message += at + ": ";
  message += std::string("cannot be opened: ") + strerror(failure);
  if (failure == ENOENT) return Status::NotFound(message + "; install the plugin or correct the path");
  return Status::Io(std::move(message));
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) close(fd_);
}

Result<TrustedFile> OpenTrusted(const std::string& path, uid_t user) {
  if (path.empty() || path[0] != '/' || path.find('\0') != std::string::npos) {
    return Status::Invalid("plugin path '" + path + "' is not absolute: write it in full, from /");
  }
  FileDescriptor directory(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat info {};
  if (!directory.valid() || fstat(directory.get(), &info) != 0) return CannotOpen(path, "/", errno);
  TG_RETURN_IF_ERROR(CheckComponent(info, "/", path, user));

  std::deque<std::string> parts;
  PushFront(path, &parts);
  std::string at;  // of the component in hand, as the walk got there
  int links = 0;
  while (!parts.empty()) {
    std::string part = std::move(parts.front());
    parts.pop_front();
    std::string here = at;
    here.append("/").append(part);
    FileDescriptor next(openat(directory.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid() || fstat(next.get(), &info) != 0) return CannotOpen(path, here, errno);
    TG_RETURN_IF_ERROR(CheckComponent(info, here, path, user));

    if (S_ISLNK(info.st_mode)) {
      char target[PATH_MAX];
      ssize_t size = readlinkat(next.get(), "", target, sizeof target);
      if (size < 0) return CannotOpen(path, here, errno);
      if (++links > kLinksMax) return CannotOpen(path, here, ELOOP);
      std::string_view to(target, static_cast<size_t>(size));
      if (to.substr(0, 1) == "/") {
        directory = FileDescriptor(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!directory.valid()) return CannotOpen(path, "/", errno);
        at.clear();
      }
      PushFront(to, &parts);
      continue;
    }
    if (!parts.empty()) {
      if (!S_ISDIR(info.st_mode)) return CannotOpen(path, here, ENOTDIR);
      directory = std::move(next);
      at = std::move(here);
      continue;
    }
    if (!S_ISREG(info.st_mode)) return Status::Invalid(path + ": not a file; a plugin is a shared object (.so)");

    TrustedFile file;
    file.fd = FileDescriptor(openat(directory.get(), part.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    struct stat opened {};
    if (!file.fd.valid() || fstat(file.fd.get(), &opened) != 0) return CannotOpen(path, here, errno);
    if (opened.st_dev != info.st_dev || opened.st_ino != info.st_ino) {
      return Status::Unavailable(path + ": was replaced while it was being opened; try again");
    }
    TG_RETURN_IF_ERROR(CheckComponent(opened, here, path, user));
    file.device = opened.st_dev;
    file.inode = opened.st_ino;
    return file;
  }
  return Status::Invalid(path + ": not a file; a plugin is a shared object (.so)");
}

}  // namespace tidegate::plugin
