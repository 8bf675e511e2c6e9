#include "schema.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace tidegate::sqlite {
namespace {

// Partial indexes end in the rowid, which is seq: a feed is a range of one of them.
constexpr const char* kTables = R"sql(
CREATE TABLE replica (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  replica BLOB NOT NULL,
  ends_floor INTEGER NOT NULL);
CREATE TABLE epoch (
  id INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL,
  first INTEGER NOT NULL);
CREATE TABLE commit_end (
  position INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL,
  version_hlc INTEGER NOT NULL,
  version_agent INTEGER NOT NULL,
  version_epoch INTEGER NOT NULL);
CREATE TABLE item (
  seq INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  direction INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  model TEXT NOT NULL,
  owner INTEGER NOT NULL,
  pk TEXT NOT NULL,
  sk TEXT NOT NULL,
  src INTEGER NOT NULL,
  dst INTEGER NOT NULL,
  version_hlc INTEGER NOT NULL,
  version_agent INTEGER NOT NULL,
  version_epoch INTEGER NOT NULL,
  via INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  digest INTEGER NOT NULL,
  run_first INTEGER NOT NULL,
  run_last INTEGER NOT NULL,
  policy_meta BLOB,
  extra BLOB,
  index_keys BLOB,
  body TEXT NOT NULL);
CREATE UNIQUE INDEX item_key ON item (owner, pk, sk);
CREATE INDEX feed_up ON item (lane) WHERE direction & 1;
CREATE INDEX feed_down ON item (lane, owner) WHERE direction & 2;
CREATE INDEX item_trace ON item (seq) WHERE kind <> 1;
CREATE INDEX item_down ON item (owner, pk, sk) WHERE direction & 2;
CREATE INDEX item_expiry ON item (expires_ms) WHERE expires_ms <> 0;
CREATE TABLE index_entry (
  name TEXT NOT NULL,
  hash TEXT NOT NULL,
  sort TEXT NOT NULL,
  owner INTEGER NOT NULL,
  pk TEXT NOT NULL,
  sk TEXT NOT NULL,
  PRIMARY KEY (name, hash, sort, owner, pk, sk)) WITHOUT ROWID;
CREATE TABLE owner_head (
  lane INTEGER NOT NULL,
  owner INTEGER NOT NULL,
  head INTEGER NOT NULL,
  PRIMARY KEY (lane, owner)) WITHOUT ROWID;
CREATE INDEX owner_head_order ON owner_head (lane, head);
CREATE TABLE feed_floor (
  direction INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  owner INTEGER NOT NULL,
  floor INTEGER NOT NULL,
  PRIMARY KEY (direction, lane, owner)) WITHOUT ROWID;
CREATE TABLE owner_set (
  name TEXT NOT NULL,
  owner INTEGER NOT NULL,
  PRIMARY KEY (name, owner)) WITHOUT ROWID;
CREATE TABLE scope (
  owner INTEGER NOT NULL,
  model TEXT NOT NULL,
  items INTEGER NOT NULL,
  tombstones INTEGER NOT NULL,
  PRIMARY KEY (owner, model)) WITHOUT ROWID;
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value BLOB) WITHOUT ROWID;
)sql";

}  // namespace

[[noreturn]] void ThrowErrno(const std::string& path, const char* doing) {
  const int sys_errno = errno;
  throw sdk::Error(sys_errno == ENOSPC || sys_errno == EDQUOT ? TG_FULL : TG_IO,
                   path + ": " + doing + ": " + std::strerror(sys_errno), sys_errno);
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

void SyncDirectory(const std::string& directory) {
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) ThrowErrno(directory, "open");
  const int result = fsync(fd);
  close(fd);
  if (result != 0) ThrowErrno(directory, "fsync");
}

namespace {

void Pragma(Connection& connection, const std::string& pragma) { connection.Run(("PRAGMA " + pragma).c_str()); }

void Settings(Connection& connection, uint64_t cache_kib) {
  Pragma(connection, "cache_size = -" + std::to_string(cache_kib));
  Pragma(connection, "mmap_size = 0");
  Pragma(connection, "foreign_keys = OFF");
  Pragma(connection, "temp_store = MEMORY");
}

}  // namespace

FileLock::FileLock(const std::string& replica_path) {
  const std::string path = replica_path + ".lock";
  const std::string directory = DirectoryOf(replica_path);
  if (mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST) ThrowErrno(directory, "make the directory");
  fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) ThrowErrno(path, "open");
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const ssize_t size = pread(fd_, holder, sizeof holder - 1, 0);
    close(std::exchange(fd_, -1));
    throw sdk::Error(TG_CONFLICT, replica_path + ": in use by process " + (size > 0 ? holder : "(unknown)") +
                                      "; one replica has one daemon: stop that one, or give another path");
  }
  const std::string holder = std::to_string(getpid());
  if (ftruncate(fd_, 0) != 0 || pwrite(fd_, holder.data(), holder.size(), 0) < 0) {
    // Only the message to a second opener suffers; the lock holds without the text.
  }
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void SettleLog(const std::string& replica_path) {
  const std::string path = replica_path + "-wal";
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return;
  if (fd < 0) ThrowErrno(path, "open");
  const bool synced = fdatasync(fd) == 0;
  const int sys_errno = errno;
  if (synced) posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
  errno = sys_errno;
  if (!synced) ThrowErrno(path, "sync what the last run left");
}

void CreateIfMissing(const std::string& path, const uint8_t (&replica)[16]) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode)) throw sdk::Error(TG_INVALID, path + ": is no regular file; give the path of a file");
    return;
  }
  if (errno != ENOENT) ThrowErrno(path, "look at");
  const std::string draft = path + ".new";
  if (unlink(draft.c_str()) != 0 && errno != ENOENT) ThrowErrno(draft, "remove");
  const int fd = open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) ThrowErrno(draft, "create");
  close(fd);
  {
    Connection connection(draft, SQLITE_OPEN_READWRITE);
    Pragma(connection, "journal_mode = MEMORY");  // a draft that fails is thrown away
    Pragma(connection, "synchronous = FULL");
    Pragma(connection, "auto_vacuum = INCREMENTAL");  // Writer::GiveBack
    connection.Run("BEGIN");
    connection.Run(kTables);
    Pragma(connection, "application_id = " + std::to_string(kApplicationId));
    Pragma(connection, "user_version = " + std::to_string(kFormat));
    Statement insert(connection.db(), "INSERT INTO replica VALUES (1, ?1, 0)");
    insert.BindBlob(1, {reinterpret_cast<const char*>(replica), sizeof replica}).Run();
    connection.Run("COMMIT");
  }
  if (rename(draft.c_str(), path.c_str()) != 0) ThrowErrno(path, "rename the new replica to it");
  SyncDirectory(DirectoryOf(path));
}

void CheckFormat(Connection& connection, const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0 && status.st_size == 0)
    throw sdk::Error(TG_CORRUPT, path +
                                     ": is empty and no replica; restore a backup, or move the file away to begin "
                                     "a new replica");
  if (connection.Number("PRAGMA application_id") != kApplicationId)
    throw sdk::Error(TG_INVALID, path + ": is a database of another program, not a replica; give another path");
  const uint64_t format = connection.Number("PRAGMA user_version");
  if (format != kFormat)
    throw sdk::Error(TG_UNSUPPORTED, path + ": has format " + std::to_string(format) + ", this plugin knows " +
                                         std::to_string(kFormat) +
                                         "; install the Tidegate that wrote it, or a newer one");
}

Connection OpenWriter(const Config& config) {
  Connection connection(config.path, SQLITE_OPEN_READWRITE);
  CheckFormat(connection, config.path);
  Settings(connection, config.cache_kib);
  Pragma(connection, "journal_mode = WAL");
  Pragma(connection, config.synchronous_full ? "synchronous = FULL" : "synchronous = NORMAL");
  // Younger than the format.
  connection.Run("CREATE INDEX IF NOT EXISTS item_trace ON item (seq) WHERE kind <> 1");
  connection.Run("CREATE INDEX IF NOT EXISTS item_down ON item (owner, pk, sk) WHERE direction & 2");
  connection.Run("CREATE INDEX IF NOT EXISTS item_expiry ON item (expires_ms) WHERE expires_ms <> 0");
  Pragma(connection, "secure_delete = OFF");
  Pragma(connection, "wal_autocheckpoint = 0");  // Writer::Checkpoint
  Pragma(connection, "journal_size_limit = 33554432");
  return connection;
}

Connection OpenReader(const Config& config) {
  Connection connection(config.path, SQLITE_OPEN_READWRITE);
  Settings(connection, std::max<uint64_t>(config.cache_kib / 8, 256));
  Pragma(connection, "query_only = ON");
  return connection;
}

}  // namespace tidegate::sqlite
