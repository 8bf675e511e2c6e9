/* A disk that fails, for a daemon under LD_PRELOAD: TIDEGATE_IO_FAULTS names a folder, and while a file of such a name
 * is in it, calls on replica files (*.db, *.db-wal) fail with EIO: write   pwrite, pwrite64, ftruncate sync    fsync,
 * fdatasync; what was written to the log since its last sync is lost from the disk, but still read, as Linux does it,
 * until the program drops the log from the page cache (posix_fadvise): then it is gone. The loss works for a log that
 * only grows. "synced" in the folder holds its length at the last good sync. Thread safety: any thread. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char* Folder(void) { return getenv("TIDEGATE_IO_FAULTS"); }

static int EndsWith(int fd, const char* ending) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < (ssize_t)strlen(ending)) return 0;
  path[size] = '\0';
  return strcmp(path + size - strlen(ending), ending) == 0;
}

static int IsLog(int fd) { return EndsWith(fd, ".db-wal"); }

static void PathOf(const char* name, char path[4096]) { snprintf(path, 4096, "%s/%s", Folder(), name); }

static int Fails(int fd, const char* what) {
  if (Folder() == NULL || (!IsLog(fd) && !EndsWith(fd, ".db"))) return 0;
  char path[4096];
  PathOf(what, path);
  if (access(path, F_OK) != 0) return 0;
  errno = EIO;
  return 1;
}

static void NoteSynced(int fd) {
  struct stat status;
  char path[4096];
  if (Folder() == NULL || !IsLog(fd) || fstat(fd, &status) != 0) return;
  PathOf("synced", path);
  FILE* file = fopen(path, "w");
  if (file == NULL) return;
  fprintf(file, "%lld", (long long)status.st_size);
  fclose(file);
}

static int Sync(int fd, const char* name) {
  /* A log that lost something does not get it back by another sync. */
  char lost[4096] = "";
  if (Folder() != NULL) PathOf("lost", lost);
  if (Fails(fd, "sync")) {
    if (IsLog(fd)) close(open(lost, O_CREAT | O_WRONLY, 0600));
    errno = EIO;
    return -1;
  }
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  int result = real(fd);
  if (result == 0 && (lost[0] == '\0' || access(lost, F_OK) != 0)) NoteSynced(fd);
  return result;
}

int fsync(int fd) { return Sync(fd, "fsync"); }
int fdatasync(int fd) { return Sync(fd, "fdatasync"); }

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  if (Fails(fd, "write")) return -1;
  ssize_t (*real)(int, const void*, size_t, off_t) =
      (ssize_t(*)(int, const void*, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
  return real(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  if (Fails(fd, "write")) return -1;
  ssize_t (*real)(int, const void*, size_t, off64_t) =
      (ssize_t(*)(int, const void*, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  return real(fd, data, size, at);
}

static int Advise(int fd, long long from, long long size, int advice, const char* name) {
  char lost[4096], synced[4096];
  long long length = -1;
  if (Folder() != NULL && advice == POSIX_FADV_DONTNEED && IsLog(fd)) {
    PathOf("lost", lost);
    PathOf("synced", synced);
    FILE* file = access(lost, F_OK) == 0 ? fopen(synced, "r") : NULL;
    if (file != NULL) {
      if (fscanf(file, "%lld", &length) == 1 && ftruncate(fd, (off_t)length) == 0) unlink(lost);
      fclose(file);
    }
  }
  int (*real)(int, off_t, off_t, int) = (int (*)(int, off_t, off_t, int))dlsym(RTLD_NEXT, name);
  return real(fd, (off_t)from, (off_t)size, advice);
}

int posix_fadvise(int fd, off_t from, off_t size, int advice) {
  return Advise(fd, from, size, advice, "posix_fadvise");
}
int posix_fadvise64(int fd, off64_t from, off64_t size, int advice) {
  return Advise(fd, from, size, advice, "posix_fadvise64");
}
