// The file of a replica: made once as a whole, recognised, refused. docs/format/storage-sqlite.md
// describes its tables.
// Thread safety: [control] thread only. Ownership: a FileLock holds its lock until it is destroyed.
#pragma once

#include <cstdint>
#include <string>

#include "config.h"
#include "sql.h"

namespace tidegate::sqlite {

inline constexpr uint64_t kApplicationId = 0x54474954;  // "TGIT"
inline constexpr uint64_t kFormat = 1;                  // user_version

[[noreturn]] void ThrowErrno(const std::string& path, const char* doing);
std::string DirectoryOf(const std::string& path);
void SyncDirectory(const std::string& directory);

// Two daemons never open one replica: an exclusive lock on <path>.lock, which names its holder.
class FileLock {
 public:
  FileLock() = default;
  explicit FileLock(const std::string& replica_path);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

 private:
  int fd_ = -1;
};

// Before the file is opened: what the last run wrote to the log but never synced is synced now, and then the log is
// read from the disk. Its pages in memory prove nothing: after a failed sync they look written and are not.
void SettleLog(const std::string& replica_path);

// Makes the file with its tables if it is not there. The file appears complete or not at all, so that an empty or
// strange one is never taken for a new one.
void CreateIfMissing(const std::string& path, const uint8_t (&replica)[16]);

// Refuses what is no replica, or one of a newer format.
void CheckFormat(Connection& connection, const std::string& path);

// A connection with the settings of a writer or a reader.
Connection OpenWriter(const Config& config);
Connection OpenReader(const Config& config);

}  // namespace tidegate::sqlite
