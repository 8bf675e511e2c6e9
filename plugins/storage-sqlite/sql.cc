#include "sql.h"

#include <cerrno>
#include <cstring>

namespace tidegate::sqlite {
namespace {

constexpr const char* kAfterSync =
    "; a sync failed, what is on disk is not known: check the disk and the kernel's log, start anew";

}  // namespace

bool IsSyncError(int extended) { return extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC; }

void ThrowSql(sqlite3* db, std::string_view doing) {
  const int extended = sqlite3_extended_errcode(db);
  const int sys_errno = sqlite3_system_errno(db);
  const char* path = sqlite3_db_filename(db, "main");
  std::string message =
      std::string(path == nullptr ? "" : path) + ": " + std::string(doing) + ": " + sqlite3_errmsg(db);
  switch (extended & 0xff) {
    case SQLITE_FULL:
      throw sdk::Error(TG_FULL, message + "; free space or raise bytes_max", sys_errno);
    case SQLITE_IOERR:
      if (sys_errno != 0) message += std::string(" (") + std::strerror(sys_errno) + ")";
      if (IsSyncError(extended)) throw SyncError(TG_IO, message + kAfterSync, sys_errno);
      if (extended == SQLITE_IOERR_NOMEM) throw sdk::Error(TG_FULL, message);
      if (sys_errno == ENOSPC || sys_errno == EDQUOT) throw sdk::Error(TG_FULL, message + "; free space", sys_errno);
      throw sdk::Error(sdk::Status(TG_IO, message + "; check the disk and the kernel's log", sys_errno).Retryable());
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      if (sys_errno != 0) message += std::string(" (") + std::strerror(sys_errno) + ")";
      throw sdk::Error(TG_IO, message + "; check owner and mode of the file and its directory", sys_errno);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw sdk::Error(TG_CORRUPT, message + "; restore a backup, or move the file away to begin a new replica");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw sdk::Error(TG_UNAVAILABLE, message + "; another program holds a lock on it");
    case SQLITE_TOOBIG:
      throw sdk::Error(TG_INVALID, message + "; the item is larger than SQLite allows");
    case SQLITE_NOMEM:
      throw sdk::Error(TG_FULL, message);
    default:
      throw sdk::Error(TG_INTERNAL, message);
  }
}

Statement::Statement(sqlite3* db, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                         nullptr) != SQLITE_OK)
    ThrowSql(db, sql);
  statement_.reset(statement);
}

Statement& Statement::BindSigned(int at, int64_t value) {
  sqlite3_bind_int64(statement_.get(), at, value);
  return *this;
}

Statement& Statement::BindText(int at, std::string_view text) {
  // A null pointer would bind NULL.
  sqlite3_bind_text64(statement_.get(), at, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}

Statement& Statement::BindBlob(int at, std::string_view bytes) {
  if (bytes.empty()) {
    sqlite3_bind_null(statement_.get(), at);
  } else {
    sqlite3_bind_blob64(statement_.get(), at, bytes.data(), bytes.size(), SQLITE_STATIC);
  }
  return *this;
}

bool Statement::Step() {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  sqlite3* db = sqlite3_db_handle(statement_.get());
  sqlite3_reset(statement_.get());
  ThrowSql(db, sqlite3_sql(statement_.get()));
}

void Statement::Run() {
  while (Step()) continue;
  Reset();
}

std::string_view Statement::Bytes(int at) {
  // The blob face gives the bytes of a text as they are.
  const void* data = sqlite3_column_blob(statement_.get(), at);
  return {static_cast<const char*>(data), static_cast<size_t>(sqlite3_column_bytes(statement_.get(), at))};
}

Connection::Connection(const std::string& path, int flags) {
  sqlite3* db = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  db_.reset(db);
  if (result != SQLITE_OK) {
    if (db == nullptr) throw std::bad_alloc();
    ThrowSql(db, "open");
  }
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
}

void Connection::Run(const char* sql) {
  if (sqlite3_exec(db(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) ThrowSql(db(), sql);
}

uint64_t Connection::Number(const char* sql) {
  Statement statement(db(), sql);
  return statement.Step() ? statement.Number(0) : 0;
}

Statement& Connection::Cached(const std::string& sql) {
  auto found = cached_.find(sql);
  if (found == cached_.end()) found = cached_.emplace(sql, Statement(db(), sql)).first;
  return found->second;
}

}  // namespace tidegate::sqlite
