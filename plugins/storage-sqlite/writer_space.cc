// Space: the reserve, and pages that nothing uses any more. See docs/format/storage-sqlite.md, "Space".
#include <algorithm>

#include "writer.h"

namespace tidegate::sqlite {
namespace {

constexpr uint64_t kFreePagesWhenFull = 16;  // given back from so many on, while the reserve is in use
constexpr uint64_t kFreePages = 2048;        // at other times, if they are a quarter of the file too
constexpr uint64_t kPagesGivenBack = 512;
constexpr uint64_t kRoomBytes = 64u << 10;  // for what a small commit touches
constexpr int kShrinkTries = 4;
// The log takes whole pages: a small item in a random place of two indexes is written many times its size.
constexpr uint64_t kPagesTouched = 12;
constexpr uint64_t kNewPages = 4;  // in the log and in the file; half empty when they are split

}  // namespace

// What is bulky waits until the reserve could be taken again, and until there is room for it in the log and in
// the file, where the log is copied to. A log that cannot be copied would take the reserve with it. Everything else
// may use what is free.
void Writer::PrepareSpace(uint64_t bulky) {
  LimitPages(bulky != 0);
  if (bulky == 0 || !reserve_.wanted()) return;
  uint64_t needed = kPagesTouched * bulky + kRoomBytes;
  for (int tries = 0;; ++tries) {
    const uint64_t log = static_cast<uint64_t>(wal_pages_) * page_bytes_;
    if (reserve_.held() && reserve_.Free() >= needed + log) return;
    if (tries == kShrinkTries) break;
    // A large commit writes each page of the file once at most, and its own new ones to the log and to the file.
    if (tries == 0)
      needed = std::min(needed, connection_.Number("PRAGMA page_count") * page_bytes_ + kNewPages * bulky + kRoomBytes);
    if (tries > 0) GiveBack(true);
    ShrinkLog();
    if (reserve_.Take()) bytes_reserved_ = reserve_.bytes();
  }
  throw sdk::Error(TG_FULL, std::string(sqlite3_db_filename(connection_.db(), "main")) +
                                ": database or disk is full (beside the reserve); free space");
}

void Writer::LimitPages(bool bulky) {
  if (pages_max_ == 0) return;
  const uint64_t limit = bulky ? pages_max_ - pages_kept_back_ : pages_max_;
  if (limit == pages_limit_) return;
  pages_limit_ = limit;
  connection_.Run(("PRAGMA max_page_count = " + std::to_string(limit)).c_str());
}

void Writer::UseReserve() {
  // Under bytes_max alone the disk has room.
  if (pages_max_ != 0 && connection_.Number("PRAGMA page_count") >= pages_limit_) return;
  reserve_.Release();
  bytes_reserved_ = 0;
  ShrinkLog();
}

// Copies the log into the file and empties it. What does not work now is tried again after the next commit.
void Writer::ShrinkLog() {
  sqlite3* db = connection_.db();
  sqlite3_busy_timeout(db, kCheckpointPatienceMs);
  const int result = sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
  if (result == SQLITE_OK) wal_pages_ = 0;
  if (result != SQLITE_OK && IsSyncError(sqlite3_extended_errcode(db))) ThrowSql(db, "checkpoint");
}

// Pages that nothing uses go back to the file system.
void Writer::GiveBack(bool needed) {
  const uint64_t unused = connection_.Number("PRAGMA freelist_count");
  const bool in_use = needed || (reserve_.wanted() && !reserve_.held());
  if (unused < (in_use ? kFreePagesWhenFull : kFreePages)) return;
  if (!in_use && unused < connection_.Number("PRAGMA page_count") / 4) return;
  // So few at once that the log fits into what is free; without room for it everything stays as it is.
  const uint64_t at_once = in_use ? std::max<uint64_t>(reserve_.bytes() / 16 / page_bytes_, 4) : kPagesGivenBack;
  const std::string pragma = "PRAGMA incremental_vacuum(" + std::to_string(at_once) + ")";
  if (sqlite3_exec(connection_.db(), pragma.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK &&
      IsSyncError(sqlite3_extended_errcode(connection_.db())))
    ThrowSql(connection_.db(), "give back");
}

}  // namespace tidegate::sqlite
