#include "bench/bare_replica.h"

#include "bench/die.h"
#include "plugins/storage-sqlite/schema.h"
#include "tidegate/cpp/error.h"

namespace tidegate::bench {

BareReplica::BareReplica(const std::string& path) {
  try {
    const uint8_t id[16] = {1};
    (void)sqlite::CreateIfMissing(path, id);
  } catch (const sdk::Error& error) {
    Die(error.what());
  }
  if (sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK) {
    Die(path + ": " + sqlite3_errmsg(db_));
  }
  Run("PRAGMA journal_mode = WAL");
  Run("PRAGMA synchronous = FULL");
  Run("PRAGMA secure_delete = OFF");
  Run("PRAGMA cache_size = -8192");
  Run("PRAGMA wal_autocheckpoint = 2000");
  begin_ = Prepare("BEGIN IMMEDIATE");
  commit_ = Prepare("COMMIT");
  insert_ = Prepare(
      "INSERT INTO item (seq, kind, direction, lane, model, owner, pk, sk, src, dst, version_hlc, version_agent,"
      " version_epoch, via, expires_ms, digest, run_first, run_last, policy_meta, extra, index_keys, body)"
      " VALUES (?1, 1, 1, 2, 'Reading', 11, ?2, ?3, 11, 1, ?4, 11, 1311768467463790320, 0, 0, ?5, ?1, ?1, NULL, NULL,"
      " NULL, ?6)");
  watermark_ = Prepare("INSERT OR REPLACE INTO meta VALUES ('watermark', ?1)");
  scan_ = Prepare("SELECT seq, pk, sk, body FROM item WHERE seq > ?1 ORDER BY seq LIMIT ?2");
}

BareReplica::~BareReplica() {
  for (sqlite3_stmt* statement : {begin_, commit_, insert_, watermark_, scan_}) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

void BareReplica::Begin() {
  (void)Step(begin_);
  sqlite3_reset(begin_);
}

void BareReplica::Insert(std::string_view pk, std::string_view sk, std::string_view body) {
  const auto seq = static_cast<int64_t>(++head_);
  sqlite3_bind_int64(insert_, 1, seq);
  sqlite3_bind_text64(insert_, 2, pk.data(), pk.size(), SQLITE_STATIC, SQLITE_UTF8);
  sqlite3_bind_text64(insert_, 3, sk.data(), sk.size(), SQLITE_STATIC, SQLITE_UTF8);
  sqlite3_bind_int64(insert_, 4, 115'823'367'127'891'968 + seq);
  sqlite3_bind_int64(insert_, 5, static_cast<int64_t>(head_ * 0x9e3779b97f4a7c15));
  sqlite3_bind_text64(insert_, 6, body.data(), body.size(), SQLITE_STATIC, SQLITE_UTF8);
  (void)Step(insert_);
  sqlite3_reset(insert_);
}

void BareReplica::SetWatermark(uint64_t position) {
  sqlite3_bind_int64(watermark_, 1, static_cast<int64_t>(position));
  (void)Step(watermark_);
  sqlite3_reset(watermark_);
}

void BareReplica::Commit() {
  (void)Step(commit_);
  sqlite3_reset(commit_);
}

bool BareReplica::Step(sqlite3_stmt* statement) {
  int result = sqlite3_step(statement);
  if (result != SQLITE_ROW && result != SQLITE_DONE) Die(std::string("SQLite: ") + sqlite3_errmsg(db_));
  return result == SQLITE_ROW;
}

sqlite3_stmt* BareReplica::Prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    Die(std::string(sql) + ": " + sqlite3_errmsg(db_));
  }
  return statement;
}

void BareReplica::Run(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    Die(std::string(sql) + ": " + sqlite3_errmsg(db_));
  }
}

}  // namespace tidegate::bench
