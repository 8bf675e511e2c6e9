#include "storage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tidegate::sqlite {
namespace {

uint64_t FileSize(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

}  // namespace

SqliteStorage::SqliteStorage(const sdk::Host&, std::string_view config_json) : config_(Config::Parse(config_json)) {}

void SqliteStorage::Start(const tg_storage_open& open, tg_storage_info& info) {
  if (writer_) throw sdk::Error(TG_CONFLICT, config_.path + ": the storage is started already; stop it first");
  FileLock lock(config_.path);
  CreateIfMissing(config_.path, open.new_replica);
  SettleLog(config_.path);
  writer_ = std::make_unique<Writer>(config_, open.epoch);
  readers_ = std::make_unique<ReaderPool>(config_);
  lock_ = std::move(lock);
  std::memcpy(replica_, writer_->replica(), sizeof replica_);
  std::memcpy(info.replica, replica_, sizeof info.replica);
  info.created = writer_->first_start() ? 1 : 0;
  info.head = writer_->head();
  info.durable = 1;
}

void SqliteStorage::Stop(uint64_t) {
  // The last connection to close copies the log into the file.
  readers_.reset();
  writer_.reset();
  lock_ = FileLock();
}

void SqliteStorage::Commit(std::span<const tg_group> groups, const sdk::OutcomeSink& sink, tg_watermark& end) {
  if (!writer_) throw sdk::Error(TG_UNAVAILABLE, config_.path + ": the storage is not started");
  std::vector<tg_outcome> outcomes;
  end = writer_->Commit(groups, outcomes);
  for (const tg_outcome& outcome : outcomes) sink(outcome);
}

ReaderPool::Lease SqliteStorage::Read() {
  if (!readers_) throw sdk::Error(TG_UNAVAILABLE, config_.path + ": the storage is not started");
  return readers_->Acquire();
}

void SqliteStorage::Scopes(const sdk::ScopeSink& sink) {
  auto reader = Read();
  Use scopes(reader.connection().Cached("SELECT owner, model, items, tombstones FROM scope ORDER BY owner, model"));
  while (scopes->Step()) {
    const tg_scope scope{sdk::Str(scopes->Bytes(1)), scopes->Number(0), scopes->Number(2), scopes->Number(3)};
    if (!sink(scope)) return;
  }
}

sdk::Status SqliteStorage::MetaGet(std::string_view key, const sdk::MetaSink& sink) {
  auto reader = Read();
  Use meta(reader.connection().Cached("SELECT value FROM meta WHERE key = ?1"));
  if (!meta->BindText(1, key).Step()) return {TG_NOT_FOUND, "no meta entry " + std::string(key)};
  (void)sink(key, meta->Bytes(0));
  return {};
}

void SqliteStorage::MetaScan(std::string_view prefix, const sdk::MetaSink& sink) {
  auto reader = Read();
  Use meta(reader.connection().Cached("SELECT key, value FROM meta WHERE key >= ?1 ORDER BY key"));
  meta->BindText(1, prefix);
  while (meta->Step()) {
    const std::string_view key = meta->Bytes(0);
    if (!key.starts_with(prefix) || !sink(key, meta->Bytes(1))) return;
  }
}

void SqliteStorage::Stats(tg_storage_stats& stats) {
  auto reader = Read();
  Use scopes(reader.connection().Cached("SELECT sum(items), sum(tombstones) FROM scope"));
  (void)scopes->Step();
  stats.items = scopes->Number(0);
  stats.tombstones = scopes->Number(1);
  stats.bytes_used = FileSize(config_.path) + FileSize(config_.path + "-wal");
  stats.bytes_reserved = writer_->bytes_reserved();
}

void SqliteStorage::Backup(std::string_view to) {
  const std::string path(to);
  auto reader = Read();
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    throw sdk::Error(errno == EEXIST ? TG_CONFLICT : TG_IO,
                     path + ": create the backup: " + std::strerror(errno) + "; give the path of a new file", errno);
  close(fd);
  try {
    Connection copy(path, SQLITE_OPEN_READWRITE);
    copy.Run("PRAGMA synchronous = FULL");
    sqlite3_backup* backup = sqlite3_backup_init(copy.db(), "main", reader.connection().db(), "main");
    if (backup == nullptr) ThrowSql(copy.db(), "back up");
    sqlite3_backup_step(backup, -1);  // all at once, of one snapshot: writers go on in the log
    if (sqlite3_backup_finish(backup) != SQLITE_OK) ThrowSql(copy.db(), "back up");
  } catch (...) {
    unlink(path.c_str());
    throw;
  }
}

}  // namespace tidegate::sqlite
