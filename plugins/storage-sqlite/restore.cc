// Restoring a backup. The replica before is kept: its names get a suffix. At each moment either the old or the new file
// is whole at its place, and no log of the one ever lies beside the other.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "storage.h"

namespace tidegate::sqlite {
namespace {

bool Exists(const std::string& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) == 0) return true;
  if (errno != ENOENT) ThrowErrno(path, "look at");
  return false;
}

void Remove(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) ThrowErrno(path, "remove");
}

// False: there is no such file.
bool Move(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return true;
  if (errno != ENOENT) ThrowErrno(from, "rename");
  return false;
}

// Throws if the file is no whole replica.
void CheckBackup(Connection& backup, const std::string& path) {
  CheckFormat(backup, path);
  Statement check(backup.db(), "PRAGMA quick_check(1)");
  if (!check.Step() || check.Bytes(0) != "ok")
    throw sdk::Error(TG_CORRUPT, path + ": is damaged (" + std::string(check.Bytes(0)) + "); take another backup");
}

// The user of the directory, whoever restores: the daemon has to be able to write it.
void GiveToOwnerOf(const std::string& directory, const std::string& path) {
  struct stat status;
  if (geteuid() != 0) return;
  if (stat(directory.c_str(), &status) != 0) ThrowErrno(directory, "look at");
  if (chown(path.c_str(), status.st_uid, status.st_gid) != 0) ThrowErrno(path, "give to the owner of its directory");
}

void CopyInto(const std::string& from, const std::string& draft) {
  Remove(draft);
  const int fd = open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) ThrowErrno(draft, "create");
  close(fd);
  Connection backup(from, SQLITE_OPEN_READONLY);
  CheckBackup(backup, from);
  Connection copy(draft, SQLITE_OPEN_READWRITE);
  copy.Run("PRAGMA synchronous = FULL");
  sqlite3_backup* copying = sqlite3_backup_init(copy.db(), "main", backup.db(), "main");
  if (copying == nullptr) ThrowSql(copy.db(), "restore");
  sqlite3_backup_step(copying, -1);
  if (sqlite3_backup_finish(copying) != SQLITE_OK) ThrowSql(copy.db(), "restore");
}

}  // namespace

void SqliteStorage::Restore(std::string_view from, std::string_view suffix) {
  if (writer_) throw sdk::Error(TG_CONFLICT, config_.path + ": the storage is in use; stop the daemon first");
  if (suffix.empty()) throw sdk::Error(TG_INVALID, "no suffix for the replica before");
  const FileLock lock(config_.path);
  const std::string &path = config_.path, kept = path + std::string(suffix), draft = path + ".restoring";
  const std::string backup(from);
  if (backup.empty()) {
    if (!Exists(kept)) throw sdk::Error(TG_NOT_FOUND, kept + ": is not there");
    Remove(path + "-shm");
    Remove(path + "-wal");
    if (!Move(kept, path)) ThrowErrno(kept, "rename");
    (void)Move(kept + "-wal", path + "-wal");
    return SyncDirectory(DirectoryOf(path));
  }
  if (Exists(kept) || Exists(kept + "-wal"))
    throw sdk::Error(TG_CONFLICT, kept + ": is there already, and nothing is written over it");
  struct stat a, b;
  if (stat(backup.c_str(), &a) != 0)
    throw sdk::Error(errno == ENOENT ? TG_NOT_FOUND : TG_IO, backup + ": " + std::strerror(errno), errno);
  if (stat(path.c_str(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
    throw sdk::Error(TG_INVALID, backup + ": is the replica itself");
  try {
    CopyInto(backup, draft);
    GiveToOwnerOf(DirectoryOf(path), draft);
  } catch (...) {
    unlink(draft.c_str());
    throw;
  }
  if (Exists(path) && link(path.c_str(), kept.c_str()) != 0)
    ThrowErrno(kept, "keep the replica before under that name");
  (void)Move(path + "-wal", kept + "-wal");
  Remove(path + "-shm");
  if (!Move(draft, path)) ThrowErrno(draft, "rename");
  SyncDirectory(DirectoryOf(path));
}

}  // namespace tidegate::sqlite
