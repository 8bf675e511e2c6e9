// The little of SQLite that this plugin uses: connections, prepared statements, errors as tg_codes.
// Thread safety: a connection and its statements belong to one thread at a time. Ownership: RAII.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "tidegate/cpp/error.h"
#include "tidegate/cpp/views.h"

namespace tidegate::sqlite {

// u64s are stored as the signed number of the same bits.
inline int64_t Signed(uint64_t value) { return static_cast<int64_t>(value); }
inline uint64_t Unsigned(int64_t value) { return static_cast<uint64_t>(value); }

inline constexpr int kBusyTimeoutMs = 5000;

class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* db, std::string_view sql);

  // Views must stay until the statement is reset. Indexes begin at 1.
  Statement& Bind(int at, uint64_t value) { return BindSigned(at, Signed(value)); }
  Statement& BindSigned(int at, int64_t value);
  Statement& BindText(int at, std::string_view text);
  Statement& BindBlob(int at, std::string_view bytes);  // NULL when empty

  // True while there is a row; throws sdk::Error.
  bool Step();
  // Steps to the end and resets.
  void Run();
  void Reset() { sqlite3_reset(statement_.get()); }

  // Columns begin at 0; views live until the next step or reset.
  uint64_t Number(int at) { return Unsigned(sqlite3_column_int64(statement_.get(), at)); }
  bool IsNull(int at) { return sqlite3_column_type(statement_.get(), at) == SQLITE_NULL; }
  std::string_view Bytes(int at);

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// A statement in use: reset when it goes out of scope, also by an exception.
class Use {
 public:
  explicit Use(Statement& statement) : statement_(statement) {}
  ~Use() { statement_.Reset(); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  Statement* operator->() { return &statement_; }
  Statement& operator*() { return statement_; }

 private:
  Statement& statement_;
};

class Connection {
 public:
  Connection(const std::string& path, int flags);

  sqlite3* db() { return db_.get(); }
  void Run(const char* sql);  // without results
  uint64_t Number(const char* sql);
  // Prepared once for each text, kept with the connection.
  Statement& Cached(const std::string& sql);

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
  std::map<std::string, Statement, std::less<>> cached_;
};

// A read transaction: everything read in it is of one commit.
class Snapshot {
 public:
  explicit Snapshot(Connection& connection) : connection_(connection) { connection_.Cached("BEGIN").Run(); }
  ~Snapshot() { sqlite3_exec(connection_.db(), "ROLLBACK", nullptr, nullptr, nullptr); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  Connection& connection_;
};

// A sync failed: the operating system may have dropped what it was to write, and says so only once.
class SyncError : public sdk::Error {
 public:
  using sdk::Error::Error;
};

bool IsSyncError(int extended_code);

// Throws what the last call on db says.
[[noreturn]] void ThrowSql(sqlite3* db, std::string_view doing);

}  // namespace tidegate::sqlite
